/* The table of calls: one for each seq, what waits for leave, what a fence drops and what it holds, results
 * until they are confirmed. */
#include "proto/mp.h"
#include "sender/calls.h"
#include "tests/unit/test.h"

#define SLOTS 4

static struct call *take_kind(struct calls *c, uint64_t seq, uint32_t turn, uint64_t generation,
                              const char *kind)
{
    struct buf packed = {0};
    struct rendered job = {.seq = seq, .turn = turn, .generation = generation, .id = span_of("id"),
                           .app = span_of("default"), .openid = span_of("o"), .kind = span_of(kind),
                           .body = span_of("{}")};
    rendered_pack(&job, &packed);
    struct call *call = calls_take(c, &job, buf_span(&packed), 1000);
    buf_free(&packed); /* the table keeps a copy */
    return call;
}

static struct call *take(struct calls *c, uint64_t seq, uint32_t turn, uint64_t generation)
{
    return take_kind(c, seq, turn, generation, "template");
}

/* Takes a job that waits for leave from then on. */
static struct call *want(struct calls *c, uint64_t seq, uint32_t turn, uint64_t generation, int64_t now_ms)
{
    struct call *call = take_kind(c, seq, turn, generation, "custom");
    CHECK(call != NULL);
    calls_move(c, call, CALL_WANTING, now_ms);
    return call;
}

/* Asks for leave; writes the seqs one behind the other into *seqs. */
static size_t ask(struct calls *c, size_t count_max, int64_t now_ms, uint64_t *seqs)
{
    struct buf out = {0};
    struct mp_cursor cursor;
    struct holding h;
    size_t count = calls_ask(c, count_max, now_ms, &out);
    *seqs = 0;
    mp_open(&cursor, buf_span(&out));
    for (size_t i = 0; i < count; i++) {
        CHECK_INT(control_holding_next(&cursor, &h), 1);
        *seqs = *seqs * 10 + h.seq;
    }
    CHECK_INT(control_holding_next(&cursor, &h), 0);
    buf_free(&out);
    return count;
}

/* Takes a job and ends it. */
static void finish(struct calls *c, uint64_t seq, uint32_t turn, enum outcome outcome)
{
    struct call *call = take(c, seq, turn, 1);
    CHECK(call != NULL);
    calls_move(c, call, CALL_RUNNING, 1000);
    calls_end(c, call, outcome, 1001, "text %d", 5);
}

/* Offers everything; returns the count and writes the last report. */
static size_t offer(struct calls *c, int64_t now_ms, struct outcome_report *last)
{
    static struct buf packed; /* the report points into it */
    struct mp_cursor cursor;
    buf_clear(&packed);
    size_t count = calls_offer(c, 100, 1000000, now_ms, &packed);
    mp_open(&cursor, buf_span(&packed));
    for (size_t i = 0; i < count; i++)
        CHECK_INT(outcome_read(&cursor, last), 0);
    CHECK(cursor.at == cursor.end);
    return count;
}

static void test_life(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    struct outcome_report r;
    struct call *call = take(c, 10, 1, 1);
    CHECK_INT(call->state, CALL_QUEUED);
    CHECK_SPAN(call->job.body, "{}");
    calls_move(c, call, CALL_RUNNING, 1000);
    call->result.calls = 1;
    CHECK_U64(offer(c, 1000, &r), 0);
    calls_end(c, call, OUTCOME_SENT, 1000, "done");
    CHECK_U64(offer(c, 1000, &r), 1);
    CHECK(r.seq == 10 && r.turn == 1 && r.outcome == OUTCOME_SENT && r.calls == 1);
    CHECK_SPAN(r.message, "done");
    CHECK_U64(offer(c, 1000, &r), 0); /* offered once, until it is due again */
    CHECK_U64(calls_count(c, CALL_OFFERED), 1);
    calls_confirm(c, &(struct holding){10, 2});
    calls_confirm(c, &(struct holding){11, 1});
    CHECK_U64(calls_count(c, CALL_OFFERED), 1);
    calls_confirm(c, &(struct holding){10, 1});
    CHECK_U64(calls_count(c, CALL_FREE), 2 * SLOTS);
    calls_destroy(&c);
    CHECK(c == NULL);
}

static void test_same_seq_in_flight(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    struct call *call = take(c, 10, 2, 1);
    calls_move(c, call, CALL_RUNNING, 1000);
    CHECK(take(c, 10, 2, 1) == NULL); /* the same turn twice */
    CHECK(take(c, 10, 1, 1) == NULL); /* an old one */
    CHECK_INT(call->result.turn, 2);
    CHECK(take(c, 10, 5, 3) == NULL);
    CHECK_INT(call->result.turn, 5);
    CHECK_U64(calls_count(c, CALL_RUNNING), 1);
    calls_move(c, call, CALL_REPEAT, 1000);
    CHECK(take(c, 10, 6, 3) == NULL);
    CHECK_INT(call->result.turn, 6);
    CHECK_U64(calls_count(c, CALL_FREE), 2 * SLOTS - 1);
    calls_destroy(&c);
}

static void test_same_seq_queued(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    take(c, 10, 2, 1);
    CHECK(take(c, 10, 2, 1) == NULL);
    struct call *call = take(c, 10, 3, 4); /* takes its place */
    CHECK_INT(call->result.turn, 3);
    CHECK_U64(call->job.generation, 4);
    CHECK_U64(calls_count(c, CALL_QUEUED), 1);
    calls_destroy(&c);
}

static void test_same_seq_with_result(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    struct outcome_report r;
    finish(c, 10, 1, OUTCOME_SENT);
    CHECK_U64(offer(c, 1000, &r), 1);
    CHECK(take(c, 10, 2, 2) == NULL); /* final: the job is dropped, the result stands for the newer turn */
    CHECK_U64(offer(c, 1000, &r), 1);
    CHECK(r.seq == 10 && r.turn == 2 && r.outcome == OUTCOME_SENT);
    calls_confirm(c, &(struct holding){10, 1});
    CHECK_U64(calls_count(c, CALL_OFFERED), 1);
    finish(c, 11, 1, OUTCOME_UNKNOWN);
    CHECK(take(c, 11, 1, 2) == NULL);
    struct call *call = take(c, 11, 2, 2); /* not final: forgotten, called again */
    CHECK(call != NULL);
    CHECK_INT(call->result.turn, 2);
    CHECK_INT(call->result.outcome, OUTCOME_NONE);
    CHECK_INT(call->result.calls, 0);
    CHECK_U64(calls_count(c, CALL_DONE), 0);
    calls_destroy(&c);
}

/* The broker has dealt with a refusal, and its confirmation is late: the message falls back. The old refusal does not stand for that. */
static void test_same_seq_after_refusal(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    struct outcome_report r;
    finish(c, 10, 1, OUTCOME_REFUSED);
    CHECK_U64(offer(c, 1000, &r), 1);
    CHECK(take(c, 10, 1, 1) == NULL); /* the same turn once more: nothing to do */
    struct call *call = take(c, 10, 2, 1);
    CHECK(call != NULL);
    CHECK_INT(call->state, CALL_QUEUED);
    calls_confirm(c, &(struct holding){10, 1}); /* late: it is not for this turn */
    CHECK_U64(calls_count(c, CALL_QUEUED), 1);
    CHECK_U64(offer(c, 2000, &r), 0);
    calls_destroy(&c);
}

static void test_hold(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    struct buf holdings = {0};
    struct mp_cursor cursor;
    struct holding h;
    uint64_t seqs = 0;
    take(c, 1, 1, 6);                                            /* queued, older: dropped */
    calls_move(c, take(c, 2, 1, 6), CALL_RUNNING, 1000);         /* held */
    calls_move(c, take(c, 3, 1, 6), CALL_REPEAT, 1000);          /* held */
    calls_end(c, take(c, 4, 1, 6), OUTCOME_RETRY, 1000, "x");    /* held */
    take(c, 5, 9, 7);                                            /* of the new generation: stays, told as well */
    CHECK_U64(calls_hold(c, 7, &holdings), 4);
    mp_open(&cursor, buf_span(&holdings));
    while (control_holding_next(&cursor, &h) > 0) {
        seqs = seqs * 10 + h.seq;
        CHECK_INT(h.turn, h.seq == 5 ? 9 : 1);
    }
    CHECK_U64(seqs, 5234);
    CHECK_U64(calls_count(c, CALL_FREE), 2 * SLOTS - 4);
    buf_free(&holdings);
    calls_destroy(&c);
}

static void test_kinds(void)
{
    static const struct {
        const char *name, *path;
        int has_key;
    } cases[] = {{"template", "/cgi-bin/message/template/send", 1},
                 {"custom", "/cgi-bin/message/custom/send", 0},
                 {"subscribe", "/cgi-bin/message/subscribe/send", 0},
                 {"bizsubscribe", "/cgi-bin/message/subscribe/bizsend", 0},
                 {"onetime", "/cgi-bin/message/template/subscribe", 0}};
    static const char *const unknown[] = {"", "Template", "templates", "custo", "biz"};
    struct calls *c = calls_new(SLOTS, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call *call = take_kind(c, i, 1, 1, cases[i].name);
        CHECK_STR(call->kind->name, cases[i].name);
        CHECK_STR(call->kind->path, cases[i].path);
        CHECK_INT(call->kind->has_key, cases[i].has_key);
    }
    calls_hold(c, 2, &(struct buf){0});
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        CHECK(take_kind(c, i, 1, 2, unknown[i])->kind == NULL);
    CHECK(kind_find((struct span){"template\0", 9}) == NULL);
    calls_destroy(&c);
}

static void test_leave(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    uint64_t seqs;
    struct call *one = want(c, 1, 3, 1, 1000);
    want(c, 2, 1, 1, 1000);
    want(c, 3, 1, 1, 1000);
    CHECK_U64(ask(c, 2, 1000, &seqs), 2);
    CHECK_U64(seqs, 12);
    CHECK_U64(ask(c, 2, 1000, &seqs), 1);
    CHECK_U64(seqs, 3);
    CHECK_U64(ask(c, 2, 1000, &seqs), 0); /* asked once, until it is time again */
    CHECK_U64(calls_count(c, CALL_ASKED), 3);
    /* only a leave for just this turn is one */
    CHECK(calls_find_asked(c, &(struct holding){1, 2}) == NULL);
    CHECK(calls_find_asked(c, &(struct holding){1, 4}) == NULL);
    CHECK(calls_find_asked(c, &(struct holding){4, 1}) == NULL);
    CHECK(calls_find_asked(c, &(struct holding){1, 3}) == one);
    calls_move(c, one, CALL_RUNNING, 1000);
    CHECK(calls_find_asked(c, &(struct holding){1, 3}) == NULL); /* said twice */
    calls_move(c, one, CALL_REPEAT, 1000);
    CHECK(calls_find_asked(c, &(struct holding){1, 3}) == NULL);
    calls_end(c, one, OUTCOME_SENT, 1000, "x");
    CHECK(calls_find_asked(c, &(struct holding){1, 3}) == NULL);
    CHECK(calls_find_asked(c, &(struct holding){2, 1}) != NULL);
    CHECK(take_kind(c, 5, 1, 1, "custom") != NULL); /* has not got a slot yet */
    CHECK(calls_find_asked(c, &(struct holding){5, 1}) == NULL);
    calls_destroy(&c);
}

static void test_leave_asked_again(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    uint64_t seqs;
    want(c, 1, 1, 1, 1000);
    CHECK_U64(ask(c, 9, 1000, &seqs), 1);
    want(c, 2, 1, 1, 1100);
    CHECK_U64(ask(c, 9, 1100, &seqs), 1);
    calls_ask_again(c, 1000, 1200);
    CHECK_U64(ask(c, 9, 1200, &seqs), 0);
    calls_ask_again(c, 1001, 1200);
    CHECK(calls_find_asked(c, &(struct holding){1, 1}) != NULL); /* the leave for the first question counts */
    CHECK_U64(ask(c, 9, 1200, &seqs), 1);
    CHECK_U64(seqs, 1);
    calls_ask_again(c, 1201, 1200); /* all */
    CHECK_U64(ask(c, 9, 1200, &seqs), 2);
    CHECK_U64(seqs, 21);
    calls_destroy(&c);
}

/* A newer turn takes the place of one that waits for leave, and needs a leave of its own. */
static void test_leave_of_another_turn(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    uint64_t seqs;
    want(c, 1, 1, 1, 1000);
    ask(c, 9, 1000, &seqs);
    CHECK(take_kind(c, 1, 1, 1, "custom") == NULL);
    struct call *call = take_kind(c, 1, 2, 2, "custom");
    CHECK(call != NULL);
    CHECK_INT(call->state, CALL_QUEUED);
    CHECK_U64(calls_count(c, CALL_ASKED), 0);
    calls_move(c, call, CALL_WANTING, 1000);
    CHECK(calls_find_asked(c, &(struct holding){1, 1}) == NULL);
    CHECK(calls_find_asked(c, &(struct holding){1, 2}) == call);
    calls_destroy(&c);
}

/* What waits for leave is dropped like what waits for a slot, and never held. */
static void test_leave_and_fence(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    struct buf holdings = {0};
    uint64_t seqs;
    want(c, 1, 1, 6, 1000);
    ask(c, 9, 1000, &seqs);
    want(c, 2, 1, 6, 1000);
    struct call *begun = want(c, 3, 1, 6, 1000);
    calls_move(c, begun, CALL_RUNNING, 1000);
    want(c, 4, 1, 7, 1000);
    CHECK_U64(calls_hold(c, 7, &holdings), 1);
    struct buf expected = {0};
    control_holding_pack(&(struct holding){3, 1}, &expected);
    CHECK_BYTES(buf_span(&holdings), buf_span(&expected));
    CHECK(calls_find_asked(c, &(struct holding){1, 1}) == NULL); /* granted before the fence, read after it */
    CHECK(calls_find_asked(c, &(struct holding){2, 1}) == NULL);
    CHECK(calls_find_asked(c, &(struct holding){4, 1}) != NULL); /* of the new generation: stays */
    CHECK_U64(calls_count(c, CALL_FREE), 2 * SLOTS - 2);
    buf_free(&expected);
    buf_free(&holdings);
    calls_destroy(&c);
}

static void test_full(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    for (uint64_t seq = 0; seq < 2 * SLOTS; seq++) {
        CHECK(!calls_are_full(c));
        CHECK(take(c, seq, 1, 1) != NULL);
    }
    CHECK(calls_are_full(c));
    calls_hold(c, 2, &(struct buf){0});
    CHECK(!calls_are_full(c));
    calls_destroy(&c);
}

static void test_offer_again(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    struct outcome_report r;
    finish(c, 1, 1, OUTCOME_SENT);
    CHECK_U64(offer(c, 2000, &r), 1);
    finish(c, 2, 1, OUTCOME_SENT);
    CHECK_U64(offer(c, 3000, &r), 1);
    calls_offer_late(c, 2500, 5000);
    CHECK_U64(offer(c, 5000, &r), 1);
    CHECK_U64(r.seq, 1);
    calls_offer_again(c, 5000);
    CHECK_U64(offer(c, 5000, &r), 2);
    calls_destroy(&c);
}

static void test_offer_is_bounded(void)
{
    struct calls *c = calls_new(SLOTS, NULL);
    struct buf out = {0};
    for (uint64_t seq = 0; seq < 5; seq++)
        finish(c, seq, 1, OUTCOME_SENT);
    CHECK_U64(calls_offer(c, 2, 1000000, 1000, &out), 2);
    CHECK_U64(calls_offer(c, 100, 1, 1000, &out), 1);
    CHECK_U64(calls_offer(c, 100, 1000000, 1000, &out), 2);
    CHECK_U64(calls_offer(c, 100, 1000000, 1000, &out), 0);
    buf_free(&out);
    calls_destroy(&c);
}

int main(void)
{
    test_life();
    test_same_seq_in_flight();
    test_same_seq_queued();
    test_same_seq_with_result();
    test_same_seq_after_refusal();
    test_hold();
    test_kinds();
    test_leave();
    test_leave_asked_again();
    test_leave_of_another_turn();
    test_leave_and_fence();
    test_full();
    test_offer_again();
    test_offer_is_bounded();
    return 0;
}
