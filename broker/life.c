/* What becomes of a message: outcomes of its calls, the fence, expiry. Decides with verdict.c, writes through the store, and tells
 * those who wait. */
#include "broker/broker.h"

#include <string.h>

#include "base/log.h"
#include "broker/verdict.h"

#define EXPIRE_A_TURN 1000
#define BRAKE_MS      100 /* an account whose jobs come back unsent is left alone for so long */

static struct verdict_rules rules_of(const struct broker *b, size_t account)
{
    return (struct verdict_rules){.backoff_ms = b->conf->broker.backoff_ms,
                                  .backoff_count = b->conf->broker.backoff_count,
                                  .attempts_max = b->conf->accounts[account].attempts_max,
                                  .send_patience_ms = b->conf->broker.send_patience_ms,
                                  .on_unknown = b->conf->broker.on_unknown};
}

struct result life_result_of(enum store_state state, const struct message *m, const struct final *f)
{
    struct result r = {.state = span_of(store_state_name(state))};
    if (state == STATE_WAITING || state == STATE_OUT) {
        r.code = CODE_QUEUED;
        r.id = m->id;
        r.errcode = m->errcode;
        r.message = m->note;
        return r;
    }
    r.code = f->code;
    r.id = f->id;
    r.errcode = f->errcode;
    r.msgid = f->msgid;
    r.message = f->message;
    return r;
}

static void tell_waiters(struct broker *b, const struct final *f)
{
    struct caller caller;
    struct result r = life_result_of(f->state, NULL, f);
    r.epoch = b->epoch;
    while (waiters_take(b->waiters, f->seq, &caller))
        outbox_answer(b->outbox, &caller, &r);
}

static void settle(struct broker *b, const struct message *m, struct final *f)
{
    f->seq = m->seq;
    f->calls = m->calls;
    f->accepted_ms = m->accepted_ms;
    f->settled_ms = b->now_ms;
    f->account = m->account;
    f->id = m->id;
    f->openid = m->openid;
    f->key = m->key;
    f->task = m->task;
    if (f->message.bytes > MESSAGE_TEXT_BYTES_MAX)
        f->message.bytes = MESSAGE_TEXT_BYTES_MAX;
    if (f->state == STATE_DEAD)
        log_warn("message is dead", log_span("id", f->id), log_span("account", f->account), log_span("reason", f->message),
                 log_u64("calls", f->calls));
    else
        log_debug("message settled", log_span("id", f->id), log_str("state", store_state_name(f->state)));
    tell_waiters(b, f); /* packs now: the spans of m are gone after the write */
    store_settle(b->store, m, f);
}

void life_settle(struct broker *b, const struct message *m, enum store_state state, enum code code, struct span note)
{
    struct final f = {.state = state, .code = code, .errcode = state == STATE_DEAD ? m->errcode : 0, .message = note};
    settle(b, m, &f);
}

/* The job is not out any more: its slot and its recipient are free. */
static void end_turn(struct broker *b, struct out *o)
{
    accounts_end(&b->accounts, o->account);
    recipients_end(b->recipients, o->recipient);
    ring_out_remove(&b->ring, o);
}

/* Carries a verdict out on a message that was out. */
static void apply(struct broker *b, struct out *o, const struct message *m, struct verdict v, struct final *f)
{
    if (v.action == VERDICT_SETTLE || v.action == VERDICT_BURY) {
        f->state = v.state;
        f->code = v.code;
        settle(b, m, f);
    } else {
        struct message copy = *m;
        store_put_back(b->store, &copy);
        /* Behind others of its recipient it would lose its place: those that are parked go first. */
        if (v.action == VERDICT_PUT_BACK && recipients_has_more(b->recipients, o->recipient) &&
            store_read(b->store, copy.seq, &copy) == STORE_OK)
            store_park(b->store, &copy);
        if (v.action == VERDICT_DEFER)
            accounts_wake(&b->accounts, o->account, m->due_ms);
    }
    end_turn(b, o);
}

/* What a mark knows and the message's record does not yet. */
static void catch_up(struct message *m, const struct out *o)
{
    m->turn = o->turn;
    if (m->first_out_ms == 0)
        m->first_out_ms = o->out_ms;
}

static void report_on_out(struct broker *b, struct out *o, const struct outcome_report *report)
{
    struct message m;
    struct verdict_rules rules = rules_of(b, o->account);
    if (store_read(b->store, o->seq, &m) != STORE_OK) {
        log_error("message of a job cannot be read", log_u64("seq", o->seq));
        end_turn(b, o);
        return;
    }
    catch_up(&m, o);
    struct verdict v = verdict_on_report(&m, report, o->out_ms, b->now_ms, &rules);
    struct final f = {.errcode = report->errcode, .msgid = report->msgid, .message = report->message};
    if (v.action == VERDICT_DEFER)
        log_info("call failed, will be tried again", log_span("id", m.id), log_i64("errcode", report->errcode),
                 log_u64("failures", m.failures), log_i64("in_ms", m.due_ms - b->now_ms));
    if (v.action == VERDICT_PUT_BACK)
        accounts_brake(&b->accounts, o->account, b->mono_ms + BRAKE_MS);
    apply(b, o, &m, v, &f);
}

/* A final report of a job that was meanwhile put back: the first final result settles the message wherever it stands. */
static void report_on_waiting(struct broker *b, const struct outcome_report *report)
{
    struct message m;
    struct verdict_rules rules = {.backoff_count = 1};
    if (!outcome_is_final(report->outcome) || store_read(b->store, report->seq, &m) != STORE_OK)
        return;
    struct final known;
    struct message ignored;
    uint64_t content;
    enum store_state state;
    if (store_find(b->store, m.account, m.id, &state, &ignored, &known, &content) != STORE_OK || state == STATE_DEAD)
        return;
    struct verdict v = verdict_on_report(&m, report, 0, b->now_ms, &rules);
    struct final f = {.state = v.state, .code = v.code, .errcode = report->errcode, .msgid = report->msgid,
                      .message = report->message};
    settle(b, &m, &f);
}

void life_on_report(struct broker *b, const struct outcome_report *report)
{
    struct out *o = ring_out_find(&b->ring, report->seq);
    if (o && (o->turn == report->turn || outcome_is_final(report->outcome)))
        report_on_out(b, o, report);
    else if (o == NULL)
        report_on_waiting(b, report);
}

static void lose(struct broker *b, struct out *o, enum fence_fate fate)
{
    struct message m;
    struct final unused = {0};
    if (store_read(b->store, o->seq, &m) != STORE_OK) {
        log_error("message of a job cannot be read", log_u64("seq", o->seq));
        end_turn(b, o);
        return;
    }
    catch_up(&m, o);
    struct verdict v = {.action = VERDICT_PUT_BACK};
    if (fate == FATE_UNKNOWN)
        v = verdict_on_lost(&m, o->out_ms);
    apply(b, o, &m, v, &unused);
}

void life_after_fence(struct broker *b)
{
    uint64_t stays = 0, back = 0, unknown = 0;
    struct out *o, *next;
    HASH_ITER(hh, b->ring.outs, o, next)
    {
        enum fence_fate fate = fence_fate(&b->ring.fence, o->generation, o->sender, o->held);
        stays += fate == FATE_STAYS;
        back += fate == FATE_BACK;
        unknown += fate == FATE_UNKNOWN;
        if (fate != FATE_STAYS)
            lose(b, o, fate);
    }
    log_info("fence closed", log_u64("generation", b->ring.fence.generation), log_u64("stays", stays),
             log_u64("put_back", back), log_u64("sender_lost", unknown));
}

void life_expire(struct broker *b)
{
    uint64_t seq;
    for (int i = 0; i < EXPIRE_A_TURN; i++) {
        struct message m;
        if (store_first_expired(b->store, b->now_ms, &seq) != STORE_OK)
            return;
        /* One that is out is left to its outcome; the dispatcher looks at the time before each turn. */
        if (ring_out_find(&b->ring, seq) || store_read(b->store, seq, &m) != STORE_OK) {
            store_forget_first_expired(b->store);
            continue;
        }
        life_settle(b, &m, STATE_EXPIRED, CODE_EXPIRED, span_of("not sent within its ttl"));
    }
}
