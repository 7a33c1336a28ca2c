/* What has still to be read from the source, and whether jobs must wait for it. Pure: time comes in as an
 * argument.
 *
 * Two kinds of readings are wanted: everything (at start, when a welcome names newer versions, on HUP) and
 * single keys (the broker or a job knows a newer version than ours). A reading that failed is wanted again
 * after a back-off of BEHIND_WAIT_MS_MIN, doubled to BEHIND_WAIT_MS_MAX. Readings of everything are numbered
 * from 1 in the order they begin, so that one that began before the wish does not fulfil it.
 */
#ifndef TEMPLATER_BEHIND_H
#define TEMPLATER_BEHIND_H

#include <stdint.h>

#include "base/buf.h"

#define BEHIND_WAIT_MS_MIN 200
#define BEHIND_WAIT_MS_MAX 5000
#define BEHIND_KEYS_MAX    100000 /* table_size at its largest */

struct behind;

struct behind_reading {
    uint64_t number;  /* of everything; 0: of one key */
    struct span key;  /* valid until the next call */
    uint64_t version; /* which the key then gets */
};

/* Wants everything once; `usable` is 1 when there are templates to work with until then. */
struct behind *behind_new(int usable);
void behind_destroy(struct behind **self);

/* 1 while jobs must wait. */
int behind_is(const struct behind *b);

/* Wants everything; with `blocks` jobs wait for it. Returns the number of the reading that fulfils it. */
uint64_t behind_want_all(struct behind *b, int blocks);

/* Wants a key at this version, and jobs wait for it. A lower version than already wanted changes nothing.
 * Dropped when BEHIND_KEYS_MAX are wanted: a templater that far behind is told by its next welcome. */
void behind_want_key(struct behind *b, struct span key, uint64_t version, int64_t now_ms);

/* The next reading that is due and not going on; it then counts as going on. Returns 1, or 0 when there is
 * none. */
int behind_next(struct behind *b, int64_t now_ms, struct behind_reading *reading);

/* A reading of everything ended; ok 0: the source could not be reached. */
void behind_all_done(struct behind *b, uint64_t number, int ok, int64_t now_ms);

/* A reading of a key that behind_next gave ended. Returns 1 when its answer counts, 0 when the key will be
 * read again: the source could not be reached (ok 0), or a newer version is wanted by now. */
int behind_key_done(struct behind *b, struct span key, uint64_t version, int ok, int64_t now_ms);

/* A key was read because a newer version was asked for, and what the source has cannot be used, so that the
 * next job asks again. New wishes for keys then wait for the back-off from now, which doubles while this
 * keeps happening: each round costs a fence. */
void behind_slow_down(struct behind *b, int64_t now_ms);

/* Milliseconds until behind_next has something; INT64_MAX when nothing waits. */
int64_t behind_wait_ms(const struct behind *b, int64_t now_ms);

#endif
