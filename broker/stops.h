/* Accounts that WeChat has stopped: an allowance is used up, a person has to act, or the account calls too fast. Their messages stay
 * where they are; nothing of them goes out but a probe now and then, one message at a time, until one gets through. Pure: takes
 * reports and times.
 *
 *   state    what happens                                            becomes
 *   running  a call fails: too fast (CAUSE_PACE)                     waiting
 *            a call fails: quota, account (CAUSE_QUOTA, _ACCOUNT)    stopped
 *   waiting  WeChat's next minute begins                             running
 *            a call fails: quota, account                            stopped
 *   stopped  its time is over and a message is given out             probing
 *   probing  the probe got through, or was refused for its own sake  running
 *            it failed for the account's sake                        stopped, for twice as long
 *            nobody knows what became of it                          stopped, for the first time again
 *
 * What was in flight when an account stopped fails likewise: that is the same event. Only the probe's own report counts then.
 *
 * The broker keeps the state in the store (stops_pack), so that a restart does not send a burst into a closed account.
 */
#ifndef BROKER_STOPS_H
#define BROKER_STOPS_H

#include "base/conf.h"
#include "proto/job.h"

#define STOP_REASON_BYTES_MAX 512

enum stop_state { STOP_RUNNING, STOP_WAITING, STOP_STOPPED, STOP_PROBING };

struct stop {
    enum stop_state state;
    enum cause cause;     /* CAUSE_PACE, CAUSE_QUOTA or CAUSE_ACCOUNT; of no meaning while it runs */
    int64_t errcode;
    int64_t since_ms;     /* wall time, for people */
    int64_t next_ms;      /* order clock: when it runs again, or when the next probe may go */
    uint32_t probes;      /* that failed */
    uint64_t probe_seq;   /* the message that is the probe, while it is out */
    char reason[STOP_REASON_BYTES_MAX + 1];
};

struct stops_rules {
    int64_t probe_first_ms; /* from the stop to the first probe; doubled with each that fails */
    int64_t probe_max_ms;
    int64_t window_ms;      /* WeChat counts calls in windows of so long, which begin with the wall clock's minutes */
};

struct stops;

struct stops *stops_new(size_t accounts, const struct stops_rules *rules);
void stops_destroy(struct stops **self);

/* Other rules from now on; what is due already stays so. */
void stops_configure(struct stops *s, const struct stops_rules *rules);

/* Milliseconds until a message of the account may go out: 0 = now, INT64_MAX = when the probe is back. */
int64_t stops_wait_ms(const struct stops *s, size_t account, int64_t order_ms);

/* A message of the account was given out; of a stopped one it is the probe. */
void stops_begin(struct stops *s, size_t account, uint64_t seq);

/* The report on a message of the account. Returns 1 when the message itself has to step back behind the others, so that another one
 * is the next probe: it has stopped the account, or failed as its probe; else 0. */
int stops_on_report(struct stops *s, size_t account, uint64_t seq, const struct outcome_report *report, int64_t order_ms,
                    int64_t wall_ms);

/* The message came to no report: its sender was lost, it was settled otherwise. As its probe it has told nothing: the next one follows
 * after a second, or after probe_first_ms when that is less. */
void stops_on_lost(struct stops *s, size_t account, uint64_t seq, int64_t order_ms);

/* An operator says that it may work again: the next message is a probe, now; a waiting account runs. Returns 0, or -1 when it is not
 * stopped. */
int stops_resume(struct stops *s, size_t account, int64_t order_ms);

/* NULL while it runs. */
const struct stop *stops_find(const struct stops *s, size_t account, int64_t order_ms);

/* 1 while callers of a Send have to be told that the account is stopped: not while it waits for a minute, nor when a probe may go. */
int stops_refuses(const struct stops *s, size_t account, int64_t order_ms);

/* 1 once after something has changed that has to be kept. */
int stops_has_changed(struct stops *s);

/* Appends a packed array of [account, cause, errcode, since, next, probes, reason] of those that do not run; names are by `conf`. */
void stops_pack(const struct stops *s, const struct conf *conf, struct buf *out);

/* Takes what was packed. Accounts that are gone from the configuration are left out; so is what is damaged. */
void stops_restore(struct stops *s, const struct conf *conf, struct span packed);

#endif
