/*
 * users.h - what the recipients did: whether they follow, when they wrote or clicked, what they have
 * consented to; and from that, which messages they may get. Rules of customer-service messages:
 * doc/service/api/customer/message/api_sendcustommessage and doc/offiaccount/Customer_Service.
 *
 * Each kind of action opens a window of its own: for a time, a number of messages. The same action again
 * opens it anew, with the full number. A message takes from the open window that ends soonest and has some
 * left. Somebody who was never mentioned follows, and has no window and no consent.
 *
 * Takes the time as an argument: now_ms of a clock that never runs backwards.
 */
#ifndef SIM_USERS_H
#define SIM_USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/body.h"

#define USERS_MAX          1000000 /* who is remembered */
#define USERS_CONSENTS_MAX 64      /* of one user that are not used up */
#define USERS_UNLIMITED    (-1)    /* number of messages */
#define USERS_NO_SCENE     (-1)

/* Whether somebody follows: nobody was ever told of him (then he does), he does, he unfollowed. */
enum user_follow { USERS_UNKNOWN, USERS_FOLLOWS, USERS_GONE };

enum user_window { USER_MESSAGE, USER_MENU, USER_FOLLOW, USER_SCAN, USER_PAY, USER_WINDOWS };

/* What an action opens. */
struct user_rule {
    int64_t messages; /* or USERS_UNLIMITED */
    int64_t window_ms;
};

struct users;

struct users *users_new(void);
void users_destroy(struct users **self);

/* "message", "menu", "follow", "scan", "pay". 0 and *window, or -1. */
int users_find_window(const char *name, enum user_window *window);

/* The rule for windows that are opened from now on; may be changed. */
struct user_rule *users_rule(struct users *self, enum user_window window);

/* Opens a window; USER_FOLLOW also makes a follower. 0, or -1: USERS_MAX are remembered. */
int users_act(struct users *self, unsigned account, const char *openid, enum user_window window,
              int64_t now_ms);

/* Ends following, and all windows. 0 or -1 as above. */
int users_unfollow(struct users *self, unsigned account, const char *openid);

enum user_follow users_follow(const struct users *self, unsigned account, const char *openid);

/* The openid that was first named after `before` (NULL: the first of all) for this account, or NULL. Valid until the
 * users are destroyed; `before` is one that is remembered. */
const char *users_next(const struct users *self, unsigned account, const char *before);

/* One more message of this template; with a scene (0 to 10000) one at most. 0, or -1 as above or for a user
 * who has USERS_CONSENTS_MAX already. template_id: 1 to BODY_TEMPLATE_ID_BYTES_MAX bytes. */
int users_consent(struct users *self, unsigned account, const char *openid, const char *template_id,
                  int64_t scene);

/* Whether this message may be sent now. 0, or the errcode; *left then is NULL or what to take one from when
 * it is delivered, valid until users_… is called again. */
int users_ask(struct users *self, unsigned account, enum body_kind kind, const struct body_message *message,
              int64_t now_ms, int64_t **left);

#endif
