/* Conformance of a store: messages set aside because their template or task is paused. Written against
 * broker/store.h alone. */
#include "tests/unit/store_fixture.h"

static uint64_t hold_of(enum hold_kind kind, const char *account, const char *name)
{
    return store_hold_name(kind, span_of(account), span_of(name));
}

static uint64_t add(struct store *s, const char *id, int lane, int timed, int64_t due_ms)
{
    struct message m = fixture_message("a", id, "o");
    m.task = span_of("sale");
    m.lane = lane;
    m.timed = timed;
    m.due_ms = due_ms;
    return fixture_append(s, m);
}

static void hold(struct store *s, uint64_t seq, uint64_t name)
{
    struct message m = fixture_read(s, seq);
    store_hold(s, &m, name);
}

/* The seq of the first one of a hold, 0 when there is none. */
static uint64_t first_held(struct store *s, uint64_t name)
{
    struct place place = {.seq = 77};
    enum store_answer answer = store_first_held(s, name, &place);
    CHECK(answer == STORE_OK || answer == STORE_NONE);
    return answer == STORE_OK ? place.seq : 0;
}

static enum standing standing_of(struct store *s, uint64_t seq)
{
    struct found found;
    CHECK_INT(store_look(s, seq, &found), STORE_OK);
    return found.standing;
}

/* A name is made of everything that it stands for, and of nothing else. */
static void test_names(void)
{
    static const struct {
        enum hold_kind kind;
        const char *account, *name;
    } rows[] = {{HOLD_TEMPLATE, "", "paid"}, {HOLD_TEMPLATE, "a", "paid"}, {HOLD_TEMPLATE, "ap", "aid"},
                {HOLD_TASK, "a", "paid"},    {HOLD_TEMPLATE, "b", "paid"}, {HOLD_TEMPLATE, "a", "pai"},
                {HOLD_TASK, "", "paid"},     {HOLD_TEMPLATE, "a", ""},     {HOLD_TEMPLATE, "", "a"},
                {HOLD_RATE, "a", "paid"},    {HOLD_RATE_EXPRESS, "a", "paid"}};
    enum { ROWS = sizeof rows / sizeof *rows };
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t name = hold_of(rows[i].kind, rows[i].account, rows[i].name);
        CHECK_U64(hold_of(rows[i].kind, rows[i].account, rows[i].name), name);
        for (size_t other = 0; other < i; other++)
            CHECK(hold_of(rows[other].kind, rows[other].account, rows[other].name) != name);
    }
    CHECK_U64(store_hold_name(HOLD_TEMPLATE, (struct span){NULL, 0}, span_of("paid")),
              hold_of(HOLD_TEMPLATE, "", "paid"));
}

/* By due time, then by acceptance, whatever their lane and clock, in the order that a release keeps. */
static void test_order(void)
{
    struct store *s = fixture_open("order");
    uint64_t name = hold_of(HOLD_TEMPLATE, "a", "paid"), other = hold_of(HOLD_TASK, "a", "sale");
    static const uint64_t order[] = {4, 2, 3, 1};
    add(s, "1", LANE_BULK, TIMED_WALL, 900);
    add(s, "2", LANE_EXPRESS, TIMED_NOW, 500);
    add(s, "3", LANE_BULK, TIMED_NOW, 500);
    add(s, "4", LANE_BULK, TIMED_ORDER, 100);
    add(s, "5", LANE_BULK, TIMED_NOW, 50);
    CHECK_U64(first_held(s, name), 0);
    for (uint64_t seq = 1; seq <= 4; seq++)
        hold(s, seq, name);
    hold(s, 5, other);
    CHECK_U64(store_counts(s).held, 5);
    CHECK_U64(fixture_queued(s), 0);
    CHECK_U64(store_count_held(s, name, 100), 4);
    CHECK_U64(store_count_held(s, name, 3), 3);
    CHECK_U64(store_count_held(s, other, 100), 1);
    CHECK_U64(store_count_held(s, 12345, 100), 0);
    for (size_t i = 0; i < 4; i++) {
        CHECK_U64(first_held(s, name), order[i]);
        CHECK_U64(store_release(s, name, 1), 1);
        CHECK_INT(standing_of(s, order[i]), STANDS_QUEUED);
        CHECK_U64(store_count_held(s, name, 100), 3 - i);
    }
    CHECK_U64(store_release(s, name, 10), 0);
    CHECK_U64(first_held(s, other), 5);
    CHECK_U64(store_counts(s).held, 1);
    store_close(&s);
}

/* Parked ones go before the queue: what stands before one of them must not be overtaken by it. */
static void test_release_before_parked(void)
{
    struct store *s = fixture_open("before");
    uint64_t name = hold_of(HOLD_TEMPLATE, "a", "paid");
    static const struct {
        const char *openid;
        int lane;
        int64_t due_ms;
        enum standing after;
    } rows[] = {{"o", LANE_BULK, 100, STANDS_PARKED},   {"o", LANE_BULK, 199, STANDS_PARKED}, {"o", LANE_BULK, 201, STANDS_QUEUED},
                {"o", LANE_EXPRESS, 100, STANDS_QUEUED}, {"o2", LANE_BULK, 100, STANDS_QUEUED}, {"n", LANE_BULK, 100, STANDS_QUEUED}};
    enum { ROWS = sizeof rows / sizeof *rows };
    uint64_t seqs[ROWS], parked = add(s, "p", LANE_BULK, TIMED_NOW, 200);
    struct message m = fixture_read(s, parked);
    struct place first;
    char id[16];
    store_park(s, &m);
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(id, sizeof id, "%zu", i);
        m = fixture_message("a", id, rows[i].openid);
        m.lane = rows[i].lane;
        m.due_ms = rows[i].due_ms;
        seqs[i] = fixture_append(s, m);
        hold(s, seqs[i], name);
    }
    CHECK_U64(store_release(s, name, 100), ROWS);
    for (size_t i = 0; i < ROWS; i++)
        CHECK_INT(standing_of(s, seqs[i]), rows[i].after);
    CHECK_INT(store_first_parked(s, span_of("a"), span_of("o"), &first), STORE_OK);
    CHECK_U64(first.seq, seqs[0]);
    CHECK_U64(store_counts(s).parked, 3);
    CHECK_U64(store_counts(s).held, 0);
    store_close(&s);
}

/* Each goes back to where it was: its lane, its clock, its due time. */
static void test_release_keeps_places(void)
{
    struct store *s = fixture_open("places");
    uint64_t name = hold_of(HOLD_TASK, "a", "sale"), seq = 0;
    char id[16];
    for (int lane = 0; lane < LANES; lane++)
        for (int timed = 0; timed < TIMEDS; timed++)
            for (int i = 0; i < 2; i++) {
                snprintf(id, sizeof id, "%d", (int)seq);
                seq = add(s, id, lane, timed,
                          FIXTURE_NOW_MS - i); /* the later one is due before the earlier one */
            }
    for (uint64_t i = 1; i <= seq; i++)
        hold(s, i, name);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "places");
    CHECK_U64(store_counts(s).held, seq);
    CHECK_U64(store_release(s, name, 5), 5);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "places");
    CHECK_U64(store_release(s, name, 100), seq - 5);
    CHECK_U64(store_counts(s).held, 0);
    uint64_t expected = 1;
    for (int lane = 0; lane < LANES; lane++)
        for (int timed = 0; timed < TIMEDS; timed++) {
            CHECK_U64(fixture_first(s, "a", lane, timed), expected + 1);
            fixture_settle(s, expected + 1, STATE_SENT);
            CHECK_U64(fixture_first(s, "a", lane, timed), expected);
            expected += 2;
        }
    store_close(&s);
}

/* Held from the queue and from behind a call of its recipient. */
static void test_from_parked(void)
{
    struct store *s = fixture_open("parked");
    uint64_t name = hold_of(HOLD_TEMPLATE, "", "paid");
    add(s, "1", LANE_BULK, TIMED_NOW, 500);
    fixture_park(s, 1);
    CHECK_INT(standing_of(s, 1), STANDS_PARKED);
    hold(s, 1, name);
    CHECK_INT(standing_of(s, 1), STANDS_HELD);
    CHECK_U64(store_counts(s).parked, 0);
    CHECK_U64(fixture_first_parked(s, "a", "o"), 0);
    CHECK_INT(fixture_state(s, "a", "1"), STATE_WAITING);
    CHECK_U64(store_release(s, name, 1), 1);
    CHECK_INT(standing_of(s, 1), STANDS_QUEUED);
    fixture_counts(s, 1, 0, 0, 0, 0);
    store_close(&s);
}

/* Settled, taken or killed while it is held: it leaves its hold, whichever of its three holds that is. */
static void test_leaves_every_hold(void)
{
    struct store *s = fixture_open("leave");
    const uint64_t names[] = {hold_of(HOLD_TEMPLATE, "", "paid"), hold_of(HOLD_TEMPLATE, "a", "paid"),
                              hold_of(HOLD_TASK, "a", "sale")};
    char id[16];
    for (int i = 0; i < 9; i++) {
        snprintf(id, sizeof id, "%d", i);
        hold(s, add(s, id, LANE_BULK, i % TIMEDS, 500 + i), names[i / 3]);
    }
    for (uint64_t seq = 1; seq <= 9; seq++) {
        uint64_t name = names[(seq - 1) / 3];
        CHECK_INT(standing_of(s, seq), STANDS_HELD);
        CHECK_U64(first_held(s, name), seq);
        if (seq % 3 == 0)
            fixture_take(s, seq);
        else
            fixture_settle(s, seq, seq % 3 == 1 ? STATE_CANCELLED : STATE_DEAD);
        CHECK_U64(store_counts(s).held, 9 - seq);
    }
    fixture_counts(s, 0, 0, 3, 6, 3);
    for (size_t i = 0; i < 3; i++)
        CHECK_U64(store_release(s, names[i], 10), 0);
    store_close(&s);
}

/* A message without a task is under no task's hold; one that was changed while it is held goes back changed.
 */
static void test_changed_while_held(void)
{
    struct store *s = fixture_open("changed");
    uint64_t name = hold_of(HOLD_TEMPLATE, "a", "paid");
    fixture_add(s, "a", "1", "o");
    hold(s, 1, name);
    struct message m = fixture_read(s, 1);
    m.failures = 3;
    m.note = span_of("busy");
    store_update(s, &m);
    CHECK_INT(standing_of(s, 1), STANDS_HELD);
    CHECK_U64(store_release(s, name, 1), 1);
    m = fixture_read(s, 1);
    CHECK_U64(m.failures, 3);
    CHECK_SPAN(m.note, "busy");
    CHECK_U64(fixture_first(s, "a", LANE_BULK, TIMED_NOW), 1);
    store_close(&s);
}

/* Many in one hold, given back in portions with others coming in meanwhile: each comes out once, in its
 * order. */
static void test_release_in_portions(void)
{
    enum { COUNT = 3000, PORTION = 70 };
    struct store *s = fixture_open("portions");
    uint64_t name = hold_of(HOLD_TEMPLATE, "a", "paid"), released = 0, last_due = 0;
    char id[16];
    for (int i = 0; i < COUNT; i++) {
        snprintf(id, sizeof id, "%d", i);
        hold(s, add(s, id, LANE_BULK, TIMED_WALL, 1000 + i * 7919 % COUNT), name);
    }
    while (released < COUNT) {
        struct place place;
        CHECK_INT(store_first_held(s, name, &place), STORE_OK);
        CHECK((uint64_t)place.due_ms > last_due);
        last_due = (uint64_t)place.due_ms;
        size_t now = store_release(s, name, PORTION);
        CHECK(now == PORTION || released + now == COUNT);
        released += now;
        CHECK_U64(store_counts(s).queued[TIMED_WALL], released);
        CHECK_INT(store_commit(s), 0);
    }
    CHECK_U64(store_release(s, name, PORTION), 0);
    store_close(&s);
}

int main(void)
{
    test_names();
    test_order();
    test_release_before_parked();
    test_release_keeps_places();
    test_from_parked();
    test_leaves_every_hold();
    test_changed_while_held();
    test_release_in_portions();
    return 0;
}
