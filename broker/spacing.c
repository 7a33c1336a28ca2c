#include "broker/spacing.h"

/* Nanoseconds, so that what is cut off makes no rate wrong: 1000000 a second is right within a thousandth, all others better. */
static int64_t every_ns(double per_s)
{
    return per_s > 0 ? (int64_t)(1e9 / per_s + 0.5) : 0;
}

int64_t spacing_due_us(const struct spacing *s, double per_s, uint32_t n)
{
    return (s->last_ns + n * every_ns(per_s) + 999) / 1000;
}

int64_t spacing_held_us(const struct spacing *s, double per_s, int64_t now_us)
{
    int64_t held_us = per_s > 0 ? spacing_due_us(s, per_s, 1) - now_us : 0;
    return held_us > 0 ? held_us : 0;
}

void spacing_take(struct spacing *s, double per_s, int64_t now_us)
{
    int64_t earliest_ns = (now_us - (s->is_tight ? SPACING_LATE_US : 0)) * 1000;
    int64_t next_ns = per_s > 0 ? s->last_ns + every_ns(per_s) : now_us * 1000;
    s->last_ns = next_ns > earliest_ns ? next_ns : earliest_ns;
    s->is_tight = 1;
}

void spacing_rest(struct spacing *s)
{
    s->is_tight = 0;
}
