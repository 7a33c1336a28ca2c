/* What is paused: which messages are set aside, what comes back and in which order, ends by time and by hand, restarts. */
#include "broker/pauses.h"

#include "tests/unit/store_fixture.h"

#define NOW FIXTURE_NOW_MS

static struct pause pause_of(enum pause_kind kind, const char *account, const char *name, int64_t until_ms)
{
    struct pause p = {.kind = kind, .since_ms = NOW, .until_ms = until_ms};
    snprintf(p.account, sizeof p.account, "%s", account);
    snprintf(p.name, sizeof p.name, "%s", name);
    return p;
}

static void begin(struct pauses *p, enum pause_kind kind, const char *account, const char *name, int64_t until_ms)
{
    struct pause wanted = pause_of(kind, account, name, until_ms);
    CHECK_INT(pauses_add(p, &wanted), 0);
}

static struct message message_of(const char *account, const char *key, const char *task)
{
    struct message m = fixture_message(account, "i", "o");
    m.key = span_of(key);
    m.task = span_of(task);
    return m;
}

static int is_held(struct pauses *p, const char *account, const char *key, const char *task)
{
    struct message m = message_of(account, key, task);
    return pauses_hold_of(p, &m) != 0;
}

static void test_what_is_meant(void)
{
    struct store *s = fixture_open("meant");
    struct pauses *p = pauses_new(s);
    CHECK(!is_held(p, "a", "k", ""));
    begin(p, PAUSE_TEMPLATE, "", "k", INT64_MAX);
    begin(p, PAUSE_TEMPLATE, "b", "l", INT64_MAX);
    begin(p, PAUSE_TASK, "a", "t", INT64_MAX);
    begin(p, PAUSE_ACCOUNT, "c", "", INT64_MAX);
    CHECK(is_held(p, "a", "k", ""));
    CHECK(is_held(p, "b", "k", ""));
    CHECK(!is_held(p, "a", "l", ""));
    CHECK(is_held(p, "b", "l", ""));
    CHECK(is_held(p, "a", "x", "t"));
    CHECK(!is_held(p, "b", "x", "t")); /* a task belongs to its account */
    CHECK(!is_held(p, "c", "x", ""));  /* an account's messages stay where they are */
    CHECK(pauses_has_account(p, span_of("c")) && !pauses_has_account(p, span_of("a")));
    begin(p, PAUSE_ALL, "", "", INT64_MAX);
    CHECK(pauses_has_account(p, span_of("a")));
    CHECK_INT(pauses_end(p, PAUSE_ALL, span_of(""), span_of("")), 0);
    CHECK_INT(pauses_end(p, PAUSE_ALL, span_of(""), span_of("")), -1);
    CHECK(!pauses_has_account(p, span_of("a")) && pauses_has_account(p, span_of("c")));
    pauses_destroy(&p);
    store_close(&s);
}

static uint64_t add(struct store *s, int i, int64_t due_ms)
{
    char id[16];
    snprintf(id, sizeof id, "m%d", i);
    struct message m = message_of("a", "k", "");
    m.id = span_of(id);
    m.due_ms = due_ms;
    return fixture_append(s, m);
}

static void hold_all(struct store *s, struct pauses *p, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++) {
        struct message m = fixture_read(s, seq);
        uint64_t hold = pauses_hold_of(p, &m);
        CHECK(hold != 0);
        store_hold(s, &m, hold);
    }
}

/* While what was set aside comes back, a later message of the same template waits behind it; then it goes. */
static void test_order_of_release(void)
{
    struct store *s = fixture_open("release");
    struct pauses *p = pauses_new(s);
    struct place first;
    begin(p, PAUSE_TEMPLATE, "", "k", INT64_MAX);
    for (int i = 0; i < 5000; i++)
        add(s, i, NOW + i);
    hold_all(s, p, 1, 5000);
    CHECK_INT(store_first(s, span_of("a"), LANE_BULK, TIMED_NOW, &first), STORE_NONE);
    CHECK_INT(pauses_end(p, PAUSE_TEMPLATE, span_of(""), span_of("k")), 0);
    CHECK_INT(pauses_end(p, PAUSE_TEMPLATE, span_of(""), span_of("k")), -1); /* it is ending already */
    uint64_t late = add(s, 5000, NOW + 5000), early = add(s, 5001, NOW - 1);
    struct message m = fixture_read(s, late);
    CHECK(pauses_hold_of(p, &m) != 0);
    m = fixture_read(s, early);
    CHECK_U64(pauses_hold_of(p, &m), 0); /* it stands before all of them */
    CHECK_INT(pauses_tick(p, NOW, 2000), 1);
    CHECK(pauses_is_releasing(p));
    CHECK_INT(store_commit(s), 0);
    pauses_destroy(&p); /* a restart in the middle */
    fixture_reopen(&s, "release");
    p = pauses_new(s);
    CHECK(pauses_is_releasing(p));
    for (int turns = 0; pauses_is_releasing(p); turns++) {
        CHECK(turns < 10);
        pauses_tick(p, NOW, 2000);
    }
    m = fixture_read(s, late);
    CHECK_U64(pauses_hold_of(p, &m), 0);
    CHECK_INT(store_first(s, span_of("a"), LANE_BULK, TIMED_NOW, &first), STORE_OK);
    CHECK_U64(first.seq, early);
    CHECK_U64(store_counts(s).held, 0);
    CHECK_U64(store_counts(s).queued[TIMED_NOW], 5002);
    CHECK(pauses_next(p, NULL) == NULL);
    pauses_destroy(&p);
    store_close(&s);
}

static void test_ends_by_time(void)
{
    struct store *s = fixture_open("time");
    struct pauses *p = pauses_new(s);
    begin(p, PAUSE_ACCOUNT, "a", "", NOW + 1000);
    begin(p, PAUSE_TEMPLATE, "", "k", NOW + 2000);
    CHECK_INT(store_commit(s), 0);
    pauses_destroy(&p);
    fixture_reopen(&s, "time");
    p = pauses_new(s);
    CHECK_INT(pauses_tick(p, NOW + 999, 2000), 0);
    CHECK(pauses_has_account(p, span_of("a")));
    CHECK_INT(pauses_tick(p, NOW + 1000, 2000), 1);
    CHECK(!pauses_has_account(p, span_of("a")));
    CHECK(is_held(p, "a", "k", ""));
    CHECK_INT(pauses_tick(p, NOW + 2000, 2000), 1);
    CHECK_INT(pauses_tick(p, NOW + 2001, 2000), 1); /* nothing was set aside: it is gone now */
    CHECK(!is_held(p, "a", "k", ""));
    CHECK_INT(pauses_tick(p, NOW + 2002, 2000), 0);
    pauses_destroy(&p);
    store_close(&s);
}

static void test_bounded(void)
{
    struct store *s = fixture_open("bounded");
    struct pauses *p = pauses_new(s);
    char name[16];
    for (int i = 0; i < PAUSES_MAX; i++) {
        snprintf(name, sizeof name, "t%d", i);
        begin(p, PAUSE_TASK, "a", name, INT64_MAX);
    }
    struct pause wanted = pause_of(PAUSE_TASK, "a", "one-more", INT64_MAX);
    CHECK_INT(pauses_add(p, &wanted), -1);
    begin(p, PAUSE_TASK, "a", "t7", NOW); /* the end of one that is there can be changed */
    pauses_destroy(&p);
    store_close(&s);
}

int main(void)
{
    test_what_is_meant();
    test_order_of_release();
    test_ends_by_time();
    test_bounded();
    return 0;
}
