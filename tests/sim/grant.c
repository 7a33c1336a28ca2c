/*
 * grant.c - token calls; see grant.h.
 */
#include "tests/sim/grant.h"

#include <inttypes.h>
#include <string.h>

#include "tests/sim/body.h"
#include "tests/sim/control.h"
#include "tests/sim/errcode.h"

#define DAY_MS     86400000
#define BEIJING_MS 28800000 /* WeChat's days begin at midnight in Beijing, UTC+8 */

static int grant_check(const struct sim *sim, const char *grant_type, const char *appid, const char *secret,
                       const struct tokens_account **account);
static bool grant_refuse_on_request(struct sim *sim, struct exchange *exchange, const char *appid);
static void grant_refuse(struct sim *sim, struct exchange *exchange, const char *appid, int errcode);
static void grant_give(struct sim *sim, struct exchange *exchange, const char *appid,
                       const struct tokens_grant *grant);
static void grant_journal(struct sim *sim, const struct exchange *exchange, const char *appid,
                          const char *result, int errcode);

void grant_classic(struct sim *sim, struct exchange *exchange)
{
    const char *appid = exchange_query(exchange, "appid");
    const struct tokens_account *account = NULL;
    sim->counters.values[COUNTER_TOKEN_FETCHES]++;
    int errcode = exchange->method != HTTP_GET ? ERRCODE_NOT_GET : 0;
    if (errcode == 0 && grant_refuse_on_request(sim, exchange, appid))
        return;
    if (errcode == 0)
        errcode = grant_check(sim, exchange_query(exchange, "grant_type"), appid,
                              exchange_query(exchange, "secret"), &account);
    if (errcode != 0) {
        grant_refuse(sim, exchange, appid, errcode);
        return;
    }
    struct tokens_grant grant = tokens_issue_classic(sim->tokens, account, loop_now_ms());
    grant_give(sim, exchange, appid, &grant);
}

void grant_stable(struct sim *sim, struct exchange *exchange)
{
    struct body_grant body = {.appid = ""};
    const struct tokens_account *account = NULL;
    sim->counters.values[COUNTER_TOKEN_FETCHES]++;
    sim->counters.values[COUNTER_STABLE_FETCHES]++;
    int errcode = exchange->method != HTTP_POST ? ERRCODE_NOT_POST : 0;
    if (errcode == 0) {
        errcode = body_read_grant(exchange->body, exchange->body_bytes, &body);
        if (grant_refuse_on_request(sim, exchange, body.appid))
            return;
    }
    if (errcode == 0)
        errcode = grant_check(sim, body.grant_type, body.appid, body.secret, &account);
    if (errcode != 0) {
        grant_refuse(sim, exchange, body.appid, errcode);
        return;
    }
    int64_t day = (loop_wall_ms() + BEIJING_MS) / DAY_MS;
    struct tokens_grant grant =
        tokens_issue_stable(sim->tokens, account, body.force_refresh, loop_now_ms(), day);
    if (grant.origin == TOKENS_EXHAUSTED) {
        grant_refuse(sim, exchange, body.appid, ERRCODE_DAILY_QUOTA);
        return;
    }
    sim->counters.values[COUNTER_FORCED] += grant.origin == TOKENS_FORCED;
    grant_give(sim, exchange, body.appid, &grant);
}

static bool grant_missing(const char *value)
{
    return value == NULL || value[0] == '\0';
}

/* 0 and *account, or the errcode. */
static int grant_check(const struct sim *sim, const char *grant_type, const char *appid, const char *secret,
                       const struct tokens_account **account)
{
    if (grant_missing(grant_type) || strcmp(grant_type, "client_credential") != 0)
        return ERRCODE_GRANT_TYPE;
    if (grant_missing(appid))
        return ERRCODE_APPID_MISSING;
    if (grant_missing(secret))
        return ERRCODE_SECRET_MISSING;
    *account = tokens_find_account(sim->tokens, appid);
    if (*account == NULL)
        return ERRCODE_APPID;
    return strcmp((*account)->secret, secret) == 0 ? 0 : ERRCODE_SECRET;
}

/* Answers as POST /sim/token-refuse has asked for; false if it has not. */
static bool grant_refuse_on_request(struct sim *sim, struct exchange *exchange, const char *appid)
{
    struct refusal refusal;
    struct text answer = {0};
    const struct tokens_account *account =
        grant_missing(appid) ? NULL : tokens_find_account(sim->tokens, appid);
    if (!refusals_take(&sim->refusals, account, &refusal))
        return false;
    if (refusal.status == 0) {
        grant_refuse(sim, exchange, appid, refusal.errcode);
        return true;
    }
    grant_journal(sim, exchange, appid, "refused", refusal.errcode);
    if (refusal.errcode != 0)
        sim_write_error(sim, &answer, refusal.errcode, NULL);
    else
        text_printf(&answer, "<html><body>%u</body></html>", refusal.status);
    exchange_answer(exchange, refusal.status, refusal.errcode != 0 ? HTTP_JSON : HTTP_HTML, &answer);
    control_counters_changed(sim);
    return true;
}

static void grant_refuse(struct sim *sim, struct exchange *exchange, const char *appid, int errcode)
{
    grant_journal(sim, exchange, appid, "refused", errcode);
    sim_answer_error(sim, exchange, errcode, NULL);
    control_counters_changed(sim);
}

static void grant_give(struct sim *sim, struct exchange *exchange, const char *appid,
                       const struct tokens_grant *grant)
{
    static const char *const results[] = {
        [TOKENS_ISSUED] = "issued",
        [TOKENS_SAME] = "same",
        [TOKENS_FORCED] = "forced",
        [TOKENS_TOO_SOON] = "too-soon",
    };
    struct text answer = {0};
    grant_journal(sim, exchange, appid, results[grant->origin], 0);
    text_printf(&answer, "{\"access_token\":\"%s\",\"expires_in\":%" PRId64 "}", grant->value,
                grant->expires_in_s);
    exchange_answer(exchange, 200, HTTP_JSON, &answer);
    control_counters_changed(sim);
}

static void grant_journal(struct sim *sim, const struct exchange *exchange, const char *appid,
                          const char *result, int errcode)
{
    struct journal_grant line = {
        .arrived_ms = loop_wall_ms(),
        .path = exchange->path,
        .app = grant_missing(appid) ? NULL : appid,
        .result = result,
        .has_errcode = errcode != 0 || strcmp(result, "refused") != 0,
        .errcode = errcode,
    };
    journal_add_grant(sim->journal, &line);
}
