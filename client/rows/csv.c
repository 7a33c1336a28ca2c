#include "client/rows/csv.h"

#define STOPS_PLAIN  1
#define STOPS_QUOTED 2

struct window {
    const unsigned char *data;
    size_t bytes;
    size_t limit; /* up to which a row is looked at */
    int is_end;
};

void csv_open(struct csv *c, char delimiter)
{
    *c = (struct csv){.state = CSV_BEGIN};
    c->marks['\n'] = c->marks['\r'] = STOPS_PLAIN | STOPS_QUOTED;
    c->marks['"'] |= STOPS_QUOTED;
    c->marks[(unsigned char)delimiter] |= STOPS_PLAIN;
}

static void begin_row(struct csv *c)
{
    c->at = c->bytes = c->count = 0;
    c->lines = c->quote_line = 0;
    c->is_line_open = 0;
    c->state = CSV_FIELD;
}

static void end_field(struct csv *c)
{
    if (c->count < CSV_FIELDS_KEPT)
        c->fields[c->count] = (struct csv_field){.at = (uint32_t)c->field_at,
                                                 .bytes = (uint32_t)(c->at - c->field_at),
                                                 .is_quoted = c->state == CSV_QUOTED,
                                                 .has_doubled = (uint8_t)c->has_doubled};
    c->count++;
}

static enum csv_answer end_row(struct csv *c)
{
    c->bytes = c->at;
    c->state = CSV_BEGIN;
    return CSV_ROW;
}

/* Something is wrong with the quoted field that was last begun. */
static enum csv_answer end_quote(struct csv *c, enum csv_answer answer)
{
    c->state = CSV_BEGIN;
    c->is_line_open = c->resume == 0;
    c->bytes = c->is_line_open ? c->at : c->resume;
    c->lines = c->quote_line + (c->is_line_open ? 0 : 1);
    return answer;
}

static enum csv_answer end_too_long(struct csv *c)
{
    c->bytes = c->at;
    c->state = CSV_BEGIN;
    c->is_line_open = 1;
    return CSV_TOO_LONG;
}

/* The bytes of the line end at c->at; 0 when a CR is the last byte that is there, and a LF may follow. */
static size_t line_end_bytes(const struct csv *c, const struct window *w)
{
    if (w->data[c->at] == '\n')
        return 1;
    if (c->at + 1 == w->bytes)
        return w->is_end ? 1 : 0;
    return w->data[c->at + 1] == '\n' ? 2 : 1;
}

/* At what ends a field: the delimiter or a line end. */
static enum csv_answer step_over_end(struct csv *c, const struct window *w)
{
    unsigned char mark = w->data[c->at];
    if (mark != '\n' && mark != '\r') {
        c->at++;
        c->state = CSV_FIELD;
        return CSV_MORE;
    }
    c->at += line_end_bytes(c, w);
    c->lines++;
    return end_row(c);
}

static int is_at_cut_line_end(const struct csv *c, const struct window *w)
{
    unsigned char mark = w->data[c->at];
    return (mark == '\n' || mark == '\r') && line_end_bytes(c, w) == 0;
}

static void begin_field(struct csv *c, const struct window *w)
{
    c->has_doubled = 0;
    if (w->data[c->at] != '"') {
        c->field_at = c->at;
        c->state = CSV_PLAIN;
        return;
    }
    c->field_at = ++c->at;
    c->quote_line = c->lines;
    c->resume = 0;
    c->state = CSV_QUOTED;
}

/* Each of the three looks on until the field's state changes (then `is_on` stays 1), the row is answered or the window ends. */
static enum csv_answer scan_plain(struct csv *c, const struct window *w, int *is_on)
{
    while (c->at < w->limit && !(c->marks[w->data[c->at]] & STOPS_PLAIN))
        c->at++;
    *is_on = c->at < w->limit && !is_at_cut_line_end(c, w);
    if (!*is_on)
        return CSV_MORE;
    end_field(c);
    return step_over_end(c, w);
}

static enum csv_answer scan_closed(struct csv *c, const struct window *w, int *is_on)
{
    *is_on = !is_at_cut_line_end(c, w);
    if (!*is_on)
        return CSV_MORE;
    if (!(c->marks[w->data[c->at]] & STOPS_PLAIN))
        return end_quote(c, CSV_BEHIND_QUOTE);
    return step_over_end(c, w);
}

static enum csv_answer scan_quoted(struct csv *c, const struct window *w, int *is_on)
{
    size_t most = c->field_at + CSV_QUOTED_BYTES_MAX + 1;
    size_t limit = most < w->limit ? most : w->limit;
    while (c->at < limit && !(c->marks[w->data[c->at]] & STOPS_QUOTED))
        c->at++;
    if (c->at >= most)
        return end_quote(c, CSV_OPEN_QUOTE);
    *is_on = c->at < limit && !is_at_cut_line_end(c, w);
    if (!*is_on)
        return CSV_MORE;
    if (w->data[c->at] != '"') {
        c->at += line_end_bytes(c, w);
        c->lines++;
        c->resume = c->resume ? c->resume : c->at;
        return CSV_MORE;
    }
    *is_on = c->at + 1 < w->bytes || w->is_end;
    if (*is_on && c->at + 1 < w->bytes && w->data[c->at + 1] == '"') {
        c->has_doubled = 1;
        c->at += 2;
    } else if (*is_on) {
        end_field(c);
        c->at++;
        c->state = CSV_CLOSED;
    }
    return CSV_MORE;
}

static enum csv_answer scan(struct csv *c, const struct window *w, int *is_on)
{
    switch (c->state) {
    case CSV_PLAIN:
        return scan_plain(c, w, is_on);
    case CSV_QUOTED:
        return scan_quoted(c, w, is_on);
    case CSV_CLOSED:
        return scan_closed(c, w, is_on);
    default:
        begin_field(c, w);
        return CSV_MORE;
    }
}

/* All bytes of the data were looked at and the row has no line end. */
static enum csv_answer end_data(struct csv *c)
{
    if (c->state == CSV_QUOTED)
        return end_quote(c, CSV_OPEN_QUOTE);
    if (c->state == CSV_FIELD) {
        c->field_at = c->at;
        c->has_doubled = 0;
    }
    if (c->state != CSV_CLOSED)
        end_field(c);
    return end_row(c);
}

enum csv_answer csv_split(struct csv *c, struct span window, int is_end)
{
    struct window w = {.data = (const unsigned char *)window.data,
                       .bytes = window.bytes,
                       .limit = window.bytes < CSV_ROW_BYTES_MAX ? window.bytes : CSV_ROW_BYTES_MAX,
                       .is_end = is_end};
    enum csv_answer answer = CSV_MORE;
    int is_on = 1;
    if (c->state == CSV_BEGIN)
        begin_row(c);
    while (answer == CSV_MORE && is_on && c->at < w.limit)
        answer = scan(c, &w, &is_on);
    if (answer != CSV_MORE)
        return answer;
    if (c->at >= CSV_ROW_BYTES_MAX)
        return c->state == CSV_QUOTED ? end_quote(c, CSV_OPEN_QUOTE) : end_too_long(c);
    return is_end ? end_data(c) : CSV_MORE;
}

size_t csv_undouble(struct span field, char *to)
{
    size_t bytes = 0;
    for (size_t i = 0; i < field.bytes; i++) {
        to[bytes++] = field.data[i];
        if (field.data[i] == '"')
            i++;
    }
    return bytes;
}

char csv_find_delimiter(struct span text, size_t columns)
{
    static const char delimiters[] = {',', ';', '\t'};
    size_t counts[sizeof delimiters] = {0}, best = 0, i = 0;
    int is_quoted = 0, is_start = 1;
    while (i < text.bytes && (text.data[i] == '\n' || text.data[i] == '\r'))
        i++;
    for (; i < text.bytes; i++) {
        const char *found = memchr(delimiters, text.data[i], sizeof delimiters);
        if (text.data[i] == '"' && (is_start || is_quoted))
            is_quoted = !is_quoted;
        if (!is_quoted && (text.data[i] == '\n' || text.data[i] == '\r'))
            break;
        if (!is_quoted && found)
            counts[found - delimiters]++;
        is_start = found != NULL;
    }
    for (size_t k = 0; k < sizeof delimiters; k++) {
        if (columns > 1 && counts[k] == columns - 1)
            return delimiters[k];
        if (counts[k] > counts[best])
            best = k;
    }
    return delimiters[best];
}
