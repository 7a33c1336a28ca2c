/* Conformance of a store, third part: the two clocks by which a message is over, and what is due. Each clock
 * is tried for itself and both together. Written against broker/store.h alone. */
#include "tests/unit/store_fixture.h"

static int64_t *time_of(struct message *m, enum over clock)
{
    return clock == OVER_EXPIRED ? &m->expires_ms : &m->give_up_ms;
}

static uint64_t add_ending(struct store *s, const char *id, enum over clock, int64_t ends_ms)
{
    struct message m = fixture_message("a", id, "o");
    *time_of(&m, clock) = ends_ms;
    return fixture_append(s, m);
}

static uint64_t first_over(struct store *s, enum over clock, int64_t now_ms)
{
    uint64_t seq = 0;
    enum store_answer answer = store_first_over(s, clock, now_ms, &seq);
    CHECK_INT(answer, seq > 0 ? STORE_OK : STORE_NONE);
    return seq;
}

/* A store of its own for each clock. */
static struct store *open_for(const char *test, enum over clock)
{
    char name[64];
    snprintf(name, sizeof name, "%s-%d", test, (int)clock);
    return fixture_open(name);
}

/* --- one clock ----------------------------------------------------------------------------------------- */

static void test_order(enum over clock)
{
    struct store *s = open_for("order", clock);
    enum over other = clock == OVER_EXPIRED ? OVER_GIVEN_UP : OVER_EXPIRED;
    add_ending(s, "1", clock, 0); /* never */
    add_ending(s, "2", clock, 2000);
    add_ending(s, "3", clock, 1000);
    add_ending(s, "4", clock, 2000);
    add_ending(s, "5", other, 1);
    CHECK_U64(first_over(s, clock, 999), 0);
    CHECK_U64(first_over(s, clock, 1000), 3);
    CHECK_U64(first_over(s, clock, INT64_MAX), 3);
    fixture_settle(s, 3, STATE_EXPIRED);
    CHECK_U64(first_over(s, clock, 1999), 0);
    CHECK_U64(first_over(s, clock, 2000), 2);
    fixture_settle(s, 2, STATE_SENT);
    CHECK_U64(first_over(s, clock, 2000), 4);
    fixture_settle(s, 4, STATE_DEAD); /* it is kept, and is over no more */
    CHECK_U64(first_over(s, clock, INT64_MAX), 0);
    CHECK_U64(first_over(s, other, INT64_MAX), 5);
    store_close(&s);
}

/* Found wherever its message stands. */
static void test_from_everywhere(enum over clock)
{
    static const char *const ids[] = {"queued", "parked", "out", "held"};
    struct store *s = open_for("places", clock);
    for (int i = 0; i < 4; i++)
        add_ending(s, ids[i], clock, 1000 * (i + 1));
    fixture_park(s, 2);
    fixture_take(s, 3);
    struct message m = fixture_read(s, 4);
    uint64_t hold = store_hold_name(HOLD_TEMPLATE, span_of("a"), m.key);
    store_hold(s, &m, hold);
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
    s = open_for("places", clock);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        CHECK_U64(first_over(s, clock, 5000), seq);
        fixture_settle(s, seq, STATE_EXPIRED);
        CHECK_INT(fixture_state(s, "a", ids[seq - 1]), STATE_EXPIRED);
    }
    CHECK_U64(first_over(s, clock, INT64_MAX), 0);
    fixture_counts(s, 0, 0, 0, 4, 0);
    store_close(&s);
}

/* One that was out at its time is passed over, and found again when it has come back. */
static void test_forgotten(enum over clock)
{
    struct store *s = open_for("forgotten", clock);
    add_ending(s, "1", clock, 1000);
    add_ending(s, "2", clock, 1000);
    fixture_take(s, 1);
    CHECK_U64(first_over(s, clock, 1000), 1);
    store_forget_first_over(s, clock);
    CHECK_U64(first_over(s, clock, 1000), 2);
    fixture_settle(s, 2, STATE_EXPIRED);
    CHECK_U64(first_over(s, clock, INT64_MAX), 0);
    CHECK_INT(fixture_state(s, "a", "1"), STATE_OUT);
    struct message m = fixture_read(s, 1);
    store_put_back(s, &m);
    CHECK_U64(first_over(s, clock, 1000), 1);
    fixture_settle(s, 1, STATE_EXPIRED);
    store_forget_first_over(s, clock); /* there is none: nothing happens */
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
}

/* Put back with another time: the one before is gone, so that a message which was settled since is never
 * found by it. */
static void test_changed(enum over clock)
{
    static const int64_t changed_ms[] = {1000, 3000, 0, 2000};
    struct store *s = open_for("changed", clock);
    int64_t before_ms = 2000;
    add_ending(s, "1", clock, before_ms);
    for (size_t i = 0; i < 4; i++) {
        fixture_take(s, 1);
        struct message m = fixture_read(s, 1);
        CHECK_INT(*time_of(&m, clock), before_ms);
        before_ms = *time_of(&m, clock) = changed_ms[i];
        store_put_back(s, &m);
        CHECK_U64(first_over(s, clock, before_ms ? before_ms - 1 : INT64_MAX), 0);
        CHECK_U64(first_over(s, clock, before_ms ? before_ms : INT64_MAX), before_ms ? 1 : 0);
    }
    fixture_settle(s, 1, STATE_DEAD);
    CHECK_U64(first_over(s, clock, INT64_MAX), 0);
    store_close(&s);
}

/* --- both ---------------------------------------------------------------------------------------------- */

/* The time to give up is known only after the first call; the ttl was there from the beginning. */
static void test_both(void)
{
    struct store *s = fixture_open("both");
    add_ending(s, "1", OVER_EXPIRED, 5000);
    add_ending(s, "2", OVER_EXPIRED, 6000);
    for (uint64_t seq = 1; seq <= 2; seq++) {
        fixture_take(s, seq);
        struct message m = fixture_read(s, seq);
        m.give_up_ms = 4000 - (int64_t)seq;
        store_put_back(s, &m);
    }
    CHECK_U64(first_over(s, OVER_EXPIRED, INT64_MAX), 1);
    CHECK_U64(first_over(s, OVER_GIVEN_UP, INT64_MAX), 2);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "both");
    store_forget_first_over(s, OVER_GIVEN_UP); /* of 2; the other index keeps it */
    CHECK_U64(first_over(s, OVER_GIVEN_UP, INT64_MAX), 1);
    fixture_settle(s, 1, STATE_DEAD); /* leaves both */
    CHECK_U64(first_over(s, OVER_GIVEN_UP, INT64_MAX), 0);
    CHECK_U64(first_over(s, OVER_EXPIRED, INT64_MAX), 2);
    store_close(&s);
}

/* --- the three clocks of the queue --------------------------------------------------------------------- */

static uint64_t add_due(struct store *s, const char *account, int lane, int timed, int64_t due_ms)
{
    char id[16];
    snprintf(id, sizeof id, "%" PRIu64, store_next_seq(s));
    struct message m = fixture_message(account, id, "o");
    m.lane = lane;
    m.timed = timed;
    m.due_ms = due_ms;
    return fixture_append(s, m);
}

static void test_queues_are_apart(void)
{
    struct store *s = fixture_open("apart");
    for (int timed = TIMED_NOW; timed < TIMEDS; timed++)
        add_due(s, "a", LANE_BULK, timed, 1000 - timed);
    for (int timed = TIMED_NOW; timed < TIMEDS; timed++) {
        CHECK_U64(fixture_first(s, "a", LANE_BULK, timed), timed + 1);
        CHECK_U64(store_counts(s).queued[timed], 1);
        CHECK_U64(store_count_due(s, timed, 1000 - timed, 10), 1);
        CHECK_U64(store_count_due(s, timed, 999 - timed, 10), 0);
    }
    CHECK_INT(store_last_order_ms(s, span_of("a")), 1000);
    fixture_settle(s, 2, STATE_SENT);
    CHECK_U64(store_counts(s).queued[TIMED_NOW], 1);
    CHECK_U64(store_counts(s).queued[TIMED_WALL], 0);
    CHECK_U64(store_counts(s).queued[TIMED_ORDER], 1);
    struct message m = fixture_read(s, 3);
    fixture_take(s, 3);
    m = fixture_read(s, 3);
    m.timed = TIMED_NOW; /* it changes its queue */
    store_put_back(s, &m);
    CHECK_U64(store_counts(s).queued[TIMED_NOW], 2);
    CHECK_U64(store_counts(s).queued[TIMED_ORDER], 0);
    CHECK_U64(fixture_first(s, "a", LANE_BULK, TIMED_NOW), 3);
    store_close(&s);
}

/* Of all accounts and lanes, up to a limit. */
static void test_count_due(void)
{
    static const char *const accounts[] = {"", "a", "aa", "b"};
    struct store *s = fixture_open("due");
    CHECK_U64(store_count_due(s, TIMED_WALL, INT64_MAX, 100), 0);
    for (size_t account = 0; account < 4; account++)
        for (int lane = 0; lane < LANES; lane++)
            for (int i = 0; i < 5; i++)
                add_due(s, accounts[account], lane, TIMED_WALL, i * 1000);
    add_due(s, "a", LANE_BULK, TIMED_NOW, 0);
    CHECK_U64(store_count_due(s, TIMED_WALL, -1, 1000), 0);
    CHECK_U64(store_count_due(s, TIMED_WALL, 0, 1000), 8);
    CHECK_U64(store_count_due(s, TIMED_WALL, 999, 1000), 8);
    CHECK_U64(store_count_due(s, TIMED_WALL, 1000, 1000), 16);
    CHECK_U64(store_count_due(s, TIMED_WALL, INT64_MAX, 1000), 40);
    for (uint64_t limit = 0; limit <= 41; limit++)
        CHECK_U64(store_count_due(s, TIMED_WALL, INT64_MAX, limit), limit < 40 ? limit : 40);
    CHECK_U64(store_count_due(s, TIMED_ORDER, INT64_MAX, 1000), 0);
    fixture_park(s, 1); /* not in the queue any more */
    fixture_take(s, 2);
    CHECK_U64(store_count_due(s, TIMED_WALL, INT64_MAX, 1000), 38);
    store_close(&s);
}

int main(void)
{
    for (int clock = OVER_EXPIRED; clock <= OVER_GIVEN_UP; clock++) {
        test_order((enum over)clock);
        test_from_everywhere((enum over)clock);
        test_forgotten((enum over)clock);
        test_changed((enum over)clock);
    }
    test_both();
    test_queues_are_apart();
    test_count_due();
    return 0;
}
