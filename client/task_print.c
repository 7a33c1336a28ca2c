#include "client/task_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/iso_time.h"
#include "base/term.h"

#define BAR_CELLS   10
#define FULL        "\xE2\x96\x88"
#define EMPTY       "\xE2\x96\x91"
#define KEY_COLUMNS 24
#define NAME_WIDTH  10 /* of task_print_all */

void task_print_count(int64_t count, struct buf *out)
{
    char digits[24];
    int bytes = snprintf(digits, sizeof digits, "%" PRId64, count);
    for (int i = 0; i < bytes; i++) {
        buf_append(out, digits + i, 1);
        if ((bytes - i) % 3 == 1 && i + 1 < bytes && digits[i] != '-')
            buf_append_str(out, ",");
    }
}

void task_print_bar(int percent, size_t cells, struct buf *out)
{
    size_t full = percent <= 0 ? 0 : percent >= 100 ? cells : (size_t)percent * cells / 100;
    buf_append_str(out, "[");
    for (size_t i = 0; i < cells; i++)
        buf_append_str(out, i < full ? FULL : EMPTY);
    buf_append_str(out, "]");
}

static void append_count(int64_t count, const char *what, struct buf *out)
{
    if (count == 0)
        return;
    buf_append_str(out, "  ");
    task_print_count(count, out);
    buf_printf(out, " %s", what);
}

static void append_pace(const struct task_view *v, struct buf *out)
{
    int64_t left_ms = task_view_left_ms(v);
    if (task_view_is_over(v) || v->per_s <= 0)
        return;
    buf_printf(out, v->per_s < 10 ? "  %.1f/s" : "  %.0f/s", v->per_s);
    if (left_ms < 0)
        return;
    buf_append_str(out, "  ");
    if (left_ms < 59500)
        buf_printf(out, "%" PRId64 "s", (left_ms + 500) / 1000);
    else
        term_duration(left_ms, out);
    buf_append_str(out, " left");
}

void task_print_line(const struct task_view *v, size_t columns, struct buf *out)
{
    struct buf line = {0};
    int percent = task_view_percent(v);
    buf_append(&line, v->name.data, v->name.bytes);
    buf_append_str(&line, "  ");
    buf_append(&line, v->state.data, v->state.bytes);
    buf_append_str(&line, "  ");
    task_print_bar(percent, BAR_CELLS, &line);
    buf_printf(&line, " %d%%  ", percent);
    task_print_count(v->sent, &line);
    buf_append_str(&line, " sent");
    append_count(v->pending, "pending", &line);
    append_count(v->refused, "refused", &line);
    append_count(v->expired, "expired", &line);
    append_count(v->dead, "dead", &line);
    append_count(v->cancelled, "cancelled", &line);
    append_count(task_view_waiting(v), task_view_is_over(v) ? "unsent" : "waiting", &line);
    append_pace(v, &line);
    if (span_is(v->state, "scheduled") && v->at_ms) {
        buf_append_str(&line, "  starts ");
        iso_time_append(v->at_ms, &line);
    }
    if (v->note.bytes) {
        buf_append_str(&line, "  ");
        buf_append(&line, v->note.data, v->note.bytes);
    }
    term_cut(buf_span(&line), columns ? columns : SIZE_MAX, out);
    buf_free(&line);
}

/* --- list ----------------------------------------------------------------------------------------------- */

static void time_cell(struct table *t, int64_t ms)
{
    struct buf text = {0};
    if (ms)
        iso_time_append(ms, &text);
    table_cell(t, buf_span(&text));
    buf_free(&text);
}

static void rate_cell(struct table *t, const struct task_view *v)
{
    if (v->rate_per_s)
        table_printf(t, "%" PRId64 "/s", v->rate_per_s);
    else
        table_printf(t, "%s", "");
}

struct table *task_print_list_new(void)
{
    static const struct column columns[] = {
        {"TASK", 0, 0},       {"STATE", 0, 0},   {"KEY", KEY_COLUMNS, 0}, {"APP", 0, 0},     {"ROWS", 0, 1},
        {"SENT", 0, 1},       {"FAILED", 0, 1},  {"CANCELLED", 0, 1},     {"WAITING", 0, 1}, {"RATE", 0, 1},
        {"PER SECOND", 0, 1}, {"CREATED", 0, 0}, {"STARTED/AT", 0, 0},    {"ENDED", 0, 0},   {"NOTE", 0, 0}};
    return table_new(columns, sizeof columns / sizeof *columns);
}

void task_print_list_row(struct table *t, const struct task_view *v)
{
    table_cell(t, v->name);
    table_cell(t, v->state);
    table_cell(t, v->key);
    table_cell(t, v->app);
    table_printf(t, "%" PRId64, v->rows);
    table_printf(t, "%" PRId64, v->sent + v->pending);
    table_printf(t, "%" PRId64, task_view_failed(v));
    table_printf(t, "%" PRId64, v->cancelled);
    table_printf(t, "%" PRId64, task_view_waiting(v));
    rate_cell(t, v);
    table_printf(t, "%.1f", v->per_s);
    time_cell(t, v->created_ms);
    time_cell(t, v->started_ms ? v->started_ms : v->at_ms);
    time_cell(t, v->ended_ms);
    table_cell(t, v->note);
}

/* --- show ----------------------------------------------------------------------------------------------- */

static void append_name(const char *name, struct buf *out)
{
    buf_printf(out, "%-*s ", NAME_WIDTH, name);
}

static void append_text(const char *name, struct span text, struct buf *out)
{
    if (text.bytes == 0)
        return;
    append_name(name, out);
    term_append(text, out);
    buf_append_str(out, "\n");
}

static void append_number(const char *name, int64_t number, const char *unit, struct buf *out)
{
    if (number == 0)
        return;
    append_name(name, out);
    buf_printf(out, "%" PRId64 "%s\n", number, unit);
}

static void append_time(const char *name, int64_t ms, struct buf *out)
{
    if (ms == 0)
        return;
    append_name(name, out);
    iso_time_append(ms, out);
    buf_append_str(out, "\n");
}

static void append_columns(struct span packed, struct buf *out)
{
    struct mp_list columns;
    struct span one;
    if (mp_list_open(&columns, packed) || columns.left == 0)
        return;
    append_name("columns", out);
    for (const char *before = ""; mp_list_next(&columns, &one); before = ", ") {
        buf_append_str(out, before);
        term_append(mp_value_str(one), out);
    }
    buf_append_str(out, "\n");
}

void task_print_all(const struct task_view *v, struct buf *out)
{
    append_text("task", v->name, out);
    append_text("state", v->state, out);
    append_text("note", v->note, out);
    append_text("key", v->key, out);
    append_text("app", v->app, out);
    append_text("lane", v->lane, out);
    append_number("rate", v->rate_per_s, "/s", out);
    append_time("at", v->at_ms, out);
    append_number("ttl", v->ttl_ms, " ms", out);
    append_text("source", v->source, out);
    append_columns(v->columns, out);
    append_number("bad", v->bad, "", out);
    append_number("dropped", v->dropped, "", out);
    append_number("round", v->round > 1 ? v->round : 0, "", out);
    append_name("rows", out);
    buf_printf(out, "%" PRId64 "\n", v->rows);
    append_number("todo", v->todo, "", out);
    append_number("out", v->out, "", out);
    append_number("sent", v->sent, "", out);
    append_number("pending", v->pending, "", out);
    append_number("refused", v->refused, "", out);
    append_number("expired", v->expired, "", out);
    append_number("dead", v->dead, "", out);
    append_number("cancelled", v->cancelled, "", out);
    if (v->per_s > 0) {
        append_name("per second", out);
        buf_printf(out, "%.1f\n", v->per_s);
    }
    append_time("created", v->created_ms, out);
    append_time("started", v->started_ms, out);
    append_time("ended", v->ended_ms, out);
}
