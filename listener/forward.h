/* Passing events on to the account's owner: each new event, its body as it came, by a POST to the account's `forward`, signed with the
 * account's token as WeChat signs its calls, so that his system reads and verifies it as if WeChat had called.
 *
 * The call is a row of the table forwards, written in the event's transaction and deleted when the owner has taken it (status 200), so
 * that no kill loses one; one that was taken just before a kill goes again, as WeChat's own repeats do.
 *
 * The first try is made while WeChat waits: what the owner answers within [listener] forward_timeout is handed back to WeChat as its reply.
 * An owner that does not take it in time gets it again after [listener] forward_retry, then after twice as long each time, for a day; then it is
 * dropped and counted. Replies to later tries are too late for WeChat and are thrown away.
 *
 * An owner that has failed FORWARD_FAILURES times in a row is not waited for any more: WeChat is answered at once, and its events wait
 * in the file until one try has gone well. Memory: FORWARD_CALLS_MAX calls at once, however many rows there are.
 */
#ifndef LISTENER_FORWARD_H
#define LISTENER_FORWARD_H

#include "base/conf.h"
#include "listener/db.h"

#define FORWARD_CALLS_MAX       256   /* under way at once, of all accounts */
#define FORWARD_LATER_MAX       32    /* of them: later tries */
#define FORWARD_FIRST_MAX       160   /* of them: first tries of one account, so that a slow owner leaves room for the others' */
#define FORWARD_FAILURES        8     /* in a row: the owner is down */
#define FORWARD_REPLY_BYTES_MAX 65536 /* a longer reply is not handed on */
#define FORWARD_WAIT_MS_MAX     (30 * 60 * 1000)
#define FORWARD_KEPT_MS         (24 * 3600 * 1000)

struct forward;

/* What the owner wants WeChat to be told. Valid during the callback. */
struct forward_reply {
    const char *type; /* Content-Type; NULL: none was given */
    struct span body;
};

struct forward_counts {
    uint64_t taken, failed, dropped; /* since the start: taken by the owner; tries that were not; given up after FORWARD_KEPT_MS */
    uint64_t waiting;                /* rows */
};

/* Both are kept; the accounts' addresses and [listener] forward_timeout are looked up where they are needed, so that a reload counts. */
struct forward *forward_new(const struct conf *conf, struct db *db);

/* Drops calls under way; `done` is not called. */
void forward_destroy(struct forward **self);

/* Inside the event's transaction: keeps the call. `query` is what WeChat's had beside
 * the signatures and what they are made of, encoded; `type` the Content-Type. Returns the row; 0
 * when the account passes nothing on; -1 (logged) when the file does not take it: the transaction is spoilt. */
int64_t forward_add(struct forward *f, struct span app, struct span query, struct span type, struct span body, int64_t now_ms);

/* After the commit: makes the first try of a row of forward_add. `done` is called once, perhaps within this call, by deadline_ms
 * (monotonic) at the latest; `reply` is NULL when there is none to hand back. */
struct forward_wait; /* one that waits */
struct forward_wait *forward_begin(struct forward *f, int64_t row, struct span app, struct span query, struct span type, struct span body,
                                   int64_t deadline_ms, void (*done)(void *self, const struct forward_reply *reply), void *self);

/* Whoever waited has gone: done is not called any more. The call goes on. */
void forward_leave(struct forward_wait *wait);

/* Later tries. */
void forward_tick(struct forward *f, int64_t now_ms);

struct forward_counts forward_counts(struct forward *f);

/* Readable when forward_run has something to do; and how long until forward_run or forward_tick has in any case, at most limit_ms. */
int forward_fd(const struct forward *f);
int64_t forward_wait_ms(const struct forward *f, int64_t now_ms, int64_t limit_ms);

/* Inside no transaction: begins one when a row is to be changed. */
void forward_run(struct forward *f);

#endif
