#include "listener/series_info.h"

#include "base/conf_value.h"
#include "listener/series_plan.h"
#include "listener/series_rows.h"
#include "proto/mp.h"

static void put_array(struct buf *out, const char *name, const struct buf *packed, size_t count)
{
    mp_str(out, name);
    mp_array(out, count);
    buf_append(out, packed->data, packed->bytes);
}

static void append_clock(int32_t clock_ms, struct buf *out)
{
    buf_printf(out, "%02d:%02d", clock_ms / 3600000, clock_ms / 60000 % 60);
}

/* --- definitions --------------------------------------------------------------------------------------------------------- */

static const char *const words[] = {[SERIES_FOLLOW] = "follow",
                                    [SERIES_SCAN] = "scan:",
                                    [SERIES_CLICK] = "click:",
                                    [SERIES_KEYWORD] = "keyword:",
                                    [SERIES_BY_SERIES] = "series:"};

static void put_triggers(struct buf *out, const char *name, const struct series_trigger_text *list, size_t count)
{
    struct buf packed = {0}, text = {0};
    for (size_t i = 0; i < count; i++) {
        buf_clear(&text);
        buf_append_str(&text, words[list[i].trigger.kind]);
        buf_append_str(&text, list[i].text);
        mp_span(&packed, buf_span(&text));
    }
    put_array(out, name, &packed, count);
    buf_free(&packed);
    buf_free(&text);
}

/* The time of a step as its file says it. */
static void append_step_time(const struct series_step *step, struct buf *out)
{
    if (step->after_ms || step->clock_ms < 0) {
        buf_append_str(out, "+");
        conf_format_time(step->after_ms, out);
    }
    if (step->clock_ms >= 0) {
        buf_append_str(out, "@");
        append_clock(step->clock_ms, out);
    }
}

static void put_steps(struct buf *out, const struct series *s)
{
    struct buf packed = {0}, time = {0};
    for (size_t i = 0; i < s->step_count; i++) {
        size_t place = mp_map_open(&packed), count = 3;
        buf_clear(&time);
        append_step_time(&s->steps[i], &time);
        mp_put_u64(&packed, "step", i + 1);
        mp_put_span(&packed, "time", buf_span(&time));
        mp_put_str(&packed, "key", s->steps[i].key);
        count += mp_opt_i64(&packed, "ttl", s->steps[i].ttl_ms);
        mp_map_close(&packed, place, count);
    }
    put_array(out, "steps", &packed, s->step_count);
    buf_free(&packed);
    buf_free(&time);
}

static size_t put_definition(struct buf *out, const struct series *s)
{
    struct buf text = {0};
    size_t count = 3;
    put_triggers(out, "start", s->starts, s->start_count);
    put_triggers(out, "end", s->ends, s->end_count);
    put_steps(out, s);
    count += mp_opt_span(out, "timezone", span_of(s->zone.name));
    if (s->quiet_from_ms >= 0) {
        append_clock(s->quiet_from_ms, &text);
        buf_append_str(&text, "-");
        append_clock(s->quiet_to_ms, &text);
        count += mp_opt_span(out, "quiet", buf_span(&text));
        buf_clear(&text);
    }
    if (s->again_ms > 0)
        conf_format_time(s->again_ms, &text);
    else
        buf_append_str(&text, s->again_ms == SERIES_AGAIN_NEVER ? "never" : "always");
    count += mp_opt_span(out, "again", buf_span(&text));
    count += mp_opt_raw(out, "vars", buf_span(&s->vars));
    buf_free(&text);
    return count;
}

void series_info_pack(const struct series *s, const struct series_totals *totals, int is_whole, struct buf *out)
{
    size_t place = mp_map_open(out), count = 2;
    mp_put_str(out, "name", s->name);
    mp_put_str(out, "app", s->app);
    count += mp_opt_i64(out, "in", totals->in);
    count += mp_opt_i64(out, "started", totals->started);
    count += mp_opt_i64(out, "done", totals->done);
    count += mp_opt_i64(out, "ended", totals->ended);
    if (is_whole)
        count += put_definition(out, s);
    else
        count += mp_opt_u64(out, "steps", s->step_count);
    mp_map_close(out, place, count);
}

/* --- people --------------------------------------------------------------------------------------------------------------- */

/* Counts the steps, and finds the next one that is due. Returns how many there are; *past of them are due. */
static size_t look_at_steps(struct span packed, int64_t now_ms, size_t *past, struct series_step_at *next)
{
    struct series_steps steps;
    struct series_step_at step;
    size_t count = 0;
    *past = 0;
    *next = (struct series_step_at){0};
    series_steps_open(&steps, packed);
    while (series_steps_next(&steps, &step)) {
        count++;
        if (step.due_ms <= now_ms)
            (*past)++;
        else if (next->number == 0 || step.due_ms < next->due_ms)
            *next = step;
    }
    return count;
}

static void put_row_steps(struct buf *out, struct span packed)
{
    struct series_steps steps;
    struct series_step_at step;
    struct buf maps = {0};
    size_t count = 0;
    series_steps_open(&steps, packed);
    for (; series_steps_next(&steps, &step); count++) {
        mp_map(&maps, 3);
        mp_put_u64(&maps, "step", step.number);
        mp_put_i64(&maps, "at", step.due_ms);
        mp_put_span(&maps, "key", step.key);
    }
    put_array(out, "steps", &maps, count);
    buf_free(&maps);
}

void series_info_pack_row(const struct series_row *row, int64_t now_ms, int is_whole, struct buf *out)
{
    struct series_step_at next;
    size_t past, total = look_at_steps(row->steps, now_ms, &past, &next);
    size_t place = mp_map_open(out), count = 6;
    mp_put_span(out, "openid", row->openid);
    mp_put_span(out, "app", row->app);
    mp_put_str(out, "state", series_state_name(row->state));
    mp_put_i64(out, "start", row->start_ms);
    mp_put_u64(out, "past", past);
    mp_put_u64(out, "of", total);
    if (row->state == SERIES_IN && next.number) {
        mp_put_i64(out, "next", next.due_ms);
        mp_put_span(out, "key", next.key);
        count += 2;
    }
    if (row->state == SERIES_ENDED) {
        count += mp_opt_i64(out, "ended", row->ended_ms);
        count += mp_opt_span(out, "reason", row->reason);
    }
    if (is_whole) {
        put_row_steps(out, row->steps);
        count++;
    }
    mp_map_close(out, place, count);
}

/* --- what would happen --------------------------------------------------------------------------------------------------------- */

static void pack_planned(const struct series *s, int64_t now_ms, struct buf *out)
{
    struct buf steps = {0}, local = {0};
    for (size_t i = 0; i < s->step_count; i++) {
        size_t at = mp_map_open(&steps), members = 4;
        int64_t due_ms = series_plan_due_ms(s, i, now_ms);
        buf_clear(&local);
        zone_append(&s->zone, due_ms, &local);
        mp_put_u64(&steps, "step", i + 1);
        mp_put_i64(&steps, "at", due_ms);
        mp_put_span(&steps, "local", buf_span(&local));
        mp_put_str(&steps, "key", s->steps[i].key);
        members += mp_opt_i64(&steps, "ttl", s->steps[i].ttl_ms);
        mp_map_close(&steps, at, members);
    }
    size_t place = mp_map_open(out), count = 3;
    mp_put_str(out, "name", s->name);
    put_array(out, "steps", &steps, s->step_count);
    mp_put_str(out, "timezone", s->zone.name);
    count += mp_opt_raw(out, "vars", buf_span(&s->vars));
    mp_map_close(out, place, count);
    buf_free(&steps);
    buf_free(&local);
}

static int ends_by(const struct series *s, const struct series_trigger *event, const struct series_set *set, const int *starting)
{
    if (series_plan_ends(s, event))
        return 1;
    for (size_t i = 0; i < set->count; i++) {
        struct series_trigger other = {SERIES_BY_SERIES, span_of(set->all[i]->name)};
        if (starting[i] && set->all[i] != s && series_plan_ends(s, &other))
            return 1;
    }
    return 0;
}

void series_info_pack_plan(const struct series_set *set, struct span app, struct span event, struct span name, int64_t now_ms, struct buf *out)
{
    struct buf planned = {0}, ends = {0}, ignored = {0};
    struct series_trigger trigger = {SERIES_FOLLOW, {NULL, 0}};
    int starting[SERIES_MAX] = {0};
    size_t starts = 0, end_count = 0;
    if (series_trigger_read(event, 0, &trigger, &ignored) != 0)
        trigger.kind = SERIES_BY_SERIES; /* cannot be: the ask was checked */
    for (size_t i = 0; i < set->count; i++) {
        const struct series *s = set->all[i];
        starting[i] = span_is(app, s->app) && series_plan_starts(s, &trigger) && (name.bytes == 0 || span_is(name, s->name));
        if (starting[i]) {
            pack_planned(s, now_ms, &planned);
            starts++;
        }
    }
    for (size_t i = 0; i < set->count; i++)
        if (span_is(app, set->all[i]->app) && ends_by(set->all[i], &trigger, set, starting)) {
            mp_str(&ends, set->all[i]->name);
            end_count++;
        }
    size_t place = mp_map_open(out);
    mp_put_span(out, "app", app);
    mp_put_span(out, "event", event);
    mp_put_i64(out, "now", now_ms);
    put_array(out, "series", &planned, starts);
    put_array(out, "ends", &ends, end_count);
    mp_map_close(out, place, 5);
    buf_free(&planned);
    buf_free(&ends);
    buf_free(&ignored);
}
