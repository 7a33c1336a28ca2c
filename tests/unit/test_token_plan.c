/* When tokens are fetched: before their end, not too often, and forced within WeChat's limits. */
#include "sender/token_plan.h"
#include "tests/unit/test.h"

#define HOUR_MS 3600000LL
#define DAY_MS  (24 * HOUR_MS)

static void test_ahead(void)
{
    CHECK_INT(token_plan_ahead_ms(TOKEN_STABLE, 7200000), 290000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_STABLE, 300001), 290000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_STABLE, 24000), 1000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_CLASSIC, 7200000), 600000);
    CHECK_INT(token_plan_ahead_ms(TOKEN_CLASSIC, 4000), 2000);
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
    struct token_pace pace = {0};
    for (int i = 0; i < TOKEN_FETCHES_AN_HOUR_MAX; i++) {
        CHECK_INT(token_pace_wait_ms(&pace, 1000 + i), 0);
        token_pace_add(&pace, 1000 + i);
    }
    CHECK_INT(token_pace_wait_ms(&pace, 2000), HOUR_MS - 1000);
    CHECK_INT(token_pace_wait_ms(&pace, 1000 + HOUR_MS), 0);
    token_pace_add(&pace, 1000 + HOUR_MS);
    CHECK_INT(token_pace_wait_ms(&pace, 1000 + HOUR_MS), 1);
}

static void test_forced(void)
{
    struct token_forced forced = {0};
    int64_t wall_ms = 20000 * DAY_MS; /* 08:00 in Beijing */
    for (int i = 0; i < TOKEN_FORCED_A_DAY_MAX; i++) {
        CHECK_INT(token_forced_wait_ms(&forced, wall_ms), 0);
        token_forced_add(&forced, wall_ms);
        if (i + 1 < TOKEN_FORCED_A_DAY_MAX)
            CHECK_INT(token_forced_wait_ms(&forced, wall_ms + 10000), 20000);
        wall_ms += TOKEN_FORCED_PAUSE_MS;
    }
    CHECK_INT(token_forced_wait_ms(&forced, wall_ms), -1);
    CHECK_INT(token_forced_wait_ms(&forced, 20000 * DAY_MS + 16 * HOUR_MS - 1), -1);
    CHECK_INT(token_forced_wait_ms(&forced, 20000 * DAY_MS + 16 * HOUR_MS), 0); /* midnight in Beijing */
    token_forced_add(&forced, 20001 * DAY_MS);
    CHECK_INT(forced.count, 1);
    /* the wall clock was set back by a year */
    CHECK_INT(token_forced_wait_ms(&forced, 19636 * DAY_MS), TOKEN_FORCED_PAUSE_MS);
}

int main(void)
{
    test_ahead();
    test_backoff();
    test_pace();
    test_forced();
    return 0;
}
