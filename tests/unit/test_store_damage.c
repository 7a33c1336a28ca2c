/* Values of the store that are damaged on the disk: noticed, set aside, never used, and nothing else suffers.
 * This test knows the engine: it goes into its databases and flips a byte of one value. */
#include "broker/store_engine.h"
#include "tests/unit/store_fixture.h"

/* Flips a bit in the middle of a value while the store is closed. */
static void damage(struct store **s, const char *name, enum database db, struct key key)
{
    struct buf error = {0}, copy = {0};
    struct span value;
    char *path = fixture_path(name);
    CHECK_INT(store_commit(*s), 0);
    store_close(s);
    struct engine *e = engine_open(path, FIXTURE_BYTES_MAX, &error);
    CHECK(e != NULL);
    CHECK_INT(engine_get(e, db, &key, &value), STORE_OK);
    buf_append(&copy, value.data, value.bytes);
    copy.data[copy.bytes / 2] ^= 0x10;
    engine_put(e, db, &key, buf_span(&copy));
    CHECK_INT(engine_commit(e), 0);
    engine_close(&e);
    free(path);
    buf_free(&copy);
    buf_free(&error);
    *s = fixture_open(name);
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
    CHECK_U64(counts.waiting, 0);
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
    }
    ++*(int *)self;
}

/* A mark that is damaged counts as one of a sender that is gone; one whose message is damaged is passed over and logged. */
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
    CHECK_U64(store_purge(s, INT64_MAX, 10), 1); /* what cannot be read is kept */
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
    return 0;
}
