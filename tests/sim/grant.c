/*
 * grant.c - token calls; see grant.h.
 */
#include "tests/sim/grant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/body.h"
#include "tests/sim/control.h"
#include "tests/sim/errcode.h"

#define GRANT_MESSAGE_BYTES 128

/* A token call on its way through the checks. */
struct grant_call {
    struct sim *sim;
    struct exchange *exchange;
    const char *appid;                     /* as the call names it; NULL or "" if it does not */
    const struct tokens_account *account;  /* NULL until the credentials were found right */
    char message[GRANT_MESSAGE_BYTES + 1]; /* errmsg; "" for the usual one of the code */
};

static bool grant_refuse_on_request(const struct grant_call *call);
static int grant_check(struct grant_call *call, const char *grant_type, const char *secret);
static int grant_take_quota(const struct grant_call *call, int path);
static void grant_refuse(const struct grant_call *call, int errcode);
static void grant_give(const struct grant_call *call, const struct tokens_grant *grant);
static void grant_journal(const struct grant_call *call, const char *result, int errcode);

void grant_classic(struct sim *sim, struct exchange *exchange)
{
    struct grant_call call = {.sim = sim, .exchange = exchange, .appid = exchange_query(exchange, "appid")};
    sim->counters.values[COUNTER_TOKEN_FETCHES]++;
    int errcode = exchange->method != HTTP_GET ? ERRCODE_NOT_GET : 0;
    if (errcode == 0 && grant_refuse_on_request(&call))
        return;
    if (errcode == 0)
        errcode =
            grant_check(&call, exchange_query(exchange, "grant_type"), exchange_query(exchange, "secret"));
    if (errcode == 0)
        errcode = grant_take_quota(&call, QUOTA_CLASSIC);
    if (errcode != 0) {
        grant_refuse(&call, errcode);
        return;
    }
    struct tokens_grant grant = tokens_issue_classic(sim->tokens, call.account, loop_now_ms());
    grant_give(&call, &grant);
}

void grant_stable(struct sim *sim, struct exchange *exchange)
{
    struct body_grant body = {.appid = ""};
    struct grant_call call = {.sim = sim, .exchange = exchange, .appid = body.appid};
    sim->counters.values[COUNTER_TOKEN_FETCHES]++;
    sim->counters.values[COUNTER_STABLE_FETCHES]++;
    int errcode = exchange->method != HTTP_POST ? ERRCODE_NOT_POST : 0;
    if (errcode == 0) {
        errcode = body_read_grant(exchange->body, exchange->body_bytes, &body);
        if (grant_refuse_on_request(&call))
            return;
    }
    if (errcode == 0)
        errcode = grant_check(&call, body.grant_type, body.secret);
    if (errcode == 0 && !body.force_refresh)
        errcode = grant_take_quota(&call, QUOTA_STABLE);
    if (errcode != 0) {
        grant_refuse(&call, errcode);
        return;
    }
    struct tokens_grant grant =
        tokens_issue_stable(sim->tokens, call.account, body.force_refresh, loop_now_ms(),
                            quotas_token_day(&sim->quotas, loop_wall_ms()));
    if (grant.origin == TOKENS_EXHAUSTED) {
        grant_refuse(&call, ERRCODE_DAILY_QUOTA);
        return;
    }
    sim->counters.values[COUNTER_FORCED] += grant.origin == TOKENS_FORCED;
    grant_give(&call, &grant);
}

static bool grant_missing(const char *value)
{
    return value == NULL || value[0] == '\0';
}

/* The account that the call names, right secret or not; NULL if there is none. */
static const struct tokens_account *grant_named(const struct grant_call *call)
{
    return grant_missing(call->appid) ? NULL : tokens_find_account(call->sim->tokens, call->appid);
}

/* Answers as POST /sim/token-refuse has asked for; false if it has not. */
static bool grant_refuse_on_request(const struct grant_call *call)
{
    struct refusal refusal;
    struct text answer = {0};
    if (!refusals_take(&call->sim->refusals, grant_named(call), &refusal))
        return false;
    unsigned status = refusal.status != 0 ? refusal.status : 200;
    grant_journal(call, "refused", refusal.errcode);
    if (refusal.errcode != 0) {
        sim_answer_error(call->sim, call->exchange, grant_named(call), status, refusal.errcode, NULL);
    } else {
        text_printf(&answer, "<html><body>%u</body></html>", status);
        exchange_answer(call->exchange, status, HTTP_HTML, &answer);
    }
    control_counters_changed(call->sim);
    return true;
}

/* 0 and call->account, or the errcode. */
static int grant_check(struct grant_call *call, const char *grant_type, const char *secret)
{
    char ip[HTTP_IP_BYTES];
    const struct tokens_account *account = NULL;
    if (grant_missing(grant_type) || strcmp(grant_type, "client_credential") != 0)
        return ERRCODE_GRANT_TYPE;
    int errcode = tokens_check_secret(call->sim->tokens, call->appid, secret, &account);
    if (errcode != 0)
        return errcode;
    exchange_client_ip(call->exchange, ip);
    if (!whitelist_has(&call->sim->whitelist, ip)) {
        snprintf(call->message, sizeof call->message, "invalid ip %s, not in whitelist", ip);
        return ERRCODE_WHITELIST;
    }
    call->account = account;
    return 0;
}

static int grant_take_quota(const struct grant_call *call, int path)
{
    return quotas_take(&call->sim->quotas, call->account->number, path, loop_wall_ms());
}

static void grant_refuse(const struct grant_call *call, int errcode)
{
    const char *message = call->message[0] != '\0' ? call->message : NULL;
    grant_journal(call, "refused", errcode);
    sim_answer_error(call->sim, call->exchange, grant_named(call), 200, errcode, message);
    control_counters_changed(call->sim);
}

static void grant_give(const struct grant_call *call, const struct tokens_grant *grant)
{
    static const char *const results[] = {
        [TOKENS_ISSUED] = "issued",
        [TOKENS_SAME] = "same",
        [TOKENS_FORCED] = "forced",
        [TOKENS_TOO_SOON] = "too-soon",
    };
    struct text answer = {0};
    grant_journal(call, results[grant->origin], 0);
    text_printf(&answer, "{\"access_token\":\"%s\",\"expires_in\":%" PRId64 "}", grant->value,
                grant->expires_in_s);
    exchange_answer(call->exchange, 200, HTTP_JSON, &answer);
    control_counters_changed(call->sim);
}

static void grant_journal(const struct grant_call *call, const char *result, int errcode)
{
    struct journal_grant line = {
        .arrived_ms = loop_wall_ms(),
        .path = call->exchange->path,
        .app = grant_missing(call->appid) ? NULL : call->appid,
        .result = result,
        .has_errcode = errcode != 0 || strcmp(result, "refused") != 0,
        .errcode = errcode,
    };
    journal_add_grant(call->sim->journal, &line);
}
