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
    int errcode = exchange->method != HTTP_GET ? ERRCODE_NOT_GET : sim->token_errcode;
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
    int errcode = exchange->method != HTTP_POST ? ERRCODE_NOT_POST : sim->token_errcode;
    if (errcode == 0)
        errcode = body_read_grant(exchange->body, exchange->body_bytes, &body);
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
        .errcode = errcode,
    };
    journal_add_grant(sim->journal, &line);
}
