/* Conformance of a store, second part: purge, commits and reopening, walks at the start, small
 * values, a full store and a second process. Written against broker/store.h alone. */
#include "tests/unit/store_fixture.h"

/* --- purge
 * -------------------------------------------------------------------------------------------------------- */

static void test_purge(void)
{
    struct store *s = fixture_open("purge");
    static const char *const ids[] = {"1", "2", "3", "4", "5"};
    for (size_t i = 0; i < 5; i++)
        fixture_add(s, "a", ids[i], "o");
    fixture_settle_at(s, 1, STATE_SENT, 1000);
    fixture_settle_at(s, 2, STATE_DEAD, 1000);
    fixture_settle_at(s, 3, STATE_REFUSED, 3000);
    fixture_settle_at(s, 4, STATE_SENT, 2999);
    CHECK_U64(store_purge(s, 1000, 100), 0);
    CHECK_U64(store_purge(s, 3000, 100), 2);
    CHECK_INT(fixture_state(s, "a", "1"), STATE_NONE);
    CHECK_INT(fixture_state(s, "a", "2"), STATE_DEAD);
    CHECK_INT(fixture_state(s, "a", "3"), STATE_REFUSED);
    CHECK_INT(fixture_state(s, "a", "4"), STATE_NONE);
    CHECK_INT(fixture_state(s, "a", "5"), STATE_WAITING);
    fixture_counts(s, 1, 0, 0, 2, 1);
    store_close(&s);
}

/* It removes no more than its budget, the oldest first, wherever they stand in the order of acceptance. */
static void test_purge_budget(void)
{
    struct store *s = fixture_open("purge-budget");
    char id[16];
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "%d", i);
        fixture_settle_at(s, fixture_add(s, "a", id, "o"), STATE_SENT, i < 50 ? 5000 - i : 1000 + i);
    }
    for (int i = 0; i < 5; i++)
        CHECK_U64(store_purge(s, 2000, 10), 10);
    CHECK_U64(store_purge(s, 2000, 10), 0); /* the first 50 entries stay */
    CHECK_U64(store_counts(s).settled, 50);
    CHECK_U64(store_purge(s, 6000, 1), 1);
    CHECK_INT(fixture_state(s, "a", "49"), STATE_NONE);
    CHECK_INT(fixture_state(s, "a", "48"), STATE_SENT);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "purge-budget");
    CHECK_U64(store_purge(s, 6000, 0), 0);
    CHECK_U64(store_purge(s, 6000, 100), 49);
    CHECK_U64(store_purge(s, 6000, 100), 0);
    CHECK_U64(store_counts(s).settled, 0);
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
}

/* A number that was given once is never given again, whatever is left of its message. */
static void test_seq_never_again(void)
{
    struct store *s = fixture_open("seq");
    fixture_add(s, "a", "1", "o");
    fixture_settle_at(s, fixture_add(s, "a", "2", "o"), STATE_SENT, 1000);
    CHECK_U64(store_purge(s, 2000, 10), 1);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "seq");
    CHECK_U64(fixture_add(s, "a", "3", "o"), 3);
    fixture_settle_at(s, 1, STATE_SENT, 1000);
    fixture_settle_at(s, 3, STATE_SENT, 1000);
    CHECK_U64(store_purge(s, 2000, 10), 2);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "seq");
    fixture_counts(s, 0, 0, 0, 0, 0);
    CHECK_U64(fixture_add(s, "a", "4", "o"), 4);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "seq");
    fixture_take(s, 4);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "seq");
    CHECK_U64(fixture_add(s, "a", "5", "o"), 5);
    store_close(&s);
}

/* --- commits
 * ------------------------------------------------------------------------------------------------------ */

static void test_reopen(void)
{
    struct store *s = fixture_open("reopen");
    fixture_add(s, "a", "waiting", "o");
    fixture_add(s, "a", "parked", "o");
    fixture_add(s, "a", "out", "o");
    fixture_add(s, "a", "settled", "o");
    fixture_park(s, 2);
    fixture_take(s, 3);
    fixture_settle(s, 4, STATE_SENT);
    store_meta_write(s, "name", span_of("value"));
    CHECK_INT(store_commit(s), 0);
    CHECK_INT(store_commit(s), 0); /* of nothing */
    fixture_add(s, "a", "lost", "o");
    fixture_settle(s, 1, STATE_SENT);
    fixture_take(s, 2);
    store_meta_write(s, "name", span_of("lost"));
    fixture_reopen(&s, "reopen");
    struct span value;
    fixture_counts(s, 1, 1, 1, 1, 0);
    CHECK_INT(fixture_state(s, "a", "lost"), STATE_NONE);
    CHECK_INT(fixture_state(s, "a", "waiting"), STATE_WAITING);
    CHECK_INT(fixture_state(s, "a", "settled"), STATE_SENT);
    CHECK_U64(fixture_first(s, "a", LANE_BULK, 0), 1);
    CHECK_U64(fixture_first_parked(s, "a", "o"), 2);
    CHECK_INT(store_meta_read(s, "name", &value), STORE_OK);
    CHECK_SPAN(value, "value");
    store_close(&s);
    store_close(&s); /* of none */
}

static void test_second_open(void)
{
    struct store *s = fixture_open("twice");
    struct buf error = {0};
    char *path = fixture_path("twice");
    CHECK(store_open(path, FIXTURE_BYTES_MAX, &error) == NULL);
    CHECK_HAS(buf_str(&error), "another process has this store open");
    fixture_add(s, "a", "x", "o"); /* the first one is none the worse */
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
    s = fixture_open("twice");
    CHECK_INT(fixture_state(s, "a", "x"), STATE_WAITING);
    store_close(&s);
    free(path);
    buf_free(&error);
}

static void test_folders(void)
{
    struct store *s = fixture_open("some/folders/that/are/new");
    struct buf error = {0};
    char *path = fixture_path("some/folders/that/are/new/store.lock/no/folder");
    CHECK(store_open(path, FIXTURE_BYTES_MAX, &error) == NULL);
    CHECK(error.bytes > 0);
    store_close(&s);
    free(path);
    buf_free(&error);
}

/* --- walks
 * -------------------------------------------------------------------------------------------------------- */

struct walked {
    uint64_t seqs[8];
    struct mark marks[8];
    char ids[8][8];
    size_t count;
};

static void note(struct walked *w, const struct message *m)
{
    CHECK(w->count < 8 && m->id.bytes < 8);
    memcpy(w->ids[w->count], m->id.data, m->id.bytes);
    w->seqs[w->count++] = m->seq;
}

static void note_mark(void *self, const struct mark *mark, const struct message *m)
{
    struct walked *w = self;
    w->marks[w->count] = *mark;
    note(w, m);
}

static void note_parked(void *self, const struct message *first)
{
    note(self, first);
}

static void test_each_mark(void)
{
    struct store *s = fixture_open("marks");
    struct walked w = {.count = 0};
    const struct mark full = {.seq = 2,
                              .generation = UINT64_MAX,
                              .sender = UINT64_MAX - 1,
                              .out_ms = INT64_MAX,
                              .turn = UINT32_MAX};
    CHECK_INT(store_each_mark(s, note_mark, &w), 0);
    CHECK_U64(w.count, 0);
    fixture_add(s, "a", "1", "o");
    fixture_add(s, "b", "2", "o");
    fixture_add(s, "a", "3", "o");
    struct message m = fixture_read(s, 2);
    store_take(s, &m, &full);
    fixture_take(s, 3);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "marks");
    CHECK_INT(store_each_mark(s, note_mark, &w), 0);
    CHECK_U64(w.count, 2);
    CHECK_U64(w.seqs[0], 2);
    CHECK_STR(w.ids[0], "2");
    CHECK_U64(w.marks[0].seq, 2);
    CHECK_U64(w.marks[0].generation, full.generation);
    CHECK_U64(w.marks[0].sender, full.sender);
    CHECK_INT(w.marks[0].out_ms, full.out_ms);
    CHECK_U64(w.marks[0].turn, full.turn);
    CHECK_U64(w.seqs[1], 3);
    CHECK_STR(w.ids[1], "3");
    CHECK_U64(w.marks[1].turn, 1);
    store_close(&s);
}

/* Each recipient once, with the message that goes first. */
static void test_each_parked(void)
{
    static const struct {
        const char *account, *id, *openid;
    } rows[] = {{"a", "1", "o"}, {"a", "2", "o"},  {"b", "3", "o"},
                {"a", "4", "p"}, {"a", "5", "op"}, {"ao", "6", ""}};
    struct store *s = fixture_open("each-parked");
    struct walked w = {.count = 0};
    CHECK_INT(store_each_parked(s, note_parked, &w), 0);
    CHECK_U64(w.count, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fixture_park(s, fixture_add(s, rows[i].account, rows[i].id, rows[i].openid));
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "each-parked");
    CHECK_INT(store_each_parked(s, note_parked, &w), 0);
    CHECK_U64(w.count, 5);
    unsigned seen = 0;
    for (size_t i = 0; i < w.count; i++)
        seen |= 1u << w.seqs[i];
    CHECK_INT(seen, 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6);
    store_close(&s);
}

/* Putting back what a walk shows does not upset the walk: that is what the broker does with accounts that are
 * gone. */
static void put_back(void *self, const struct mark *mark, const struct message *m)
{
    (void)mark;
    store_put_back(self, m);
}

static void test_walk_and_write(void)
{
    struct store *s = fixture_open("walk-write");
    char id[16];
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "%d", i);
        fixture_take(s, fixture_add(s, "gone", id, "o"));
    }
    CHECK_INT(store_each_mark(s, put_back, s), 0);
    fixture_counts(s, 50, 0, 0, 0, 0);
    store_close(&s);
}

/* --- the rest
 * ----------------------------------------------------------------------------------------------------- */

static void test_meta(void)
{
    struct store *s = fixture_open("meta");
    struct span value;
    char large[20000];
    memset(large, 'x', sizeof large);
    CHECK_INT(store_meta_read(s, "a", &value), STORE_NONE);
    store_meta_write(s, "a", span_of("one"));
    store_meta_write(s, "ab", (struct span){large, sizeof large});
    store_meta_write(s, "empty", span_of(""));
    CHECK_INT(store_meta_read(s, "a", &value), STORE_OK);
    CHECK_SPAN(value, "one");
    store_meta_write(s, "a", (struct span){"\0\xff", 2});
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "meta");
    CHECK_INT(store_meta_read(s, "a", &value), STORE_OK);
    CHECK_BYTES(value, ((struct span){"\0\xff", 2}));
    CHECK_INT(store_meta_read(s, "ab", &value), STORE_OK);
    CHECK_BYTES(value, ((struct span){large, sizeof large}));
    CHECK_INT(store_meta_read(s, "empty", &value), STORE_OK);
    CHECK_U64(value.bytes, 0);
    CHECK_INT(store_meta_read(s, "b", &value), STORE_NONE);
    store_close(&s);
}

/* Appends messages, 200 a commit, until `bytes` are in use or the store takes no more. Returns how many are
 * durable. */
static uint64_t fill(struct store *s, uint64_t bytes, size_t vars_bytes)
{
    static char vars[100000];
    uint64_t durable = 0;
    memset(vars, 'v', sizeof vars);
    while (store_bytes_used(s) < bytes) {
        for (uint64_t i = 1; i <= 200; i++) {
            char id[24];
            snprintf(id, sizeof id, "%" PRIu64, durable + i);
            struct message m = fixture_message("a", id, "o");
            m.vars = (struct span){vars, vars_bytes};
            store_append(s, &m);
        }
        if (store_commit(s) != 0)
            break;
        durable += 200;
    }
    return durable;
}

/* Room that was used once and is free again counts as free: the broker accepts again after a purge. */
static void test_bytes_used(void)
{
    const uint64_t bytes_max = 8 * 1024 * 1024, nearly_full = bytes_max / 10 * 9;
    struct store *s = fixture_open_sized("used", bytes_max);
    CHECK(store_bytes_used(s) < bytes_max / 10);
    CHECK(store_disk_free(s) > 0);
    for (int round = 0; round < 3; round++) {
        uint64_t durable = fill(s, nearly_full, 1000);
        CHECK(store_bytes_used(s) >= nearly_full);
        CHECK(durable > 1000);
        while (fixture_queued(s) > 0) {
            for (int i = 0; i < 200; i++)
                fixture_settle_at(s, fixture_first(s, "a", LANE_BULK, 0), STATE_SENT, 1000);
            CHECK_INT(store_commit(s), 0);
            store_purge(s, 2000, 200);
            CHECK_INT(store_commit(s), 0);
        }
        CHECK_U64(store_counts(s).settled, 0);
        CHECK(store_bytes_used(s) < bytes_max / 4);
    }
    store_close(&s);
}

/* Beyond its limit a commit fails, and says so again and again; what was durable before is there after
 * reopening. */
static void test_full(void)
{
    struct store *s = fixture_open_sized("full", 64 * 1024 * 1024);
    uint64_t durable = fill(s, UINT64_MAX, 100000);
    CHECK(durable > 10);
    struct message m = fixture_message("a", "small", "o");
    store_append(s, &m);
    CHECK_INT(store_commit(s), -1);
    CHECK_INT(store_commit(s), -1);
    store_close(&s);
    s = fixture_open("full"); /* with a larger limit */
    fixture_counts(s, durable, 0, 0, 0, 0);
    CHECK_INT(fixture_state(s, "a", "small"), STATE_NONE);
    for (uint64_t seq = 1; seq <= durable; seq++)
        CHECK_U64(fixture_read(s, seq).vars.bytes, 100000);
    CHECK_U64(fixture_add(s, "a", "small", "o"), durable + 1);
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
}

static void test_state_names(void)
{
    static const char *const names[] = {"unknown", "waiting", "out",       "sent", "pending",
                                        "refused", "expired", "cancelled", "dead"};
    for (int state = STATE_NONE; state <= STATE_DEAD; state++)
        CHECK_STR(store_state_name((enum store_state)state), names[state]);
}

int main(void)
{
    test_purge();
    test_purge_budget();
    test_seq_never_again();
    test_reopen();
    test_second_open();
    test_folders();
    test_each_mark();
    test_each_parked();
    test_walk_and_write();
    test_meta();
    test_bytes_used();
    test_full();
    test_state_names();
    return 0;
}
