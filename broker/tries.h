/* The calls of a message that did not settle it, for people: when, what came of each, and by which template. Kept with the message
 * while it waits and with its result afterwards. Pure.
 *
 * Bounded: of more than fit into TRIES_BYTES_MAX the first and the latest are kept; the message's `calls` says how many there were.
 */
#ifndef BROKER_TRIES_H
#define BROKER_TRIES_H

#include "proto/job.h"
#include "proto/mp.h"

#define TRIES_BYTES_MAX    1024 /* packed; with this and short variables a message still fits into two pages of the store */
#define TRY_TEXT_BYTES_MAX 160  /* of the text; a rid is within that */

struct try {
    int64_t at_ms;        /* wall time of its end */
    enum outcome outcome; /* OUTCOME_NONE: its sender was lost, nobody knows */
    int64_t errcode;      /* WeChat's, 0 if none */
    uint32_t http_status; /* 0 when there was no answer */
    struct span key;      /* template; empty = the message's own */
    struct span text;     /* cut to TRY_TEXT_BYTES_MAX at a character's end */
};

/* Writes the packed tries `before` (may be empty) and one more to `out` (cleared first; not what `before` points into). Tries that
 * are damaged are left out. */
void tries_add(struct span before, const struct try *try, struct buf *out);

/* Appends an array of maps `at`, `outcome`, `errcode`, `http`, `key`, `message` for operators; what is zero or empty is left out. */
void tries_pack_entries(struct span tries, struct buf *out);

#endif
