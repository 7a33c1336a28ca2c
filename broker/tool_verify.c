/* Checks one state of a store, which a reader keeps while the broker goes on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "broker/store_check.h"
#include "broker/store_reader.h"
#include "broker/tool.h"

#define PRINT_MAX 100 /* problems, and what was set aside; the rest is counted */

struct verify {
    const struct tool_options *options;
    struct tool_watch watch;
    struct tool_progress progress;
    struct buf error;
    uint64_t problems, set_aside; /* told so far */
};

/* --- what the check tells ----------------------------------------------------------------------------------------- */

static void on_problem(void *self, enum problem what, const char *database, uint64_t seq, const char *text)
{
    struct verify *v = self;
    if (v->problems++ >= PRINT_MAX)
        return;
    tool_progress_end(&v->progress);
    if (v->options->json) {
        struct buf escaped = {0};
        json_escape(span_of(text), &escaped);
        printf("{\"problem\":\"%s\",\"database\":\"%s\",\"seq\":%" PRIu64 ",\"text\":\"%s\"}\n", store_problem_name(what), database,
               seq, buf_str(&escaped));
        buf_free(&escaped);
        return;
    }
    printf("%s: %s%s", store_problem_name(what), database, *database ? ": " : "");
    if (seq)
        printf("seq %" PRIu64 ": ", seq);
    puts(text);
}

static void on_set_aside(void *self, uint64_t seq, size_t bytes)
{
    struct verify *v = self;
    if (v->set_aside++ >= PRINT_MAX)
        return;
    tool_progress_end(&v->progress);
    if (v->options->json)
        printf("{\"set_aside\":%" PRIu64 ",\"bytes\":%zu}\n", seq, bytes);
    else
        printf("set aside as damaged before: seq %" PRIu64 ", %zu bytes\n", seq, bytes);
}

static int on_step(void *self, uint64_t done, uint64_t total)
{
    struct verify *v = self;
    tool_progress_show(&v->progress, "checked", done, total, "entries");
    return tool_watch_look(&v->watch, &v->error);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static enum tool_status status_of(const struct check_result *r)
{
    uint64_t pages = 0, others = 0;
    for (int i = 0; i < PROBLEMS; i++)
        *(store_problem_is_of_pages((enum problem)i) ? &pages : &others) += r->problems[i];
    return pages || r->is_stopped ? TOOL_UNREADABLE : others ? TOOL_WRONG : TOOL_DONE;
}

static void print_kinds(const struct verify *v, const struct check_result *r)
{
    if (v->problems > PRINT_MAX)
        printf("… and %" PRIu64 " more problems\n", v->problems - PRINT_MAX);
    if (v->set_aside > PRINT_MAX)
        printf("… and %" PRIu64 " more that were set aside before\n", v->set_aside - PRINT_MAX);
    for (int i = 0; i < PROBLEMS; i++)
        if (r->problems[i])
            printf("%8" PRIu64 "  %s\n", r->problems[i], store_problem_name((enum problem)i));
}

static void print_result(const struct verify *v, const struct check_result *r, enum tool_status status)
{
    const char *verdict = r->is_stopped               ? "not checked to the end"
                          : status == TOOL_DONE       ? "nothing is wrong"
                          : status == TOOL_UNREADABLE ? "its pages are damaged: see docs/operations.md, A damaged store"
                                                      : "something in it is wrong: see docs/operations.md, A damaged store";
    if (v->options->json) {
        printf("{\"status\":%d,\"problems\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"out\":%" PRIu64 ",\"results\":%" PRIu64
               ",\"dead\":%" PRIu64 ",\"set_aside\":%" PRIu64 ",\"entries\":%" PRIu64 ",\"kinds\":{",
               (int)status, v->problems, r->waiting, r->out, r->settled, r->dead, r->set_aside, r->entries);
        const char *comma = "";
        for (int i = 0; i < PROBLEMS; i++)
            if (r->problems[i]) {
                printf("%s\"%s\":%" PRIu64, comma, store_problem_name((enum problem)i), r->problems[i]);
                comma = ",";
            }
        puts("}}");
        return;
    }
    print_kinds(v, r);
    printf("%s: %" PRIu64 " messages wait, %" PRIu64 " are out, %" PRIu64 " results, %" PRIu64 " of them dead, %" PRIu64
           " set aside; %" PRIu64 " entries looked at; %s\n",
           v->options->from, r->waiting, r->out, r->settled, r->dead, r->set_aside, r->entries, verdict);
}

/* --- checking ----------------------------------------------------------------------------------------------------- */

/* Where LMDB finds damage the newest state is taken as it lies there: no broker can have such a store open. */
static enum reader_answer begin(struct verify *v, struct store_file *f, struct reader *reader)
{
    struct page_meta state;
    if (store_file_begin(f)) {
        on_problem(v, PROBLEM_STATE, "", 0, "neither meta page can be read");
        return READER_DAMAGED;
    }
    enum reader_answer answer = reader_hold(reader, v->options->from, &state, &v->error);
    if (answer == READER_OK)
        store_file_begin_at(f, &state);
    else if (answer == READER_DAMAGED)
        on_problem(v, PROBLEM_STATE, "", 0, buf_str(&v->error));
    return answer;
}

static enum tool_status check(struct verify *v, struct store_file *f)
{
    const struct check_report report = {v, on_problem, on_set_aside, on_step};
    struct check_result result = {.entries = 0};
    uint64_t before = v->problems;
    tool_watch_begin(&v->watch, v->options, NULL, f);
    buf_clear(&v->error);
    if (store_file_state(f)->main.root != PAGE_NONE || before == 0)
        store_check(f, &report, &result);
    enum tool_status status = before ? TOOL_UNREADABLE : status_of(&result);
    tool_progress_end(&v->progress);
    if (result.is_stopped)
        tool_error("%s", buf_str(&v->error));
    print_result(v, &result, status);
    return status;
}

enum tool_status tool_verify(const struct tool_options *o)
{
    struct verify v = {.options = o};
    struct reader reader = {.child = 0, .answers = -1, .data = -1, .held = -1};
    struct store_file *f = store_file_open(o->from, &v.error);
    enum tool_status status = TOOL_UNREADABLE;
    tool_progress_begin(&v.progress);
    if (f && begin(&v, f, &reader) != READER_FAILED)
        status = check(&v, f);
    else
        tool_error("%s", buf_str(&v.error));
    reader_end(&reader);
    store_file_close(&f);
    buf_free(&v.error);
    return status;
}
