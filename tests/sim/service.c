/*
 * service.c - quota, rid and domain calls; see service.h.
 */
#include "tests/sim/service.h"

#include <inttypes.h>
#include <string.h>

#include "tests/sim/body.h"
#include "tests/sim/control.h"
#include "tests/sim/errcode.h"

/* What quota/get tells of a path without a daily limit; 0 would read as "nothing left". */
#define SERVICE_NO_LIMIT 100000000

/* One call on its way through the checks. */
struct service_call {
    struct sim *sim;
    struct exchange *exchange;
    const struct tokens_account *account;       /* NULL until it is known */
    char argument[BODY_ARGUMENT_BYTES_MAX + 1]; /* the body's one member; "" if missing */
    struct text answer;                         /* members after "errmsg", each with a ',' before it */
};

struct service {
    const char *path;
    enum http_method method;
    bool without_token;
    const char *member;                      /* what the body must hold; NULL: no body is looked at */
    int (*serve)(struct service_call *call); /* 0, or the errcode */
};

static int service_quota_get(struct service_call *call);
static int service_clear(struct service_call *call);
static int service_clear_by_secret(struct service_call *call);
static int service_rid_get(struct service_call *call);
static int service_domain_ip(struct service_call *call);

static const struct service SERVICES[] = {
    {"/cgi-bin/openapi/quota/get", HTTP_POST, false, "cgi_path", service_quota_get},
    {"/cgi-bin/clear_quota", HTTP_POST, false, "appid", service_clear},
    {"/cgi-bin/clear_quota/v2", HTTP_POST, true, NULL, service_clear_by_secret},
    {"/cgi-bin/openapi/rid/get", HTTP_POST, false, "rid", service_rid_get},
    {"/cgi-bin/get_api_domain_ip", HTTP_GET, false, NULL, service_domain_ip},
};

static const struct service *service_find(const char *path)
{
    for (size_t i = 0; i < sizeof SERVICES / sizeof SERVICES[0]; i++)
        if (strcmp(path, SERVICES[i].path) == 0)
            return &SERVICES[i];
    return NULL;
}

bool service_has(const char *path)
{
    return service_find(path) != NULL;
}

/* Method, token, body. 0, or the errcode. */
static int service_check(const struct service *service, struct service_call *call)
{
    const struct exchange *exchange = call->exchange;
    if (exchange->method != service->method)
        return service->method == HTTP_GET ? ERRCODE_NOT_GET : ERRCODE_NOT_POST;
    int errcode = service->without_token ? 0 : sim_check_token(call->sim, exchange, &call->account);
    if (errcode != 0 || service->member == NULL)
        return errcode;
    return body_read_argument(exchange->body, exchange->body_bytes, service->member, call->argument);
}

static void service_journal(const struct service_call *call, int errcode)
{
    struct journal_grant line = {
        .arrived_ms = loop_wall_ms(),
        .path = call->exchange->path,
        .app = call->account != NULL ? call->account->appid : NULL,
        .result = errcode == 0 ? "ok" : "refused",
        .has_errcode = true,
        .errcode = errcode,
    };
    journal_add_grant(call->sim->journal, &line);
}

void service_handle(struct sim *sim, struct exchange *exchange)
{
    const struct service *service = service_find(exchange->path);
    struct service_call call = {.sim = sim, .exchange = exchange};
    struct text answer = {0};
    sim->counters.values[COUNTER_SERVICE_CALLS]++;
    int errcode = service_check(service, &call);
    if (errcode == 0)
        errcode = service->serve(&call);
    service_journal(&call, errcode);
    if (errcode != 0) {
        sim_answer_error(sim, exchange, call.account, 200, errcode, NULL);
    } else {
        text_puts(&answer, "{");
        if (service->serve != service_domain_ip) /* the one answer that has no errcode when all is well */
            text_puts(&answer, "\"errcode\":0,\"errmsg\":\"ok\"");
        text_add(&answer, call.answer.bytes, call.answer.used);
        text_puts(&answer, "}");
        exchange_answer(exchange, 200, HTTP_JSON, &answer);
    }
    text_clear(&call.answer);
    control_counters_changed(sim);
}

static int service_quota_get(struct service_call *call)
{
    struct sim *sim = call->sim;
    int path = quota_path_find(call->argument);
    if (path < 0)
        return service_has(call->argument) ? ERRCODE_PATH_BARRED : ERRCODE_PATH_UNKNOWN;
    const struct quota *row = quotas_row(&sim->quotas, call->account->number, path, loop_wall_ms());
    int64_t daily = row->daily > 0 ? row->daily : SERVICE_NO_LIMIT;
    int64_t remain = daily > row->used ? daily - row->used : 0;
    text_printf(&call->answer,
                ",\"quota\":{\"daily_limit\":%" PRId64 ",\"used\":%" PRId64 ",\"remain\":%" PRId64 "}"
                ",\"rate_limit\":{\"call_count\":%" PRId64 ",\"refresh_second\":%" PRId64 "}",
                daily, row->used, remain, row->minute, row->minute > 0 ? sim->quotas.minute_ms / 1000 : 0);
    return 0;
}

/* What both ways to clear have in common. */
static int service_clear_account(struct service_call *call)
{
    int *clears = &call->sim->clears[call->account->number];
    if (*clears >= SERVICE_CLEARS_MONTH_MAX)
        return ERRCODE_CLEARS;
    (*clears)++;
    quotas_clear(&call->sim->quotas, call->account->number);
    return 0;
}

static int service_clear(struct service_call *call)
{
    if (call->argument[0] == '\0')
        return ERRCODE_APPID_MISSING;
    if (strcmp(call->argument, call->account->appid) != 0)
        return ERRCODE_APPID;
    return service_clear_account(call);
}

static int service_clear_by_secret(struct service_call *call)
{
    const char *appid = exchange_query(call->exchange, "appid");
    const char *secret = exchange_query(call->exchange, "appsecret");
    int errcode = tokens_check_secret(call->sim->tokens, appid, secret, &call->account);
    return errcode != 0 ? errcode : service_clear_account(call);
}

static bool rid_well_formed(const char *rid)
{
    size_t bytes = strlen(rid);
    return bytes == RID_BYTES - 1 && strspn(rid, "0123456789abcdef-") == bytes && rid[8] == '-' &&
           rid[17] == '-';
}

static void service_member(struct text *answer, const char *name, const struct text *value)
{
    text_printf(answer, ",\"%s\":", name);
    text_json(answer, value->used > 0 ? value->bytes : "", value->used);
}

static int service_rid_get(struct service_call *call)
{
    struct text *answer = &call->answer;
    if (!rid_well_formed(call->argument))
        return ERRCODE_RID_FORM;
    const struct rid_call *found = rids_find(call->sim->rids, call->argument);
    if (found == NULL)
        return ERRCODE_RID_UNKNOWN;
    if (found->account != call->account)
        return ERRCODE_RID_BARRED;
    text_printf(answer, ",\"request\":{\"invoke_time\":%" PRId64 ",\"cost_in_ms\":%" PRId64,
                found->invoked_ms / 1000, found->cost_ms);
    service_member(answer, "request_url", &found->query);
    service_member(answer, "request_body", &found->request);
    service_member(answer, "response_body", &found->response);
    text_printf(answer, ",\"client_ip\":\"%s\"}", found->client_ip);
    return 0;
}

static int service_domain_ip(struct service_call *call)
{
    text_puts(&call->answer, "\"ip_list\":[\"127.0.0.1\"]");
    return 0;
}
