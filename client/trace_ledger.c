#include "client/trace_ledger.h"

#include <inttypes.h>

#include "base/iso_time.h"
#include "base/log_line.h"
#include "base/term.h"
#include "proto/frontend.h"
#include "proto/mp_view.h"

#define FIELDS(fields) fields, sizeof(fields) / sizeof *(fields)

/* Returns 1 when it was added. */
static int add(struct trace_lines *t, const struct trace_of *of, int64_t ms, const char *event, struct span entry,
               const struct log_field *fields, size_t count)
{
    struct buf line = {0};
    if (ms <= 0)
        return 0;
    log_line_open(&line, 0, ms);
    log_line_text(&line, 0, "prog", span_of("ledger"));
    log_line_text(&line, 0, "event", span_of(event));
    log_line_text(&line, 0, "id", of->id);
    log_line_text(&line, 0, "app", mp_view_str(entry, "app"));
    for (size_t i = 0; i < count; i++)
        if (fields[i].key != NULL)
            log_line_field(&line, 0, &fields[i]);
    int is_added = trace_lines_add(t, of, buf_span(&line));
    buf_free(&line);
    return is_added;
}

static void add_tries(struct trace_lines *t, const struct trace_of *of, struct span entry)
{
    struct mp_list tries;
    struct span one;
    int64_t turn = 0;
    if (mp_list_open(&tries, mp_view(entry, "tries")) != 0)
        return;
    while (mp_list_next(&tries, &one)) {
        const struct log_field fields[] = {log_some("outcome", mp_view_str(one, "outcome")),
                                           log_some_i64("errcode", mp_view_i64(one, "errcode")),
                                           log_some_i64("http_status", mp_view_i64(one, "http")),
                                           log_some("key", mp_view_str(one, "key")),
                                           log_some("reason", mp_view_str(one, "message"))};
        turn++; /* at least that one: the ledger does not count turns without a call */
        if (add(t, of, mp_view_i64(one, "at"), "called", entry, FIELDS(fields)))
            t->list[t->count - 1].turn = turn;
    }
}

void trace_ledger_add(struct trace_lines *t, const struct trace_of *of, struct span entry)
{
    const struct log_field accepted[] = {log_some("key", mp_view_str(entry, "key")), log_some("task", mp_view_str(entry, "task")),
                                         log_some("lane", mp_view_str(entry, "lane"))};
    /* With a receipt the entry tells what became of the message after it was sent; how it was settled is known all the same. */
    const int64_t received_ms = mp_view_i64(entry, "received");
    const struct span none = {"", 0}, state = mp_view_str(entry, "state"), reason = mp_view_str(entry, "message");
    const int64_t code = mp_view_i64(entry, "code");
    const struct log_field settled[] = {log_some("state", received_ms ? span_of("sent") : state),
                                        log_some_i64("code", received_ms ? CODE_OK : code),
                                        log_some_i64("errcode", mp_view_i64(entry, "errcode")),
                                        log_some_i64("msgid", mp_view_i64(entry, "msgid")),
                                        log_some_i64("calls", mp_view_i64(entry, "calls")),
                                        log_some("reason", received_ms ? none : reason)};
    const struct log_field received[] = {log_some("state", state), log_some_i64("code", code), log_some("reason", reason)};
    add(t, of, mp_view_i64(entry, "accepted"), "accepted", entry, FIELDS(accepted));
    add_tries(t, of, entry);
    add(t, of, mp_view_i64(entry, "settled"), "settled", entry, FIELDS(settled));
    add(t, of, received_ms, "receipt", entry, FIELDS(received));
}

static void append(const char *name, struct span text, struct buf *out)
{
    if (text.bytes == 0)
        return;
    buf_printf(out, ", %s ", name);
    term_append(text, out);
}

static void append_time(const char *name, int64_t ms, struct buf *out)
{
    if (ms <= 0)
        return;
    buf_printf(out, ", %s ", name);
    iso_time_append(ms, out);
}

void trace_ledger_head(struct span entry, struct buf *out)
{
    int64_t accepted_ms = mp_view_i64(entry, "accepted"), due_ms = mp_view_i64(entry, "due");
    term_append(mp_view_str(entry, "id"), out);
    buf_append_str(out, ": ");
    term_append(mp_view_str(entry, "state"), out);
    append("app", mp_view_str(entry, "app"), out);
    append("openid", mp_view_str(entry, "openid"), out);
    append("key", mp_view_str(entry, "key"), out);
    append("fallback", mp_view_str(entry, "fallback"), out);
    append("task", mp_view_str(entry, "task"), out);
    append("sender", mp_view_str(entry, "sender"), out);
    buf_printf(out, ", calls %" PRId64, mp_view_i64(entry, "calls"));
    append_time("accepted", accepted_ms, out);
    if (due_ms > accepted_ms && mp_view_i64(entry, "settled") == 0)
        append_time("due", due_ms, out);
    append_time("expires", mp_view_i64(entry, "expires"), out);
    append_time("settled", mp_view_i64(entry, "settled"), out);
    append_time("receipt", mp_view_i64(entry, "received"), out);
    buf_append_str(out, "\n");
}
