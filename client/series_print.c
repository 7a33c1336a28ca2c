#include "client/series_print.h"

#include "base/iso_time.h"
#include "base/term.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

#define NAME_WIDTH 10

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

static void append_number(const char *name, int64_t number, struct buf *out)
{
    append_name(name, out);
    buf_printf(out, "%lld\n", (long long)number);
}

static void append_time(const char *name, int64_t ms, struct buf *out)
{
    if (ms == 0)
        return;
    append_name(name, out);
    iso_time_append(ms, out);
    buf_append_str(out, "\n");
}

static void time_cell(struct table *t, int64_t ms)
{
    struct buf text = {0};
    if (ms)
        iso_time_append(ms, &text);
    table_cell(t, buf_span(&text));
    buf_free(&text);
}

/* --- tables ------------------------------------------------------------------------------------------------------------- */

struct table *series_print_list_new(void)
{
    static const struct column columns[] = {{"SERIES", 0, 0}, {"APP", 0, 0},     {"STEPS", 0, 1}, {"IN", 0, 1},
                                            {"STARTED", 0, 1}, {"DONE", 0, 1}, {"ENDED", 0, 1}};
    return table_new(columns, sizeof columns / sizeof *columns);
}

void series_print_list_row(struct table *t, struct span series)
{
    static const char *const numbers[] = {"steps", "in", "started", "done", "ended"};
    table_cell(t, mp_view_str(series, "name"));
    table_cell(t, mp_view_str(series, "app"));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        table_printf(t, "%lld", (long long)mp_view_i64(series, numbers[i]));
}

struct table *series_print_who_new(void)
{
    static const struct column columns[] = {{"OPENID", 0, 0}, {"APP", 0, 0},  {"STARTED", 0, 0},
                                            {"PAST", 0, 1},   {"NEXT", 0, 0}, {"KEY", 0, 0}};
    return table_new(columns, sizeof columns / sizeof *columns);
}

void series_print_who_row(struct table *t, struct span person)
{
    table_cell(t, mp_view_str(person, "openid"));
    table_cell(t, mp_view_str(person, "app"));
    time_cell(t, mp_view_i64(person, "start"));
    table_printf(t, "%lld/%lld", (long long)mp_view_i64(person, "past"), (long long)mp_view_i64(person, "of"));
    time_cell(t, mp_view_i64(person, "next"));
    table_cell(t, mp_view_str(person, "key"));
}

/* --- one of them ------------------------------------------------------------------------------------------------------------ */

static void append_texts(const char *name, struct span packed, struct buf *out)
{
    struct mp_list list;
    struct span one;
    if (mp_list_open(&list, packed) != 0)
        return;
    while (mp_list_next(&list, &one))
        append_text(name, mp_value_str(one), out);
}

static void append_steps(struct span packed, struct buf *out)
{
    struct mp_list list;
    struct span step;
    if (mp_list_open(&list, packed) != 0)
        return;
    while (mp_list_next(&list, &step)) {
        int64_t at_ms = mp_view_i64(step, "at"), ttl_ms = mp_view_i64(step, "ttl");
        append_name("step", out);
        buf_printf(out, "%lld  ", (long long)mp_view_i64(step, "step"));
        if (at_ms)
            iso_time_append(at_ms, out);
        else
            term_append(mp_view_str(step, "time"), out);
        buf_append_str(out, "  ");
        term_append(mp_view_str(step, "key"), out);
        if (ttl_ms)
            buf_printf(out, "  ttl %lld ms", (long long)ttl_ms);
        buf_append_str(out, "\n");
    }
}

void series_print_all(struct span series, struct buf *out)
{
    struct buf vars = {0};
    append_text("series", mp_view_str(series, "name"), out);
    append_text("app", mp_view_str(series, "app"), out);
    append_texts("start", mp_view(series, "start"), out);
    append_steps(mp_view(series, "steps"), out);
    append_texts("end", mp_view(series, "end"), out);
    append_text("timezone", mp_view_str(series, "timezone"), out);
    append_text("quiet", mp_view_str(series, "quiet"), out);
    append_text("again", mp_view_str(series, "again"), out);
    if (mp_view(series, "vars").bytes && mp_json(mp_view(series, "vars"), &vars) == 0)
        append_text("vars", buf_span(&vars), out);
    append_number("in", mp_view_i64(series, "in"), out);
    append_number("started", mp_view_i64(series, "started"), out);
    append_number("done", mp_view_i64(series, "done"), out);
    append_number("ended", mp_view_i64(series, "ended"), out);
    buf_free(&vars);
}

void series_print_person(struct span person, struct buf *out)
{
    append_text("openid", mp_view_str(person, "openid"), out);
    append_text("app", mp_view_str(person, "app"), out);
    append_text("state", mp_view_str(person, "state"), out);
    append_text("reason", mp_view_str(person, "reason"), out);
    append_time("started", mp_view_i64(person, "start"), out);
    append_time("ended", mp_view_i64(person, "ended"), out);
    append_steps(mp_view(person, "steps"), out);
}

void series_print_status(struct span status, struct buf *out)
{
    static const char *const numbers[] = {"series", "in", "started", "done", "ended"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        append_number(numbers[i], mp_view_i64(status, numbers[i]), out);
}
