/* The pace of an account over simulated time: even spacing at every rate and with late loops, no burst after quiet; what 45011 and
 * overload make of it, and how it comes back; an operator's rate. */
#include "broker/pace.h"

#include "tests/unit/test.h"

#define S_US 1000000LL

#define GIVEN_MAX 200000

/* When each message was given out. */
struct log {
    int64_t at_us[GIVEN_MAX];
    size_t count;
};

static struct log given;

/* A loop that comes every `every_us`, and every tenth time `late_us` later, gives out all that may go. */
static int64_t run(struct pace *p, int64_t from_us, int64_t for_us, int64_t every_us, int64_t late_us)
{
    int64_t now_us = from_us;
    for (int i = 0; now_us < from_us + for_us; i++, now_us += every_us + (i % 10 == 0 ? late_us : 0))
        while (pace_held_us(p, now_us) == 0) {
            CHECK(given.count < GIVEN_MAX);
            given.at_us[given.count++] = now_us;
            pace_take(p, now_us);
        }
    return now_us;
}

static size_t most_within(int64_t window_us)
{
    size_t most = 0;
    for (size_t first = 0, last = 0; last < given.count; last++) {
        while (given.at_us[last] - given.at_us[first] >= window_us)
            first++;
        most = last - first + 1 > most ? last - first + 1 : most;
    }
    return most;
}

static size_t allowed(uint32_t per_s, int64_t window_us)
{
    return (size_t)((double)per_s * (double)(window_us + SPACING_LATE_US) / 1e6 + 1.000001);
}

static void test_even(void)
{
    static const uint32_t rates[] = {1, 3, 7, 50, 999, 1500, 20000, 1000000};
    static const struct {
        int64_t every_us, late_us;
    } loops[] = {{100, 0}, {1000, 0}, {1000, 8000}, {3000, 40000}, {700, 200000}};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++)
        for (size_t l = 0; l < sizeof loops / sizeof *loops; l++) {
            struct pace p;
            int64_t for_us = rates[r] > 100000 ? S_US / 10 : rates[r] < 10 ? 100 * S_US : 5 * S_US;
            pace_init(&p, rates[r]);
            given.count = 0;
            run(&p, 7 * S_US, for_us, loops[l].every_us, loops[l].late_us);
            CHECK(most_within(10000) <= allowed(rates[r], 10000));
            CHECK(most_within(S_US) <= allowed(rates[r], S_US));
            double wanted = rates[r] * (double)for_us / 1e6;
            CHECK((double)given.count <= wanted * 1.001 + 2 + rates[r] * 0.01);
            if (loops[l].late_us == 0 || loops[l].every_us + loops[l].late_us < SPACING_LATE_US)
                CHECK((double)given.count >= wanted * 0.99 - 1); /* simulated time: what is allowed goes out */
        }
}

/* A loop that was late catches up; an account that had nothing does not. */
static void test_no_burst_after_quiet(void)
{
    struct pace p;
    pace_init(&p, 1000);
    int64_t now_us = run(&p, S_US, S_US, 1000, 0);
    given.count = 0;
    run(&p, now_us + 50000, 1, 1000, 0);
    CHECK_INT(given.count, 11); /* 10 ms of it */
    given.count = 0;
    pace_rest(&p);
    run(&p, now_us + 5 * S_US, 1, 1000, 0);
    CHECK_INT(given.count, 1);
}

static void test_no_limit(void)
{
    struct pace p;
    pace_init(&p, 0);
    for (int i = 0; i < 1000; i++) {
        CHECK_INT(pace_held_us(&p, S_US), 0);
        CHECK_INT(pace_take(&p, S_US), PACE_SAME);
    }
    CHECK(pace_per_s(&p) == 0);
    CHECK(pace_measured_per_s(&p, S_US) == 1000);
    CHECK(pace_measured_per_s(&p, 3 * S_US) == 500);
    CHECK(pace_measured_per_s(&p, 13 * S_US) == 0);
}

static void test_override(void)
{
    struct pace p;
    pace_init(&p, 2);
    pace_take(&p, 100 * S_US);
    CHECK_INT(pace_held_us(&p, 100 * S_US), 500000);
    pace_override(&p, 100); /* counts from the last one: nobody waits for the old rate */
    CHECK_INT(pace_set_per_s(&p), 100);
    CHECK_INT(pace_held_us(&p, 100 * S_US), 10000);
    pace_override(&p, 0);
    CHECK_INT(pace_held_us(&p, 100 * S_US), 0);
    CHECK(pace_per_s(&p) == 0);
    pace_override(&p, PACE_NO_OVERRIDE);
    CHECK_INT(pace_set_per_s(&p), 2);
    CHECK_INT(pace_held_us(&p, 100 * S_US), 500000);
}

/* --- adapting ----------------------------------------------------------------------------------------------------- */

static int is_near(double got, double expected)
{
    int near = got > expected * 0.97 && got < expected * 1.03;
    if (!near)
        fprintf(stderr, "got %f, expected %f\n", got, expected);
    return near;
}

static void test_too_fast(void)
{
    struct pace p;
    pace_init(&p, 100);
    int64_t now_us = run(&p, S_US, 20 * S_US, 1000, 0);
    CHECK(is_near(pace_measured_per_s(&p, now_us), 100));
    CHECK_INT(pace_slow_down(&p, now_us), PACE_SLOWER);
    CHECK(is_near(pace_per_s(&p), 70));
    CHECK_INT(pace_slow_down(&p, now_us + 4 * S_US), PACE_SAME); /* called before the slow-down */
    CHECK(is_near(pace_per_s(&p), 70));
    now_us = run(&p, now_us, 6 * S_US, 1000, 0);
    CHECK_INT(pace_slow_down(&p, now_us), PACE_SLOWER);
    CHECK(is_near(pace_per_s(&p), 49));
    for (int i = 0; i < 100; i++, now_us += 6 * S_US)
        pace_slow_down(&p, now_us);
    CHECK(pace_per_s(&p) == 1);
    CHECK_INT(pace_slow_down(&p, now_us), PACE_SAME); /* nothing is below 1 a second */
}

/* Without a rate the limit comes from what was measured. */
static void test_too_fast_without_rate(void)
{
    struct pace p;
    pace_init(&p, 0);
    for (int i = 0; i < 6000; i++)
        pace_take(&p, 50 * S_US + i * S_US / 2000); /* 2000 a second for 3 s */
    CHECK_INT(pace_slow_down(&p, 53 * S_US), PACE_SLOWER);
    CHECK(is_near(pace_per_s(&p), 1400));
    pace_init(&p, 0);
    CHECK_INT(pace_slow_down(&p, S_US), PACE_SLOWER); /* nothing was measured */
    CHECK(pace_per_s(&p) == 1);
}

/* Answers of which `percent` are busy, evenly mixed, at a hundred a second. */
static int64_t answer(struct pace *p, int64_t from_us, int seconds, int per_s, int percent, int *slower)
{
    int64_t now_us = from_us;
    uint32_t dice = 12345;
    for (int i = 0; i < seconds * per_s; i++, now_us += S_US / per_s) {
        dice = dice * 1664525u + 1013904223u;
        *slower += pace_answer(p, now_us, dice / 65536 % 100 < (uint32_t)percent) == PACE_SLOWER;
    }
    return now_us;
}

static void test_storm(void)
{
    static const struct {
        int per_s, percent, is_slowed;
    } rows[] = {{100, 100, 1}, {100, 80, 1}, {1000, 60, 1}, {20, 100, 1},  {25, 30, 0},   {100, 30, 0},
                {1000, 30, 0}, {100, 40, 0}, {18, 100, 0},  {1000, 48, 0}, {20, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pace p;
        int slower = 0;
        pace_init(&p, 1000);
        int64_t now_us = run(&p, S_US, 11 * S_US, 1000, 0);
        answer(&p, now_us, rows[i].is_slowed ? 3 : 600, rows[i].per_s, rows[i].percent, &slower);
        if ((slower > 0) != rows[i].is_slowed)
            fprintf(stderr, "in row %zu: slower %d times\n", i, slower);
        CHECK_INT(slower > 0, rows[i].is_slowed);
        given.count = 0;
    }
}

static void test_storm_halves_down_to_a_tenth(void)
{
    struct pace p;
    int slower = 0;
    pace_init(&p, 0);
    for (int i = 0; i < 4000; i++)
        pace_take(&p, 50 * S_US + i * S_US / 1000);
    int64_t now_us = answer(&p, 54 * S_US, 1, 200, 100, &slower);
    CHECK_INT(slower, 0);
    now_us = answer(&p, now_us, 1, 200, 100, &slower);
    CHECK_INT(slower, 1); /* once a second at most */
    CHECK(pace_per_s(&p) > 300 && pace_per_s(&p) < 500);
    now_us = answer(&p, now_us, 30, 200, 100, &slower);
    CHECK(is_near(pace_per_s(&p), p.best_per_s / 10));
    CHECK(p.best_per_s > 600);
    CHECK(slower <= 4); /* what changes nothing is not told */
}

/* Back to the rate that is set, a tenth at a time, while it is used. */
static void test_recovers(void)
{
    struct pace p;
    pace_init(&p, 100);
    int64_t now_us = run(&p, S_US, 20 * S_US, 1000, 0);
    pace_slow_down(&p, now_us);
    given.count = 0;
    now_us = run(&p, now_us, 9 * S_US, 1000, 0);
    CHECK(is_near(pace_per_s(&p), 70));
    now_us = run(&p, now_us, 2 * S_US, 1000, 0);
    CHECK(is_near(pace_per_s(&p), 77));
    now_us = run(&p, now_us, 5 * S_US, 1000, 0);
    CHECK(is_near(pace_per_s(&p), 84.7));
    for (int i = 0; i < 100; i++, now_us += S_US) /* so little is not held back by it */
        CHECK_INT(pace_take(&p, now_us), PACE_SAME);
    CHECK(is_near(pace_per_s(&p), 84.7));
    int recovered = 0;
    for (int i = 0; i < 30000; i++, now_us += 1000)
        while (pace_held_us(&p, now_us) == 0)
            recovered += pace_take(&p, now_us) == PACE_RECOVERED;
    CHECK_INT(recovered, 1);
    CHECK(p.limit_per_s == 0 && pace_per_s(&p) == 100);
}

/* The smallest limit grows too; without a rate it ends at 4 x what was measured before. */
static void test_recovers_without_rate(void)
{
    struct pace p;
    pace_init(&p, 0);
    int recovered = 0;
    int64_t now_us = 90 * S_US;
    pace_take(&p, now_us);
    pace_slow_down(&p, now_us);
    CHECK(pace_per_s(&p) == 1);
    for (int i = 0; i < 300 && !recovered; i++) {
        CHECK(pace_per_s(&p) >= 1 && pace_per_s(&p) < 4);
        int64_t until_us = now_us + S_US;
        for (; now_us < until_us; now_us += 1000)
            while (!recovered && pace_held_us(&p, now_us) == 0)
                recovered = pace_take(&p, now_us) == PACE_RECOVERED;
    }
    CHECK_INT(recovered, 1);
    CHECK(pace_per_s(&p) == 0);
}

/* An operator who sets a rate has it at once; trouble makes a new limit. */
static void test_override_and_limit(void)
{
    struct pace p;
    pace_init(&p, 100);
    int64_t now_us = run(&p, S_US, 20 * S_US, 1000, 0);
    pace_slow_down(&p, now_us);
    pace_override(&p, 500);
    CHECK(p.limit_per_s == 0 && is_near(pace_per_s(&p), 500));
    pace_slow_down(&p, now_us + 60 * S_US);
    CHECK(p.limit_per_s > 0);
    pace_override(&p, PACE_NO_OVERRIDE);
    CHECK(p.limit_per_s == 0 && is_near(pace_per_s(&p), 100));
}

/* Another rate of the configuration counts at once and ends the limit, but where an operator has set one. */
static void test_configure(void)
{
    struct pace p;
    pace_init(&p, 100);
    int64_t now_us = run(&p, S_US, 20 * S_US, 1000, 0);
    pace_slow_down(&p, now_us);
    pace_configure(&p, 100);
    CHECK(p.limit_per_s > 0); /* it is no other one */
    pace_configure(&p, 200);
    CHECK(p.limit_per_s == 0 && is_near(pace_per_s(&p), 200));
    pace_override(&p, 7);
    pace_slow_down(&p, now_us + 60 * S_US);
    pace_configure(&p, 300);
    CHECK(p.limit_per_s > 0);
    CHECK_U64(pace_set_per_s(&p), 7);
    pace_override(&p, PACE_NO_OVERRIDE);
    CHECK_U64(pace_set_per_s(&p), 300);
}

int main(void)
{
    test_even();
    test_no_burst_after_quiet();
    test_no_limit();
    test_override();
    test_too_fast();
    test_too_fast_without_rate();
    test_storm();
    test_storm_halves_down_to_a_tenth();
    test_recovers();
    test_recovers_without_rate();
    test_override_and_limit();
    test_configure();
    return 0;
}
