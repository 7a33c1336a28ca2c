#include "broker/windows.h"

/* A callback tells the second in which something was done. What was done in the second of a call, or later, may have come after it. */
#define SECOND_MS 1000

int windows_are_counted(const struct conf_window rules[WINDOW_ACTIONS])
{
    for (int i = 0; i < WINDOW_ACTIONS; i++)
        if (rules[i].ms)
            return 1;
    return 0;
}

static int unfollow(struct windows *w, int64_t at_ms)
{
    if (at_ms <= w->unfollowed_ms)
        return 0;
    w->unfollowed_ms = at_ms;
    for (int i = 0; i < WINDOW_ACTIONS; i++)
        if (w->of[i].at_ms <= at_ms)
            w->of[i].until_ms = 0;
    return 1;
}

int windows_act(struct windows *w, enum window_action action, int64_t at_ms, const struct conf_window rules[WINDOW_ACTIONS])
{
    if (action == WINDOW_UNFOLLOW)
        return windows_are_counted(rules) && unfollow(w, at_ms);
    const struct conf_window *rule = &rules[action];
    if (rule->ms == 0 || at_ms <= w->of[action].at_ms || at_ms < w->unfollowed_ms)
        return 0;
    w->of[action] = (struct window){.at_ms = at_ms, .until_ms = at_ms + rule->ms, .left = rule->count ? rule->count : WINDOWS_ANY};
    return 1;
}

enum windows_state windows_state(const struct windows *w, int64_t now_ms)
{
    enum windows_state state = WINDOWS_NONE;
    for (int i = 0; i < WINDOW_ACTIONS; i++) {
        if (w->of[i].until_ms <= now_ms)
            continue;
        if (w->of[i].left)
            return WINDOWS_OPEN;
        state = WINDOWS_USED;
    }
    return state;
}

int windows_take(struct windows *w, int64_t asked_ms)
{
    struct window *soonest = NULL;
    for (int i = 0; i < WINDOW_ACTIONS; i++) {
        struct window *one = &w->of[i];
        int was_open = one->at_ms <= asked_ms && one->until_ms > asked_ms;
        if (was_open && one->left && (soonest == NULL || one->until_ms < soonest->until_ms))
            soonest = one;
    }
    if (soonest == NULL || soonest->left == WINDOWS_ANY)
        return 0;
    soonest->left--;
    return 1;
}

/* 1 when it was opened before a call that was given out then, for certain, and counts as open still. */
static int was_told_of(const struct window *one, int64_t asked_ms)
{
    return one->at_ms + SECOND_MS <= asked_ms && one->until_ms > asked_ms;
}

int windows_close(struct windows *w, int64_t asked_ms)
{
    int changed = 0;
    for (int i = 0; i < WINDOW_ACTIONS; i++) {
        if (!was_told_of(&w->of[i], asked_ms))
            continue;
        w->of[i].until_ms = 0;
        changed = 1;
    }
    return changed;
}

int windows_use_up(struct windows *w, int64_t asked_ms)
{
    int changed = 0;
    for (int i = 0; i < WINDOW_ACTIONS; i++) {
        if (!was_told_of(&w->of[i], asked_ms) || w->of[i].left == 0)
            continue;
        w->of[i].left = 0;
        changed = 1;
    }
    return changed;
}

int windows_are_old(const struct windows *w, int64_t now_ms)
{
    int64_t last_ms = w->unfollowed_ms;
    for (int i = 0; i < WINDOW_ACTIONS; i++) {
        last_ms = w->of[i].at_ms > last_ms ? w->of[i].at_ms : last_ms;
        last_ms = w->of[i].until_ms > last_ms ? w->of[i].until_ms : last_ms;
    }
    return last_ms < now_ms - WINDOWS_KEPT_MS;
}
