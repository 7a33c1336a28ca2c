/* What must be read, and when. Times are plain numbers. */
#include "templater/behind.h"
#include "tests/unit/test.h"

static void check_all(struct behind *b, int64_t now_ms, uint64_t number)
{
    struct behind_reading reading;
    CHECK_INT(behind_next(b, now_ms, &reading), 1);
    CHECK_U64(reading.number, number);
}

static void check_key(struct behind *b, int64_t now_ms, const char *key, uint64_t version)
{
    struct behind_reading reading;
    CHECK_INT(behind_next(b, now_ms, &reading), 1);
    CHECK_U64(reading.number, 0);
    CHECK_SPAN(reading.key, key);
    CHECK_U64(reading.version, version);
}

static void check_none(struct behind *b, int64_t now_ms, int64_t wait_ms)
{
    struct behind_reading reading;
    CHECK_INT(behind_next(b, now_ms, &reading), 0);
    CHECK_INT(behind_wait_ms(b, now_ms), wait_ms);
}

/* A start; `usable` tells whether a cache file gave templates. */
static void test_start(int usable)
{
    struct behind *b = behind_new(usable);
    CHECK_INT(behind_is(b), !usable);
    CHECK_INT(behind_wait_ms(b, 1000), 0);
    check_all(b, 1000, 1);
    check_none(b, 1000, INT64_MAX);
    behind_all_done(b, 1, 0, 1000);
    CHECK_INT(behind_is(b), !usable);
    check_none(b, 1000, 200);
    check_all(b, 1200, 2);
    behind_all_done(b, 2, 1, 1300);
    CHECK_INT(behind_is(b), 0);
    check_none(b, 99999, INT64_MAX);
    behind_destroy(&b);
    CHECK(b == NULL);
}

static void test_back_off(void)
{
    static const int64_t waits_ms[] = {200, 400, 800, 1600, 3200, 5000, 5000};
    struct behind *b = behind_new(0);
    int64_t now_ms = 0;
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        check_all(b, now_ms, i + 1);
        behind_all_done(b, i + 1, 0, now_ms);
        CHECK_INT(behind_wait_ms(b, now_ms), waits_ms[i]);
        check_none(b, now_ms + waits_ms[i] - 1, 1);
        now_ms += waits_ms[i];
    }
    check_all(b, now_ms, 8);
    behind_all_done(b, 8, 1, now_ms);
    behind_want_all(b, 0);
    check_all(b, now_ms, 9);
    behind_all_done(b, 9, 0, now_ms);
    check_none(b, now_ms, 200); /* a success resets it */
    behind_destroy(&b);
}

/* A reading that began before a welcome does not bring what the welcome named. */
static void test_reading_under_way(void)
{
    struct behind *b = behind_new(1);
    check_all(b, 0, 1);
    CHECK_U64(behind_want_all(b, 1), 2);
    CHECK_U64(behind_want_all(b, 1), 2);
    check_none(b, 0, INT64_MAX);
    behind_all_done(b, 1, 1, 10);
    CHECK_INT(behind_is(b), 1);
    check_all(b, 10, 2);
    behind_all_done(b, 2, 1, 20);
    CHECK_INT(behind_is(b), 0);
    behind_destroy(&b);
}

static struct behind *new_settled(void)
{
    struct behind *b = behind_new(1);
    check_all(b, 0, 1);
    behind_all_done(b, 1, 1, 0);
    return b;
}

static void test_key(void)
{
    struct behind *b = new_settled();
    behind_want_key(b, span_of("a"), 7, 1000);
    behind_want_key(b, span_of(""), 7, 1000);
    CHECK_INT(behind_is(b), 1);
    check_key(b, 1000, "a", 7);
    behind_want_key(b, span_of("a"), 6, 1000);
    check_none(b, 1000, INT64_MAX);
    CHECK_INT(behind_key_done(b, span_of("a"), 7, 0, 1000), 0);
    check_none(b, 1000, 200);
    behind_want_key(b, span_of("a"), 8, 1100); /* does not shorten the back-off */
    check_none(b, 1100, 100);
    check_key(b, 1200, "a", 8);
    behind_want_key(b, span_of("a"), 9, 1200);
    CHECK_INT(behind_key_done(b, span_of("a"), 8, 1, 1300), 0); /* a newer one is wanted by now */
    check_key(b, 1300, "a", 9);
    CHECK_INT(behind_key_done(b, span_of("a"), 9, 1, 1300), 1);
    CHECK_INT(behind_is(b), 0);
    behind_destroy(&b);
}

static void test_slow_down(void)
{
    struct behind *b = new_settled();
    static const int64_t waits_ms[] = {200, 400, 800, 1600, 3200, 5000, 5000};
    int64_t now_ms = 1000;
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        behind_slow_down(b, now_ms);
        behind_want_key(b, span_of("a"), 7, now_ms);
        CHECK_INT(behind_is(b), 1);
        check_none(b, now_ms, waits_ms[i]);
        now_ms += waits_ms[i];
        check_key(b, now_ms, "a", 7);
        CHECK_INT(behind_key_done(b, span_of("a"), 7, 1, now_ms), 1);
    }
    now_ms += 60000;
    behind_slow_down(b, now_ms);
    behind_want_key(b, span_of("a"), 7, now_ms);
    check_none(b, now_ms, 200);
    behind_destroy(&b);
}

int main(void)
{
    test_start(0);
    test_start(1);
    test_back_off();
    test_reading_under_way();
    test_key();
    test_slow_down();
    return 0;
}
