/* The recipients that have a call in flight or messages parked behind one: no two calls for the same recipient are ever in flight
 * at once, and those parked leave first and in order.
 *
 * A recipient may also be left alone for a time after a call, as if that were still in flight, because WeChat said so.
 *
 * Bounded: an entry begins with a call in flight and ends when nothing is parked any more, so there are no more than slots, and those
 * that are left alone: RECIPIENTS_COOLING_MAX.
 */
#ifndef BROKER_RECIPIENTS_H
#define BROKER_RECIPIENTS_H

#include "base/buf.h"
#include "base/hash.h"
#include "proto/limits.h"

#define RECIPIENTS_COOLING_MAX 4096

struct recipients;

enum recipient_state {
    RECIPIENT_FREE,   /* nothing in flight, nothing parked */
    RECIPIENT_BUSY,   /* a call in flight */
    RECIPIENT_PARKED  /* no call in flight, messages parked: they go first */
};

struct recipients *recipients_new(void);
void recipients_destroy(struct recipients **self);

struct hash128 recipients_hash(struct span account, struct span openid);

enum recipient_state recipients_state(const struct recipients *r, struct hash128 who);

/* A call begins. `more` says whether messages are still parked. */
void recipients_begin(struct recipients *r, struct hash128 who, struct span openid, size_t account, int more);

/* A message was parked behind it. */
void recipients_park(struct recipients *r, struct hash128 who);

/* 1 when messages are parked behind it. */
int recipients_has_more(const struct recipients *r, struct hash128 who);

/* The call has ended. If messages are parked, it waits in the account's row of those that go first. */
void recipients_end(struct recipients *r, struct hash128 who);

/* The call has ended, and nothing goes to the recipient before until_ms (order clock). Returns 0; or -1 when too many are left alone
 * already: then the caller ends it as usual. */
int recipients_cool(struct recipients *r, struct hash128 who, int64_t until_ms);

/* 1 when no more can be left alone. */
int recipients_is_full(const struct recipients *r);

/* Ends the first such time that is over. Returns 1 and the account, or 0 when there is none. */
int recipients_warm(struct recipients *r, int64_t now_ms, size_t *account);

/* When the next such time is over; INT64_MAX = nobody is left alone. */
int64_t recipients_next_ms(const struct recipients *r);

/* At the start: a recipient with parked messages; in flight or not is known from recipients_begin before. */
void recipients_restore(struct recipients *r, struct hash128 who, struct span openid, size_t account);

/* The first in an account's row, without removing it: 1 and its openid (valid until it changes), or 0. */
int recipients_first(const struct recipients *r, size_t account, struct span *openid);

/* Removes the first of an account's row whose parked messages are all gone. */
void recipients_drop_first(struct recipients *r, size_t account);

#endif
