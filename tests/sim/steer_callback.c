/*
 * steer_callback.c - control calls about callbacks; see steer_callback.h.
 */
#include "tests/sim/steer_callback.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/burst.h"
#include "tests/sim/callback.h"
#include "tests/sim/control.h"
#include "tests/sim/happen.h"
#include "tests/sim/post.h"

#define ERROR_BYTES 300

/* All members that the JSON bodies of these calls may have. Strings are owned. */
struct steer_request {
    char *appid, *openid, *event, *key, *content, *template_id, *kinds;
    char *url, *token, *aes_key, *mode, *format;
    int64_t create_time, msgid, errcode;
    int64_t count, openids, per_second, connections, remember;
};

static void request_free(struct steer_request *request)
{
    char *strings[] = {request->appid, request->openid, request->event,   request->key,  request->content, request->kinds,
                       request->url,   request->token,  request->aes_key, request->mode, request->format,
                       request->template_id};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        free(strings[i]);
}

static int steer_bad(struct exchange *exchange, const char *message)
{
    control_error(exchange, 400, message);
    return -1;
}

/* A number of the body. 0, or -1 after an answer. */
static int steer_check(struct exchange *exchange, const char *name, int64_t value, int64_t min, int64_t max)
{
    char message[ERROR_BYTES];
    if (value >= min && value <= max)
        return 0;
    snprintf(message, sizeof message, "%s: must be a number from %" PRId64 " to %" PRId64, name, min, max);
    return steer_bad(exchange, message);
}

/* Reads the body. 0, or -1 after an answer; strings may have been read all the same. */
static int steer_read(struct exchange *exchange, const struct body_member *members, size_t count)
{
    char error[BODY_ERROR_BYTES_MAX];
    if (body_read_members(exchange->body, exchange->body_bytes, members, count, error) == 0)
        return 0;
    return steer_bad(exchange, error);
}

/* The account of appid; the first one without it. 0, or -1 after an answer. */
static int steer_account(struct sim *sim, struct exchange *exchange, const char *appid,
                         const struct tokens_account **account)
{
    *account = tokens_find_account(sim->tokens, appid != NULL ? appid : sim->options->accounts[0].appid);
    if (*account != NULL)
        return 0;
    control_error(exchange, 404, "appid: no such account");
    return -1;
}

static int steer_account_of_url(struct sim *sim, struct exchange *exchange, const char *appid,
                                const struct tokens_account **account)
{
    if (steer_account(sim, exchange, appid, account) != 0)
        return -1;
    if (callbacks_hook(sim->callbacks, (*account)->number)->url[0] != '\0')
        return 0;
    return steer_bad(exchange, "the account has no callback URL: give --callback or POST /sim/callback");
}

static int steer_read_event(struct exchange *exchange, struct steer_request *request, struct event *event)
{
    const struct body_member members[] = {
        {"appid", &request->appid, NULL},       {"openid", &request->openid, NULL},
        {"event", &request->event, NULL},       {"key", &request->key, NULL},
        {"content", &request->content, NULL},   {"template_id", &request->template_id, NULL},
        {"msgid", NULL, &request->msgid},       {"errcode", NULL, &request->errcode},
        {"create_time", NULL, &request->create_time},
    };
    if (steer_read(exchange, members, sizeof members / sizeof members[0]) != 0)
        return -1;
    size_t openid_bytes = request->openid != NULL ? strlen(request->openid) : 0;
    if (openid_bytes < 1 || openid_bytes > BODY_OPENID_BYTES_MAX)
        return steer_bad(exchange, "openid: must be 1 to 128 bytes");
    if (request->event == NULL || event_find(request->event, &event->kind) != 0)
        return steer_bad(exchange, "event: must be follow, unfollow, scan, click, view, text, image, receipt, sent or raw");
    if (steer_check(exchange, "create_time", request->create_time, 0, INT64_MAX / 1000) != 0 ||
        steer_check(exchange, "errcode", request->errcode, -1, INT32_MAX) != 0)
        return -1;
    event->openid = request->openid;
    event->key = request->key;
    event->content = request->content;
    event->template_id = request->template_id;
    event->created_s = request->create_time;
    event->msgid = request->msgid;
    event->errcode = (int)request->errcode;
    return 0;
}

static void steer_answer_number(struct exchange *exchange, int64_t number)
{
    struct text answer = {0};
    text_printf(&answer, "{\"ok\":true,\"number\":%" PRId64 "}", number);
    exchange_answer(exchange, 200, HTTP_JSON, &answer);
}

void steer_event(struct sim *sim, struct exchange *exchange)
{
    struct steer_request request = {0};
    struct event event = {0};
    const struct tokens_account *account = NULL;
    if (steer_read_event(exchange, &request, &event) == 0 &&
        steer_account_of_url(sim, exchange, request.appid, &account) == 0) {
        int64_t number = happen(sim, account->number, &event, true);
        if (number > 0)
            steer_answer_number(exchange, number);
        else
            steer_bad(exchange, "no room: 1000000 users are remembered, and 200000 events may wait");
        control_counters_changed(sim);
    }
    request_free(&request);
}

static int steer_read_burst(struct exchange *exchange, struct steer_request *request, struct burst_plan *plan)
{
    const struct body_member members[] = {
        {"appid", &request->appid, NULL},           {"openid", &request->openid, NULL},
        {"kinds", &request->kinds, NULL},           {"key", &request->key, NULL},
        {"content", &request->content, NULL},       {"count", NULL, &request->count},
        {"openids", NULL, &request->openids},       {"per_second", NULL, &request->per_second},
        {"connections", NULL, &request->connections}, {"remember", NULL, &request->remember},
    };
    request->remember = 1;
    if (steer_read(exchange, members, sizeof members / sizeof members[0]) != 0)
        return -1;
    if (request->openids == 0)
        request->openids = request->count;
    if (steer_check(exchange, "count", request->count, 1, BURST_EVENTS_MAX) != 0 ||
        steer_check(exchange, "openids", request->openids, 1, BURST_EVENTS_MAX) != 0 ||
        steer_check(exchange, "per_second", request->per_second, 0, BURST_PER_SECOND_MAX) != 0 ||
        steer_check(exchange, "connections", request->connections, 0, POST_CONNECTIONS_MAX) != 0 ||
        steer_check(exchange, "remember", request->remember, 0, 1) != 0)
        return -1;
    plan->prefix = request->openid != NULL ? request->openid : "oBurst";
    if (strlen(plan->prefix) > BURST_PREFIX_BYTES_MAX)
        return steer_bad(exchange, "openid: the beginning of all openids, at most 100 bytes");
    if (burst_read_kinds(request->kinds != NULL ? request->kinds : "follow", plan->shares) != 0)
        return steer_bad(exchange, "kinds: must be " BURST_KINDS_SYNTAX);
    plan->count = request->count;
    plan->openids = request->openids;
    plan->per_second = request->per_second;
    plan->remember = request->remember != 0;
    plan->key = request->key;
    plan->content = request->content;
    return 0;
}

void steer_events(struct sim *sim, struct exchange *exchange)
{
    struct steer_request request = {0};
    struct burst_plan plan = {0};
    const struct tokens_account *account = NULL;
    if (steer_read_burst(exchange, &request, &plan) == 0 &&
        steer_account_of_url(sim, exchange, request.appid, &account) == 0) {
        plan.account = account->number;
        if (request.connections > 0)
            callbacks_set_connections(sim->callbacks, (int)request.connections);
        if (bursts_add(sim->bursts, &plan) == 0)
            control_ok(exchange);
        else
            steer_bad(exchange, "16 bursts are going on; wait for one of them");
    }
    request_free(&request);
}

/* Sets what is given. 0, or -1 after an answer. */
static int steer_set_hook(struct exchange *exchange, const struct steer_request *request, struct hook *hook)
{
    const char *const members[][2] = {{"url", request->url},
                                      {"token", request->token},
                                      {"aes_key", request->aes_key},
                                      {"mode", request->mode},
                                      {"format", request->format}};
    char error[HOOK_ERROR_BYTES_MAX];
    char message[ERROR_BYTES];
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (members[i][1] == NULL || hook_set(hook, members[i][0], members[i][1], error) == 0)
            continue;
        snprintf(message, sizeof message, "%s: %s", members[i][0], error);
        return steer_bad(exchange, message);
    }
    return hook_check(hook, error) == 0 ? 0 : steer_bad(exchange, error);
}

void steer_callback(struct sim *sim, struct exchange *exchange)
{
    struct steer_request request = {0};
    const struct tokens_account *account = NULL;
    const struct body_member members[] = {
        {"appid", &request.appid, NULL}, {"url", &request.url, NULL},   {"token", &request.token, NULL},
        {"aes_key", &request.aes_key, NULL}, {"mode", &request.mode, NULL}, {"format", &request.format, NULL},
    };
    if (steer_read(exchange, members, sizeof members / sizeof members[0]) == 0 &&
        steer_account(sim, exchange, request.appid, &account) == 0) {
        struct hook *hook = callbacks_hook(sim->callbacks, account->number);
        struct hook changed = *hook;
        if (steer_set_hook(exchange, &request, &changed) == 0) {
            *hook = changed;
            control_ok(exchange);
        }
    }
    request_free(&request);
}

void steer_callback_check(struct sim *sim, struct exchange *exchange)
{
    const struct tokens_account *account = NULL;
    if (steer_account(sim, exchange, exchange_query(exchange, "appid"), &account) == 0)
        callbacks_check(sim->callbacks, account->number, exchange);
}

/* The body as one line, to be freed; NULL if there is a NUL byte in it. */
static char *steer_line(const struct exchange *exchange)
{
    char *line = control_body(exchange);
    if (line != NULL)
        line[strcspn(line, "\r\n")] = '\0';
    return line;
}

void steer_callback_mood(struct sim *sim, struct exchange *exchange)
{
    char *spec = steer_line(exchange);
    if (spec != NULL && mood_read(callbacks_mood(sim->callbacks), spec) == 0)
        control_ok(exchange);
    else
        control_error(exchange, 400, "the body must be " MOOD_SYNTAX ", or empty");
    free(spec);
}

void steer_receipt_latency(struct sim *sim, struct exchange *exchange)
{
    char *spec = steer_line(exchange);
    if (spec != NULL && latency_read(&sim->receipt_latency, spec) == 0)
        control_ok(exchange);
    else
        control_error(exchange, 400, "the body must be " LATENCY_SYNTAX);
    free(spec);
}

/* One rule a line, empty lines do not count. A wrong one leaves everything as it was. */
void steer_receipts(struct sim *sim, struct exchange *exchange)
{
    char error[RECEIPT_ERROR_BYTES_MAX] = "a NUL byte in the body";
    char *lines = control_body(exchange);
    char *rest = lines;
    struct receipts *receipts = receipts_new();
    int result = lines != NULL ? 0 : -1;
    while (result == 0 && rest != NULL) {
        char *line = strsep(&rest, "\n");
        line[strcspn(line, "\r")] = '\0';
        if (line[0] != '\0')
            result = receipts_add(receipts, line, error);
    }
    free(lines);
    const char *stranger = receipts_stranger(receipts, sim->tokens);
    if (result == 0 && stranger != NULL) {
        snprintf(error, sizeof error, "'%.60s/': no such account", stranger);
        result = -1;
    }
    if (result != 0) {
        receipts_destroy(&receipts);
        control_error(exchange, 400, error);
        return;
    }
    receipts_destroy(&sim->receipts);
    sim->receipts = receipts;
    control_ok(exchange);
}
