#include "client/trace_lines.h"

#include <stdlib.h>

/* The events of one turn in the order in which they happen; those of no turn stand before the first one or behind the last. */
static const struct {
    const char *event;
    int rank;
} ranks[] = {
    {"row handed over", -4},   {"message taken", -3},   {"accepted", -2},  {"message accepted", -1},
    {"message given out", 1},  {"message rendered", 2}, {"call begun", 4}, {"message not rendered", 3},
    {"call not made", 5},      {"call ended", 5},       {"called", 6},     {"message waits", 7},
    {"message falls back", 7}, {"message settled", 8},  {"settled", 9},    {"message answered", 10},
    {"row ended", 11},         {"receipt", 12},         {"message receipt", 12},
};

#define RANK_OTHER  6
#define TURN_LAST   INT64_MAX
#define ROOM_FIRST  64

static int rank_of(struct span event)
{
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
        if (span_is(event, ranks[i].event))
            return ranks[i].rank;
    return RANK_OTHER;
}

static int64_t number_of(struct span text)
{
    int64_t value = 0;
    for (size_t i = 0; i < text.bytes && i < 18 && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        value = value * 10 + (text.data[i] - '0');
    return value;
}

/* The account of a line: a message that names none is of the default one. */
static int is_of(const struct log_parsed *p, const struct trace_of *of)
{
    struct span app = log_parsed_find(p, "app"), id = log_parsed_find(p, "id");
    if (id.data == NULL || !span_equal(id, of->id))
        return 0;
    if (of->app.bytes == 0 || span_equal(app, of->app))
        return 1;
    return app.bytes == 0 && span_is(of->app, "default");
}

int trace_lines_add(struct trace_lines *t, const struct trace_of *of, struct span line)
{
    struct log_parsed *p = &t->parsed;
    if (log_parse(line, p) != 0 || p->ms < 0 || !is_of(p, of))
        return 0;
    if (t->count == TRACE_LINES_MAX || t->texts.bytes + line.bytes > TRACE_BYTES_MAX) {
        t->is_cut = 1;
        return 0;
    }
    if (t->count == t->room) {
        t->room = t->room ? t->room * 2 : ROOM_FIRST;
        t->list = mem_resize(t->list, t->room * sizeof *t->list);
    }
    struct trace_line *l = &t->list[t->count];
    *l = (struct trace_line){.ms = p->ms, .order = t->count, .at = t->texts.bytes, .bytes = line.bytes};
    l->rank = rank_of(log_parsed_find(p, "event"));
    l->turn = number_of(log_parsed_find(p, "turn"));
    if (l->turn == 0 && l->rank >= RANK_OTHER)
        l->turn = TURN_LAST;
    buf_append(&t->texts, line.data, line.bytes);
    t->count++;
    return 1;
}

static int compare(const void *left, const void *right)
{
    const struct trace_line *a = left, *b = right;
    if (a->ms != b->ms)
        return a->ms < b->ms ? -1 : 1;
    if (a->turn != b->turn)
        return a->turn < b->turn ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static struct span text_of(const struct trace_lines *t, const struct trace_line *l)
{
    return (struct span){t->texts.data + l->at, l->bytes};
}

/* 1 when one of the lines before it of the same moment says the same. */
static int is_repeated(const struct trace_lines *t, size_t kept, const struct trace_line *l)
{
    for (size_t i = kept; i-- > 0 && t->list[i].ms == l->ms && t->list[i].rank == l->rank && t->list[i].turn == l->turn;)
        if (span_equal(text_of(t, &t->list[i]), text_of(t, l)))
            return 1;
    return 0;
}

void trace_lines_sort(struct trace_lines *t)
{
    size_t kept = 0;
    if (t->count)
        qsort(t->list, t->count, sizeof *t->list, compare);
    for (size_t i = 0; i < t->count; i++)
        if (!is_repeated(t, kept, &t->list[i]))
            t->list[kept++] = t->list[i];
    t->count = kept;
}

const struct log_parsed *trace_lines_read(struct trace_lines *t, size_t i)
{
    log_parse(text_of(t, &t->list[i]), &t->parsed);
    return &t->parsed;
}

void trace_lines_free(struct trace_lines *t)
{
    free(t->list);
    buf_free(&t->texts);
    log_parsed_free(&t->parsed);
    *t = (struct trace_lines){0};
}
