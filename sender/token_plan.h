/* When the token keeper may and must fetch a token. Pure: times are arguments.
 *
 * Sources: lifetimes, overlap and the limits of force_refresh from
 * developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken; 2,000 classic fetches a day from
 * doc/service/Message_Management/API_Call_Limits.html.
 */
#ifndef SENDER_TOKEN_PLAN_H
#define SENDER_TOKEN_PLAN_H

#include <stdint.h>

#include "base/conf.h"

#define TOKEN_FORCED_PAUSE_MS     30000 /* WeChat's limit: sooner ones change nothing */

/* How long before its end a token is replaced. stable_token returns the same token until its last 5 minutes,
 * so that asking sooner would be for nothing; a classic fetch gives a new one at any time and leaves the old
 * one 5 minutes. Of lifetimes too short for that it is the same share: 1/24, or the half. A token service
 * (external) may replace a token long before its end, and the old one lives 5 minutes then: it is asked again
 * after 4, or after the half of what time the token has left. */
int64_t token_plan_ahead_ms(enum conf_token_mode mode, int64_t lifetime_ms);

/* The wait after so many failures in a row: 0, 1 s, 2 s, ... 60 s. */
int64_t token_plan_backoff_ms(uint32_t failures);

/* The fetches of the last hour, so that no mistake of whatever kind burns the day's allowance. */
struct token_pace {
    int64_t *at_ms;   /* owned: a ring of `max`, by a clock that never runs backwards */
    uint32_t max;     /* an hour; at least 1 */
    uint64_t count;   /* of all there ever were */
};

void token_pace_open(struct token_pace *pace, uint32_t max);
void token_pace_close(struct token_pace *pace);

/* Another number of fetches an hour; those that there were count on. */
void token_pace_change(struct token_pace *pace, uint32_t max);

/* Milliseconds until the next fetch is allowed; 0 = now. */
int64_t token_pace_wait_ms(const struct token_pace *pace, int64_t now_ms);
void token_pace_add(struct token_pace *pace, int64_t now_ms);

/* Forced refreshes; kept over a restart, since WeChat counts them by the day. */
struct token_forced {
    int64_t day; /* days since 1970 in Beijing, where WeChat's days begin */
    uint32_t count;
    int64_t last_wall_ms;
};

/* Milliseconds until the next forced refresh is allowed, of at most `max` a day; 0 = now, -1 = not today. */
int64_t token_forced_wait_ms(const struct token_forced *forced, uint32_t max, int64_t wall_ms);
void token_forced_add(struct token_forced *forced, int64_t wall_ms);

#endif
