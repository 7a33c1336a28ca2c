#include "client/queue_print.h"

#include <inttypes.h>

#include "base/iso_time.h"
#include "base/term.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

#define OPENID_COLUMNS_MAX 32 /* WeChat's have 28 characters */
#define NAME_COLUMNS_MAX   24
#define NAME_WIDTH         10 /* of show */

/* --- tables of messages ------------------------------------------------------------------------------------------- */

static void time_cell(struct table *t, int64_t ms)
{
    struct buf text = {0};
    if (ms)
        iso_time_append(ms, &text);
    table_cell(t, buf_span(&text));
    buf_free(&text);
}

static void number_cell(struct table *t, struct span entry, const char *name)
{
    int64_t number = mp_view_i64(entry, name);
    if (number)
        table_printf(t, "%" PRId64, number);
    else
        table_printf(t, "%s", "");
}

struct table *queue_print_list_new(void)
{
    static const struct column columns[] = {{"STATE", 0, 0},
                                            {"ID", 0, 0},
                                            {"APP", NAME_COLUMNS_MAX, 0},
                                            {"OPENID", OPENID_COLUMNS_MAX, 0},
                                            {"KEY", NAME_COLUMNS_MAX, 0},
                                            {"TASK", NAME_COLUMNS_MAX, 0},
                                            {"ACCEPTED", 0, 0},
                                            {"DUE/SETTLED", 0, 0},
                                            {"CALLS", 0, 1},
                                            {"ERRCODE", 0, 1},
                                            {"MESSAGE", 0, 0}};
    return table_new(columns, sizeof columns / sizeof *columns);
}

void queue_print_list_row(struct table *t, struct span entry)
{
    int64_t settled_ms = mp_view_i64(entry, "settled");
    table_cell(t, mp_view_str(entry, "state"));
    table_cell(t, mp_view_str(entry, "id"));
    table_cell(t, mp_view_str(entry, "app"));
    table_cell(t, mp_view_str(entry, "openid"));
    table_cell(t, mp_view_str(entry, "key"));
    table_cell(t, mp_view_str(entry, "task"));
    time_cell(t, mp_view_i64(entry, "accepted"));
    time_cell(t, settled_ms ? settled_ms : mp_view_i64(entry, "due"));
    number_cell(t, entry, "calls");
    number_cell(t, entry, "errcode");
    table_cell(t, mp_view_str(entry, "message"));
}

struct table *queue_print_dead_new(void)
{
    static const struct column columns[] = {{"ID", 0, 0},
                                            {"APP", NAME_COLUMNS_MAX, 0},
                                            {"OPENID", OPENID_COLUMNS_MAX, 0},
                                            {"KEY", NAME_COLUMNS_MAX, 0},
                                            {"TASK", NAME_COLUMNS_MAX, 0},
                                            {"DEAD SINCE", 0, 0},
                                            {"FAILURES", 0, 1},
                                            {"CALLS", 0, 1},
                                            {"ERRCODE", 0, 1},
                                            {"REASON, LAST ANSWER", 0, 0}};
    return table_new(columns, sizeof columns / sizeof *columns);
}

void queue_print_dead_row(struct table *t, struct span entry)
{
    table_cell(t, mp_view_str(entry, "id"));
    table_cell(t, mp_view_str(entry, "app"));
    table_cell(t, mp_view_str(entry, "openid"));
    table_cell(t, mp_view_str(entry, "key"));
    table_cell(t, mp_view_str(entry, "task"));
    time_cell(t, mp_view_i64(entry, "settled"));
    table_printf(t, "%" PRId64, mp_view_i64(entry, "failures"));
    table_printf(t, "%" PRId64, mp_view_i64(entry, "calls"));
    number_cell(t, entry, "errcode");
    table_cell(t, mp_view_str(entry, "message"));
}

/* --- windows ------------------------------------------------------------------------------------------------------- */

struct table *queue_print_windows_new(void)
{
    static const struct column columns[] = {{"ACTION", 0, 0}, {"AT", 0, 0}, {"UNTIL", 0, 0}, {"STATE", 0, 0}, {"LEFT", 0, 1}};
    return table_new(columns, sizeof columns / sizeof *columns);
}

void queue_print_windows_row(struct table *t, struct span window)
{
    int is_open = mp_view(window, "open").bytes > 0, has_number = mp_view(window, "left").bytes > 0;
    int is_unfollow = span_is(mp_view_str(window, "action"), "unfollow");
    table_cell(t, mp_view_str(window, "action"));
    time_cell(t, mp_view_i64(window, "at"));
    time_cell(t, mp_view_i64(window, "until"));
    table_printf(t, "%s", is_open ? "open" : is_unfollow ? "" : "closed");
    if (is_open && has_number)
        table_printf(t, "%" PRId64, mp_view_i64(window, "left"));
    else
        table_printf(t, "%s", is_open ? "any" : "");
}

/* --- one message -------------------------------------------------------------------------------------------------- */

static int is_time(struct span name)
{
    static const char *const times[] = {"accepted", "due", "settled", "received", "expires", "out"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (span_is(name, times[i]))
            return 1;
    return 0;
}

/* A str as it is, anything else as JSON. */
static void append_value(struct span packed, struct buf *out)
{
    struct mp_cursor c;
    struct buf json = {0};
    mp_open(&c, packed);
    struct mp_value v = mp_read(&c);
    if (v.type == MP_STR || v.type == MP_BIN) {
        term_append(v.text, out);
        return;
    }
    mp_json(packed, &json);
    term_append(buf_span(&json), out);
    buf_free(&json);
}

static void append_name(struct span name, size_t indent, struct buf *out)
{
    struct buf text = {0};
    append_value(name, &text);
    size_t columns = term_columns(buf_span(&text));
    term_blank(indent, out);
    buf_append(out, text.data, text.bytes);
    term_blank((columns < NAME_WIDTH ? NAME_WIDTH - columns : 0) + 1, out);
    buf_free(&text);
}

static void append_vars(struct mp_list *vars, struct buf *out)
{
    struct span name, value;
    buf_append_str(out, "vars\n");
    while (mp_list_next(vars, &name) && mp_list_next(vars, &value)) {
        append_name(name, 2, out);
        append_value(value, out);
        buf_append_str(out, "\n");
    }
}

/* A line for each earlier call: when, what came of it, WeChat's code, the template if it was another one, what was said. */
static void append_tries(struct mp_list *tries, struct buf *out)
{
    struct span one;
    buf_append_str(out, "tries\n");
    while (mp_list_next(tries, &one)) {
        buf_append_str(out, "  ");
        iso_time_append(mp_view_i64(one, "at"), out);
        buf_append_str(out, "  ");
        term_append(mp_view_str(one, "outcome"), out);
        if (mp_view(one, "errcode").bytes)
            buf_printf(out, "  errcode %" PRId64, mp_view_i64(one, "errcode"));
        if (mp_view(one, "http").bytes)
            buf_printf(out, "  HTTP %" PRId64, mp_view_i64(one, "http"));
        if (mp_view_str(one, "key").bytes) {
            buf_append_str(out, "  by ");
            term_append(mp_view_str(one, "key"), out);
        }
        if (mp_view_str(one, "message").bytes) {
            buf_append_str(out, "  ");
            term_append(mp_view_str(one, "message"), out);
        }
        buf_append_str(out, "\n");
    }
}

static void append_member(struct span name, struct span value, struct buf *out)
{
    struct mp_cursor c;
    struct mp_list inside;
    mp_open(&c, name);
    struct mp_value text = mp_read(&c);
    int is_text = text.type == MP_STR;
    if (is_text && span_is(text.text, "vars") && mp_list_open_map(&inside, value) == 0) {
        append_vars(&inside, out);
        return;
    }
    if (is_text && span_is(text.text, "tries") && mp_list_open(&inside, value) == 0) {
        append_tries(&inside, out);
        return;
    }
    append_name(name, 0, out);
    mp_open(&c, value);
    if (is_text && is_time(text.text) && mp_peek(&c) == MP_UINT)
        iso_time_append(mp_read_i64(&c), out);
    else
        append_value(value, out);
    buf_append_str(out, "\n");
}

void queue_print_entry(struct span entry, struct buf *out)
{
    struct mp_list members;
    struct span name, value;
    mp_list_open_map(&members, entry);
    while (mp_list_next(&members, &name) && mp_list_next(&members, &value))
        append_member(name, value, out);
}

/* --- the filter --------------------------------------------------------------------------------------------------- */

static void append_option(const char *name, struct span text, struct buf *out)
{
    if (text.bytes == 0)
        return;
    buf_printf(out, " --%s ", name);
    term_append(text, out);
}

static void append_time(const char *name, int64_t ms, struct buf *out)
{
    if (ms == 0)
        return;
    buf_printf(out, " --%s ", name);
    iso_time_append(ms, out);
}

static void append_states(unsigned states, struct buf *out)
{
    const char *before = " --state ";
    for (unsigned bit = ENTRY_READY; bit <= ENTRY_LAST; bit <<= 1) {
        if (!(states & bit))
            continue;
        buf_printf(out, "%s%s", before, entry_state_name((enum entry_state)bit));
        before = ",";
    }
}

void queue_print_filter(const struct filter *f, struct buf *out)
{
    append_option("app", f->app, out);
    append_option("openid", f->openid, out);
    append_option("key", f->key, out);
    append_option("task", f->task, out);
    append_states(f->states, out);
    append_time("since", f->since_ms, out);
    append_time("until", f->until_ms, out);
    if (f->errcode)
        buf_printf(out, " --errcode %" PRId64, f->errcode);
}
