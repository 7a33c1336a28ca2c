#include "base/window.h"

static const char *const names[WINDOW_NAMES] = {
    [WINDOW_MESSAGE] = "message", [WINDOW_MENU] = "menu", [WINDOW_FOLLOW] = "follow",
    [WINDOW_SCAN] = "scan",       [WINDOW_PAY] = "pay",   [WINDOW_UNFOLLOW] = "unfollow"};

int window_action_find(struct span name)
{
    for (int i = 0; i < WINDOW_NAMES; i++)
        if (span_is(name, names[i]))
            return i;
    return -1;
}

const char *window_action_name(enum window_action action)
{
    return names[action];
}
