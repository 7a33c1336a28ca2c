/* The jobs that a sender has, from their arrival until the broker has confirmed their results.
 *
 * Used by the sender. Pure: takes bytes and times, does no input or output.
 *
 *   state          what is being waited for               leaves to
 *   CALL_QUEUED    a slot, the lease, a token             WANTING or RUNNING, DONE
 *   CALL_WANTING   its leave has to be asked for          ASKED, RUNNING, DONE
 *   CALL_ASKED     the broker's leave                     RUNNING, DONE; WANTING (asked again)
 *   CALL_RUNNING   WeChat's answer                        REPEAT, DONE
 *   CALL_REPEAT    another token, WeChat rejected one;
 *                  or its turn at another address         RUNNING, DONE
 *   CALL_DONE      the result has to be offered           OFFERED
 *   CALL_OFFERED   the broker's confirmation              freed; DONE (offered again)
 *
 * A fence drops the first three. WANTING and ASKED are for kinds without a key (kind.h): such a call has its
 * slot, and is begun only with the broker's leave (`begun`) for just this turn.
 *
 * Invariants: one call for each seq; RUNNING, REPEAT, DONE and OFFERED are held: a fence is told of them and
 * they stay. There are at most twice as many calls as slots; a sender that is full does not read its socket.
 */
#ifndef SENDER_CALLS_H
#define SENDER_CALLS_H

#include <stdint.h>

#include "proto/control.h"
#include "proto/job.h"
#include "sender/hosts.h"
#include "sender/kind.h"

enum call_state {
    CALL_FREE,
    CALL_QUEUED,
    CALL_WANTING,
    CALL_ASKED,
    CALL_RUNNING,
    CALL_REPEAT,
    CALL_DONE,
    CALL_OFFERED,
    CALL_STATES
};

struct call_link; /* how a call hangs in the table: private */

struct call {
    enum call_state state;
    struct call *next;            /* in the list of its state, oldest first */
    struct call *previous;
    struct rendered job;          /* spans point into `frame`; empty once it is done */
    const struct kind *kind;      /* that job.kind names; NULL when there is none */
    struct buf frame;             /* owned: the job as it came */
    int64_t since_ms;             /* when it came into its state, by clock_mono_ms */
    uint64_t token_number;        /* of the access token used last, see token_client.h */
    struct buf token;             /* owned, secret: that token, which an answer may repeat */
    struct host_use host_use;     /* the addresses it was made at in this turn */
    int64_t begun_ms;             /* when the first HTTP call of this turn was begun; 0 = none yet */
    int was_rejected;             /* WeChat rejected the token in this turn: it is repeated once */
    struct outcome_report result; /* DONE and OFFERED; `calls` counts from the start */
    struct buf text;              /* owned: what result.message points into */
    void *owner;                  /* for the sender */
    struct call_link *link;
};

struct calls;

/* `slots` from 1. */
struct calls *calls_new(uint32_t slots, void *owner);
void calls_destroy(struct calls **self);

/* 1 when no further job fits. */
int calls_are_full(const struct calls *c);

size_t calls_count(const struct calls *c, enum call_state state);
struct call *calls_first(const struct calls *c, enum call_state state); /* NULL when there is none */

/* Takes a job, whose bytes are copied. Returns the queued call; NULL when there is nothing to call, because
 * the seq is in flight (its call takes the higher turn), has a final result other than a refusal (which is
 * offered again with the newer turn) or the turn is old. The table must not be full. */
struct call *calls_take(struct calls *c, const struct rendered *job, struct span packed, int64_t now_ms);

/* Moves a call to another state. CALL_DONE: `result` is set, with the message in `text`. */
void calls_move(struct calls *c, struct call *call, enum call_state state, int64_t now_ms);

/* Ends a call that has no result yet with one; the text is printf's and goes into call->text. */
void calls_end(struct calls *c, struct call *call, enum outcome outcome, int64_t now_ms,
               const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Asks for leave: appends [seq, turn] of the calls that want it, oldest first, until there are `count_max`;
 * they are ASKED then. Returns how many. */
size_t calls_ask(struct calls *c, size_t count_max, int64_t now_ms, struct buf *out);

/* Makes every call that was asked for before `before_ms` one to be asked for. */
void calls_ask_again(struct calls *c, int64_t before_ms, int64_t now_ms);

/* The call that a leave is for: one that waits for it, asked or to be asked again, under exactly this turn.
 * NULL when there is none. */
struct call *calls_find_asked(const struct calls *c, const struct holding *h);

/* A fence: drops the calls of older generations that were not begun, and appends all others but those that
 * wait for leave. Returns how many were appended. */
size_t calls_hold(struct calls *c, uint64_t generation, struct buf *holdings);

/* Frees the call whose result this is; unknown ones are ignored. */
void calls_confirm(struct calls *c, const struct holding *h);

/* Makes every offered result one to be offered. */
void calls_offer_again(struct calls *c, int64_t now_ms);

/* The same for those offered before `before_ms`. */
void calls_offer_late(struct calls *c, int64_t before_ms, int64_t now_ms);

/* Appends results to be offered as packed reports, oldest first, until there are `count_max` or over
 * `bytes_max`; they are OFFERED then. Returns how many. */
size_t calls_offer(struct calls *c, size_t count_max, size_t bytes_max, int64_t now_ms, struct buf *out);

#endif
