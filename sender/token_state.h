/* What the keeper knows of one account's token, and what it does next. Pure: time and answers are arguments.
 *
 *   state         what happens                                  becomes
 *   has a token   its end is near (next_ms)                     fetching
 *                 a sender says `rejected`                      fetching, at once or after a back-off
 *   fetching      another token                                 has a token
 *                 the rejected one, and one can be forced       fetching, forced
 *                 the rejected one, and none can be forced      has a token
 *                 the rejected one, of a token service          waiting; after TOKEN_TRY_MS: has a token
 *                 a failure                                     waiting; what token there is stays
 *   waiting       the back-off is over                          fetching
 *   resting       rejected, no fetch is left this hour          a minute later: has a token
 *
 * A rejected token that WeChat gives once more is forced away once, and used on if the limits do not allow
 * that: a rejection can be a mistake of WeChat's. A token service cannot be forced; it is asked until it gives
 * another one.
 *
 * A rejected token is replaced at once, however often that happens, unless tokens are dead on arrival
 * (rejected sooner than TOKEN_QUICK_MS after they were given): TOKEN_QUICK_FREE such in a row are replaced at
 * once too, since whatever ends tokens from outside may do so a few times a second for a while; each further
 * one makes the next fetch wait longer. One that was rejected and is used on has no such grace.
 *
 * Invariants: one fetch at a time; at most pace.max normal ones an hour, forced_max forced ones a day.
 */
#ifndef SENDER_TOKEN_STATE_H
#define SENDER_TOKEN_STATE_H

#include <stdint.h>

#include "sender/token_fetch.h"
#include "sender/token_plan.h"

#define TOKEN_QUICK_MS   2000
#define TOKEN_QUICK_FREE 20
#define TOKEN_TRY_MS     300000 /* so long after its rejection a token of a token service is tried again */

struct token_state {
    enum conf_token_mode mode;
    struct buf token;     /* owned; secret; empty = never had one */
    struct buf reason;    /* owned: why there is no usable token; empty = there is, or it is not known yet */
    int64_t until_ms;     /* end of the token's time. All times by clock_mono_ms */
    int64_t lifetime_ms;  /* when it was fetched */
    int64_t given_ms;     /* since when it is used */
    int64_t rejected_ms;  /* when a token was last rejected */
    int64_t next_ms;      /* when something is to be done; now, if it is past */
    uint32_t failures;    /* in a row */
    uint32_t quick;       /* tokens in a row that were dead on arrival */
    uint32_t same;        /* times in a row that a token service gave the rejected one again */
    int is_fetching;
    int is_forced;        /* the fetch under way, or the next one, is a forced one */
    int is_rejected;      /* the current token */
    int is_used_on;       /* the current token was rejected before and given again */
    int is_resting;
    uint32_t forced_max;  /* a day */
    struct token_pace pace;
    struct token_forced forced;
};

enum token_step {
    TOKEN_STEP_NONE,    /* nothing yet; see next_ms */
    TOKEN_STEP_FETCH,   /* fetch now (is_forced says how) and call token_state_fetched */
    TOKEN_STEP_TELL     /* what senders may use has changed: tell them */
};

/* What the end of a fetch has brought. */
enum token_news {
    TOKEN_NEWS_FAILED,      /* no token; `reason` says why */
    TOKEN_NEWS_NEW,         /* another token */
    TOKEN_NEWS_SAME,        /* the current one, with the rest of its time */
    TOKEN_NEWS_SAME_FORCED, /* the rejected one: it is forced away next */
    TOKEN_NEWS_SAME_USED,   /* the rejected one: it is used on */
    TOKEN_NEWS_SAME_WAITS   /* the rejected one: asked again at next_ms */
};

/* A state that fetches at once. token_mode, token_fetches and token_forced of the account count. */
void token_state_open(struct token_state *s, const struct conf_account *account, int64_t now_ms);
void token_state_close(struct token_state *s);

/* token_fetches and token_forced of the account count from now on; and what waits after a failure is tried now, as far as these allow:
 * the secret may have been the reason. */
void token_state_change(struct token_state *s, const struct conf_account *account, int64_t now_ms);

/* Takes a token from the cache; ignored when it has too little time left. A token service is asked at once all
 * the same: it may have another one by now. */
void token_state_restore(struct token_state *s, struct span token, int64_t ttl_ms, int64_t lifetime_ms,
                         int64_t now_ms);

/* What to do now. Call again after TOKEN_STEP_TELL. */
enum token_step token_state_next(struct token_state *s, int64_t now_ms, int64_t wall_ms);

/* Takes the end of a fetch. Senders are to be told in any case. */
enum token_news token_state_fetched(struct token_state *s, const struct fetched *fetched, int64_t now_ms,
                                    int64_t wall_ms);

/* A sender says that WeChat rejected `token`. Returns 1 when it is the current one and this is the first to
 * say so. */
int token_state_reject(struct token_state *s, struct span token, int64_t now_ms);

/* 1 while the token may be used. */
int token_state_is_usable(const struct token_state *s, int64_t now_ms);

#endif
