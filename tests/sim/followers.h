/*
 * followers.h - who follows an account, page by page, as WeChat's user/get lists them.
 * doc/offiaccount/User_Management/Getting_a_User_List.html on developers.weixin.qq.com.
 *
 * An account has so many made-up followers, whose openids follow from their numbers and so take no memory; behind
 * them stand those whom POST /sim/user has named (users.h), in the order in which they were first named. Whoever
 * unfollowed is left out. A page begins behind an openid, which may be that of somebody who unfollowed.
 */
#ifndef SIM_FOLLOWERS_H
#define SIM_FOLLOWERS_H

#include <stdint.h>

#include "tests/sim/text.h"
#include "tests/sim/tokens.h"
#include "tests/sim/users.h"

#define FOLLOWERS_MAX      10000000 /* made-up ones of an account */
#define FOLLOWERS_PAGE_MAX 10000    /* openids in an answer; WeChat's */

struct followers {
    const struct users *users;
    int64_t made[TOKENS_ACCOUNTS_MAX]; /* how many there are of an account, by its number */
};

/* Adds the answer: the followers behind `after`, or from the first one if that is NULL or "". 0, or 40003 and
 * nothing is added: nobody ever had that openid. */
int followers_page(const struct followers *self, unsigned account, const char *after, struct text *answer);

#endif
