/* What the keeper knows of one account's token, and what it does next. Pure: time and answers are arguments.
 *
 *   state         what happens                                  becomes
 *   has a token   its end is near (next_ms)                     fetching
 *                 a sender says `rejected`                      fetching, at once or after a back-off
 *   fetching      another token                                 has a token
 *                 the rejected one, and one can be forced       fetching, forced
 *                 the rejected one, and none can be forced      has a token
 *                 a failure                                     waiting; what token there is stays
 *   waiting       the back-off is over                          fetching
 *   resting       rejected, no fetch is left this hour          a minute later: has a token
 *
 * A rejected token that WeChat gives once more is forced away once, and used on if WeChat's limits do not
 * allow that: a rejection can be a mistake of WeChat's. Each rejection within a minute of the last one makes
 * the next fetch wait longer, so that a token that is dead in truth costs a few calls a minute.
 *
 * Invariants: one fetch at a time; at most TOKEN_FETCHES_AN_HOUR_MAX normal ones and WeChat's number of
 * forced ones.
 */
#ifndef SENDER_TOKEN_STATE_H
#define SENDER_TOKEN_STATE_H

#include <stdint.h>

#include "sender/token_fetch.h"
#include "sender/token_plan.h"

struct token_state {
    enum conf_token_mode mode;
    struct buf token;     /* owned; secret; empty = never had one */
    struct buf reason;    /* owned: why there is no usable token; empty = there is, or it is not known yet */
    int64_t until_ms;     /* end of the token's time. All times by clock_mono_ms */
    int64_t lifetime_ms;  /* when it was fetched */
    int64_t rejected_ms;  /* when a token was last rejected */
    int64_t next_ms;      /* when something is to be done; now, if it is past */
    uint32_t failures;    /* in a row */
    uint32_t rejections;  /* each within a minute of the one before */
    int is_fetching;
    int is_forced;        /* the fetch under way, or the next one, is a forced one */
    int is_rejected;      /* the current token */
    int is_resting;
    struct token_pace pace;
    struct token_forced forced;
};

enum token_step {
    TOKEN_STEP_NONE,    /* nothing yet; see next_ms */
    TOKEN_STEP_FETCH,   /* fetch now (is_forced says how) and call token_state_fetched */
    TOKEN_STEP_TELL     /* what senders may use has changed: tell them */
};

/* A state that fetches at once. */
void token_state_open(struct token_state *s, enum conf_token_mode mode, int64_t now_ms);
void token_state_close(struct token_state *s);

/* Takes a token from the cache; ignored when it has too little time left. */
void token_state_restore(struct token_state *s, struct span token, int64_t ttl_ms, int64_t lifetime_ms,
                         int64_t now_ms);

/* What to do now. Call again after TOKEN_STEP_TELL. */
enum token_step token_state_next(struct token_state *s, int64_t now_ms, int64_t wall_ms);

/* Takes the end of a fetch. Returns 1 when there is a new token. Senders are to be told in any case. */
int token_state_fetched(struct token_state *s, const struct fetched *fetched, int64_t now_ms,
                        int64_t wall_ms);

/* A sender says that WeChat rejected `token`. Returns 1 when it is the current one and this is the first to
 * say so. */
int token_state_reject(struct token_state *s, struct span token, int64_t now_ms);

/* 1 while the token may be used. */
int token_state_is_usable(const struct token_state *s, int64_t now_ms);

#endif
