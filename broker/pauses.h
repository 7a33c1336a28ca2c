/* What an operator has paused: everything, an account, a template, a task; for a time or until it is resumed. Kept in the store,
 * so a restart changes nothing.
 *
 * A paused account is not looked at: its messages stay where they are. A message of a paused template or task is set aside in the
 * store when it is met at the head of its queue (or at once, when it is accepted meanwhile), so it is met once and never stands
 * before others. When such a pause ends it is "releasing": what was set aside goes back to its place in the queue, a bounded number
 * a turn; messages of it that stand behind what is still set aside are set aside too, so their order is kept.
 *
 * Bounded by PAUSES_MAX. Times are of the order clock.
 */
#ifndef BROKER_PAUSES_H
#define BROKER_PAUSES_H

#include <uthash.h>

#include "base/conf.h"
#include "broker/store.h"
#include "proto/limits.h"

#define PAUSES_MAX     1024
#define PAUSE_BY_BYTES 64

enum pause_kind { PAUSE_ALL, PAUSE_ACCOUNT, PAUSE_TEMPLATE, PAUSE_TASK, PAUSE_KINDS };

struct pause {
    UT_hash_handle hh;
    uint64_t hold;                     /* store_hold_name; of all and accounts a number that is none */
    enum pause_kind kind;
    char account[ACCOUNT_BYTES_MAX + 1]; /* empty: all accounts */
    char name[KEY_TEXT_BYTES_MAX + 1];   /* template or task */
    char by[PAUSE_BY_BYTES + 1];       /* who paused it */
    int64_t since_ms;                  /* wall time, for people */
    int64_t until_ms;                  /* order clock; INT64_MAX = until it is resumed */
    int releasing;
};

struct pauses;

/* Reads what is paused from the store. */
struct pauses *pauses_new(struct store *store);
void pauses_destroy(struct pauses **self);

/* Pauses, or changes the end of what is paused. Returns 0, or -1 when there are PAUSES_MAX. Of `wanted`, kind, account, name, by,
 * since_ms and until_ms count. */
int pauses_add(struct pauses *p, const struct pause *wanted);

/* Ends a pause. Returns 0, or -1 when there is none (or it is ending already). */
int pauses_end(struct pauses *p, enum pause_kind kind, struct span account, struct span name);

/* 1 when it is paused, and not ending. */
int pauses_has(const struct pauses *p, enum pause_kind kind, struct span account, struct span name);

/* The hold under which the message has to be set aside now; 0 = it may go. */
uint64_t pauses_hold_of(struct pauses *p, const struct message *m);

/* 1 when the account is paused, itself or with all. */
int pauses_has_account(const struct pauses *p, struct span account);

/* Ends pauses whose time is over and brings back what they had set aside: at most `budget` messages, shared among those that end.
 * Returns 1 when something changed: accounts have to be looked at again. */
int pauses_tick(struct pauses *p, int64_t order_ms, size_t budget);

/* 1 while messages are on their way back to the queue. */
int pauses_is_releasing(const struct pauses *p);

/* All of them, in no order: NULL begins, NULL ends. */
const struct pause *pauses_next(const struct pauses *p, const struct pause *before);

const char *pause_kind_name(enum pause_kind kind);

#endif
