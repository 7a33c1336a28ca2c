/* The outbox: order of one recipient, what a cancel removes, receipts that come too early, a broker that is busy or away, restarts. libmega
 * is played by the test. */
#include "listener/outbox_sender.h"

#include "base/clock.h"
#include "tests/unit/test.h"

#define ASKED_MAX 20000

/* What "libmega" was asked, in its order. */
static struct asked {
    char what[64]; /* "push o1 id1" */
    mega_done *done;
    void *argument;
    int is_answered;
} asked[ASKED_MAX];
static size_t asked_count;
static int next_error; /* what it returns */

static int ask(const char *kind, const char *openid, const char *id, mega_done *done, void *argument)
{
    if (next_error)
        return next_error;
    CHECK(asked_count < ASKED_MAX);
    struct asked *a = &asked[asked_count++];
    snprintf(a->what, sizeof a->what, "%s %s %s", kind, openid ? openid : "-", id ? id : "-");
    a->done = done;
    a->argument = argument;
    a->is_answered = 0;
    return 0;
}

int mega_push_async(struct mega *mega, const struct mega_message *m, mega_done *done, void *argument)
{
    (void)mega;
    return ask("push", m->openid, m->id, done, argument);
}

int mega_cancel_async(struct mega *mega, const struct mega_selection *s, mega_done *done, void *argument)
{
    (void)mega;
    return ask("cancel", s->openid, s->id ? s->id : s->task, done, argument);
}

int mega_receipt_async(struct mega *mega, const struct mega_receipt *r, mega_done *done, void *argument)
{
    (void)mega;
    return ask("receipt", r->openid, r->state, done, argument);
}

int mega_window_async(struct mega *mega, const struct mega_window *w, mega_done *done, void *argument)
{
    (void)mega;
    return ask("window", w->openid, w->action, done, argument);
}

const char *mega_strerror(int error)
{
    return error ? "away" : "";
}

const char *mega_last_error(void)
{
    return "wrong";
}

/* --- a turn of the listener ----------------------------------------------------------------------------------------- */

static struct db *db;
static struct outbox_sender *outbox;
static int64_t ahead_ms; /* of both clocks: waits are over */

/* One in which something is changed anyway. */
static void turn(void)
{
    CHECK_INT(db_begin(db), 0);
    outbox_write(outbox, clock_mono_ms());
    outbox_after_commit(outbox, db_commit(db) == 0);
    outbox_send(outbox, clock_wall_ms() + ahead_ms, clock_mono_ms() + ahead_ms);
}

static void answer_with(size_t i, int code, int error, const char *state)
{
    struct mega_result result = {.code = code, .error = error};
    snprintf(result.state, sizeof result.state, "%s", state);
    CHECK(i < asked_count && !asked[i].is_answered);
    asked[i].is_answered = 1;
    asked[i].done(asked[i].argument, &result);
}

static void answer(size_t i, int code)
{
    answer_with(i, code, 0, "");
}

static void restart(void)
{
    outbox_sender_destroy(&outbox);
    db_rollback(db);
    asked_count = 0;
    outbox = outbox_sender_new(db, NULL);
}

static void begin(void)
{
    static int number;
    char name[32];
    snprintf(name, sizeof name, "%d.db", number++);
    char *path = test_file(name, span_of(""));
    outbox_sender_destroy(&outbox);
    db_close(&db);
    db = db_open(path);
    CHECK(db != NULL);
    outbox = outbox_sender_new(db, NULL);
    asked_count = 0;
    ahead_ms = 0;
    next_error = 0;
    free(path);
}

static int64_t rows(void)
{
    struct outbox_counts counts;
    outbox_count(outbox, &counts);
    return (int64_t)counts.rows;
}

/* --- what is in it -------------------------------------------------------------------------------------------------- */

static const struct span app = {"default", 7};

static void push(const char *openid, const char *id)
{
    const struct outbox_push p = {.app = app, .openid = span_of(openid), .id = span_of(id), .key = span_of("k"), .task = span_of("t")};
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(outbox_add_push(db, &p, clock_wall_ms()), 0);
}

static void window(const char *openid, const char *action)
{
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(outbox_add_window(db, app, span_of(openid), action, 1, clock_wall_ms()), 0);
}

static void cancel(const char *openid, const char *id)
{
    const struct outbox_cancel c = {
        .app = app, .openid = span_of(openid), .id = id ? span_of(id) : (struct span){NULL, 0}, .task = id ? (struct span){NULL, 0} : span_of("t")};
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(outbox_add_cancel(db, &c, clock_wall_ms()), 0);
}

static void receipt(const char *openid, int64_t age_ms)
{
    const struct outbox_receipt r = {.app = app, .openid = span_of(openid), .msgid = 5, .outcome = "delivered", .at_ms = 1};
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(outbox_add_receipt(db, &r, clock_wall_ms() - age_ms), 0);
}

/* --- tests ---------------------------------------------------------------------------------------------------------- */

static void test_order(void)
{
    begin();
    window("o1", "follow");
    push("o1", "id1");
    push("o1", "id2");
    push("o2", "id3");
    turn();
    CHECK_INT(asked_count, 2);
    CHECK_STR(asked[0].what, "window o1 follow");
    CHECK_STR(asked[1].what, "push o2 id3");
    answer(0, 200);
    turn();
    CHECK_INT(asked_count, 3);
    CHECK_STR(asked[2].what, "push o1 id1");
    answer(2, 200);
    answer(1, 200);
    turn();
    CHECK_STR(asked[3].what, "push o1 id2");
    answer(3, 200);
    turn();
    CHECK_INT(rows(), 0);
}

static void test_cancel(void)
{
    begin();
    push("o1", "id1");
    turn();
    push("o1", "id2"); /* waits behind it */
    push("o2", "id3");
    cancel("o1", NULL);
    turn();
    CHECK_INT(asked_count, 2);
    CHECK_STR(asked[1].what, "push o2 id3");
    answer(0, 200);
    turn();
    CHECK_STR(asked[2].what, "cancel o1 t"); /* id2 is gone */
    answer(2, 404);
    answer(1, 200);
    turn();
    CHECK_INT(asked_count, 3);
    CHECK_INT(rows(), 0);
    push("o1", "id4");
    push("o1", "id5");
    cancel("o1", "id5");
    turn();
    answer(3, 200);
    turn();
    CHECK_STR(asked[4].what, "cancel - id5");
    answer(4, 404); /* its push may still be on its way, if it went before a restart */
    turn();
    CHECK_INT(rows(), 1);
    turn();
    CHECK_INT(asked_count, 5);
    ahead_ms = 6000;
    turn();
    CHECK_INT(asked_count, 6);
    CHECK_STR(asked[5].what, "cancel - id5");
    answer(5, 404);
    turn();
    CHECK_INT(rows(), 0);
}

/* What was settled before it was cancelled, or is asked again after a lost answer, is no mistake of anybody. */
static void test_settled(void)
{
    static const struct {
        int code;
        const char *state;
    } ends[] = {{200, "sent"}, {400, "refused"}, {400, "blocked"}, {408, "expired"}, {409, "cancelled"}, {500, "dead"}};
    struct outbox_counts counts;
    begin();
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        push("o1", "id1");
        turn();
        answer_with(2 * i, ends[i].code, 0, ends[i].state);
        turn();
        cancel("o1", "id1");
        turn();
        answer_with(2 * i + 1, ends[i].code, 0, ends[i].state);
        turn();
    }
    outbox_count(outbox, &counts);
    CHECK_U64(counts.refused, 0);
    CHECK_U64(counts.done, 12);
    CHECK_U64(counts.rows, 0);
}

/* Many cancels of many at once would be refused by the broker. */
static void test_cancels(void)
{
    begin();
    for (int i = 0; i < 30; i++) {
        char openid[16];
        snprintf(openid, sizeof openid, "c%d", i);
        cancel(openid, NULL);
    }
    push("o1", "id1");
    turn();
    CHECK_INT(asked_count, OUTBOX_CANCELS_MAX + 1);
    for (size_t i = 0; i < asked_count; i++) {
        answer(i, 200);
        turn();
    }
    CHECK_INT(asked_count, 31);
    CHECK_INT(rows(), 0);
}

static void test_receipts(void)
{
    struct outbox_counts counts;
    begin();
    receipt("o1", 0);
    push("o1", "id1");
    receipt("o1", OUTBOX_RECEIPT_MS + 1);
    turn();
    CHECK_INT(asked_count, 3); /* it holds up nothing */
    answer(0, 404);
    answer(1, 200);
    answer(2, 404); /* too old */
    turn();
    outbox_count(outbox, &counts);
    CHECK_U64(counts.unmatched, 1);
    CHECK_U64(counts.rows, 1);
    CHECK_INT(counts.oldest_ms, 0); /* what is set aside is waited for on purpose */
    turn();
    CHECK_INT(asked_count, 3);
    ahead_ms = 5000;
    turn();
    CHECK_INT(asked_count, 4);
    CHECK_STR(asked[3].what, "receipt o1 delivered");
    answer(3, 200);
    turn();
    CHECK_INT(rows(), 0);
}

static void answer_of_before(size_t i)
{
    struct mega_result result = {.code = 400, .message = "op: unknown; give push, send, check, tset, cancel, status or ping"};
    CHECK(i < asked_count && !asked[i].is_answered);
    asked[i].is_answered = 1;
    asked[i].done(asked[i].argument, &result);
}

/* Of a version without receipts and windows: they wait for a newer one, and hold up nothing. */
static void test_earlier_broker(void)
{
    struct outbox_counts counts;
    begin();
    window("o1", "follow");
    receipt("o1", OUTBOX_RECEIPT_MS + 1);
    push("o1", "id1");
    turn();
    answer_of_before(0);
    answer_of_before(1);
    turn();
    CHECK_INT(asked_count, 3);
    CHECK_STR(asked[2].what, "push o1 id1");
    answer(2, 200);
    turn();
    outbox_count(outbox, &counts);
    CHECK_U64(counts.refused, 0);
    CHECK_U64(counts.rows, 2);
    ahead_ms = 4 * 60 * 1000;
    turn();
    CHECK_INT(asked_count, 5);
    answer(3, 200);
    answer(4, 200);
    turn();
    CHECK_INT(rows(), 0);
}

static void test_busy_and_away(void)
{
    begin();
    push("o1", "id1");
    push("o1", "id2");
    push("o2", "id3");
    turn();
    answer(0, 503);
    answer(1, 200);
    turn();
    CHECK_INT(asked_count, 2); /* id2 does not overtake it */
    ahead_ms = OUTBOX_WAIT_MS_MIN + 10;
    turn();
    CHECK_INT(asked_count, 3);
    CHECK_STR(asked[2].what, "push o1 id1");
    for (int i = 0; i < 100; i++) {
        char openid[16];
        snprintf(openid, sizeof openid, "p%d", i);
        push(openid, openid);
    }
    turn();
    CHECK_INT(asked_count, 103);
    for (size_t i = 2; i < 103; i++)
        answer_with(i, 0, MEGA_TIMEOUT, "");
    turn(); /* ahead of its pause already: a few try */
    CHECK_INT(asked_count, 103 + OUTBOX_PROBES);
    answer(103, 200);
    turn();
    CHECK_INT(asked_count, 103 + 101);
    next_error = MEGA_FULL;
    push("q", "q");
    turn();
    CHECK_INT(rows(), 102);
}

static void test_restart(void)
{
    begin();
    window("o1", "follow");
    push("o1", "id1");
    turn();
    answer(0, 200);
    restart(); /* the answer was not written down */
    turn();
    CHECK_INT(asked_count, 1);
    CHECK_STR(asked[0].what, "window o1 follow");
    push("o9", "never");
    db_rollback(db);
    turn();
    CHECK_INT(asked_count, 1);
}

static void test_bounds(void)
{
    begin();
    CHECK_INT(db_begin(db), 0);
    for (int i = 0; i < 3 * OUTBOX_ROWS_MAX; i++) {
        char openid[16];
        snprintf(openid, sizeof openid, "o%d", i);
        push(openid, openid);
    }
    for (int i = 0; i < 20; i++)
        turn();
    CHECK_INT(asked_count, OUTBOX_ROWS_MAX);
    for (size_t i = 0; i < asked_count; i++) {
        answer(i, 200);
        if (i % 1000 == 999 || i + 1 == asked_count)
            turn();
    }
    CHECK_INT(asked_count, 3 * OUTBOX_ROWS_MAX);
    turn();
    CHECK_INT(rows(), 0);
}

/* What cannot be deleted now is deleted later, and not sent again. */
static void test_not_written(void)
{
    begin();
    push("o1", "id1");
    turn();
    answer(0, 200);
    CHECK_INT(db_begin(db), 0);
    outbox_write(outbox, clock_mono_ms());
    db_rollback(db);
    outbox_after_commit(outbox, 0);
    CHECK_INT(rows(), 1);
    turn();
    CHECK_INT(rows(), 0);
    CHECK_INT(asked_count, 1);
}

/* A turn in which nothing else is changed writes no few answers down, and does not forget them. */
static void test_few_wait(void)
{
    begin();
    for (int i = 0; i < OUTBOX_WRITE_ROWS + 1; i++) {
        char openid[16];
        snprintf(openid, sizeof openid, "o%d", i);
        push(openid, "id");
    }
    int64_t began_ms = clock_mono_ms();
    turn();
    turn();
    CHECK_INT(asked_count, OUTBOX_WRITE_ROWS + 1);
    for (size_t i = 0; i < OUTBOX_WRITE_ROWS; i++) {
        outbox_write(outbox, began_ms);
        CHECK_INT(db_is_changing(db), 0);
        outbox_after_commit(outbox, 1);
        answer(i, 200);
    }
    CHECK(outbox_wait_ms(outbox, clock_mono_ms(), 1000) <= OUTBOX_WRITE_MS);
    outbox_write(outbox, began_ms); /* many do not wait */
    CHECK_INT(db_is_changing(db), 1);
    outbox_after_commit(outbox, db_commit(db) == 0);
    CHECK_INT(rows(), 1);
    answer(OUTBOX_WRITE_ROWS, 200);
    outbox_write(outbox, began_ms);
    CHECK_INT(db_is_changing(db), 0);
    outbox_after_commit(outbox, 1);
    outbox_write(outbox, clock_mono_ms() + OUTBOX_WRITE_MS); /* nor one for long */
    CHECK_INT(db_is_changing(db), 1);
    outbox_after_commit(outbox, db_commit(db) == 0);
    CHECK_INT(rows(), 0);
}

static void test_refused(void)
{
    struct outbox_counts counts;
    begin();
    push("o1", "id1");
    push("o1", "id2");
    turn();
    answer(0, 400);
    turn();
    CHECK_STR(asked[1].what, "push o1 id2");
    answer(1, 409); /* it was cancelled before: it had been taken */
    turn();
    next_error = MEGA_INVALID;
    push("o1", "id3");
    turn();
    turn();
    outbox_count(outbox, &counts);
    CHECK_U64(counts.refused, 2);
    CHECK_U64(counts.done, 1);
    CHECK_U64(counts.rows, 0);
}

int main(void)
{
    test_order();
    test_cancel();
    test_settled();
    test_cancels();
    test_receipts();
    test_earlier_broker();
    test_busy_and_away();
    test_restart();
    test_bounds();
    test_not_written();
    test_few_wait();
    test_refused();
    outbox_sender_destroy(&outbox);
    db_close(&db);
    return 0;
}
