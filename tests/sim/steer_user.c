/*
 * steer_user.c - control calls about recipients; see steer_user.h.
 */
#include "tests/sim/steer_user.h"

#include <string.h>

#include "tests/sim/control.h"

#define MESSAGES_MAX 1000000000

/* What POST /sim/user tells. */
struct steer_action {
    const char *openid;
    const char *did;
    const char *template_id; /* of a consent */
    int64_t scene;
    enum user_window window; /* if `did` names one */
    bool opens;
};

/* 0, or -1 after an answer. */
static int steer_read_action(struct exchange *exchange, struct steer_action *action)
{
    *action = (struct steer_action){.openid = exchange_query(exchange, "openid"),
                                    .did = exchange_query(exchange, "did"),
                                    .template_id = exchange_query(exchange, "template_id"),
                                    .scene = USERS_NO_SCENE};
    const char *did = action->did != NULL ? action->did : "";
    size_t openid_bytes = action->openid != NULL ? strlen(action->openid) : 0;
    size_t template_bytes = action->template_id != NULL ? strlen(action->template_id) : 0;
    action->opens = users_find_window(did, &action->window) == 0;
    if (openid_bytes < 1 || openid_bytes > BODY_OPENID_BYTES_MAX) {
        control_error(exchange, 400, "openid: must be 1 to 128 bytes");
    } else if (!action->opens && strcmp(did, "unfollow") != 0 && strcmp(did, "unsubscribe") != 0 &&
               strcmp(did, "consent") != 0) {
        control_error(exchange, 400,
                      "did: must be message, menu, follow, scan, pay, unfollow, unsubscribe or consent");
    } else if (strcmp(did, "consent") == 0 &&
               (template_bytes < 1 || template_bytes > BODY_TEMPLATE_ID_BYTES_MAX)) {
        control_error(exchange, 400, "template_id: a consent needs one, of 1 to 128 bytes");
    } else {
        return control_number(exchange, "scene", 0, BODY_SCENE_MAX, &action->scene) < 0 ? -1 : 0;
    }
    return -1;
}

static int steer_act(struct sim *sim, unsigned account, const struct steer_action *action)
{
    if (action->opens)
        return users_act(sim->users, account, action->openid, action->window, steer_user_now_ms(sim));
    if (strcmp(action->did, "consent") == 0)
        return users_consent(sim->users, account, action->openid, action->template_id, action->scene);
    return users_unfollow(sim->users, account, action->openid);
}

void steer_user(struct sim *sim, struct exchange *exchange)
{
    const struct tokens_account *account = NULL;
    struct steer_action action;
    int result = 0;
    if (control_account(sim, exchange, &account) != 0 || steer_read_action(exchange, &action) != 0)
        return;
    for (unsigned i = 0; i < sim->options->accounts_used && result == 0; i++)
        if (account == NULL || account->number == i)
            result = steer_act(sim, i, &action);
    if (result == 0)
        control_ok(exchange);
    else
        control_error(exchange, 400, "no room: 1000000 users are remembered, and 64 consents of each");
}

void steer_followers(struct sim *sim, struct exchange *exchange)
{
    const struct tokens_account *account = NULL;
    int64_t count = 0;
    if (control_account(sim, exchange, &account) != 0)
        return;
    int has_count = control_number(exchange, "count", 0, FOLLOWERS_MAX, &count);
    if (has_count < 0)
        return;
    if (has_count == 0) {
        control_error(exchange, 400, "give count=N, how many made-up followers there are");
        return;
    }
    for (unsigned i = 0; i < sim->options->accounts_used; i++)
        if (account == NULL || account->number == i)
            sim->followers.made[i] = count;
    control_ok(exchange);
}

void steer_user_time(struct sim *sim, struct exchange *exchange)
{
    control_pass_time(exchange, &sim->user_shift_ms);
}

void steer_window(struct sim *sim, struct exchange *exchange)
{
    enum user_window window = USER_MESSAGE;
    const char *did = exchange_query(exchange, "did");
    if (did == NULL || users_find_window(did, &window) != 0) {
        control_error(exchange, 400, "did: must be message, menu, follow, scan or pay");
        return;
    }
    struct user_rule rule = *users_rule(sim->users, window);
    int has_messages = control_number(exchange, "messages", USERS_UNLIMITED, MESSAGES_MAX, &rule.messages);
    int has_ms =
        has_messages >= 0 ? control_number(exchange, "ms", 0, CONTROL_TIME_MAX_MS, &rule.window_ms) : -1;
    if (has_messages < 0 || has_ms < 0)
        return;
    if (has_messages == 0 && has_ms == 0) {
        control_error(exchange, 400, "give messages=N (-1: without limit) or ms=N");
        return;
    }
    *users_rule(sim->users, window) = rule;
    control_ok(exchange);
}

int64_t steer_user_now_ms(const struct sim *sim)
{
    return loop_now_ms() + sim->user_shift_ms;
}
