/*
 * call.c - message calls; see call.h.
 */
#include "tests/sim/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "tests/sim/control.h"
#include "tests/sim/errcode.h"
#include "tests/sim/happen.h"
#include "tests/sim/memory.h"
#include "tests/sim/steer_user.h"

/* How the client gets to know. */
enum call_ending { CALL_ANSWER, CALL_CUT, CALL_HANG };

/* What a recipient's openid is held by: an account's openids are its own. */
struct call_key {
    unsigned account;
    char openid[BODY_OPENID_BYTES_MAX + 1];
};

struct call {
    struct sim *sim;
    struct exchange *exchange;
    const struct kind *kind;
    struct call *prev; /* sim->calls */
    struct call *next;
    UT_hash_handle hh; /* sim->busy, while holds_openid */
    struct call_key key;
    bool holds_openid;
    bool held; /* due, but the simulator is paused */
    struct timer timer;
    int64_t arrived_ms;                   /* wall clock */
    const struct tokens_account *account; /* NULL until the token was found valid */
    struct body_message message;
    enum counter result; /* COUNTER_DELIVERED to COUNTER_RATE_REFUSED */
    enum call_ending ending;
    char fault[JOURNAL_FAULT_BYTES_MAX + 1]; /* "" without one */
    int64_t slow_ms;
    int64_t *left; /* what a delivery takes one from; NULL: nothing. Valid within call_decide() only */
    bool has_errcode;
    int errcode;
    unsigned status;
    enum http_type type;
    int64_t msgid;       /* 0: none; not told where the kind's answers carry none */
    char rid[RID_BYTES]; /* what the answer carries; "" for none */
    struct text answer;
};

static void call_decide(struct call *call);
static int call_check_request(struct call *call);
static int call_take_quota(const struct call *call);
static int call_ask_user(struct call *call);
static bool call_take_openid(struct call *call);
static void call_take_fault(struct call *call, const struct fault *fault);
static void call_deliver(struct call *call);
static void call_answer_status(struct call *call, unsigned status);
static void call_refuse(struct call *call, int errcode, const char *message);
static void call_due(void *argument);
static void call_client_left(struct exchange *exchange);
static void call_settle(struct call *call, bool ending);

void call_begin(struct sim *sim, struct exchange *exchange, const struct kind *kind)
{
    int64_t *values = sim->counters.values;
    struct call *call = memory_new(sizeof *call);
    call->sim = sim;
    call->exchange = exchange;
    call->kind = kind;
    call->arrived_ms = loop_wall_ms();
    call->status = 200;
    exchange->owner = call;
    DL_APPEND(sim->calls, call);
    values[COUNTER_CALLS]++;
    values[COUNTER_IN_FLIGHT]++;
    if (values[COUNTER_IN_FLIGHT] > values[COUNTER_MAX_IN_FLIGHT])
        values[COUNTER_MAX_IN_FLIGHT] = values[COUNTER_IN_FLIGHT];
    call_decide(call);
    int64_t delay_ms = latency_draw(&sim->latency, &sim->dice) + call->slow_ms;
    if (call->ending == CALL_HANG)
        exchange_watch(exchange, call_client_left);
    else if (delay_ms > 0)
        loop_start_timer(sim->loop, &call->timer, delay_ms, call_due, call);
    else
        call_due(call);
    control_counters_changed(sim);
}

void call_resume_all(struct sim *sim)
{
    struct call *next;
    for (struct call *call = sim->calls; call != NULL; call = next) {
        next = call->next;
        if (call->held)
            call_settle(call, false);
    }
    control_counters_changed(sim);
}

void call_settle_all(struct sim *sim)
{
    while (sim->calls != NULL)
        call_settle(sim->calls, true);
}

/* Decides result, answer and ending, in WeChat's order: request, token, quota, JSON, fields; then
 * whether the recipient is in flight and may get it now; then faults. */
static void call_decide(struct call *call)
{
    struct sim *sim = call->sim;
    char error[BODY_ERROR_BYTES_MAX] = "";
    if (call->exchange->body_too_large) {
        call_answer_status(call, 413);
        call->result = COUNTER_REFUSED;
        return;
    }
    int errcode = call_check_request(call);
    int quota_errcode = errcode == 0 ? call_take_quota(call) : 0;
    if (errcode == 0)
        errcode = body_read_message(call->exchange->body, call->exchange->body_bytes, call->kind->body,
                                    sim->options->openid_policy, &call->message, error);
    if (quota_errcode != 0) { /* it matters more than a wrong body; that was read for the journal */
        call_refuse(call, quota_errcode, NULL);
        call->result = quota_errcode == ERRCODE_DAILY_QUOTA ? COUNTER_QUOTA_REFUSED : COUNTER_RATE_REFUSED;
        return;
    }
    if (errcode != 0) {
        call_refuse(call, errcode, error[0] != '\0' ? error : NULL);
        return;
    }
    if (!call_take_openid(call)) {
        call_refuse(call, ERRCODE_CONCURRENT, NULL);
        call->result = COUNTER_CONFLICTS;
        return;
    }
    errcode = sim->options->windows ? call_ask_user(call) : 0;
    if (errcode != 0) {
        call_refuse(call, errcode, NULL);
        return;
    }
    const struct fault *fault =
        faults_find(sim->faults, call->account->appid, call->message.openid, &sim->dice);
    if (fault != NULL)
        call_take_fault(call, fault);
    else
        call_deliver(call);
}

/* Method and token. 0, or the errcode. */
static int call_check_request(struct call *call)
{
    if (call->exchange->method != HTTP_POST)
        return ERRCODE_NOT_POST;
    return sim_check_token(call->sim, call->exchange, &call->account);
}

/* 0 and the call is counted, or 45009 or 45011. */
static int call_take_quota(const struct call *call)
{
    return quotas_take(&call->sim->quotas, call->account->number, kind_number(call->kind), call->arrived_ms);
}

/* Whether the recipient may get the message now. 0, or the errcode. */
static int call_ask_user(struct call *call)
{
    return users_ask(call->sim->users, call->account->number, call->kind->body, &call->message,
                     steer_user_now_ms(call->sim), &call->left);
}

/* Holds the openid for this call; false if another call holds it. */
static bool call_take_openid(struct call *call)
{
    struct sim *sim = call->sim;
    struct call *other = NULL;
    if (!sim->options->conflict)
        return true;
    call->key.account = call->account->number;
    memcpy(call->key.openid, call->message.openid, sizeof call->key.openid);
    HASH_FIND(hh, sim->busy, &call->key, sizeof call->key, other);
    if (other != NULL)
        return false;
    HASH_ADD(hh, sim->busy, key, sizeof call->key, call);
    call->holds_openid = true;
    return true;
}

static void call_take_fault(struct call *call, const struct fault *fault)
{
    snprintf(call->fault, sizeof call->fault, "%s", fault->name);
    call->result = COUNTER_FAULTS;
    call->has_errcode = fault->has_errcode;
    call->errcode = fault->has_errcode ? fault->number : 0;
    switch (fault->kind) {
    case FAULT_ERRCODE:
        sim_write_error(call->sim, &call->answer, fault->number, NULL, call->rid);
        break;
    case FAULT_STATUS:
        call_answer_status(call, (unsigned)fault->number);
        break;
    case FAULT_BODY:
        text_puts(&call->answer, fault->text);
        break;
    case FAULT_CUT:
        call->ending = CALL_CUT;
        break;
    case FAULT_CUT_AFTER:
        call_deliver(call);
        call->ending = CALL_CUT;
        break;
    case FAULT_SLOW:
        call_deliver(call);
        call->slow_ms = fault->number;
        break;
    case FAULT_HANG:
        call->ending = CALL_HANG;
        break;
    }
}

/* Accepts the message, or finds that it was accepted before and answers the same. */
static void call_deliver(struct call *call)
{
    struct sim *sim = call->sim;
    const char *openid = call->message.openid;
    const char *client_msg_id = call->message.client_msg_id;
    unsigned account = call->account->number;
    int64_t now_ms = loop_now_ms();
    if (client_msg_id[0] != '\0')
        call->msgid = dedupe_find(sim->dedupe, account, openid, client_msg_id, now_ms);
    call->result = call->msgid != 0 ? COUNTER_DUPLICATES : COUNTER_DELIVERED;
    if (call->msgid == 0) {
        call->msgid = ++sim->msgid;
        if (call->left != NULL && *call->left > 0)
            (*call->left)--;
        if (client_msg_id[0] != '\0')
            dedupe_add(sim->dedupe, account, openid, client_msg_id, call->msgid, now_ms);
    }
    call->has_errcode = true;
    text_puts(&call->answer, "{\"errcode\":0,\"errmsg\":\"ok\"");
    if (call->kind->has_msgid)
        text_printf(&call->answer, ",\"msgid\":%" PRId64, call->msgid);
    text_puts(&call->answer, "}");
}

static void call_answer_status(struct call *call, unsigned status)
{
    call->status = status;
    call->type = HTTP_HTML;
    text_printf(&call->answer, "<html><body>%u</body></html>", status);
}

static void call_refuse(struct call *call, int errcode, const char *message)
{
    call->result = COUNTER_REFUSED;
    call->has_errcode = true;
    call->errcode = errcode;
    sim_write_error(call->sim, &call->answer, errcode, message, call->rid);
}

/* The latency is over. */
static void call_due(void *argument)
{
    struct call *call = argument;
    struct sim *sim = call->sim;
    call->held = sim->paused;
    if (call->held)
        return;
    call_settle(call, false);
    control_counters_changed(sim);
}

/* The client of a hanging call has closed its connection. */
static void call_client_left(struct exchange *exchange)
{
    struct call *call = exchange->owner;
    struct sim *sim = call->sim;
    call_settle(call, false);
    control_counters_changed(sim);
}

static const char *call_result_name(const struct call *call)
{
    switch (call->result) {
    case COUNTER_DELIVERED:
        return "delivered";
    case COUNTER_DUPLICATES:
        return "duplicate";
    case COUNTER_REFUSED:
    case COUNTER_QUOTA_REFUSED:
    case COUNTER_RATE_REFUSED:
        return "refused";
    case COUNTER_CONFLICTS:
        return "conflict";
    default:
        return call->ending == CALL_CUT ? "cut" : "fault";
    }
}

static void call_journal(const struct call *call, bool answered)
{
    const struct exchange *exchange = call->exchange;
    bool answer = call->ending == CALL_ANSWER;
    struct journal_message line = {
        .arrived_ms = call->arrived_ms,
        .done_ms = loop_wall_ms(),
        .path = exchange->path,
        .app = call->account != NULL ? call->account->appid : NULL,
        .openid = call->message.openid[0] != '\0' ? call->message.openid : NULL,
        .client_msg_id = call->message.client_msg_id[0] != '\0' ? call->message.client_msg_id : NULL,
        .result = call_result_name(call),
        .fault = call->fault[0] != '\0' ? call->fault : NULL,
        .answered = answered,
        .has_errcode = call->has_errcode,
        .errcode = call->errcode,
        .status = answer ? (int)call->status : 0,
        .msgid = call->kind->has_msgid ? call->msgid : 0,
        .body = exchange->body_too_large ? NULL : exchange->body,
        .body_bytes = exchange->body_bytes,
    };
    journal_add_message(call->sim->journal, &line);
}

/* What WeChat tells later. A message that was put under review has an id, too, which its answer does not tell. */
static void call_tell(const struct call *call)
{
    struct sim *sim = call->sim;
    bool reviewed = call->result == COUNTER_FAULTS && call->has_errcode && call->errcode == ERRCODE_REVIEW;
    if (call->result == COUNTER_DELIVERED)
        happen_receipt(sim, call->account, &call->message, call->kind->body, call->msgid);
    else if (reviewed)
        happen_receipt(sim, call->account, &call->message, call->kind->body, ++sim->msgid);
}

/* Counts, journals, answers and frees the call. `ending`: the simulator ends, so nothing is answered. */
static void call_settle(struct call *call, bool ending)
{
    struct sim *sim = call->sim;
    struct exchange *exchange = call->exchange;
    bool cut = ending || call->ending != CALL_ANSWER;
    sim->counters.values[COUNTER_IN_FLIGHT]--;
    sim->counters.values[call->result]++;
    call_journal(call, !cut && !exchange_client_left(exchange));
    loop_stop_timer(sim->loop, &call->timer);
    if (call->holds_openid)
        HASH_DEL(sim->busy, call);
    DL_DELETE(sim->calls, call);
    if (!cut && call->rid[0] != '\0')
        rids_add(sim->rids, call->rid, exchange, call->account, call->arrived_ms, &call->answer);
    if (cut)
        exchange_cut(exchange);
    else
        exchange_answer(exchange, call->status, call->type, &call->answer);
    if (!ending)
        call_tell(call);
    text_clear(&call->answer);
    free(call);
}
