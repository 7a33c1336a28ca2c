/* When tokens are fetched: before their end, not too often, and forced within WeChat's limits. */
#include "sender/token_plan.h"
#include "tests/unit/test.h"

#define FORCED_MAX 20
#define HOUR_MS 3600000LL
#define DAY_MS  (24 * HOUR_MS)

static void test_ahead(void)
{
    CHECK_INT(token_plan_ahead_ms(TOKEN_STABLE, 7200000), 290000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_STABLE, 300001), 290000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_STABLE, 24000), 1000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_CLASSIC, 7200000), 600000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_CLASSIC, 4000), 2000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_EXTERNAL, 7200000), 6960000); /* asked again after 4 minutes */
    CHECK_INT(token_plan_ahead_ms(TOKEN_EXTERNAL, 480000), 240000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_EXTERNAL, 120000), 60000);
}

static void test_backoff(void)
{
    static const int64_t waits_ms[] = {0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (uint32_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++)
        CHECK_INT(token_plan_backoff_ms(i), waits_ms[i]);
    CHECK_INT(token_plan_backoff_ms(UINT32_MAX), 60000);
}

static void test_pace(void)
{
    struct token_pace pace;
    token_pace_open(&pace, 7);
    for (int i = 0; i < 7; i++) {
        CHECK_INT(token_pace_wait_ms(&pace, 1000 + i), 0);
        token_pace_add(&pace, 1000 + i);
    }
    CHECK_INT(token_pace_wait_ms(&pace, 2000), HOUR_MS - 1000);
    CHECK_INT(token_pace_wait_ms(&pace, 1000 + HOUR_MS), 0);
    token_pace_add(&pace, 1000 + HOUR_MS);
    CHECK_INT(token_pace_wait_ms(&pace, 1000 + HOUR_MS), 1);
    token_pace_close(&pace);
}

static void test_forced(void)
{
    struct token_forced forced = {0};
    int64_t wall_ms = 20000 * DAY_MS; /* 08:00 in Beijing */
    for (int i = 0; i < FORCED_MAX; i++) {
        CHECK_INT(token_forced_wait_ms(&forced, FORCED_MAX, wall_ms), 0);
        token_forced_add(&forced, wall_ms);
        if (i + 1 < FORCED_MAX)
            CHECK_INT(token_forced_wait_ms(&forced, FORCED_MAX, wall_ms + 10000), 20000);
        wall_ms += TOKEN_FORCED_PAUSE_MS;
    }
    CHECK_INT(token_forced_wait_ms(&forced, FORCED_MAX, wall_ms), -1);
    CHECK_INT(token_forced_wait_ms(&forced, FORCED_MAX, 20000 * DAY_MS + 16 * HOUR_MS - 1), -1);
    CHECK_INT(token_forced_wait_ms(&forced, FORCED_MAX, 20000 * DAY_MS + 16 * HOUR_MS), 0); /* midnight in Beijing */
    token_forced_add(&forced, 20001 * DAY_MS);
    CHECK_INT(forced.count, 1);
    CHECK_INT(token_forced_wait_ms(&forced, 1, 20001 * DAY_MS + HOUR_MS), -1);
    CHECK_INT(token_forced_wait_ms(&forced, 2, 20001 * DAY_MS + HOUR_MS), 0);
    CHECK_INT(token_forced_wait_ms(&forced, 0, 20009 * DAY_MS), -1); /* never */
    /* the wall clock was set back by a year */
    CHECK_INT(token_forced_wait_ms(&forced, FORCED_MAX, 19636 * DAY_MS), TOKEN_FORCED_PAUSE_MS);
}

/* Another number an hour: what was fetched counts on, as far as it still matters. */
static void test_pace_change(void)
{
    struct token_pace pace;
    token_pace_open(&pace, 3);
    for (int i = 1; i <= 5; i++)
        token_pace_add(&pace, i * 1000);
    CHECK_INT(token_pace_wait_ms(&pace, 6000), HOUR_MS - 3000); /* 3, 4 and 5 s */
    token_pace_change(&pace, 3);
    CHECK_INT(token_pace_wait_ms(&pace, 6000), HOUR_MS - 3000);
    token_pace_change(&pace, 4);
    CHECK_INT(token_pace_wait_ms(&pace, 6000), 0);
    token_pace_add(&pace, 6000);
    CHECK_INT(token_pace_wait_ms(&pace, 6000), HOUR_MS - 3000);
    token_pace_change(&pace, 2);
    CHECK_INT(token_pace_wait_ms(&pace, 6000), HOUR_MS - 1000); /* 5 and 6 s */
    token_pace_change(&pace, 1);
    CHECK_INT(token_pace_wait_ms(&pace, 6000), HOUR_MS);
    token_pace_change(&pace, 10000);
    CHECK_INT(token_pace_wait_ms(&pace, 6000), 0);
    token_pace_close(&pace);
}

int main(void)
{
    test_ahead();
    test_backoff();
    test_pace();
    test_pace_change();
    test_forced();
    return 0;
}
