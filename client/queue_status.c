#include "client/queue_status.h"

#include <inttypes.h>

#include "base/iso_time.h"
#include "base/table.h"
#include "base/term.h"
#include "proto/mp_view.h"

#define NAME_COLUMNS_MAX 32
#define WHY_COLUMNS_MAX  48

static void append_str(struct span map, const char *name, struct buf *out)
{
    term_append(mp_view_str(map, name), out);
}

static void number_cell(struct table *t, struct span map, const char *name)
{
    table_printf(t, "%" PRId64, mp_view_i64(map, name));
}

static void str_cell(struct table *t, struct span map, const char *name)
{
    table_cell(t, mp_view_str(map, name));
}

/* Empty for 0: never, or no limit. */
static void duration_cell(struct table *t, struct span map, const char *name, const char *behind)
{
    struct buf text = {0};
    if (mp_view_i64(map, name)) {
        term_duration(mp_view_i64(map, name), &text);
        buf_append_str(&text, behind);
    }
    table_cell(t, buf_span(&text));
    buf_free(&text);
}

/* --- the broker itself -------------------------------------------------------------------------------------------- */

static void append_broker(struct span status, struct buf *out)
{
    int is_ready = mp_view_i64(status, "ready") != 0, is_accepting = mp_view_i64(status, "accepting") != 0;
    buf_append_str(out, "broker ");
    append_str(status, "version", out);
    buf_append_str(out, ", up ");
    term_duration(mp_view_i64(status, "uptime_ms"), out);
    buf_printf(out, ", %s, %s, ", is_ready ? "ready" : "NOT READY",
               is_accepting ? "accepting" : "NOT ACCEPTING");
    iso_time_append(mp_view_i64(status, "now"), out);
    buf_append_str(out, "\n");
    if (!is_ready) {
        buf_append_str(out, "not ready: ");
        append_str(status, "unready", out);
        buf_append_str(out, "\n");
    }
    if (!is_accepting) {
        buf_append_str(out, "not accepting: ");
        append_str(status, "closed", out);
        buf_append_str(out, "\n");
    }
}

static void append_rates(struct span status, struct buf *out)
{
    struct span rates = mp_view(status, "rates");
    buf_append_str(out, "oldest ready message: ");
    if (mp_view_i64(status, "oldest_ms"))
        term_duration(mp_view_i64(status, "oldest_ms"), out);
    else
        buf_append_str(out, "none");
    buf_printf(out, "\nper second: accepted %.1f, sent %.1f, failed %.1f, settled %.1f\n",
               mp_view_number(rates, "accepted"), mp_view_number(rates, "sent"),
               mp_view_number(rates, "failed"), mp_view_number(rates, "settled"));
}

static void append_depth(struct span status, size_t line_columns, struct buf *out)
{
    static const struct column columns[] = {{"READY", 0, 1},   {"SCHEDULED", 0, 1}, {"PARKED", 0, 1},
                                            {"PAUSED", 0, 1},  {"OUT", 0, 1},       {"DEAD", 0, 1},
                                            {"SETTLED", 0, 1}, {"DAMAGED", 0, 1}};
    static const char *const names[] = {"scheduled", "parked", "paused", "out", "dead", "settled", "damaged"};
    struct span depth = mp_view(status, "depth");
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    table_printf(t, "%" PRId64 "%s", mp_view_i64(depth, "ready"),
                 mp_view_i64(depth, "ready_more") ? "+" : "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        number_cell(t, depth, names[i]);
    buf_append_str(out, "\n");
    table_write(t, line_columns, out);
    table_destroy(&t);
}

/* A number of bytes; the largest one stands for what cannot be told, a negative one is nonsense. */
static void append_bytes(struct span map, const char *name, struct buf *out)
{
    int64_t bytes = mp_view_i64(map, name);
    if (bytes == INT64_MAX)
        buf_append_str(out, "unknown");
    else
        term_bytes(bytes > 0 ? (uint64_t)bytes : 0, out);
}

static void append_store(struct span status, struct buf *out)
{
    struct span store = mp_view(status, "store");
    buf_append_str(out, "\nstore ");
    append_bytes(store, "bytes", out);
    buf_append_str(out, " of ");
    append_bytes(store, "bytes_max", out);
    buf_append_str(out, ", disk free ");
    append_bytes(store, "disk_free", out);
    buf_append_str(out, " (at least ");
    append_bytes(store, "disk_min", out);
    buf_printf(out, "), commit %.2fms, generation %" PRId64, mp_view_number(store, "commit_us") / 1000,
               mp_view_i64(store, "generation"));
    if (mp_view_i64(store, "index_left"))
        buf_printf(out, ", %" PRId64 " messages to be indexed", mp_view_i64(store, "index_left"));
    buf_append_str(out, "\n");
}

/* --- accounts and stages ------------------------------------------------------------------------------------------ */

static const struct column account_columns[] = {{"ACCOUNT", NAME_COLUMNS_MAX, 0},
                                                {"WAITING", 0, 1},
                                                {"OUT", 0, 1},
                                                {"RATE", 0, 1},
                                                {"PAUSED", 0, 0},
                                                {"ACCEPTED", 0, 1},
                                                {"SENT", 0, 1},
                                                {"PENDING", 0, 1},
                                                {"REFUSED", 0, 1},
                                                {"EXPIRED", 0, 1},
                                                {"CANCELLED", 0, 1},
                                                {"DEAD", 0, 1},
                                                {"FAILED", 0, 1},
                                                {"REQUEUED", 0, 1}};

/* The members of accounts and of totals, in the order of the columns from ACCEPTED on. */
static const char *const count_names[] = {"accepted",  "sent", "pending", "refused", "expired",
                                          "cancelled", "dead", "failed",  "requeued"};

static void count_cells(struct table *t, struct span map)
{
    for (size_t i = 0; i < sizeof count_names / sizeof *count_names; i++)
        number_cell(t, map, count_names[i]);
}

static void account_cells(struct table *t, struct span account)
{
    str_cell(t, account, "name");
    number_cell(t, account, "waiting");
    number_cell(t, account, "out");
    if (mp_view_number(account, "rate_limit") > 0) /* what is in force just now */
        table_printf(t, "now %.1f/s", mp_view_number(account, "rate_limit"));
    else if (mp_view_number(account, "rate") > 0)
        table_printf(t, "%.15g/s", mp_view_number(account, "rate"));
    else
        table_printf(t, "%s", "");
    if (!mp_view_i64(account, "paused"))
        table_printf(t, "%s", "");
    else if (mp_view_i64(account, "paused_for_ms"))
        duration_cell(t, account, "paused_for_ms", "");
    else
        table_printf(t, "yes");
    count_cells(t, account);
}

/* A line for each account that WeChat has stopped or that no sender can send for: the reason is too long for a column. */
static void append_stopped(struct span accounts, struct buf *out)
{
    struct mp_list list;
    struct span account;
    mp_list_open(&list, accounts);
    while (mp_list_next(&list, &account)) {
        if (mp_view_str(account, "stopped").bytes == 0)
            continue;
        append_str(account, "name", out);
        buf_append_str(out, " is stopped: ");
        append_str(account, "stopped", out);
        if (mp_view_i64(account, "stopped_since")) {
            buf_append_str(out, "; since ");
            iso_time_append(mp_view_i64(account, "stopped_since"), out);
        }
        if (mp_view_i64(account, "next_try_ms")) {
            buf_append_str(out, ", next try in ");
            term_duration(mp_view_i64(account, "next_try_ms"), out);
        }
        buf_append_str(out, "\n");
    }
}

static void append_accounts(struct span status, size_t line_columns, struct buf *out)
{
    struct mp_list accounts;
    struct span account;
    struct table *t = table_new(account_columns, sizeof account_columns / sizeof *account_columns);
    mp_list_open(&accounts, mp_view(status, "accounts"));
    while (mp_list_next(&accounts, &account))
        account_cells(t, account);
    table_printf(t, "in all");
    for (int i = 0; i < 4; i++)
        table_printf(t, "%s", "");
    count_cells(t, mp_view(status, "totals"));
    buf_append_str(out, "\n");
    table_write(t, line_columns, out);
    append_stopped(mp_view(status, "accounts"), out);
    table_destroy(&t);
}

/* account: reason, account: reason */
static void stopped_cell(struct table *t, struct span stage)
{
    struct mp_list reasons;
    struct span account, reason;
    struct buf text = {0};
    mp_list_open_map(&reasons, mp_view(stage, "stopped"));
    while (mp_list_next(&reasons, &account) && mp_list_next(&reasons, &reason)) {
        struct span name = mp_value_str(account), why = mp_value_str(reason);
        buf_printf(&text, "%s%.*s: %.*s", text.bytes ? ", " : "", (int)name.bytes, name.data ? name.data : "",
                   (int)why.bytes, why.data ? why.data : "");
    }
    table_cell(t, buf_span(&text));
    buf_free(&text);
}

static void append_stages(struct span status, size_t line_columns, struct buf *out)
{
    static const struct column columns[] = {{"STAGE", NAME_COLUMNS_MAX, 0},
                                            {"KIND", 0, 0},
                                            {"STATE", 0, 0},
                                            {"SLOTS", 0, 1},
                                            {"OUT", 0, 1},
                                            {"HEARD", 0, 1},
                                            {"VERSION", 0, 0},
                                            {"STOPPED FOR", 0, 0}};
    struct mp_list stages;
    struct span stage;
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    mp_list_open(&stages, mp_view(status, "stages"));
    while (mp_list_next(&stages, &stage)) {
        str_cell(t, stage, "name");
        str_cell(t, stage, "kind");
        str_cell(t, stage, "state");
        number_cell(t, stage, "slots");
        number_cell(t, stage, "out");
        duration_cell(t, stage, "heard_ms", " ago");
        str_cell(t, stage, "version");
        stopped_cell(t, stage);
    }
    buf_append_str(out, "\n");
    table_write(t, line_columns, out);
    table_destroy(&t);
}

/* --- pauses ------------------------------------------------------------------------------------------------------- */

static void pause_cells(struct table *t, struct span pause)
{
    struct buf since = {0};
    str_cell(t, pause, "kind");
    str_cell(t, pause, "app");
    str_cell(t, pause, "name");
    iso_time_append(mp_view_i64(pause, "since"), &since);
    table_cell(t, buf_span(&since));
    if (mp_view_i64(pause, "releasing"))
        table_printf(t, "ended, releasing");
    else if (mp_view_i64(pause, "for_ms"))
        duration_cell(t, pause, "for_ms", "");
    else
        table_printf(t, "until resumed");
    if (mp_view(pause, "held").bytes) /* of an account nothing is set aside */
        table_printf(t, "%" PRId64 "%s", mp_view_i64(pause, "held"), mp_view_i64(pause, "held_more") ? "+" : "");
    else
        table_printf(t, "%s", "");
    str_cell(t, pause, "by");
    buf_free(&since);
}

void queue_status_pauses(struct span pauses, size_t line_columns, struct buf *out)
{
    static const struct column columns[] = {{"PAUSED", 0, 0},
                                            {"APP", NAME_COLUMNS_MAX, 0},
                                            {"NAME", WHY_COLUMNS_MAX, 0},
                                            {"SINCE", 0, 0},
                                            {"LEFT", 0, 0},
                                            {"HELD", 0, 1},
                                            {"BY", 0, 0}};
    struct mp_list list;
    struct span pause;
    mp_list_open(&list, pauses);
    if (list.left == 0) {
        buf_append_str(out, "nothing is paused\n");
        return;
    }
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    while (mp_list_next(&list, &pause))
        pause_cells(t, pause);
    table_write(t, line_columns, out);
    table_destroy(&t);
}

void queue_status_text(struct span status, size_t line_columns, struct buf *out)
{
    append_broker(status, out);
    append_rates(status, out);
    append_depth(status, line_columns, out);
    append_store(status, out);
    append_accounts(status, line_columns, out);
    append_stages(status, line_columns, out);
    buf_append_str(out, "\n");
    queue_status_pauses(mp_view(status, "pauses"), line_columns, out);
}
