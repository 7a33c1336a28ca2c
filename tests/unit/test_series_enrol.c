/* Who is in which series, after events in any order: what is handed over, what is cancelled, what is told of a person, what is forgotten.
 * The outbox is played by this test: it remembers what it is given, and a cancel takes a push away. */
#include "listener/series_enrol.h"

#include "listener/outbox.h"
#include "listener/series_plan.h"
#include "listener/series_rows.h"
#include "tests/unit/test.h"

#define T0 1764300000LL /* seconds */
#define MINUTE 60000LL
#define DAY    (86400 * 1000LL)

/* --- the outbox ------------------------------------------------------------------------------------------------------- */

static struct {
    char id[SERIES_ID_BYTES + 1], openid[64], key[32], task[64];
    int64_t at_ms;
    int is_cancelled;
} pushed[4096];
static size_t pushes, cancels;
static int is_full;

int outbox_add_push(struct db *db, const struct outbox_push *push, int64_t now_ms)
{
    (void)db;
    (void)now_ms;
    if (is_full)
        return -1;
    CHECK(pushes < sizeof pushed / sizeof *pushed);
    CHECK_U64(push->id.bytes, SERIES_ID_BYTES);
    for (size_t i = 0; i < pushes; i++)
        CHECK(!span_is(push->id, pushed[i].id)); /* never the same twice */
    span_to_text(pushed[pushes].id, sizeof pushed->id, push->id);
    span_to_text(pushed[pushes].openid, sizeof pushed->openid, push->openid);
    span_to_text(pushed[pushes].key, sizeof pushed->key, push->key);
    span_to_text(pushed[pushes].task, sizeof pushed->task, push->task);
    pushed[pushes].is_cancelled = 0;
    pushed[pushes++].at_ms = push->at_ms;
    return 0;
}

int outbox_add_cancel(struct db *db, const struct outbox_cancel *cancel, int64_t now_ms)
{
    (void)db;
    (void)now_ms;
    cancels++;
    for (size_t i = 0; i < pushes; i++)
        if (span_is(cancel->id, pushed[i].id)) {
            CHECK(span_is(cancel->openid, pushed[i].openid));
            pushed[i].is_cancelled = 1;
            return 0;
        }
    test_fail("a cancel of what was never pushed", __FILE__, __LINE__);
    exit(1);
}

/* --- helpers ------------------------------------------------------------------------------------------------------------ */

static struct series_set *set;
static struct db *db;
static int64_t now_ms;

static void begin(void)
{
    struct buf errors = {0}, warnings = {0}, path = {0};
    static const struct {
        const char *name, *text;
    } files[] = {
        {"a.ini", "start[] = follow\nstep[] = +10m a1\nstep[] = +1d a2\nstep[] = +2d a3\nend[] = keyword:stop\nend[] = series:b\nvar[] = x=1\n"},
        {"b.ini", "start[] = keyword:buy\nstart[] = click:BUY\nstep[] = +1h b1\nagain = 30d\nend[] = click:NO\n"},
        {"c.ini", "start[] = scan:7\nstep[] = +1h c1\nagain = never\n"},
        {"other.ini", "app = shop\nstart[] = follow\nstep[] = +1h o1\n"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        free(test_file(files[i].name, span_of(files[i].text)));
    pushes = cancels = 0;
    is_full = 0;
    now_ms = T0 * 1000;
    set = series_set_new();
    CHECK_INT(series_set_load(set, test_folder(), NULL, &errors, &warnings), 0);
    CHECK_STR(buf_str(&errors), "");
    buf_printf(&path, "%s/listener.db", test_folder());
    db = db_open(buf_str(&path));
    CHECK(db != NULL);
    buf_free(&errors);
    buf_free(&warnings);
    buf_free(&path);
}

static void end(void)
{
    static const char *const names[] = {"listener.db", "listener.db-wal", "listener.db-shm"};
    char path[256];
    db_close(&db);
    series_set_destroy(&set);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", test_folder(), names[i]);
        unlink(path);
    }
}

static void happens(enum event_kind kind, const char *openid, const char *text, int64_t created_s)
{
    struct event event = {.kind = kind, .openid = span_of(openid), .created_s = created_s};
    if (kind == EVENT_MESSAGE)
        event.content = span_of(text);
    else
        event.key = span_of(text);
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(series_on_event(set, db, &event, "default", now_ms), 0);
    CHECK_INT(db_commit(db), 0);
}

/* "a2 b1": the keys of what waits of this person, in the order in which it was pushed. */
static void check_waits(const char *openid, const char *expected)
{
    struct buf keys = {0};
    for (size_t i = 0; i < pushes; i++)
        if (!pushed[i].is_cancelled && strcmp(pushed[i].openid, openid) == 0)
            buf_printf(&keys, "%s%s", keys.bytes ? " " : "", pushed[i].key);
    CHECK_STR(buf_str(&keys), expected);
    buf_free(&keys);
}

static void check_state(const char *name, const char *openid, const char *expected)
{
    struct series_row row;
    struct buf text = {0};
    struct db_query *q = series_person(db, span_of(name), span_of(openid));
    if (series_next(q, now_ms, &row) == 1)
        buf_printf(&text, "%s %.*s", series_state_name(row.state), (int)row.reason.bytes, row.reason.bytes ? row.reason.data : "");
    db_end(q);
    CHECK_STR(buf_str(&text), expected);
    buf_free(&text);
}

static void check_totals(const char *name, int64_t in, int64_t started, int64_t done, int64_t ended)
{
    struct series_totals t;
    series_totals_read(db, span_of(name), &t);
    CHECK_INT(t.in, in);
    CHECK_INT(t.started, started);
    CHECK_INT(t.done, done);
    CHECK_INT(t.ended, ended);
}

static void check_sum(int64_t in, int64_t started, int64_t done, int64_t ended)
{
    struct series_totals t;
    series_totals_sum(db, &t);
    CHECK_INT(t.in, in);
    CHECK_INT(t.started, started);
    CHECK_INT(t.done, done);
    CHECK_INT(t.ended, ended);
}

/* --- tests ---------------------------------------------------------------------------------------------------------------- */

static void test_start_and_unfollow(void)
{
    begin();
    check_sum(0, 0, 0, 0);
    happens(EVENT_FOLLOW, "u1", "", T0);
    check_waits("u1", "a1 a2 a3");
    CHECK_STR(pushed[0].task, "series/a");
    CHECK_INT(pushed[0].at_ms, T0 * 1000 + 10 * MINUTE);
    CHECK_INT(pushed[2].at_ms, T0 * 1000 + 2 * DAY);
    check_state("a", "u1", "in ");
    happens(EVENT_FOLLOW, "u1", "", T0); /* a repeat */
    happens(EVENT_FOLLOW, "u1", "", T0 + 5); /* he is in it */
    CHECK_U64(pushes, 3);
    happens(EVENT_FOLLOW, "u2", "", T0);
    happens(EVENT_UNFOLLOW, "u1", "", T0 + 60);
    check_waits("u1", "");
    check_waits("u2", "a1 a2 a3");
    check_state("a", "u1", "ended unfollow");
    check_totals("a", 1, 2, 0, 1);
    happens(EVENT_UNFOLLOW, "u1", "", T0 + 60);
    CHECK_U64(cancels, 3);
    happens(EVENT_FOLLOW, "u1", "", T0 + 61); /* back again */
    check_waits("u1", "a1 a2 a3");
    check_totals("a", 2, 3, 0, 1);
    end();
}

static void test_out_of_order(void)
{
    begin();
    happens(EVENT_UNFOLLOW, "u1", "", T0 + 60);
    happens(EVENT_FOLLOW, "u1", "", T0); /* it was before the unfollowing */
    happens(EVENT_SCAN, "u1", "7", T0 + 59);
    CHECK_U64(pushes, 0);
    happens(EVENT_FOLLOW, "u1", "", T0 + 100);
    check_waits("u1", "a1 a2 a3");
    happens(EVENT_UNFOLLOW, "u1", "", T0 + 60); /* late: of the time before he came back */
    check_waits("u1", "a1 a2 a3");
    happens(EVENT_MESSAGE, "u1", "stop", T0 + 99);
    check_waits("u1", "a1 a2 a3");
    happens(EVENT_FOLLOW, "u1", "", T0 + 99); /* older than his start */
    CHECK_U64(pushes, 3);
    end();
}

static void test_ends(void)
{
    begin();
    happens(EVENT_FOLLOW, "u1", "", T0);
    happens(EVENT_MESSAGE, "u1", "please stop", T0 + 1);
    check_waits("u1", "a1 a2 a3");
    happens(EVENT_MESSAGE, "u1", " STOP\n", T0 + 2);
    check_waits("u1", "");
    check_state("a", "u1", "ended keyword");
    happens(EVENT_FOLLOW, "u2", "7", T0); /* by QR code: both */
    check_waits("u2", "a1 a2 a3 c1");
    happens(EVENT_MESSAGE, "u2", "buy", T0 + 10); /* b ends a, not c */
    check_waits("u2", "c1 b1");
    check_state("a", "u2", "ended series:b");
    happens(EVENT_CLICK, "u2", "NO", T0 + 11);
    check_waits("u2", "c1");
    check_state("b", "u2", "ended click");
    happens(EVENT_UNFOLLOW, "u2", "", T0 + 12);
    check_waits("u2", "");
    end();
}

static void test_again(void)
{
    begin();
    happens(EVENT_MESSAGE, "u1", "buy", T0);
    now_ms += 2 * 3600000; /* over */
    check_state("b", "u1", "done ");
    happens(EVENT_MESSAGE, "u1", "buy", T0 + 2 * 3600);
    CHECK_U64(pushes, 1);
    now_ms = T0 * 1000 + 30 * DAY;
    happens(EVENT_CLICK, "u1", "BUY", T0 + 30 * 86400 - 1);
    CHECK_U64(pushes, 1);
    happens(EVENT_CLICK, "u1", "BUY", T0 + 30 * 86400);
    CHECK_U64(pushes, 2);
    check_totals("b", 1, 2, 1, 0);
    happens(EVENT_SCAN, "u1", "7", T0);
    CHECK_U64(pushes, 3);
    happens(EVENT_SCAN, "u1", "7", T0 + 300 * 86400); /* never again */
    CHECK_U64(pushes, 3);
    end();
}

/* What may still wait is cancelled, what is surely past is not. */
static void test_late_unfollow(void)
{
    begin();
    happens(EVENT_FOLLOW, "u1", "", T0);
    now_ms = T0 * 1000 + 2 * DAY + 1; /* all are due; a pause may hold them */
    happens(EVENT_UNFOLLOW, "u1", "", T0 + 2 * 86400);
    CHECK_U64(cancels, 3);
    check_state("a", "u1", "done ");
    now_ms = T0 * 1000 + 8 * DAY + 1;
    happens(EVENT_UNFOLLOW, "u1", "", T0 + 8 * 86400); /* two of them more than a week ago */
    CHECK_U64(cancels, 4);
    now_ms = T0 * 1000 + 12 * DAY;
    happens(EVENT_UNFOLLOW, "u1", "", T0 + 12 * 86400);
    CHECK_U64(cancels, 4);
    end();
}

static void sweep_all(void)
{
    for (int i = 0; i < 20; i++) {
        set->tick_ms = 0;
        CHECK(series_tick(set, db, now_ms) > 0);
        CHECK_INT(db_commit(db), 0);
    }
}

static void test_sweep(void)
{
    begin();
    for (int i = 0; i < 1000; i++) {
        char openid[16];
        snprintf(openid, sizeof openid, "u%d", i);
        happens(i % 2 ? EVENT_MESSAGE : EVENT_FOLLOW, openid, i % 2 ? "buy" : "", T0 + i % 7);
    }
    happens(EVENT_SCAN, "u1", "7", T0);
    happens(EVENT_UNFOLLOW, "u4", "", T0 + 100);
    now_ms += 3 * 3600000;
    sweep_all();
    check_totals("b", 0, 500, 500, 0);
    check_totals("a", 499, 500, 0, 1);
    check_sum(499, 1001, 501, 1); /* with the one of c */
    CHECK_INT(db_number(db, "SELECT count(*) FROM unfollowed", -1), 1);
    now_ms = T0 * 1000 + 3 * DAY;
    sweep_all();
    check_totals("a", 0, 500, 499, 1);
    CHECK_INT(db_number(db, "SELECT count(*) FROM unfollowed", -1), 0);
    CHECK_INT(db_number(db, "SELECT count(*) FROM enrolment", -1), 1001);
    now_ms = T0 * 1000 + 10 * DAY;
    sweep_all();
    CHECK_INT(db_number(db, "SELECT count(*) FROM enrolment", -1), 501); /* b: up to 30 days; c: for good */
    now_ms = T0 * 1000 + 31 * DAY;
    sweep_all();
    CHECK_INT(db_number(db, "SELECT count(*) FROM enrolment", -1), 1);
    check_totals("a", 0, 500, 499, 1);
    CHECK_INT(db_is_changing(db), 0);
    set->tick_ms = 0;
    series_tick(set, db, now_ms);
    CHECK_INT(db_is_changing(db), 0); /* with nothing to do nothing is begun */
    end();
}

static void test_by_hand(void)
{
    begin();
    const struct series *a = series_set_find(set, span_of("a"));
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(series_start(set, db, a, span_of("u1"), now_ms + 5, now_ms), SERIES_STARTED);
    CHECK_INT(series_start(set, db, a, span_of("u1"), now_ms + 5, now_ms), SERIES_IS_IN);
    CHECK_INT(series_start(set, db, a, span_of("u1"), now_ms + 6, now_ms), SERIES_IS_IN);
    CHECK_INT(series_stop(db, span_of("a"), span_of("u1"), now_ms), 1);
    CHECK_INT(series_stop(db, span_of("a"), span_of("u1"), now_ms), 0);
    CHECK_INT(series_stop(db, span_of("a"), span_of("nobody"), now_ms), 0);
    check_waits("u1", "");
    check_state("a", "u1", "ended operator");
    for (int i = 0; i < 3; i++) {
        char openid[32];
        for (int j = 0; j < 200; j++) {
            snprintf(openid, sizeof openid, "v%d-%d", i, j);
            CHECK_INT(series_start(set, db, a, span_of(openid), now_ms, now_ms), SERIES_STARTED);
        }
    }
    CHECK_INT(db_commit(db), 0);
    size_t before = cancels;
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(series_stop_some(db, span_of("a"), now_ms), SERIES_STOP_MAX);
    CHECK_INT(series_stop_some(db, span_of("a"), now_ms), 100);
    CHECK_INT(series_stop_some(db, span_of("a"), now_ms), 0);
    CHECK_INT(db_commit(db), 0);
    CHECK_U64(cancels - before, 1800);
    check_totals("a", 0, 601, 0, 601);
    end();
}

static void test_pages(void)
{
    begin();
    for (int i = 0; i < 25; i++) {
        char openid[16];
        snprintf(openid, sizeof openid, "u%02d", i);
        happens(EVENT_FOLLOW, openid, "", T0);
    }
    happens(EVENT_UNFOLLOW, "u03", "", T0 + 1);
    struct buf from = {0}, all = {0};
    for (int page = 0; page < 4; page++) {
        struct series_row row;
        struct db_query *q = series_people(db, span_of("a"), buf_span(&from), 10);
        buf_clear(&all);
        while (series_next(q, now_ms, &row) == 1) {
            buf_printf(&all, "%.*s ", (int)row.openid.bytes, row.openid.data);
            buf_clear(&from);
            buf_append(&from, row.openid.data, row.openid.bytes);
            buf_append(&from, "", 1);
            buf_append(&from, row.app.data, row.app.bytes);
        }
        db_end(q);
        CHECK_STR(buf_str(&all), page == 0   ? "u00 u01 u02 u04 u05 u06 u07 u08 u09 u10 "
                                 : page == 1 ? "u11 u12 u13 u14 u15 u16 u17 u18 u19 u20 "
                                 : page == 2 ? "u21 u22 u23 u24 "
                                             : "");
    }
    buf_free(&from);
    buf_free(&all);
    end();
}

/* What the file does not take leaves nothing behind. */
static void test_full(void)
{
    begin();
    struct event event = {.kind = EVENT_FOLLOW, .openid = span_of("u1"), .created_s = T0};
    is_full = 1;
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(series_on_event(set, db, &event, "default", now_ms), -1);
    db_rollback(db);
    check_state("a", "u1", "");
    is_full = 0;
    happens(EVENT_FOLLOW, "u1", "", T0);
    check_waits("u1", "a1 a2 a3");
    end();
}

static void test_ids(void)
{
    char one[SERIES_ID_BYTES + 1], other[SERIES_ID_BYTES + 1];
    series_message_id(span_of("default"), span_of("oABCD"), span_of("welcome"), 1700000000000, 1, one);
    /* By sha256sum. */
    CHECK_STR(one, "s-f0736068fed474d04e22b0671bb8f0ec23fb3803");
    series_message_id(span_of("default"), span_of("oABCD"), span_of("welcome"), 1700000000000, 11, other);
    CHECK(strcmp(one, other) != 0);
    series_message_id(span_of("defaulto"), span_of("ABCD"), span_of("welcome"), 1700000000000, 1, other);
    CHECK(strcmp(one, other) != 0);
}

int main(void)
{
    test_ids();
    test_start_and_unfollow();
    test_out_of_order();
    test_ends();
    test_again();
    test_late_unfollow();
    test_sweep();
    test_by_hand();
    test_pages();
    test_full();
    return 0;
}
