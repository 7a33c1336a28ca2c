/*
 * happen.c - events and their consequences; see happen.h.
 */
#include "tests/sim/happen.h"

#include "tests/sim/callback.h"
#include "tests/sim/receipt.h"
#include "tests/sim/steer_user.h"

/* 0, or -1: no room. */
static int happen_remember(struct sim *sim, unsigned account, const struct event *event)
{
    enum user_window window;
    if (event->kind == EVENT_UNFOLLOW)
        return users_unfollow(sim->users, account, event->openid);
    if (event_opens(event->kind, &window))
        return users_act(sim->users, account, event->openid, window, steer_user_now_ms(sim));
    return 0;
}

int64_t happen(struct sim *sim, unsigned account, struct event *event, bool remember)
{
    bool is_message = event->kind == EVENT_TEXT || event->kind == EVENT_IMAGE;
    if (remember && happen_remember(sim, account, event) != 0)
        return -1;
    if (event->created_s == 0)
        event->created_s = loop_wall_ms() / 1000;
    if (is_message && event->msgid == 0)
        event->msgid = ++sim->msgid;
    return callbacks_add(sim->callbacks, account, event, 0);
}

void happen_receipt(struct sim *sim, const struct tokens_account *account, const struct body_message *message,
                    enum body_kind kind, int64_t msgid)
{
    struct event event;
    if (callbacks_hook(sim->callbacks, account->number)->url[0] == '\0')
        return;
    struct receipt receipt = receipts_draw(sim->receipts, account->appid, message->openid, &sim->receipt_dice);
    int64_t delay_ms = latency_draw(&sim->receipt_latency, &sim->receipt_dice);
    if (receipt_event(&receipt, message, kind, msgid, &event) != 0)
        return;
    event.created_s = (loop_wall_ms() + delay_ms) / 1000;
    callbacks_add(sim->callbacks, account->number, &event, delay_ms);
}
