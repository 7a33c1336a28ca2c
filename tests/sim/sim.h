/*
 * sim.h - the simulator: what its parts share, and which part serves which path.
 *
 *   /cgi-bin/message/…                         call.c, for the paths of kind.c
 *   /cgi-bin/token, /cgi-bin/stable_token      grant.c
 *   /cgi-bin/openapi/…, /cgi-bin/clear_quota   service.c
 *   /cgi-bin/user/get                          listing.c
 *   /sim/…                                     control.c, steer.c, steer_user.c, steer_callback.c
 *
 * What it sends by itself: callback.c, with events of steer_callback.c, burst.c and happen.c.
 *
 * One thread; every function here is called from the event loop.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/counters.h"
#include "tests/sim/dedupe.h"
#include "tests/sim/dice.h"
#include "tests/sim/faults.h"
#include "tests/sim/followers.h"
#include "tests/sim/http.h"
#include "tests/sim/journal.h"
#include "tests/sim/latency.h"
#include "tests/sim/loop.h"
#include "tests/sim/options.h"
#include "tests/sim/quota.h"
#include "tests/sim/refusal.h"
#include "tests/sim/rids.h"
#include "tests/sim/tokens.h"
#include "tests/sim/users.h"
#include "tests/sim/whitelist.h"

struct bursts;
struct call;
struct callbacks;
struct listing;
struct waiter;

/* Opaque to main(); the parts named above read and change it. */
struct sim {
    const struct options *options;
    struct loop *loop;
    struct journal *journal;
    struct tokens *tokens;
    struct faults *faults;
    struct dedupe *dedupe;
    struct latency latency;     /* of message calls and lists; POST /sim/latency changes it */
    struct dice dice;           /* decides faults and latencies, from the seed */
    struct dice rid_dice;       /* makes rids, so that they do not change what dice decides */
    struct refusals refusals;   /* of token calls */
    struct whitelist whitelist; /* of token calls; POST /sim/whitelist changes it */
    struct quotas quotas;
    int clears[TOKENS_ACCOUNTS_MAX]; /* by account number: quotas cleared this month */
    struct rids *rids;
    struct users *users;
    struct followers followers;
    int64_t token_shift_ms; /* how far the clock of tokens is ahead of loop_now_ms() */
    int64_t user_shift_ms;  /* how far the windows' clock is ahead of loop_now_ms() */
    struct callbacks *callbacks;
    struct bursts *bursts;
    struct receipts *receipts;      /* rules; POST /sim/receipts replaces them */
    struct latency receipt_latency; /* POST /sim/receipt-latency changes it */
    struct dice receipt_dice;       /* decides outcomes of messages and their latencies */
    struct counters counters;
    int64_t msgid;          /* the last one given out */
    bool paused;            /* answers to message calls are held */
    struct call *calls;     /* not settled, oldest first (utlist) */
    struct call *busy;      /* those that hold their openid (uthash) */
    struct listing *listings; /* not settled (utlist) */
    struct waiter *waiters; /* GET /sim/wait calls (utlist) */
};

/* NULL after a message: the journal cannot be opened, or a fault rule names an unknown account. Keeps
 * `options` and `loop`, which must outlive it. */
struct sim *sim_new(const struct options *options, struct loop *loop);
void sim_destroy(struct sim **self);

/* Serves one request; the handler of http.h. */
void sim_handle(void *sim, struct exchange *exchange);

/* Settles all that is held: calls are journalled as unanswered and cut, callbacks ended, waiting control calls answered. */
void sim_settle(struct sim *self);

/* Answers with a WeChat error under an HTTP status and remembers its rid. `account` NULL: it is not known
 * whose call that was. `message` NULL: the usual text of the code. */
void sim_answer_error(struct sim *self, struct exchange *exchange, const struct tokens_account *account,
                      unsigned status, int errcode, const char *message);

/* Adds the JSON of such an answer, and puts its rid into `rid`; "" with --rid off. */
void sim_write_error(struct sim *self, struct text *answer, int errcode, const char *message,
                     char rid[RID_BYTES]);

/* The query's access_token. 0 and *account, or 41001 or what tokens_check() says. */
int sim_check_token(struct sim *self, const struct exchange *exchange, const struct tokens_account **account);

/* What time it is for tokens: loop_now_ms() and what POST /sim/token-time has added. */
int64_t sim_token_now_ms(const struct sim *self);

#endif
