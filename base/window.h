/* What a recipient can do that opens a customer-service window, by name. Used by the configuration (how long each is open and for
 * how many messages), the frontend and the broker. Pure. */
#ifndef BASE_WINDOW_H
#define BASE_WINDOW_H

#include "base/buf.h"

enum window_action {
    WINDOW_MESSAGE, /* wrote to the account */
    WINDOW_MENU,    /* used its menu */
    WINDOW_FOLLOW,
    WINDOW_SCAN,    /* scanned its QR code */
    WINDOW_PAY,
    WINDOW_ACTIONS,                   /* what opens a window ends here */
    WINDOW_UNFOLLOW = WINDOW_ACTIONS, /* closes them all */
    WINDOW_NAMES
};

#define WINDOW_NAMES_TEXT "message, menu, follow, scan, pay or unfollow"

/* The enum window_action of "message", "menu" and so on, -1 of any other text; and back. */
int window_action_find(struct span name);
const char *window_action_name(enum window_action action);

#endif
