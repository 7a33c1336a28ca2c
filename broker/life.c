/* What becomes of a message: outcomes of its calls, the fence, expiry. Decides with verdict.c, writes through the store, and tells
 * those who wait. */
#include "broker/broker.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "broker/message_log.h"
#include "broker/tries.h"
#include "broker/verdict.h"

#define EXPIRE_A_TURN 1000
#define BRAKE_MS      100 /* an account whose jobs come back unsent is left alone for so long */

static struct verdict_rules rules_of(const struct broker *b, size_t account)
{
    return (struct verdict_rules){.backoff_ms = b->conf->broker.backoff_ms,
                                  .backoff_count = b->conf->broker.backoff_count,
                                  .jitter_percent = b->conf->broker.jitter_percent,
                                  .age_max_ms = b->conf->broker.age_max_ms,
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

/* Fills in what the result has of the message, and tells everybody but the store. `why_dead`: one of BURIAL_…, of a dead one. */
static void conclude(struct broker *b, const struct message *m, struct final *f, const char *why_dead)
{
    f->seq = m->seq;
    f->calls = m->calls;
    f->accepted_ms = m->accepted_ms;
    f->due_ms = m->due_ms;
    f->settled_ms = b->now_ms;
    f->account = m->account;
    f->id = m->id;
    f->openid = m->openid;
    f->key = m->key;
    f->task = m->task;
    f->fallback = m->fallback;
    f->tries = m->tries;
    if (f->message.bytes > MESSAGE_TEXT_BYTES_MAX)
        f->message.bytes = MESSAGE_TEXT_BYTES_MAX;
    message_log_settled(m, f);
    int account = accounts_find(&b->accounts, f->account);
    figures_count(b->figures, account, figures_of_state(f->state));
    if (f->state == STATE_REFUSED)
        reasons_count(b->reasons, account, REASON_REFUSED, "", f->errcode);
    if (f->state == STATE_DEAD)
        reasons_count(b->reasons, account, REASON_DEAD, why_dead, 0);
    if (f->state == STATE_SENT || f->state == STATE_PENDING)
        delivery_count(b->delivery, account, f->fallback.bytes ? f->fallback : f->key, DELIVERY_SENT);
    tell_waiters(b, f); /* packs now: the spans of m are gone after the write */
}

static void settle(struct broker *b, const struct message *m, struct final *f, const char *why_dead)
{
    conclude(b, m, f, why_dead);
    store_settle(b->store, m, f);
}

/* A dead message was sent, or refused, after all: its sender was thought lost and has come back with the answer. */
static void revise(struct broker *b, const struct message *m, struct final *f)
{
    message_log_revised(m, f);
    figures_count(b->figures, accounts_find(&b->accounts, m->account), FIGURE_REVISED);
    conclude(b, m, f, "");
    store_revise_dead(b->store, m, f);
}

/* When the caller of a Send gives up: so long after its first call; 0 = not yet known, or it is none. */
static int64_t patience_end_ms(const struct broker *b, const struct message *m)
{
    return m->is_send && m->first_out_ms ? m->first_out_ms + b->conf->broker.send_patience_ms : 0;
}

void life_settle(struct broker *b, const struct message *m, enum store_state state, enum code code, struct span note)
{
    struct final f = {.state = state, .code = code, .errcode = state == STATE_DEAD ? m->errcode : 0, .message = note};
    int64_t end_ms = patience_end_ms(b, m);
    settle(b, m, &f, end_ms && end_ms <= b->order_ms ? BURIAL_PATIENCE : BURIAL_UNKNOWN);
}

/* The job is not out any more: its slot is free, and its recipient, unless he is to be left alone until cool_ms (0 = no). */
static void end_turn(struct broker *b, struct out *o, int64_t cool_ms)
{
    accounts_end(&b->accounts, o->account);
    stops_on_lost(b->stops, o->account, o->seq, b->order_ms); /* a probe, if its report has not told */
    if (cool_ms == 0 || recipients_cool(b->recipients, o->recipient, cool_ms))
        recipients_end(b->recipients, o->recipient);
    ring_out_remove(&b->ring, o);
}

/* A Send that was called once is over when its caller gives up, wherever it waits then: an index of the store sees to it. */
static void limit_by_patience(const struct broker *b, struct message *m)
{
    int64_t end_ms = patience_end_ms(b, m);
    if (end_ms && (m->give_up_ms == 0 || m->give_up_ms > end_ms))
        m->give_up_ms = end_ms;
}

/* Carries a verdict out on a message that was out. */
static void apply(struct broker *b, struct out *o, const struct message *m, struct verdict v, struct final *f, const char *why_dead)
{
    if (v.action == VERDICT_SETTLE || v.action == VERDICT_BURY) {
        f->state = v.state;
        f->code = v.code;
        settle(b, m, f, why_dead);
    } else {
        struct message copy = *m;
        limit_by_patience(b, &copy);
        if (copy.timed == TIMED_WALL && copy.due_ms > b->now_ms) { /* the wall clock was set back: it was due all the same */
            copy.timed = TIMED_ORDER;
            copy.due_ms = b->order_ms;
        }
        store_put_back(b->store, &copy);
        /* Behind others of its recipient it would lose its place: those that are parked go first. */
        int keeps_place = v.action == VERDICT_PUT_BACK || v.action == VERDICT_COOL;
        if (keeps_place && (v.action == VERDICT_COOL || recipients_has_more(b->recipients, o->recipient)) &&
            store_read(b->store, copy.seq, &copy) == STORE_OK) {
            store_park(b->store, &copy);
            recipients_park(b->recipients, o->recipient);
        }
        dispatch_wake(b, o->account, m->timed, m->due_ms);
    }
    end_turn(b, o, v.until_ms);
}

/* What a mark knows and the message's record does not yet. The time of the first call counts only when there may have been one: a
 * Send waits for it as long as it must. */
static void catch_up(struct message *m, const struct out *o, int was_called)
{
    m->turn = o->turn;
    if (was_called && m->first_out_ms == 0)
        m->first_out_ms = o->out_ms;
}

/* The message of a job that is out. Returns 0; or -1 when there is none to do anything with, and the turn has ended. */
static int read_out(struct broker *b, struct out *o, struct message *m)
{
    if (!o->settled && store_read(b->store, o->seq, m) == STORE_OK)
        return 0;
    if (!o->settled) {
        struct place place = {.seq = o->seq};
        life_set_aside(b, o->account, (struct span){NULL, 0}, &place);
    }
    end_turn(b, o, 0);
    return -1;
}

static struct mark mark_of(const struct out *o)
{
    return (struct mark){.seq = o->seq,
                         .generation = o->generation,
                         .sender = o->sender,
                         .out_ms = o->out_ms,
                         .turn = o->turn,
                         .begun = o->begun};
}

/* A message that begins with leave was never called before without it: what was noted when an earlier sender was lost, of which
 * nobody knew the kind, does not concern it. */
static void forget_unknown(struct broker *b, uint64_t seq)
{
    struct message m;
    if (store_read(b->store, seq, &m) != STORE_OK || m.unknown_since_ms == 0)
        return;
    m.unknown_since_ms = 0;
    store_update(b->store, &m);
}

int life_may_begin(struct broker *b, uint64_t sender, uint64_t seq, uint32_t turn)
{
    struct out *o = ring_out_find(&b->ring, seq);
    if (o == NULL || o->turn != turn || o->sender != sender || o->settled)
        return 0;
    if (o->begun)
        return 1; /* it asks again: our answer was lost */
    if (o->generation != b->ring.fence.generation)
        return 0; /* its sender has dropped it, or will */
    o->begun = 1;
    struct mark mark = mark_of(o);
    store_mark(b->store, &mark);
    forget_unknown(b, seq);
    return 1;
}

void life_set_aside(struct broker *b, size_t account, struct span openid, const struct place *place)
{
    figures_count(b->figures, (int)account, FIGURE_DAMAGED);
    store_set_aside(b->store, accounts_name(&b->accounts, account), openid, place);
}

/* The reason of a message that is given up although a call of it may have been taken: whoever requeues it has to know. */
static struct span say_unknown(struct broker *b, struct span why)
{
    buf_clear(&b->scratch);
    buf_printf(&b->scratch, "it may have arrived (on_unknown): ");
    buf_append(&b->scratch, why.data, why.bytes);
    return buf_span(&b->scratch);
}

/* Notes a call that did not settle the message, with what is known of it. */
static void note_try(struct broker *b, struct message *m, const struct outcome_report *report)
{
    const struct try t = {.at_ms = b->now_ms,
                          .outcome = report->outcome,
                          .errcode = report->errcode,
                          .http_status = report->http_status,
                          .key = m->fallback,
                          .text = report->message};
    tries_add(m->tries, &t, &b->tries);
    m->tries = buf_span(&b->tries);
}

static int is_among(struct span codes, int64_t errcode)
{
    struct mp_cursor c;
    mp_open(&c, codes);
    uint32_t count = codes.bytes ? mp_read_array(&c) : 0;
    for (uint32_t i = 0; i < count && !c.failed; i++)
        if (mp_read_i64(&c) == errcode && !c.failed)
            return 1;
    return 0;
}

/* The template that is to be tried after this refusal; empty = none. A message falls back once. */
static struct span fallback_after(struct broker *b, const struct message *m, const struct outcome_report *report)
{
    static const struct span none = {NULL, 0};
    const struct key_info *info = keys_find(b->keys, m->key);
    if (m->fallback.bytes || info == NULL || info->fallback.bytes == 0 || !is_among(info->fallback_on, report->errcode))
        return none;
    if (keys_find(b->keys, info->fallback))
        return info->fallback;
    log_error("fallback template does not exist, the message stays refused", log_span("id", m->id), log_span("template", m->key),
              log_span("fallback", info->fallback));
    return none;
}

/* It goes out again at once, by its fallback: another call with a number of its own. */
static void fall_back(struct broker *b, struct message *m, const struct outcome_report *report, struct span fallback)
{
    note_try(b, m, report);
    m->fallback = fallback;
    m->call++;
    m->unknown_since_ms = 0;
    m->errcode = report->errcode;
    m->note = report->message;
    figures_count(b->figures, accounts_find(&b->accounts, m->account), FIGURE_FALLBACKS);
    message_log_falls_back(m, report, fallback);
}

/* Tells of a message that stays in the pipeline; of one that falls back that was told already. */
static void log_stay(const struct broker *b, const struct message *m, const struct outcome_report *report, struct verdict v)
{
    int64_t again_ms = v.action == VERDICT_COOL ? v.until_ms : v.action == VERDICT_DEFER ? m->due_ms : b->order_ms;
    int has_fallen_back = v.action == VERDICT_PUT_BACK && report->outcome == OUTCOME_REFUSED;
    if (v.action != VERDICT_SETTLE && v.action != VERDICT_BURY && !has_fallen_back)
        message_log_stays(m, report, v, again_ms > b->order_ms ? again_ms - b->order_ms : 0);
}

/* The verdict on a message that is out, with what follows from it for the message. */
static struct verdict judge(struct broker *b, struct out *o, struct message *m, const struct outcome_report *report,
                            int steps_back)
{
    struct mark mark = mark_of(o);
    struct verdict_rules rules = rules_of(b, o->account);
    rules.steps_back = steps_back;
    struct verdict v = verdict_on_report(m, report, &mark, b->order_ms, &rules);
    struct span fallback = {NULL, 0};
    if (v.action == VERDICT_SETTLE && v.state == STATE_REFUSED)
        fallback = fallback_after(b, m, report);
    if (fallback.bytes) {
        fall_back(b, m, report, fallback);
        return (struct verdict){.action = VERDICT_PUT_BACK};
    }
    if (v.action != VERDICT_SETTLE && v.action != VERDICT_BURY && report->outcome != OUTCOME_RETURNED)
        note_try(b, m, report);
    if (v.action == VERDICT_PUT_BACK) /* no token, no templater ...: it would only come back */
        accounts_brake(&b->accounts, o->account, b->mono_ms + BRAKE_MS);
    if (v.action == VERDICT_COOL && recipients_is_full(b->recipients)) {
        m->due_ms = v.until_ms;
        m->timed = TIMED_ORDER;
        return (struct verdict){.action = VERDICT_DEFER};
    }
    return v;
}

static const char *why_buried(const struct broker *b, size_t account, const struct message *m, const struct outcome_report *report)
{
    struct verdict_rules rules = rules_of(b, account);
    return verdict_why_buried(m, report, b->order_ms, &rules);
}

/* A turn that ended in a failed call. */
static void count_failure(struct broker *b, size_t account, const struct outcome_report *report, struct verdict v)
{
    if (outcome_is_final(report->outcome) || report->outcome == OUTCOME_RETURNED)
        return;
    figures_count(b->figures, (int)account, FIGURE_FAILED);
    if (v.action != VERDICT_SETTLE && v.action != VERDICT_BURY)
        figures_count(b->figures, (int)account, FIGURE_RETRIED);
    const char *cause = cause_name(report->cause);
    reasons_count(b->reasons, (int)account, REASON_FAILED, *cause ? cause : "none", report->errcode);
}

/* A time of the order clock as wall time. */
static int64_t wall_of(const struct broker *b, int64_t order_ms)
{
    return b->now_ms - (b->order_ms - order_ms);
}

static void report_on_out(struct broker *b, struct out *o, const struct outcome_report *report)
{
    struct message m;
    struct window_note note;
    int steps_back = trouble_on_report(b, o, report);
    if (report->cause == CAUSE_TEMPLATE && store_read(b->store, o->seq, &m) == STORE_OK)
        trouble_with_template(b, o->account, &m, report); /* writes, after which m is to be read again */
    if (read_out(b, o, &m))
        return;
    catch_up(&m, o, report->outcome != OUTCOME_RETURNED || report->calls > 0);
    int is_noted = window_note(b, &m, report, wall_of(b, o->out_ms), &note);
    struct verdict v = judge(b, o, &m, report, steps_back);
    struct final f = {.errcode = report->errcode, .msgid = report->msgid, .message = report->message};
    if (v.state == STATE_SENT) { /* "repeated" counts as sent: there is nothing to tell of it */
        f.errcode = 0;
        f.message = (struct span){NULL, 0};
    }
    if (v.action == VERDICT_BURY && (m.unknown_since_ms || report->outcome == OUTCOME_UNKNOWN))
        f.message = say_unknown(b, report->message);
    count_failure(b, o->account, report, v);
    log_stay(b, &m, report, v);
    apply(b, o, &m, v, &f, v.action == VERDICT_BURY ? why_buried(b, o->account, &m, report) : "");
    if (is_noted)
        window_count(b, &note);
}

/* A dead message goes back to the queue, to begin anew. */
static void put_anew(struct broker *b, struct message *m)
{
    int account = accounts_find(&b->accounts, m->account);
    m->due_ms = b->order_ms;
    m->timed = TIMED_NOW;
    m->first_out_ms = m->unknown_since_ms = 0;
    m->is_send = 0; /* whoever waited has had an answer */
    m->failures = 0;
    figures_count(b->figures, account, FIGURE_REQUEUED);
    store_requeue(b->store, m);
    if (account >= 0)
        dispatch_wake(b, (size_t)account, TIMED_NOW, 0);
}

/* A dead message was refused after all with a code that its template has a fallback for. Returns 1 when it falls back, as it would have
 * done in time; 0 when it is too late for that. */
static int fall_back_dead(struct broker *b, struct message *m, const struct outcome_report *report)
{
    int is_over = (m->give_up_ms && m->give_up_ms <= b->order_ms) || (m->expires_ms && m->expires_ms <= b->now_ms);
    struct span fallback = fallback_after(b, m, report);
    if (fallback.bytes == 0 || is_over || m->is_send) /* the caller of a Send was told that it is over */
        return 0;
    fall_back(b, m, report, fallback);
    put_anew(b, m);
    return 1;
}

void life_refuse_unasked(struct broker *b, struct message *m, int64_t errcode, const char *why)
{
    struct buf json = {0};
    struct verdict_rules rules = {.backoff_count = 1};
    const struct mark mark = {.seq = m->seq};
    buf_printf(&json, "{\"errcode\":%lld,\"errmsg\":\"%s\",\"openid\":\"", (long long)errcode, why);
    json_escape(m->openid, &json);
    buf_append_str(&json, "\"}");
    const struct outcome_report report = {.seq = m->seq, .outcome = OUTCOME_REFUSED, .errcode = errcode, .message = buf_span(&json)};
    struct verdict v = verdict_on_report(m, &report, &mark, b->order_ms, &rules);
    struct span fallback = fallback_after(b, m, &report);
    if (fallback.bytes) {
        fall_back(b, m, &report, fallback);
        store_update(b->store, m);
    } else {
        struct final f = {.state = v.state, .code = v.code, .errcode = errcode, .message = report.message};
        settle(b, m, &f, "");
    }
    buf_free(&json);
}

/* 1 when a refusal of an earlier turn does not settle the message, because it is called again after such a refusal: the report may be
 * a second copy of one that had its effect already, whose confirmation was lost. Nothing is lost by ignoring it: the later turn hears
 * the same if it is still so. */
static int is_asked_anew(struct broker *b, const struct message *m, const struct outcome_report *report, int is_dead)
{
    const struct key_info *info = keys_find(b->keys, m->key);
    int is_fallbacks = info && info->fallback.bytes && is_among(info->fallback_on, report->errcode);
    if (m->fallback.bytes) /* what the refusal was of, its own template or the fallback, only the code tells */
        return is_fallbacks || (info == NULL && !is_dead);
    return !is_dead && (is_fallbacks || report->cause == CAUSE_DOUBTFUL);
}

/* A final report of an earlier turn: the first final result settles the message wherever it stands. Returns 1 when it did. */
static int report_on_earlier(struct broker *b, const struct outcome_report *report)
{
    struct message m;
    struct verdict_rules rules = {.backoff_count = 1};
    const struct mark mark = {.seq = report->seq};
    struct outcome_report plain = *report;
    plain.cause = CAUSE_NONE; /* it stands for itself only: what it told of others is old */
    if (!outcome_is_final(report->outcome) || store_read(b->store, report->seq, &m) != STORE_OK)
        return 0;
    struct final known;
    struct message ignored;
    uint64_t content;
    enum store_state state;
    if (store_find(b->store, m.account, m.id, &state, &ignored, &known, &content) != STORE_OK)
        return 0;
    if (report->outcome == OUTCOME_REFUSED && is_asked_anew(b, &m, report, state == STATE_DEAD))
        return 0;
    /* When that turn was is not known: what a recipient did since the first one may have opened a window that it has not used. */
    struct window_note note;
    int64_t asked_ms = m.first_out_ms ? wall_of(b, m.first_out_ms) : m.accepted_ms;
    int is_noted = report->outcome == OUTCOME_SENT && window_note(b, &m, report, asked_ms, &note);
    struct verdict v = verdict_on_report(&m, &plain, &mark, b->order_ms, &rules);
    struct final f = {.state = v.state, .code = v.code, .errcode = report->errcode, .msgid = report->msgid,
                      .message = report->message};
    if (state != STATE_DEAD)
        settle(b, &m, &f, BURIAL_UNSENDABLE);
    else if (v.state == STATE_REFUSED && fall_back_dead(b, &m, report))
        return 1;
    else if (v.state != STATE_DEAD)
        revise(b, &m, &f);
    if (is_noted)
        window_count(b, &note);
    return 1;
}

void life_on_report(struct broker *b, const struct outcome_report *report)
{
    struct out *o = ring_out_find(&b->ring, report->seq);
    if (o && o->turn == report->turn)
        report_on_out(b, o, report);
    else if ((o == NULL || !o->settled) && report_on_earlier(b, report) && o)
        o->settled = 1; /* the later turn's call may be in flight: its recipient and its slot stay taken until it ends */
}

static void lose(struct broker *b, struct out *o, enum fence_fate fate)
{
    struct message m;
    struct mark mark = mark_of(o);
    struct verdict_rules rules = rules_of(b, o->account);
    struct verdict v = {.action = VERDICT_PUT_BACK};
    struct final f = {.message = span_of(mark.begun ? "its sender was lost in mid-call: it may have arrived (on_unknown)"
                                                    : "every sender it was given to was lost")};
    if (read_out(b, o, &m))
        return;
    catch_up(&m, o, fate == FATE_UNKNOWN);
    if (fate == FATE_UNKNOWN)
        note_try(b, &m, &(struct outcome_report){.message = span_of("its sender was lost")});
    if (fate == FATE_UNKNOWN)
        v = verdict_on_lost(&m, &mark, &rules);
    message_log_lost(&m, v, fate == FATE_UNKNOWN);
    apply(b, o, &m, v, &f, mark.begun ? BURIAL_UNKNOWN : BURIAL_LOST);
}

void life_after_fence(struct broker *b)
{
    uint64_t stays = 0, back = 0, unknown = 0;
    struct out *o, *next;
    HASH_ITER(hh, b->ring.outs, o, next)
    {
        enum fence_fate fate = fence_fate(&b->ring.fence, o->generation, o->sender, o->held);
        if (fate == FATE_BACK && o->is_of_copy)
            fate = FATE_UNKNOWN;
        stays += fate == FATE_STAYS;
        back += fate == FATE_BACK;
        unknown += fate == FATE_UNKNOWN;
        if (fate != FATE_STAYS)
            lose(b, o, fate);
    }
    if (store_is_copy(b->store)) /* all that was out when it was made is decided on */
        store_settle_in(b->store);
    log_info("fence closed", log_u64("generation", b->ring.fence.generation), log_u64("stays", stays),
             log_u64("put_back", back), log_u64("sender_lost", unknown));
}

int life_end_if_over(struct broker *b, const struct message *m)
{
    int is_over = m->give_up_ms && m->give_up_ms <= b->order_ms;
    if (is_over && m->give_up_ms == patience_end_ms(b, m))
        life_settle(b, m, STATE_DEAD, CODE_FAILED,
                    m->note.bytes ? m->note : span_of("not settled within send_patience of its first call"));
    else if (is_over || (m->expires_ms && m->expires_ms <= b->now_ms))
        life_settle(b, m, STATE_EXPIRED, CODE_EXPIRED, span_of("not sent within its ttl"));
    else
        return 0;
    return 1;
}

static void end_over(struct broker *b, enum over clock, int64_t now_ms)
{
    uint64_t seq;
    for (int i = 0; i < EXPIRE_A_TURN && store_first_over(b->store, clock, now_ms, &seq) == STORE_OK; i++) {
        struct message m;
        /* One that is out is left to its outcome: it is written down again if it comes back. */
        int is_out = ring_out_find(&b->ring, seq) != NULL;
        if (is_out || store_read(b->store, seq, &m) != STORE_OK || !life_end_if_over(b, &m))
            store_forget_first_over(b->store, clock);
    }
}

void life_expire(struct broker *b)
{
    end_over(b, OVER_EXPIRED, b->now_ms);
    end_over(b, OVER_GIVEN_UP, b->order_ms);
}

void life_requeue(struct broker *b, const struct message *m, int64_t ttl_ms)
{
    struct message again = *m;
    again.expires_ms = 0;
    again.give_up_ms = ttl_ms ? b->order_ms + ttl_ms : 0;
    again.fallback = (struct span){NULL, 0}; /* it begins anew with its own template */
    again.call++; /* a person has decided that it goes out once more */
    message_log_requeued(m);
    put_anew(b, &again);
}
