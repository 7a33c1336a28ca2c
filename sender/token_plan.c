/* The arithmetic of fetching tokens. */
#include "sender/token_plan.h"

#include <stdlib.h>

#define STABLE_AHEAD_MS   290000  /* within the last 5 minutes, with 10 s for clocks that differ */
#define STABLE_FULL_MS    300000  /* shorter ones are not WeChat's */
#define CLASSIC_AHEAD_MS  600000
#define CLASSIC_FULL_MS   1200000
#define EXTERNAL_EVERY_MS 240000
#define BACKOFF_FIRST_MS  1000
#define BACKOFF_MS_MAX    60000
#define HOUR_MS           3600000
#define DAY_MS            86400000
#define BEIJING_AHEAD_MS  (8 * HOUR_MS)

int64_t token_plan_ahead_ms(enum conf_token_mode mode, int64_t lifetime_ms)
{
    if (mode == TOKEN_EXTERNAL)
        return lifetime_ms > 2 * EXTERNAL_EVERY_MS ? lifetime_ms - EXTERNAL_EVERY_MS : lifetime_ms / 2;
    if (mode == TOKEN_CLASSIC)
        return lifetime_ms > CLASSIC_FULL_MS ? CLASSIC_AHEAD_MS : lifetime_ms / 2;
    return lifetime_ms > STABLE_FULL_MS ? STABLE_AHEAD_MS : lifetime_ms / 24;
}

int64_t token_plan_backoff_ms(uint32_t failures)
{
    int64_t wait_ms = BACKOFF_FIRST_MS;
    if (failures == 0)
        return 0;
    for (uint32_t i = 1; i < failures && wait_ms < BACKOFF_MS_MAX; i++)
        wait_ms *= 2;
    return wait_ms < BACKOFF_MS_MAX ? wait_ms : BACKOFF_MS_MAX;
}

void token_pace_open(struct token_pace *pace, uint32_t max)
{
    *pace = (struct token_pace){.at_ms = mem_new(max * sizeof *pace->at_ms), .max = max};
}

void token_pace_change(struct token_pace *pace, uint32_t max)
{
    struct token_pace changed;
    uint64_t known = pace->count < pace->max ? pace->count : pace->max;
    uint64_t kept = known < max ? known : max;
    if (max == pace->max)
        return;
    token_pace_open(&changed, max);
    for (uint64_t i = pace->count - kept; i < pace->count; i++)
        token_pace_add(&changed, pace->at_ms[i % pace->max]);
    token_pace_close(pace);
    *pace = changed;
}

void token_pace_close(struct token_pace *pace)
{
    free(pace->at_ms);
    *pace = (struct token_pace){0};
}

int64_t token_pace_wait_ms(const struct token_pace *pace, int64_t now_ms)
{
    if (pace->count < pace->max)
        return 0;
    /* The next place of the ring holds the oldest of the last `max`. */
    int64_t free_ms = pace->at_ms[pace->count % pace->max] + HOUR_MS;
    return free_ms > now_ms ? free_ms - now_ms : 0;
}

void token_pace_add(struct token_pace *pace, int64_t now_ms)
{
    pace->at_ms[pace->count % pace->max] = now_ms;
    pace->count++;
}

static int64_t day_of(int64_t wall_ms)
{
    return (wall_ms + BEIJING_AHEAD_MS) / DAY_MS;
}

int64_t token_forced_wait_ms(const struct token_forced *forced, uint32_t max, int64_t wall_ms)
{
    if (max == 0 || (forced->day == day_of(wall_ms) && forced->count >= max))
        return -1;
    int64_t free_ms = forced->last_wall_ms + TOKEN_FORCED_PAUSE_MS;
    if (forced->last_wall_ms == 0 || wall_ms >= free_ms)
        return 0;
    /* A clock that was set back must not make the pause longer than it is. */
    return free_ms - wall_ms < TOKEN_FORCED_PAUSE_MS ? free_ms - wall_ms : TOKEN_FORCED_PAUSE_MS;
}

void token_forced_add(struct token_forced *forced, int64_t wall_ms)
{
    if (forced->day != day_of(wall_ms))
        forced->count = 0;
    forced->day = day_of(wall_ms);
    forced->count++;
    forced->last_wall_ms = wall_ms;
}
