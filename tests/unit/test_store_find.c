/* Conformance of a store: finding by recipient, by task, by state and by time; all about one message; the
 * index that follows behind. Written against broker/store.h alone. */
#include "tests/unit/store_fixture.h"

#define SEQS_MAX 64

struct seqs {
    uint64_t list[SEQS_MAX];
    size_t count;
};

/* The rest of a walk. */
static struct seqs walk_on(struct store *s, struct walk *w)
{
    struct seqs seqs = {.count = 0};
    uint64_t seq;
    while (store_walk_next(s, w, &seq) == STORE_OK) {
        CHECK(seqs.count < SEQS_MAX);
        seqs.list[seqs.count++] = seq;
    }
    return seqs;
}

static void check_seqs(struct seqs got, const uint64_t *expected, size_t count)
{
    for (size_t i = 0; i < got.count && i < count; i++)
        CHECK_U64(got.list[i], expected[i]);
    CHECK_U64(got.count, count);
}

#define CHECK_SEQS(got, ...)                                                                                 \
    check_seqs((got), (const uint64_t[]){__VA_ARGS__},                                                       \
               sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static struct seqs of_recipient(struct store *s, const char *account, const char *openid)
{
    struct walk w = {.path = WALK_RECIPIENT, .account = span_of(account), .openid = span_of(openid)};
    return walk_on(s, &w);
}

static struct seqs of_task(struct store *s, const char *account, const char *task)
{
    struct walk w = {.path = WALK_TASK, .account = span_of(account), .task = span_of(task)};
    return walk_on(s, &w);
}

static struct seqs of_path(struct store *s, enum walk_path path, int64_t from_ms)
{
    struct walk w = {.path = path, .from_ms = from_ms};
    return walk_on(s, &w);
}

static uint64_t add(struct store *s, const char *account, const char *openid, const char *task)
{
    char id[16];
    snprintf(id, sizeof id, "%" PRIu64, store_next_seq(s));
    struct message m = fixture_message(account, id, openid);
    m.task = span_of(task);
    return fixture_append(s, m);
}

static void index_all(struct store *s)
{
    while (store_index_step(s, 1000) > 0)
        continue;
    CHECK_U64(store_index_left(s), 0);
}

/* --- one message --------------------------------------------------------------------------------------- */

static void test_look(void)
{
    static const enum standing standings[] = {STANDS_QUEUED, STANDS_PARKED, STANDS_HELD, STANDS_OUT,
                                              STANDS_NOWHERE};
    struct store *s = fixture_open("look");
    struct found found;
    for (int i = 0; i < 5; i++)
        add(s, "a", "o", "sale");
    fixture_park(s, 2);
    struct message m = fixture_read(s, 3);
    store_hold(s, &m, store_hold_name(HOLD_TASK, m.account, m.task));
    m = fixture_read(s, 4);
    store_take(s, &m, &(struct mark){.generation = 7, .sender = 8, .out_ms = 9, .turn = 10});
    store_mark(s,
               &(struct mark){.seq = 4, .generation = 7, .sender = 8, .out_ms = 11, .turn = 10, .begun = 1});
    fixture_settle(s, 5, STATE_PENDING);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        CHECK_INT(store_look(s, seq, &found), STORE_OK);
        CHECK_INT(found.standing, standings[seq - 1]);
        CHECK_INT(found.state, seq < 4 ? STATE_WAITING : seq == 4 ? STATE_OUT : STATE_PENDING);
        CHECK_INT(found.has_message, seq < 5);
        CHECK_U64(seq < 5 ? found.m.seq : found.f.seq, seq);
        CHECK_SPAN(seq < 5 ? found.m.task : found.f.task, "sale");
        CHECK_U64(found.mark.seq, seq == 4 ? 4 : 0);
        CHECK_INT(found.mark.begun, seq == 4);
        CHECK_INT(found.mark.out_ms, seq == 4 ? 11 : 0);
    }
    CHECK_U64(store_counts(s).out, 1);
    CHECK_INT(store_look(s, 0, &found), STORE_NONE);
    CHECK_INT(store_look(s, 6, &found), STORE_NONE);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 1);
    CHECK_INT(store_look(s, 5, &found), STORE_NONE);
    CHECK_INT(found.has_message, 0);
    store_close(&s);
}

static void test_find_seq(void)
{
    struct store *s = fixture_open("find-seq");
    char long_id[300];
    uint64_t seq = 0;
    fixture_add(s, "a", "x", "o");
    fixture_add(s, "b", "x", "o");
    CHECK_INT(store_find_seq(s, span_of("b"), span_of("x"), &seq), STORE_OK);
    CHECK_U64(seq, 2);
    CHECK_INT(store_find_seq(s, span_of("b"), span_of("y"), &seq), STORE_NONE);
    CHECK_INT(store_find_seq(s, span_of("b"), (struct span){NULL, 0}, &seq), STORE_NONE);
    memset(long_id, 'x', sizeof long_id);
    CHECK_INT(store_find_seq(s, span_of("a"), (struct span){long_id, sizeof long_id}, &seq), STORE_NONE);
    CHECK_INT(store_find_seq(s, (struct span){long_id, sizeof long_id}, span_of("x"), &seq), STORE_NONE);
    fixture_settle(s, 1, STATE_SENT);
    CHECK_INT(store_find_seq(s, span_of("a"), span_of("x"), &seq), STORE_OK);
    CHECK_U64(seq, 1);
    CHECK_U64(store_next_seq(s), 3);
    store_close(&s);
}

/* --- walks --------------------------------------------------------------------------------------------- */

static void test_walk_live(void)
{
    struct store *s = fixture_open("live");
    CHECK_U64(of_path(s, WALK_LIVE, 0).count, 0);
    for (int i = 0; i < 6; i++)
        add(s, "a", "o", "");
    fixture_settle(s, 2, STATE_SENT);
    fixture_settle(s, 3, STATE_DEAD);
    fixture_take(s, 4);
    fixture_park(s, 5);
    CHECK_SEQS(of_path(s, WALK_LIVE, 0), 1, 3, 4, 5, 6);
    struct walk w = {.path = WALK_LIVE, .from_seq = 4};
    CHECK_SEQS(walk_on(s, &w), 4, 5, 6);
    store_close(&s);
}

static void test_walk_ended(void)
{
    static const int64_t settled_ms[] = {3000, 1000, 2000, 2000, 1000, 5000};
    struct store *s = fixture_open("ended");
    for (uint64_t i = 0; i < 6; i++)
        fixture_settle_at(s, add(s, "a", "o", ""), i % 2 ? STATE_DEAD : STATE_SENT, settled_ms[i]);
    CHECK_SEQS(of_path(s, WALK_SETTLED, 0), 5, 3, 1);
    CHECK_SEQS(of_path(s, WALK_SETTLED, -5), 5, 3, 1);
    CHECK_SEQS(of_path(s, WALK_SETTLED, 2000), 3, 1);
    CHECK_SEQS(of_path(s, WALK_SETTLED, 2001), 1);
    CHECK_U64(of_path(s, WALK_SETTLED, INT64_MAX).count, 0);
    CHECK_SEQS(of_path(s, WALK_DEAD, 0), 2, 4, 6);
    CHECK_INT(store_discard_dead(s, 4), 0);
    CHECK_SEQS(of_path(s, WALK_SETTLED, 0), 5, 3, 4, 1);
    CHECK_SEQS(of_path(s, WALK_DEAD, 0), 2, 6);
    struct walk w = {.path = WALK_SETTLED, .from_ms = 2000, .from_seq = 4};
    CHECK_SEQS(walk_on(s, &w), 4, 1);
    store_close(&s);
}

/* Between two steps of a walk everything may change: what it passed is not met again, what is new before its
 * end is. */
static void test_walk_and_change(void)
{
    struct store *s = fixture_open("change");
    struct walk live = {.path = WALK_LIVE}, dead = {.path = WALK_DEAD};
    uint64_t seq;
    for (int i = 0; i < 5; i++)
        add(s, "a", "o", "");
    CHECK_INT(store_walk_next(s, &live, &seq), STORE_OK);
    CHECK_U64(seq, 1);
    fixture_settle(s, 1, STATE_SENT); /* passed */
    fixture_settle(s, 2, STATE_SENT); /* the next one */
    CHECK_INT(store_commit(s), 0);
    CHECK_INT(store_walk_next(s, &live, &seq), STORE_OK);
    CHECK_U64(seq, 3);
    struct message m = fixture_read(s, 3);
    store_park(s, &m); /* the one it stands on changes its place */
    add(s, "a", "o", "");
    fixture_reopen(&s, "change"); /* the uncommitted ones are lost */
    CHECK_SEQS(walk_on(s, &live), 4, 5);
    fixture_settle_at(s, 3, STATE_DEAD, 1000);
    fixture_settle_at(s, 4, STATE_DEAD, 1000);
    CHECK_INT(store_walk_next(s, &dead, &seq), STORE_OK);
    CHECK_U64(seq, 3);
    m = fixture_read(s, 3);
    store_requeue(s, &m);
    CHECK_INT(store_discard_dead(s, 4), 0);
    fixture_settle_at(s, 5, STATE_DEAD, 1000);
    CHECK_SEQS(walk_on(s, &dead), 5);
    fixture_settle_at(s, 3, STATE_DEAD, 1000); /* behind where the walk is */
    CHECK_INT(store_walk_next(s, &dead, &seq), STORE_NONE);
    CHECK_SEQS(of_path(s, WALK_DEAD, 0), 3, 5);
    store_close(&s);
}

/* --- the index ----------------------------------------------------------------------------------------- */

static void test_recipients_and_tasks(void)
{
    struct store *s = fixture_open("people");
    add(s, "a", "o", "sale");  /* 1 */
    add(s, "a", "o", "");      /* 2 */
    add(s, "b", "o", "sale");  /* 3 */
    add(s, "a", "oo", "sale"); /* 4 */
    add(s, "a", "o", "sales"); /* 5 */
    add(s, "ao", "", "sale");  /* 6 */
    add(s, "", "o", "as");     /* 7 */
    CHECK_U64(of_recipient(s, "a", "o").count, 0);
    CHECK_U64(store_index_left(s), 7);
    index_all(s);
    CHECK_SEQS(of_recipient(s, "a", "o"), 1, 2, 5);
    CHECK_SEQS(of_recipient(s, "b", "o"), 3);
    CHECK_SEQS(of_recipient(s, "a", "oo"), 4);
    CHECK_SEQS(of_recipient(s, "ao", ""), 6);
    CHECK_SEQS(of_recipient(s, "", "o"), 7);
    CHECK_U64(of_recipient(s, "c", "o").count, 0);
    CHECK_SEQS(of_task(s, "a", "sale"), 1, 4);
    CHECK_SEQS(of_task(s, "b", "sale"), 3);
    CHECK_SEQS(of_task(s, "a", "sales"), 5);
    CHECK_U64(of_task(s, "a", "").count, 0); /* no task is none */
    CHECK_U64(of_task(s, "a", "sal").count, 0);
    struct walk w = {.path = WALK_RECIPIENT, .account = span_of("a"), .openid = span_of("o"), .from_seq = 2};
    CHECK_SEQS(walk_on(s, &w), 2, 5);
    store_close(&s);
}

/* Names longer than any that is accepted are in no index. */
static void test_long_names(void)
{
    struct store *s = fixture_open("long");
    char text[300];
    uint64_t seq;
    struct span longer = {text, sizeof text};
    memset(text, 'x', sizeof text);
    add(s, "a", "o", "t");
    index_all(s);
    struct walk walks[] = {{.path = WALK_RECIPIENT, .account = longer, .openid = span_of("o")},
                           {.path = WALK_RECIPIENT, .account = span_of("a"), .openid = longer},
                           {.path = WALK_TASK, .account = span_of("a"), .task = longer}};
    for (size_t i = 0; i < 3; i++)
        CHECK_INT(store_walk_next(s, &walks[i], &seq), STORE_NONE);
    store_close(&s);
}

/* Two recipients whose keys in the index are the same: each gets its own messages only. */
static void test_collision(void)
{
    struct store *s = fixture_open("collision");
    const struct span accounts[] = {{"a", 1}, {"a\0b", 3}}, openids[] = {{"b\0c", 3}, {"c", 1}};
    char id[16];
    for (int i = 0; i < 6; i++) {
        snprintf(id, sizeof id, "%d", i);
        struct message m = fixture_message("", id, "");
        m.account = accounts[i % 2];
        m.openid = openids[i % 2];
        fixture_append(s, m);
    }
    index_all(s);
    fixture_settle(s, 3, STATE_SENT);
    struct walk one = {.path = WALK_RECIPIENT, .account = accounts[0], .openid = openids[0]};
    struct walk two = {.path = WALK_RECIPIENT, .account = accounts[1], .openid = openids[1]};
    CHECK_SEQS(walk_on(s, &one), 1, 3, 5);
    CHECK_SEQS(walk_on(s, &two), 2, 4, 6);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 1);
    one.from_seq = two.from_seq = 0;
    CHECK_SEQS(walk_on(s, &one), 1, 5);
    CHECK_SEQS(walk_on(s, &two), 2, 4, 6);
    store_close(&s);
}

/* It comes by after messages were settled, died, were discarded, requeued and purged. */
static void test_late(void)
{
    struct store *s = fixture_open("late");
    for (int i = 0; i < 8; i++)
        add(s, "a", "o", "sale");
    fixture_settle(s, 1, STATE_SENT);
    fixture_settle(s, 2, STATE_DEAD);
    fixture_settle(s, 3, STATE_DEAD);
    CHECK_INT(store_discard_dead(s, 3), 0);
    fixture_settle(s, 4, STATE_DEAD);
    struct message m = fixture_read(s, 4);
    store_requeue(s, &m);
    fixture_settle_at(s, 5, STATE_SENT, 1000);
    CHECK_U64(store_purge(s, 1001, 10), 1);
    fixture_take(s, 6);
    fixture_park(s, 7);
    fixture_settle_at(s, 8, STATE_SENT, 1000);
    CHECK_U64(store_purge(s, 1001, 10), 1); /* the last one: nothing is left of it but its number */
    CHECK(store_index_left(s) >= 6 && store_index_left(s) <= 8);
    CHECK_U64(store_index_step(s, 4), 4);
    CHECK_U64(store_index_step(s, 4), 2); /* what is gone is not looked at */
    CHECK_U64(store_index_step(s, 4), 0);
    CHECK_U64(store_index_left(s), 0);
    CHECK_SEQS(of_recipient(s, "a", "o"), 1, 2, 3, 4, 6, 7);
    CHECK_SEQS(of_task(s, "a", "sale"), 1, 2, 3, 4, 6, 7);
    store_close(&s);
}

/* What was indexed stays found until it is purged, and leaves nothing behind then. */
static void test_for_life(void)
{
    struct store *s = fixture_open("life");
    for (int i = 0; i < 4; i++)
        add(s, "a", "o", "sale");
    index_all(s);
    fixture_settle_at(s, 1, STATE_SENT, 1000);
    fixture_settle_at(s, 2, STATE_DEAD, 1000);
    struct message m = fixture_read(s, 2);
    CHECK_SEQS(of_recipient(s, "a", "o"), 1, 2, 3, 4);
    store_requeue(s, &m);
    fixture_settle_at(s, 2, STATE_DEAD, 2000);
    CHECK_INT(store_discard_dead(s, 2), 0);
    CHECK_SEQS(of_task(s, "a", "sale"), 1, 2, 3, 4);
    CHECK_U64(store_purge(s, 1001, 10), 1);
    CHECK_SEQS(of_recipient(s, "a", "o"), 2, 3, 4);
    CHECK_U64(store_purge(s, 2001, 10), 1);
    CHECK_SEQS(of_recipient(s, "a", "o"), 3, 4);
    CHECK_SEQS(of_task(s, "a", "sale"), 3, 4);
    CHECK_U64(store_index_step(s, 10), 0);
    store_close(&s);
}

/* It goes on where it was after the last commit, in steps of any size. */
static void test_steps_and_restarts(void)
{
    struct store *s = fixture_open("steps");
    for (int i = 0; i < 20; i++)
        add(s, "a", i % 2 ? "o" : "p", "sale");
    CHECK_U64(store_index_step(s, 0), 0);
    CHECK_U64(store_index_step(s, 7), 7);
    CHECK_U64(store_index_left(s), 13);
    CHECK_INT(store_commit(s), 0);
    CHECK_U64(store_index_step(s, 5), 5);
    fixture_reopen(&s, "steps"); /* not committed */
    CHECK_U64(store_index_left(s), 13);
    CHECK_U64(store_index_step(s, 13), 13);
    CHECK_U64(store_index_left(s), 0);
    CHECK_U64(store_index_step(s, 1), 0);
    add(s, "a", "p", "");
    CHECK_U64(store_index_left(s), 1);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "steps");
    CHECK_U64(store_index_left(s), 1);
    CHECK_U64(store_index_step(s, 10), 1);
    CHECK_U64(of_task(s, "a", "sale").count, 20);
    CHECK_SEQS(of_recipient(s, "a", "p"), 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21);
    store_close(&s);
}

/* A message that was given up with its number (not committed) leaves no trace in the index of the next one of
 * that number. */
static void test_number_reused(void)
{
    struct store *s = fixture_open("reused");
    add(s, "a", "lost", "");
    index_all(s);
    fixture_reopen(&s, "reused");
    CHECK_U64(add(s, "a", "kept", ""), 1);
    CHECK_U64(store_index_left(s), 1);
    index_all(s);
    CHECK_U64(of_recipient(s, "a", "lost").count, 0);
    CHECK_SEQS(of_recipient(s, "a", "kept"), 1);
    store_close(&s);
}

int main(void)
{
    test_look();
    test_find_seq();
    test_walk_live();
    test_walk_ended();
    test_walk_and_change();
    test_recipients_and_tasks();
    test_long_names();
    test_collision();
    test_late();
    test_for_life();
    test_steps_and_restarts();
    test_number_reused();
    return 0;
}
