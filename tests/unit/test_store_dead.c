/* Conformance of a store: dead messages. They are kept until a person requeues or discards them, and the
 * purge goes past them. Written against broker/store.h alone. */
#include "tests/unit/store_fixture.h"

static struct message expiring_message(const char *id)
{
    struct message m = fixture_full_message();
    m.id = span_of(id);
    m.expires_ms = 5000;
    m.give_up_ms = 6000;
    return m;
}

static uint64_t first_over(struct store *s, enum over clock)
{
    uint64_t seq = 0;
    store_first_over(s, clock, INT64_MAX, &seq);
    return seq;
}

/* The message is kept as it was at its end, not as it was accepted. */
static void test_kept_as_it_ended(void)
{
    struct store *s = fixture_open("ended");
    fixture_append(s, fixture_full_message());
    fixture_take(s, 1);
    struct message m = fixture_read(s, 1);
    struct final f = fixture_full_final();
    f.state = STATE_DEAD;
    m.turn++;
    m.calls = 9;
    m.failures = 4;
    m.note = span_of("the last failure");
    store_settle(s, &m, &f);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "ended");
    struct found found;
    CHECK_INT(store_look(s, 1, &found), STORE_OK);
    CHECK_INT(found.state, STATE_DEAD);
    CHECK_INT(found.standing, STANDS_NOWHERE);
    CHECK_INT(found.has_message, 1);
    struct message expected = fixture_full_message();
    expected.turn++;
    expected.calls = 9;
    expected.failures = 4;
    expected.note = span_of("the last failure");
    fixture_same_message(&found.m, &expected);
    fixture_same_final(&found.f, &f);
    CHECK_U64(found.f.seq, 1);
    store_close(&s);
}

static void test_requeue(void)
{
    struct store *s = fixture_open("requeue");
    struct message again;
    fixture_append(s, expiring_message("1"));
    fixture_take(s, 1);
    fixture_settle(s, 1, STATE_DEAD);
    CHECK_U64(first_over(s, OVER_EXPIRED), 0);
    CHECK_U64(first_over(s, OVER_GIVEN_UP), 0);
    struct message m = fixture_read(s, 1);
    m.due_ms = FIXTURE_NOW_MS + 9;
    m.timed = TIMED_NOW;
    m.lane = LANE_BULK;
    m.failures = 0;
    m.expires_ms = 7000;
    m.give_up_ms = 0;
    store_requeue(s, &m);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "requeue");
    fixture_counts(s, 1, 0, 0, 0, 0);
    CHECK_INT(fixture_state(s, "shop", "1"), STATE_WAITING);
    CHECK_U64(fixture_first(s, "shop", LANE_BULK, TIMED_NOW), 1);
    CHECK_U64(first_over(s, OVER_EXPIRED), 1);
    CHECK_U64(first_over(s, OVER_GIVEN_UP), 0);
    m = fixture_read(s, 1);
    CHECK_INT(m.expires_ms, 7000);
    CHECK_U64(m.failures, 0);
    CHECK_SPAN(m.task, "sale");
    again = expiring_message("1");
    CHECK_INT(store_append(s, &again), STORE_EXISTS); /* its id stayed taken all the time */
    CHECK_U64(store_purge(s, INT64_MAX, 10), 0);
    fixture_take(s, 1);
    fixture_settle(s, 1, STATE_SENT);
    fixture_counts(s, 0, 0, 0, 1, 0);
    CHECK_U64(first_over(s, OVER_EXPIRED), 0);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 1);
    CHECK_INT(fixture_state(s, "shop", "1"), STATE_NONE);
    store_close(&s);
}

/* Dead, requeued and dead again, at another time. */
static void test_dead_again(void)
{
    struct store *s = fixture_open("again");
    struct walk w = {.path = WALK_DEAD};
    uint64_t seq;
    fixture_append(s, expiring_message("1"));
    for (int64_t round = 1; round <= 3; round++) {
        fixture_settle_at(s, 1, STATE_DEAD, 1000 * round);
        fixture_counts(s, 0, 0, 0, 1, 1);
        struct message m = fixture_read(s, 1);
        if (round < 3)
            store_requeue(s, &m);
    }
    CHECK_INT(store_walk_next(s, &w, &seq), STORE_OK);
    CHECK_U64(seq, 1);
    CHECK_INT(w.from_ms, 3000);
    CHECK_INT(store_walk_next(s, &w, &seq), STORE_NONE);
    store_close(&s);
}

/* Only a dead one can be requeued or discarded. */
static void test_not_dead(void)
{
    struct store *s = fixture_open("not-dead");
    fixture_append(s, expiring_message("1"));
    fixture_append(s, expiring_message("2"));
    struct message m = fixture_read(s, 1);
    CHECK_INT(store_discard_dead(s, 1), -1);
    CHECK_INT(store_discard_dead(s, 99), -1);
    store_requeue(s, &m);
    fixture_counts(s, 2, 0, 0, 0, 0);
    fixture_settle(s, 2, STATE_SENT);
    CHECK_INT(store_discard_dead(s, 2), -1);
    m = expiring_message("2");
    m.seq = 2;
    store_requeue(s, &m);
    CHECK_INT(fixture_state(s, "shop", "2"), STATE_SENT);
    fixture_counts(s, 1, 0, 0, 1, 0);
    store_close(&s);
}

static void test_discard(void)
{
    struct store *s = fixture_open("discard");
    struct message m;
    struct found found;
    fixture_append(s, expiring_message("1"));
    fixture_append(s, expiring_message("2"));
    fixture_settle_at(s, 1, STATE_DEAD, 1000);
    fixture_settle_at(s, 2, STATE_DEAD, 1000);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 0);
    CHECK_INT(store_discard_dead(s, 1), 0);
    CHECK_INT(store_discard_dead(s, 1), -1);
    CHECK_INT(store_read(s, 1, &m), STORE_NONE);
    CHECK_INT(fixture_state(s, "shop", "1"), STATE_DEAD); /* its result is there as before */
    CHECK_INT(store_look(s, 1, &found), STORE_OK);
    CHECK_INT(found.state, STATE_DEAD);
    CHECK_INT(found.has_message, 0);
    fixture_counts(s, 0, 0, 0, 2, 1);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "discard");
    CHECK_U64(store_purge(s, 1000, 10), 0);
    CHECK_U64(store_purge(s, 1001, 10), 1);
    CHECK_INT(fixture_state(s, "shop", "1"), STATE_NONE);
    CHECK_INT(fixture_state(s, "shop", "2"), STATE_DEAD);
    fixture_counts(s, 0, 0, 0, 1, 1);
    store_close(&s);
}

/* However many dead ones are older than what is to be purged: they take none of its budget. */
static void test_purge_past_the_dead(void)
{
    enum { COUNT = 300 };
    struct store *s = fixture_open("past");
    char id[16];
    for (int i = 0; i < COUNT; i++) {
        snprintf(id, sizeof id, "%d", i);
        fixture_settle_at(s, fixture_add(s, "a", id, "o"), i % 3 ? STATE_DEAD : STATE_SENT, 1000 + i);
    }
    fixture_counts(s, 0, 0, 0, COUNT, COUNT / 3 * 2);
    for (int i = 0; i < 10; i++)
        CHECK_U64(store_purge(s, INT64_MAX, COUNT / 30), COUNT / 30);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 0);
    fixture_counts(s, 0, 0, 0, COUNT / 3 * 2, COUNT / 3 * 2);
    for (uint64_t seq = 1; seq <= COUNT; seq++)
        CHECK_INT(store_discard_dead(s, seq), seq % 3 == 1 ? -1 : 0);
    CHECK_U64(store_purge(s, INT64_MAX, COUNT), COUNT / 3 * 2);
    fixture_counts(s, 0, 0, 0, 0, 0);
    store_close(&s);
}

int main(void)
{
    test_kept_as_it_ended();
    test_requeue();
    test_dead_again();
    test_not_dead();
    test_discard();
    test_purge_past_the_dead();
    return 0;
}
