/* Customer-service windows of one recipient, as rules: what opens and closes them, what is older, what a message counts for, what WeChat's
 * refusals tell, and how long it is remembered. */
#include "broker/windows.h"

#include "tests/unit/test.h"

#define S     1000LL
#define MIN   (60 * S)
#define HOUR  (60 * MIN)
#define DAY   (24 * HOUR)
#define NOW   1700000000000LL

/* WeChat's present table. */
static const struct conf_window rules[WINDOW_ACTIONS] = {
    [WINDOW_MESSAGE] = {.count = 5, .ms = 48 * HOUR}, [WINDOW_MENU] = {.count = 3, .ms = MIN},
    [WINDOW_FOLLOW] = {.count = 3, .ms = MIN},        [WINDOW_SCAN] = {.count = 3, .ms = MIN},
    [WINDOW_PAY] = {.count = 0, .ms = 48 * HOUR}};

static const struct conf_window off[WINDOW_ACTIONS];

static int take_all(struct windows *w, int64_t at_ms)
{
    int taken = 0;
    while (taken < 100 && windows_state(w, at_ms) == WINDOWS_OPEN && windows_take(w, at_ms))
        taken++;
    return taken;
}

static void test_open_and_over(void)
{
    struct windows w = {.unfollowed_ms = 0};
    CHECK_INT(windows_state(&w, NOW), WINDOWS_NONE);
    CHECK_INT(windows_act(&w, WINDOW_MENU, NOW, rules), 1);
    CHECK_INT(windows_state(&w, NOW), WINDOWS_OPEN);
    CHECK_INT(windows_state(&w, NOW + MIN - 1), WINDOWS_OPEN);
    CHECK_INT(windows_state(&w, NOW + MIN), WINDOWS_NONE);
    CHECK_INT(windows_take(&w, NOW + MIN), 0);
    CHECK_INT(windows_take(&w, NOW - 1), 0); /* given out before it was opened */
    CHECK_INT(take_all(&w, NOW + 1), 3);
    CHECK_INT(windows_state(&w, NOW + 1), WINDOWS_USED);
    CHECK_INT(windows_state(&w, NOW + MIN), WINDOWS_NONE);
}

static void test_told_again_and_late(void)
{
    struct windows w = {.unfollowed_ms = 0};
    windows_act(&w, WINDOW_MESSAGE, NOW, rules);
    CHECK_INT(windows_take(&w, NOW), 1);
    const struct windows before = w;
    CHECK_INT(windows_act(&w, WINDOW_MESSAGE, NOW, rules), 0);
    CHECK_INT(windows_act(&w, WINDOW_MESSAGE, NOW - S, rules), 0);
    CHECK(memcmp(&w, &before, sizeof w) == 0);
    CHECK_INT(windows_act(&w, WINDOW_MESSAGE, NOW + S, rules), 1); /* anew: with the full number, and for as long */
    CHECK_INT(take_all(&w, NOW + S), 5);
    CHECK_INT(w.of[WINDOW_MESSAGE].until_ms, NOW + S + 48 * HOUR);
}

static void test_soonest_first(void)
{
    struct windows w = {.unfollowed_ms = 0};
    windows_act(&w, WINDOW_MESSAGE, NOW, rules);
    windows_act(&w, WINDOW_SCAN, NOW + S, rules);
    windows_act(&w, WINDOW_MENU, NOW, rules);
    for (int i = 0; i < 7; i++)
        CHECK_INT(windows_take(&w, NOW + 2 * S), 1);
    CHECK_INT(w.of[WINDOW_MENU].left, 0);
    CHECK_INT(w.of[WINDOW_SCAN].left, 0);
    CHECK_INT(w.of[WINDOW_MESSAGE].left, 4);
    CHECK_INT(take_all(&w, NOW + 2 * S), 4);
    CHECK_INT(windows_state(&w, NOW + 2 * S), WINDOWS_USED);
}

static void test_any_number(void)
{
    struct windows w = {.unfollowed_ms = 0};
    windows_act(&w, WINDOW_PAY, NOW, rules);
    CHECK_INT(windows_take(&w, NOW), 0);
    windows_act(&w, WINDOW_MENU, NOW, rules);
    CHECK_INT(take_all(&w, NOW), 3);
    CHECK_INT(windows_state(&w, NOW), WINDOWS_OPEN);
    CHECK_INT(windows_state(&w, NOW + 48 * HOUR), WINDOWS_NONE);
    windows_act(&w, WINDOW_MESSAGE, NOW + S, rules);
    CHECK_INT(windows_take(&w, NOW + 2 * S), 0); /* the one that was paid for ends first */
    CHECK_INT(w.of[WINDOW_MESSAGE].left, 5);
    CHECK_INT(windows_take(&w, NOW + 48 * HOUR), 1);
    CHECK_INT(w.of[WINDOW_MESSAGE].left, 4);
}

static void test_unfollow(void)
{
    struct windows w = {.unfollowed_ms = 0};
    windows_act(&w, WINDOW_MESSAGE, NOW, rules);
    windows_act(&w, WINDOW_SCAN, NOW + 20 * S, rules);
    CHECK_INT(windows_act(&w, WINDOW_UNFOLLOW, NOW + 10 * S, rules), 1);
    CHECK_INT(windows_act(&w, WINDOW_UNFOLLOW, NOW + 10 * S, rules), 0);
    CHECK_INT(windows_act(&w, WINDOW_UNFOLLOW, NOW + 9 * S, rules), 0);
    CHECK_INT(w.of[WINDOW_MESSAGE].until_ms, 0);
    CHECK_INT(windows_state(&w, NOW + 21 * S), WINDOWS_OPEN); /* the scan came after it */
    CHECK_INT(windows_act(&w, WINDOW_MENU, NOW + 9 * S, rules), 0);
    CHECK_INT(windows_act(&w, WINDOW_MESSAGE, NOW, rules), 0); /* told again, it opens nothing */
    CHECK_INT(windows_act(&w, WINDOW_FOLLOW, NOW + 10 * S, rules), 1);
    struct windows stranger = {.unfollowed_ms = 0};
    CHECK_INT(windows_act(&stranger, WINDOW_UNFOLLOW, NOW, rules), 1);
    CHECK_INT(windows_state(&stranger, NOW), WINDOWS_NONE);
}

/* In any order of arrival the same is open. */
static void test_order_of_arrival(void)
{
    static const struct {
        enum window_action action;
        int64_t at_ms;
    } events[] = {{WINDOW_FOLLOW, NOW}, {WINDOW_MESSAGE, NOW + S}, {WINDOW_UNFOLLOW, NOW + 2 * S}, {WINDOW_MENU, NOW + 3 * S},
                  {WINDOW_FOLLOW, NOW + 4 * S}};
    enum { COUNT = sizeof events / sizeof *events };
    for (int permutation = 0; permutation < 3125; permutation++) { /* 5^5: every order, with repeats */
        struct windows w = {.unfollowed_ms = 0};
        unsigned seen = 0;
        for (int i = 0, rest = permutation; i < COUNT; i++, rest /= COUNT) {
            windows_act(&w, events[rest % COUNT].action, events[rest % COUNT].at_ms, rules);
            seen |= 1u << rest % COUNT;
        }
        if (seen != (1u << COUNT) - 1)
            continue;
        CHECK(w.of[WINDOW_MESSAGE].until_ms == 0);
        CHECK_INT(w.of[WINDOW_MENU].until_ms, NOW + 3 * S + MIN);
        CHECK_INT(w.of[WINDOW_FOLLOW].until_ms, NOW + 4 * S + MIN);
        CHECK_INT(take_all(&w, NOW + 5 * S), 6);
    }
}

static void test_not_counted(void)
{
    struct windows w = {.unfollowed_ms = 0};
    struct conf_window some[WINDOW_ACTIONS];
    CHECK(!windows_are_counted(off) && windows_are_counted(rules));
    for (int i = 0; i < WINDOW_NAMES; i++)
        CHECK_INT(windows_act(&w, (enum window_action)i, NOW, off), 0);
    memcpy(some, rules, sizeof some);
    some[WINDOW_SCAN].ms = 0;
    CHECK_INT(windows_act(&w, WINDOW_SCAN, NOW, some), 0);
    CHECK_INT(windows_act(&w, WINDOW_MENU, NOW, some), 1);
}

static void test_refused_by_wechat(void)
{
    struct windows w = {.unfollowed_ms = 0};
    windows_act(&w, WINDOW_MESSAGE, NOW, rules);
    windows_act(&w, WINDOW_PAY, NOW, rules);
    windows_act(&w, WINDOW_MENU, NOW + 10 * S, rules);
    struct windows closed = w, used = w;
    CHECK_INT(windows_close(&closed, NOW + 10 * S + 500), 1); /* the menu may have been used after the call */
    CHECK_INT(windows_state(&closed, NOW + 11 * S), WINDOWS_OPEN);
    CHECK_INT(closed.of[WINDOW_MESSAGE].until_ms, 0);
    CHECK_INT(closed.of[WINDOW_PAY].until_ms, 0);
    CHECK_INT(windows_close(&closed, NOW + 11 * S), 1);
    CHECK_INT(windows_close(&closed, NOW + 11 * S), 0);
    CHECK_INT(windows_state(&closed, NOW + 11 * S), WINDOWS_NONE);
    CHECK_INT(windows_use_up(&used, NOW + 11 * S), 1);
    CHECK_INT(windows_use_up(&used, NOW + 11 * S), 0);
    CHECK_INT(windows_state(&used, NOW + 11 * S), WINDOWS_USED);
    CHECK_INT(windows_act(&used, WINDOW_MESSAGE, NOW + 12 * S, rules), 1);
    CHECK_INT(windows_state(&used, NOW + 12 * S), WINDOWS_OPEN);
}

static void test_remembered(void)
{
    struct windows w = {.unfollowed_ms = 0};
    windows_act(&w, WINDOW_MESSAGE, NOW, rules);
    CHECK(!windows_are_old(&w, NOW + 32 * DAY));
    CHECK(windows_are_old(&w, NOW + 32 * DAY + 1));
    windows_act(&w, WINDOW_UNFOLLOW, NOW + 10 * DAY, rules);
    CHECK(!windows_are_old(&w, NOW + 40 * DAY));
    CHECK(windows_are_old(&w, NOW + 40 * DAY + 1));
}

static void test_names(void)
{
    for (int i = 0; i < WINDOW_NAMES; i++)
        CHECK_INT(window_action_find(span_of(window_action_name((enum window_action)i))), i);
    CHECK_INT(window_action_find(span_of("")), -1);
    CHECK_INT(window_action_find(span_of("Pay")), -1);
}

int main(void)
{
    test_open_and_over();
    test_told_again_and_late();
    test_soonest_first();
    test_any_number();
    test_unfollow();
    test_order_of_arrival();
    test_not_counted();
    test_refused_by_wechat();
    test_remembered();
    test_names();
    return 0;
}
