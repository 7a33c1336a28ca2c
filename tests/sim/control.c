/*
 * control.c - the control calls; see control.h.
 */
#include "tests/sim/control.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "tests/sim/call.h"
#include "tests/sim/callback.h"
#include "tests/sim/memory.h"
#include "tests/sim/number.h"
#include "tests/sim/steer.h"
#include "tests/sim/steer_callback.h"
#include "tests/sim/steer_user.h"

#define WAIT_DEFAULT_MS 10000
#define WAIT_MAX_MS     600000

/* A GET /sim/wait call. */
struct waiter {
    struct sim *sim;
    struct exchange *exchange;
    struct waiter *prev;
    struct waiter *next;
    struct timer timer;
    int64_t wanted[COUNTER_COUNT]; /* each counter must be at least this */
};

struct control_path {
    const char *path;
    enum http_method method;
    void (*serve)(struct sim *sim, struct exchange *exchange);
};

static void control_stats(struct sim *sim, struct exchange *exchange);
static void control_wait(struct sim *sim, struct exchange *exchange);
static void control_invalidate(struct sim *sim, struct exchange *exchange);
static void control_faults(struct sim *sim, struct exchange *exchange);
static void control_latency(struct sim *sim, struct exchange *exchange);
static void control_pause(struct sim *sim, struct exchange *exchange);
static void control_resume(struct sim *sim, struct exchange *exchange);
static void waiter_expire(void *argument);
static bool waiter_reached(const struct waiter *waiter);
static void waiter_settle(struct waiter *waiter);

static const struct control_path PATHS[] = {
    {"/sim/stats", HTTP_GET, control_stats},
    {"/sim/wait", HTTP_GET, control_wait},
    {"/sim/invalidate", HTTP_POST, control_invalidate},
    {"/sim/faults", HTTP_POST, control_faults},
    {"/sim/latency", HTTP_POST, control_latency},
    {"/sim/token-refuse", HTTP_POST, steer_token_refuse},
    {"/sim/quota", HTTP_POST, steer_quota},
    {"/sim/token-time", HTTP_POST, steer_token_time},
    {"/sim/new-day", HTTP_POST, steer_new_day},
    {"/sim/new-month", HTTP_POST, steer_new_month},
    {"/sim/whitelist", HTTP_POST, steer_whitelist},
    {"/sim/user", HTTP_POST, steer_user},
    {"/sim/followers", HTTP_POST, steer_followers},
    {"/sim/user-time", HTTP_POST, steer_user_time},
    {"/sim/window", HTTP_POST, steer_window},
    {"/sim/event", HTTP_POST, steer_event},
    {"/sim/events", HTTP_POST, steer_events},
    {"/sim/callback", HTTP_POST, steer_callback},
    {"/sim/callback-check", HTTP_POST, steer_callback_check},
    {"/sim/callback-mood", HTTP_POST, steer_callback_mood},
    {"/sim/receipts", HTTP_POST, steer_receipts},
    {"/sim/receipt-latency", HTTP_POST, steer_receipt_latency},
    {"/sim/pause", HTTP_POST, control_pause},
    {"/sim/resume", HTTP_POST, control_resume},
};

void control_handle(struct sim *sim, struct exchange *exchange)
{
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        if (strcmp(exchange->path, PATHS[i].path) != 0)
            continue;
        if (exchange->method != PATHS[i].method)
            control_error(exchange, 405, PATHS[i].method == HTTP_GET ? "use GET" : "use POST");
        else if (exchange->body_too_large)
            control_error(exchange, 413, "the body is longer than 1048576 bytes");
        else
            PATHS[i].serve(sim, exchange);
        return;
    }
    control_error(exchange, 404, "no such control call; see the simulator's README");
}

void control_counters_changed(struct sim *sim)
{
    struct waiter *next;
    for (struct waiter *waiter = sim->waiters; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter_reached(waiter))
            waiter_settle(waiter);
    }
}

void control_settle_all(struct sim *sim)
{
    while (sim->waiters != NULL)
        waiter_settle(sim->waiters);
}

void control_ok(struct exchange *exchange)
{
    struct text answer = {0};
    text_puts(&answer, "{\"ok\":true}");
    exchange_answer(exchange, 200, HTTP_JSON, &answer);
}

void control_error(struct exchange *exchange, unsigned status, const char *message)
{
    struct text answer = {0};
    text_puts(&answer, "{\"error\":");
    text_json(&answer, message, strlen(message));
    text_puts(&answer, "}");
    exchange_answer(exchange, status, HTTP_JSON, &answer);
}

char *control_body(const struct exchange *exchange)
{
    if (exchange->body == NULL)
        return memory_copy("");
    return strlen(exchange->body) == exchange->body_bytes ? memory_copy(exchange->body) : NULL;
}

int control_account(const struct sim *sim, struct exchange *exchange, const struct tokens_account **account)
{
    const char *appid = exchange_query(exchange, "appid");
    *account = appid != NULL ? tokens_find_account(sim->tokens, appid) : NULL;
    if (appid == NULL || *account != NULL)
        return 0;
    control_error(exchange, 404, "appid: no such account");
    return -1;
}

int control_number(struct exchange *exchange, const char *name, int64_t min, int64_t max, int64_t *number)
{
    char message[100];
    const char *value = exchange_query(exchange, name);
    if (value == NULL)
        return 0;
    if (number_read(value, min, max, number) == 0)
        return 1;
    snprintf(message, sizeof message, "%s: must be a number from %" PRId64 " to %" PRId64, name, min, max);
    control_error(exchange, 400, message);
    return -1;
}

void control_pass_time(struct exchange *exchange, int64_t *shift_ms)
{
    int64_t ms = 0;
    int has_ms = control_number(exchange, "ms", 0, CONTROL_TIME_MAX_MS - *shift_ms, &ms);
    if (has_ms < 0)
        return;
    *shift_ms += ms;
    if (has_ms > 0)
        control_ok(exchange);
    else
        control_error(exchange, 400, "give ms=N: how far that clock goes on");
}

static void control_stats(struct sim *sim, struct exchange *exchange)
{
    struct text answer = {0};
    journal_flush(sim->journal);
    callbacks_measure(sim->callbacks);
    text_puts(&answer, "{");
    counters_write(&sim->counters, &answer);
    text_puts(&answer, "}");
    exchange_answer(exchange, 200, HTTP_JSON, &answer);
}

/* Reads the conditions of the query. 0, or -1: none, or one is no number. */
static int waiter_read(struct waiter *waiter)
{
    int conditions = 0;
    for (int i = 0; i < COUNTER_COUNT; i++) {
        const char *value = exchange_query(waiter->exchange, counter_name((enum counter)i));
        if (value == NULL)
            continue;
        if (number_read(value, 0, INT64_MAX, &waiter->wanted[i]) != 0)
            return -1;
        conditions++;
    }
    return conditions > 0 ? 0 : -1;
}

static void control_wait(struct sim *sim, struct exchange *exchange)
{
    const char *limit = exchange_query(exchange, "timeout_ms");
    int64_t limit_ms = WAIT_DEFAULT_MS;
    struct waiter *waiter = memory_new(sizeof *waiter);
    waiter->sim = sim;
    waiter->exchange = exchange;
    if (waiter_read(waiter) != 0 || (limit != NULL && number_read(limit, 0, WAIT_MAX_MS, &limit_ms) != 0)) {
        free(waiter);
        control_error(exchange, 400,
                      "give a counter of /sim/stats with the value to wait for, like delivered=10, and "
                      "timeout_ms 0 to 600000");
        return;
    }
    DL_APPEND(sim->waiters, waiter);
    if (waiter_reached(waiter) || limit_ms == 0)
        waiter_settle(waiter);
    else
        loop_start_timer(sim->loop, &waiter->timer, limit_ms, waiter_expire, waiter);
}

static void control_invalidate(struct sim *sim, struct exchange *exchange)
{
    const struct tokens_account *account = NULL;
    if (control_account(sim, exchange, &account) != 0)
        return;
    tokens_invalidate(sim->tokens, account, sim_token_now_ms(sim));
    control_ok(exchange);
}

/* One rule a line, empty lines do not count. A wrong one leaves everything as it was. */
static void control_faults(struct sim *sim, struct exchange *exchange)
{
    char error[FAULTS_ERROR_BYTES_MAX] = "a NUL byte in the body";
    char *lines = control_body(exchange);
    char *rest = lines;
    struct faults *faults = faults_new();
    int result = lines != NULL ? 0 : -1;
    while (result == 0 && rest != NULL) {
        char *line = strsep(&rest, "\n");
        line[strcspn(line, "\r")] = '\0';
        if (line[0] != '\0')
            result = faults_add(faults, line, error);
    }
    free(lines);
    const char *stranger = faults_stranger(faults, sim->tokens);
    if (result == 0 && stranger != NULL) {
        snprintf(error, sizeof error, "'%.60s/': no such account", stranger);
        result = -1;
    }
    if (result != 0) {
        faults_destroy(&faults);
        control_error(exchange, 400, error);
        return;
    }
    faults_destroy(&sim->faults);
    sim->faults = faults;
    control_ok(exchange);
}

static void control_latency(struct sim *sim, struct exchange *exchange)
{
    char *spec = control_body(exchange);
    if (spec != NULL)
        spec[strcspn(spec, "\r\n")] = '\0';
    if (spec != NULL && latency_read(&sim->latency, spec) == 0)
        control_ok(exchange);
    else
        control_error(exchange, 400, "the body must be " LATENCY_SYNTAX);
    free(spec);
}

static void control_pause(struct sim *sim, struct exchange *exchange)
{
    sim->paused = true;
    control_ok(exchange);
}

static void control_resume(struct sim *sim, struct exchange *exchange)
{
    sim->paused = false;
    call_resume_all(sim);
    control_ok(exchange);
}

static void waiter_expire(void *argument)
{
    waiter_settle(argument);
}

static bool waiter_reached(const struct waiter *waiter)
{
    for (int i = 0; i < COUNTER_COUNT; i++)
        if (waiter->sim->counters.values[i] < waiter->wanted[i])
            return false;
    return true;
}

/* Answers and frees it. */
static void waiter_settle(struct waiter *waiter)
{
    struct sim *sim = waiter->sim;
    struct text answer = {0};
    journal_flush(sim->journal);
    if (sim->callbacks != NULL) /* they end first */
        callbacks_measure(sim->callbacks);
    text_printf(&answer, "{\"reached\":%s,", waiter_reached(waiter) ? "true" : "false");
    counters_write(&sim->counters, &answer);
    text_puts(&answer, "}");
    loop_stop_timer(sim->loop, &waiter->timer);
    DL_DELETE(sim->waiters, waiter);
    exchange_answer(waiter->exchange, 200, HTTP_JSON, &answer);
    free(waiter);
}
