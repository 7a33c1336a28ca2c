/*
 * steer.c - control calls about token refusals, quotas, days and months, and the whitelist; see steer.h.
 */
#include "tests/sim/steer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/control.h"

#define ERRCODE_MIN    -1
#define ERRCODE_MAX    9999999
#define COUNT_MAX      1000000000
#define STATUS_OK      200
#define STATUS_BAD_MIN 400
#define STATUS_BAD_MAX 599

void steer_token_refuse(struct sim *sim, struct exchange *exchange)
{
    const struct tokens_account *account = NULL;
    int64_t errcode = 0;
    int64_t status = STATUS_OK;
    int64_t count = -1;
    int has_errcode = control_number(exchange, "errcode", ERRCODE_MIN, ERRCODE_MAX, &errcode);
    if (has_errcode < 0 || control_account(sim, exchange, &account) != 0 ||
        control_number(exchange, "count", 1, COUNT_MAX, &count) < 0)
        return;
    int has_status = control_number(exchange, "http", STATUS_OK, STATUS_BAD_MAX, &status);
    if (has_status < 0)
        return;
    if (status != STATUS_OK && status < STATUS_BAD_MIN) {
        control_error(exchange, 400, "http: must be 200 or 400 to 599");
        return;
    }
    if (has_errcode == 0 && has_status == 0) {
        control_error(exchange, 400, "give errcode=N (-1 to 9999999; 0 is normal service) or http=STATUS");
        return;
    }
    struct refusal refusal = {
        .errcode = (int)errcode, .status = status != STATUS_OK ? (unsigned)status : 0, .left = count};
    refusals_set(&sim->refusals, account, refusal);
    control_ok(exchange);
}

/* What POST /sim/quota asks for. */
struct steer_quota {
    const struct tokens_account *account; /* NULL: all */
    int path;                             /* -1: all */
    int64_t daily;                        /* -1: as it is */
    int64_t minute;                       /* -1: as it is */
};

/* 0, or -1 after an answer. */
static int steer_read_quota(const struct sim *sim, struct exchange *exchange, struct steer_quota *wanted)
{
    const char *path = exchange_query(exchange, "path");
    *wanted = (struct steer_quota){.path = -1, .daily = -1, .minute = -1};
    if (control_account(sim, exchange, &wanted->account) != 0 ||
        control_number(exchange, "daily", 0, QUOTA_CALLS_MAX, &wanted->daily) < 0 ||
        control_number(exchange, "minute", 0, QUOTA_CALLS_MAX, &wanted->minute) < 0)
        return -1;
    if (path == NULL)
        return 0;
    wanted->path = quota_path_find(path);
    if (wanted->path >= 0)
        return 0;
    control_error(exchange, 404,
                  "path: must be that of a message or token call, like /cgi-bin/message/template/send");
    return -1;
}

/* Sets what is asked for, and tells what is set then. */
static void steer_quota_row(struct sim *sim, const struct tokens_account *account, int path,
                            const struct steer_quota *wanted, struct text *answer)
{
    struct quota *row = quotas_row(&sim->quotas, account->number, path, loop_wall_ms());
    if (wanted->daily >= 0)
        row->daily = wanted->daily;
    if (wanted->minute >= 0)
        row->minute = wanted->minute;
    text_puts(answer, answer->bytes[answer->used - 1] == '[' ? "{\"appid\":" : ",{\"appid\":");
    text_json(answer, account->appid, strlen(account->appid));
    text_printf(answer,
                ",\"path\":\"%s\",\"daily\":%" PRId64 ",\"used\":%" PRId64 ",\"minute\":%" PRId64
                ",\"minute_used\":%" PRId64 "}",
                quota_path_name(path), row->daily, row->used, row->minute, row->minute_used);
}

/* Without a path the token paths are left as they are: --quota and --minute-quota do not touch them either.
 */
void steer_quota(struct sim *sim, struct exchange *exchange)
{
    struct steer_quota wanted;
    struct text answer = {0};
    if (steer_read_quota(sim, exchange, &wanted) != 0)
        return;
    text_puts(&answer, "{\"ok\":true,\"quotas\":[");
    for (unsigned i = 0; i < sim->options->accounts_used; i++) {
        const struct tokens_account *account =
            tokens_find_account(sim->tokens, sim->options->accounts[i].appid);
        if (wanted.account != NULL && wanted.account != account)
            continue;
        for (int path = 0; path < QUOTA_PATHS; path++)
            if (wanted.path == path || (wanted.path < 0 && path < KIND_COUNT))
                steer_quota_row(sim, account, path, &wanted, &answer);
    }
    text_puts(&answer, "]}");
    exchange_answer(exchange, 200, HTTP_JSON, &answer);
}

void steer_new_day(struct sim *sim, struct exchange *exchange)
{
    quotas_new_day(&sim->quotas);
    control_ok(exchange);
}

void steer_new_month(struct sim *sim, struct exchange *exchange)
{
    quotas_new_day(&sim->quotas);
    memset(sim->clears, 0, sizeof sim->clears);
    control_ok(exchange);
}

void steer_whitelist(struct sim *sim, struct exchange *exchange)
{
    char *text = control_body(exchange);
    if (text != NULL)
        text[strcspn(text, "\r\n")] = '\0';
    if (text != NULL && whitelist_read(&sim->whitelist, text) == 0)
        control_ok(exchange);
    else
        control_error(exchange, 400, "the body must be " WHITELIST_SYNTAX ", or empty: everybody may ask");
    free(text);
}
