#include "listener/series_plan.h"

static int is_quiet(const struct series *s, int32_t clock_ms)
{
    if (s->quiet_from_ms < 0)
        return 0;
    if (s->quiet_from_ms < s->quiet_to_ms)
        return clock_ms >= s->quiet_from_ms && clock_ms < s->quiet_to_ms;
    return clock_ms >= s->quiet_from_ms || clock_ms < s->quiet_to_ms;
}

int64_t series_plan_due_ms(const struct series *s, size_t step, int64_t start_ms)
{
    const struct series_step *it = &s->steps[step];
    int64_t due_ms = start_ms + it->after_ms;
    if (it->clock_ms >= 0)
        due_ms = zone_next_ms(&s->zone, it->clock_ms, due_ms);
    if (is_quiet(s, zone_clock_ms(&s->zone, due_ms)))
        due_ms = zone_next_ms(&s->zone, s->quiet_to_ms, due_ms);
    return due_ms;
}

static int matches(const struct series_trigger_text *list, size_t count, const struct series_trigger *event)
{
    for (size_t i = 0; i < count; i++)
        if (series_trigger_matches(&list[i].trigger, event))
            return 1;
    return 0;
}

int series_plan_starts(const struct series *s, const struct series_trigger *event)
{
    return matches(s->starts, s->start_count, event);
}

int series_plan_ends(const struct series *s, const struct series_trigger *event)
{
    return matches(s->ends, s->end_count, event);
}
