/* Customer-service windows of one recipient in one account: what he did last of each kind, until when WeChat takes messages for him
 * because of it, and how many. The rules, as decisions on values; pure.
 *
 * What is on record is a count of ours. Where it is not sure, it leaves the answer to WeChat: who has no record is asked for, and what
 * WeChat says of a call is not held against a window that may have been opened while the call was made.
 *
 * Source: custom service messages of the official account, "send limits" (WeChat: Service_Center_messages): the actions, and that a
 * message is refused with 45015 outside of a window and with 45047 beyond its number.
 */
#ifndef BROKER_WINDOWS_H
#define BROKER_WINDOWS_H

#include <stdint.h>

#include "base/conf.h"

#define WINDOWS_ANY UINT32_MAX /* of `left`: any number of messages */

/* So long after the last thing on record a recipient is forgotten: until then it is known that nothing is open. */
#define WINDOWS_KEPT_MS (30LL * 86400 * 1000)

/* Times are wall time: WeChat's callbacks are dated by it, to the second. */
struct window {
    int64_t at_ms;    /* when he did it last; 0 = never, as far as is known */
    int64_t until_ms; /* open before that; 0 = closed */
    uint32_t left;    /* messages; WINDOWS_ANY */
};

struct windows {
    int64_t unfollowed_ms; /* 0 = never */
    struct window of[WINDOW_ACTIONS];
};

enum windows_state {
    WINDOWS_OPEN,
    WINDOWS_NONE, /* none is open: WeChat would answer 45015 */
    WINDOWS_USED  /* what is open is used up: 45047 */
};

/* 1 when any action is counted by these rules. */
int windows_are_counted(const struct conf_window rules[WINDOW_ACTIONS]);

/* He did something (WINDOW_UNFOLLOW too) at that time. Told again, told late or not counted: nothing changes. Returns 1 when `w` has
 * changed. */
int windows_act(struct windows *w, enum window_action action, int64_t at_ms, const struct conf_window rules[WINDOW_ACTIONS]);

enum windows_state windows_state(const struct windows *w, int64_t now_ms);

/* A message that was given out at asked_ms was sent: it takes one from the window that ends soonest of those that were open then and have
 * some left; of any number none is taken. Returns 1 when `w` has changed. */
int windows_take(struct windows *w, int64_t asked_ms);

/* WeChat has refused a message that was given out at asked_ms with 45015: nothing was open; or with 45047: what was open is used up.
 * Return 1 when `w` has changed. */
int windows_close(struct windows *w, int64_t asked_ms);
int windows_use_up(struct windows *w, int64_t asked_ms);

/* 1 when the record may be forgotten. */
int windows_are_old(const struct windows *w, int64_t now_ms);

#endif
