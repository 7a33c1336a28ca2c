/* Requests of callers by operation, and those that were refused, by reason; of this process. */
#ifndef BROKER_REFUSALS_H
#define BROKER_REFUSALS_H

#include "proto/frontend.h"

/* Why a request is refused. The words are those of the operators' status. */
enum refusal {
    REFUSAL_REQUEST,    /* it is wrong in itself */
    REFUSAL_ACCOUNT,    /* no such account */
    REFUSAL_TEMPLATE,   /* no such template */
    REFUSAL_VARIABLE,   /* one is missing that the template needs */
    REFUSAL_TIME,       /* too far ahead */
    REFUSAL_ID_USED,    /* for another message */
    REFUSAL_UNKNOWN_ID,
    REFUSAL_UNMATCHED,  /* a receipt for which there is no message */
    REFUSAL_DAMAGED,    /* what is kept under the id */
    REFUSAL_STOPPED,    /* a Send, and the account is stopped */
    REFUSAL_NO_TEMPLATES, /* none are known yet */
    REFUSAL_DISK,       /* min_free_space */
    REFUSAL_STORE,      /* store_size */
    REFUSAL_IN_PIECES,  /* the store has no room for long variables */
    REFUSAL_WAITERS,    /* too many callers wait */
    REFUSAL_SWEEPS,     /* too many operations on many messages */
    REFUSAL_SENDING,    /* it is just being sent */
    REFUSAL_CLIENT_KEPT, /* too much of this client waits to be served: client_kept */
    REFUSAL_CLIENT_RATE, /* too many requests of this client: client_rate */
    REFUSAL_CLIENT_SENDS, /* too many callers of this client wait: client_sends */
    REFUSAL_TSET,       /* no templater, or too many at once */
    REFUSALS
};

struct refusals {
    uint64_t requests[OPS]; /* by enum op: those that were understood */
    uint64_t counts[REFUSALS];
};

/* The code that each is answered with. */
enum code refusal_code(enum refusal why);

/* Appends two members of a map: `requests` (op -> count), `refusals` (array of [code, word, count]). Returns 2. */
size_t refusals_pack(const struct refusals *r, struct buf *out);

#endif
