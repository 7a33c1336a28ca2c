/* Repeats of WeChat's calls: known, told apart, forgotten after a day. */
#include "listener/dedupe.h"

#include "tests/unit/test.h"

#define NOW_S 1800000000

static struct db *db;

static struct event event_of(const char *openid, const char *name, int64_t created_s)
{
    struct event e = {.kind = EVENT_OTHER, .openid = span_of(openid), .type = span_of("event"), .name = span_of(name), .created_s = created_s};
    return e;
}

static int note(const char *app, struct event e)
{
    CHECK_INT(db_begin(db), 0);
    int is_new = dedupe_note(db, span_of(app), &e, NOW_S);
    CHECK_INT(db_commit(db), 0);
    return is_new;
}

static void test_events(void)
{
    struct event e = event_of("o1", "subscribe", NOW_S);
    CHECK_INT(note("a", e), 1);
    CHECK_INT(note("a", e), 0);
    CHECK_INT(note("b", e), 1);
    CHECK_INT(note("a", event_of("o2", "subscribe", NOW_S)), 1);
    CHECK_INT(note("a", event_of("o1", "unsubscribe", NOW_S)), 1);
    CHECK_INT(note("a", event_of("o1", "subscribe", NOW_S + 1)), 1);
    e.key = span_of("scene");
    CHECK_INT(note("a", e), 1);
}

/* Two messages of one second, delivered in one second. */
static void test_receipts(void)
{
    struct event e = event_of("o1", "TEMPLATESENDJOBFINISH", NOW_S);
    e.receipt_count = 1;
    e.receipts[0].msgid = 5;
    CHECK_INT(note("a", e), 1);
    CHECK_INT(note("a", e), 0);
    e.receipts[0].msgid = 6;
    CHECK_INT(note("a", e), 1);
}

static void test_messages(void)
{
    struct event e = {.kind = EVENT_MESSAGE, .openid = span_of("o1"), .type = span_of("text"), .created_s = NOW_S, .msg_id = 9};
    CHECK_INT(note("a", e), 1);
    CHECK_INT(note("a", e), 0);
    e.msg_id = 10;
    CHECK_INT(note("a", e), 1);
}

/* What is rolled back was never there. */
static void test_rollback(void)
{
    struct event e = event_of("o3", "subscribe", NOW_S);
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(dedupe_note(db, span_of("a"), &e, NOW_S), 1);
    db_rollback(db);
    CHECK_INT(note("a", e), 1);
}

static int64_t count(void)
{
    return db_number(db, "SELECT count(*) FROM seen", -1);
}

static void test_purge(void)
{
    int64_t before = count();
    for (int i = 0; i < DEDUPE_PURGE_ROWS + 10; i++)
        CHECK_INT(note("old", event_of("o1", "subscribe", NOW_S - 10000 - i)), 1);
    CHECK_INT(dedupe_purge(db, NOW_S), 0);
    CHECK_INT(db_is_changing(db), 0); /* nothing to do costs no commit */
    int64_t later_s = NOW_S + DEDUPE_KEPT_S - 1;
    CHECK_INT(dedupe_purge(db, later_s), 0); /* old events that came just now are known for a day all the same */
    later_s = NOW_S + DEDUPE_KEPT_S + 1;
    CHECK_INT(dedupe_purge(db, later_s), 1);
    CHECK_INT(dedupe_purge(db, later_s), 0);
    CHECK_INT(db_commit(db), 0);
    CHECK(count() < before + 10);
}

int main(void)
{
    char *path = test_file("listener.db", span_of(""));
    db = db_open(path);
    CHECK(db != NULL);
    test_events();
    test_receipts();
    test_messages();
    test_rollback();
    test_purge();
    db_close(&db);
    free(path);
    return 0;
}
