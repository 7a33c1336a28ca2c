/* Values of the store that are damaged on the disk: noticed, set aside, never used, and nothing else suffers.
 * This test knows the engine: it goes into its databases and flips a bit of one value. Keys are in
 * test_store_inside.c, pages in test_store_pages.c. */
#include "tests/unit/store_inside.h"

/* Flips a bit in the middle of a value while the store is closed. */
static void damage(struct store **s, const char *name, enum database db, struct key key)
{
    struct buf copy = {0};
    struct span value;
    struct engine *e = go_inside(s, name);
    CHECK_INT(engine_get(e, db, &key, &value), STORE_OK);
    buf_append(&copy, value.data, value.bytes);
    copy.data[copy.bytes / 2] ^= 0x10;
    engine_put(e, db, &key, buf_span(&copy));
    come_back(&e, s, name);
    buf_free(&copy);
}

static enum store_answer find(struct store *s, const char *id)
{
    enum store_state state;
    struct message m;
    struct final f;
    uint64_t content;
    return store_find(s, span_of("a"), span_of(id), &state, &m, &f, &content);
}

static void test_waiting(void)
{
    struct store *s = fixture_open("waiting");
    struct place place;
    struct message m, again = fixture_message("a", "1", "o");
    fixture_add(s, "a", "1", "o");
    damage(&s, "waiting", MESSAGES, key_seq(1));
    CHECK_INT(store_first(s, span_of("a"), LANE_BULK, 0, &place), STORE_OK);
    CHECK_INT(store_read(s, place.seq, &m), STORE_DAMAGED);
    store_set_aside(s, span_of("a"), (struct span){NULL, 0}, &place);
    CHECK_U64(fixture_first(s, "a", LANE_BULK, 0), 0);
    struct store_counts counts = store_counts(s);
    CHECK_U64(counts.damaged, 1);
    CHECK_U64(fixture_queued(s), 0);
    CHECK_INT(find(s, "1"), STORE_DAMAGED);
    CHECK_INT(store_append(s, &again),
              STORE_EXISTS); /* it may have been sent: the caller is told, not served again */
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "waiting");
    CHECK_U64(fixture_add(s, "a", "2", "o"), 2); /* the number of the damaged one stays its own */
    CHECK_INT(find(s, "1"), STORE_DAMAGED);
    store_close(&s);
}

static void test_parked(void)
{
    struct store *s = fixture_open("parked");
    struct place place;
    fixture_park(s, fixture_add(s, "a", "1", "o"));
    fixture_park(s, fixture_add(s, "a", "2", "o"));
    fixture_park(s, fixture_add(s, "a", "3", "p"));
    damage(&s, "parked", MESSAGES, key_seq(3));
    CHECK_INT(store_first_parked(s, span_of("a"), span_of("p"), &place), STORE_OK);
    store_set_aside(s, span_of("a"), span_of("p"), &place);
    CHECK_U64(fixture_first_parked(s, "a", "p"), 0);
    CHECK_U64(fixture_first_parked(s, "a", "o"), 1);
    CHECK_U64(store_counts(s).parked, 2);
    CHECK_U64(store_counts(s).damaged, 1);
    store_close(&s);
}

static void test_out(void)
{
    struct store *s = fixture_open("out");
    struct place place = {.seq = 1};
    fixture_take(s, fixture_add(s, "a", "1", "o"));
    damage(&s, "out", MESSAGES, key_seq(1));
    store_set_aside(s, span_of("a"), (struct span){NULL, 0}, &place);
    CHECK_U64(store_counts(s).out, 0);
    CHECK_U64(store_counts(s).damaged, 1);
    CHECK_INT(find(s, "1"), STORE_DAMAGED);
    store_close(&s);
}

static void count_one(void *self, const struct message *first)
{
    CHECK_U64(first->seq, 2);
    ++*(int *)self;
}

/* The first of a recipient's parked messages is damaged: those behind it are still found at the start. */
static void test_parked_walk(void)
{
    struct store *s = fixture_open("walk");
    int seen = 0;
    fixture_park(s, fixture_add(s, "a", "1", "o"));
    fixture_park(s, fixture_add(s, "a", "2", "o"));
    damage(&s, "walk", MESSAGES, key_seq(1));
    CHECK_INT(store_each_parked(s, count_one, &seen), 0);
    CHECK_INT(seen, 1);
    CHECK_U64(store_counts(s).parked, 1);
    CHECK_U64(store_counts(s).damaged, 1);
    store_close(&s);
}

static void count_mark(void *self, const struct mark *mark, const struct message *m)
{
    CHECK_U64(mark->seq, m->seq);
    if (m->seq == 1) { /* its mark is damaged: nobody is known to have it, since nobody knows when */
        CHECK_U64(mark->sender, 0);
        CHECK_U64(mark->generation, 0);
        CHECK_INT(mark->turn, m->turn + 1);
        CHECK_INT(mark->out_ms, m->accepted_ms);
        CHECK_INT(mark->begun, 1); /* it may be: nobody knows */
    }
    ++*(int *)self;
}

/* A mark that is damaged counts as one of a sender that is gone; one whose message is damaged is passed over
 * and logged. */
static void test_marks(void)
{
    struct store *s = fixture_open("marks");
    char id[16];
    int seen = 0;
    for (int i = 0; i < 4; i++) {
        snprintf(id, sizeof id, "%d", i);
        fixture_take(s, fixture_add(s, "a", id, "o"));
    }
    damage(&s, "marks", MARKS, key_seq(1));
    damage(&s, "marks", MESSAGES, key_seq(3));
    CHECK_INT(store_each_mark(s, count_mark, &seen), 0);
    CHECK_INT(seen, 3);
    CHECK_U64(store_counts(s).out, 4);
    store_close(&s);
}

static void test_ledger(void)
{
    struct store *s = fixture_open("ledger");
    fixture_settle(s, fixture_add(s, "a", "1", "o"), STATE_SENT);
    fixture_settle(s, fixture_add(s, "a", "2", "o"), STATE_SENT);
    damage(&s, "ledger", LEDGER, key_seq(1));
    CHECK_INT(find(s, "1"), STORE_DAMAGED);
    CHECK_INT(find(s, "2"), STORE_OK);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 2);
    CHECK_U64(store_counts(s).settled, 0);
    CHECK_U64(store_counts(s).damaged, 1); /* what cannot be read is kept for a person */
    CHECK_INT(find(s, "1"), STORE_DAMAGED);
    CHECK_INT(find(s, "2"), STORE_NONE);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 0);
    store_close(&s);
}

static void test_id(void)
{
    struct store *s = fixture_open("id");
    struct message again = fixture_message("a", "1", "o");
    fixture_add(s, "a", "1", "o");
    damage(&s, "id", IDS, key_id(span_of("a"), span_of("1")));
    CHECK_INT(find(s, "1"), STORE_DAMAGED);
    CHECK_INT(store_append(s, &again), STORE_EXISTS);
    CHECK_U64(fixture_first(s, "a", LANE_BULK, 0), 1); /* the message itself goes on */
    fixture_read(s, 1);
    store_close(&s);
}

static void test_meta(void)
{
    struct store *s = fixture_open("meta");
    struct key key = {.used = 0};
    struct span value;
    key_text(&key, span_of("ring"));
    store_meta_write(s, "ring", span_of("value"));
    damage(&s, "meta", META, key);
    CHECK_INT(store_meta_read(s, "ring", &value), STORE_DAMAGED);
    store_meta_write(s, "ring", span_of("anew"));
    CHECK_INT(store_meta_read(s, "ring", &value), STORE_OK);
    store_close(&s);
}

static void test_held(void)
{
    struct store *s = fixture_open("held");
    uint64_t hold = store_hold_name(HOLD_TEMPLATE, span_of("a"), span_of("paid"));
    char id[16];
    for (uint64_t seq = 1; seq <= 4; seq++) {
        snprintf(id, sizeof id, "%d", (int)seq);
        fixture_add(s, "a", id, "o");
        struct message m = fixture_read(s, seq);
        store_hold(s, &m, hold);
    }
    damage(&s, "held", MESSAGES, key_seq(1));
    damage(&s, "held", MESSAGES, key_seq(3));
    CHECK_U64(store_release(s, hold, 3), 3);
    CHECK_U64(store_release(s, hold, 3), 1);
    CHECK_U64(store_release(s, hold, 3), 0);
    CHECK_U64(store_counts(s).held, 0);
    CHECK_U64(store_counts(s).damaged, 2);
    CHECK_U64(fixture_queued(s), 2);
    CHECK_U64(fixture_first(s, "a", LANE_BULK, TIMED_NOW), 2);
    store_close(&s);
}

/* A dead message that cannot be read has its result still, and can be discarded. */
static void test_dead(void)
{
    struct store *s = fixture_open("dead");
    struct found found;
    fixture_settle(s, fixture_add(s, "a", "1", "o"), STATE_DEAD);
    fixture_settle(s, fixture_add(s, "a", "2", "o"), STATE_DEAD);
    damage(&s, "dead", MESSAGES, key_seq(1));
    damage(&s, "dead", LEDGER, key_seq(2));
    CHECK_INT(store_look(s, 1, &found), STORE_OK);
    CHECK_INT(found.state, STATE_DEAD);
    CHECK_INT(found.has_message, 0);
    CHECK_INT(store_look(s, 2, &found), STORE_DAMAGED);
    CHECK_INT(store_discard_dead(s, 1), 0);
    CHECK_INT(store_discard_dead(s, 2), -1);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 1);
    store_close(&s);
}

static void test_look(void)
{
    struct store *s = fixture_open("look");
    struct found found;
    fixture_add(s, "a", "1", "o");
    fixture_take(s, fixture_add(s, "a", "2", "o"));
    damage(&s, "look", MESSAGES, key_seq(1));
    damage(&s, "look", MARKS, key_seq(2));
    CHECK_INT(store_look(s, 1, &found), STORE_DAMAGED);
    CHECK_INT(found.has_message, 0);
    CHECK_INT(store_look(s, 2, &found), STORE_OK);
    CHECK_INT(found.state, STATE_OUT);
    CHECK_U64(found.mark.seq, 2);
    CHECK_U64(found.mark.sender, 0);
    CHECK_INT(found.mark.begun, 1);
    store_close(&s);
}

/* The index passes over what cannot be read; a walk shows what can be. */
static void test_index(void)
{
    struct store *s = fixture_open("index");
    struct walk w = {.path = WALK_RECIPIENT, .account = span_of("a"), .openid = span_of("o")};
    uint64_t seq;
    for (int i = 0; i < 4; i++)
        fixture_add(s, "a", (const char *[]){"1", "2", "3", "4"}[i], "o");
    fixture_settle(s, 4, STATE_SENT);
    damage(&s, "index", MESSAGES, key_seq(1));
    CHECK_U64(store_index_step(s, 10), 4);
    damage(&s, "index", MESSAGES, key_seq(2));
    damage(&s, "index", LEDGER, key_seq(4));
    CHECK_INT(store_walk_next(s, &w, &seq), STORE_OK);
    CHECK_U64(seq, 3);
    CHECK_INT(store_walk_next(s, &w, &seq), STORE_NONE);
    struct key indexed = {.used = 0};
    key_text(&indexed, span_of("indexed"));
    damage(&s, "index", META, indexed); /* it begins again */
    CHECK_U64(store_index_left(s), 4);
    CHECK_U64(store_index_step(s, 10), 4);
    w.from_seq = 0;
    CHECK_INT(store_walk_next(s, &w, &seq), STORE_OK);
    CHECK_U64(seq, 3);
    store_close(&s);
}

int main(void)
{
    test_waiting();
    test_parked();
    test_out();
    test_parked_walk();
    test_marks();
    test_ledger();
    test_id();
    test_meta();
    test_held();
    test_dead();
    test_look();
    test_index();
    return 0;
}
