#include "console/alarm_growth.h"

#include <string.h>

static void drop_first(struct alarm_growth *g)
{
    g->used--;
    memmove(g->samples, g->samples + 1, g->used * sizeof *g->samples);
}

int64_t alarm_growth_take(struct alarm_growth *g, int64_t window_ms, int64_t at_ms, int64_t count)
{
    int64_t step_ms = window_ms / ALARM_GROWTH_STEPS;
    if (g->used > 0 && count < g->samples[g->used - 1].count)
        g->used = 0;
    /* The second sample stands for the window's beginning as soon as it is a window old. */
    while (g->used > 1 && at_ms - g->samples[1].at_ms >= window_ms)
        drop_first(g);
    if (g->used == 0 || at_ms - g->samples[g->used - 1].at_ms >= step_ms) {
        if (g->used == ALARM_GROWTH_STEPS + 1)
            drop_first(g);
        g->samples[g->used].at_ms = at_ms;
        g->samples[g->used++].count = count;
    }
    return count - g->samples[0].count;
}
