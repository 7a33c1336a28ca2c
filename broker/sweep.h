/* Changes of many messages: cancel, requeue, discard. They run piece by piece, a bounded number of messages a turn, so that callers
 * and senders go on beside them, and they go on when whoever asked has left. Not kept over a restart: whoever had no answer asks
 * again, and what was done already does not match any more.
 */
#ifndef BROKER_SWEEP_H
#define BROKER_SWEEP_H

#include "base/audit.h"
#include "broker/outbox.h"
#include "broker/store.h"
#include "proto/operator.h"

#define SWEEPS_MAX         16 /* at once */
#define SWEEPS_CALLERS_MAX 12 /* of these, for callers of the frontend: operators always find room */
#define SWEEPS_REMEMBERED  16 /* last ones of operators, so that one whose answer was lost can be answered again */

enum sweep_kind { SWEEP_CANCEL, SWEEP_REQUEUE, SWEEP_DISCARD };

/* Who is told: an operator by name and ref, or a caller of the frontend when the name is empty. */
struct sweep_asker {
    char name[NAME_BYTES_MAX + 1];
    uint64_t ref;
    struct caller caller;
    struct audit_who who; /* for the audit */
};

struct sweep;

/* What became of one that an operator had asked for. */
struct sweep_end {
    char name[NAME_BYTES_MAX + 1];
    uint64_t ref, done, left, looked;
};

struct sweeps {
    struct sweep *list[SWEEPS_MAX];
    size_t count;
    struct sweep_end ended[SWEEPS_REMEMBERED]; /* in a circle */
    size_t ended_next;
};

struct broker;

/* Begins one; the filter is copied. Returns 0, or -1 when there are too many already. The same operator or caller asking again under
 * the same ref begins nothing: it is told when the first one is done, or again what became of it. */
int sweep_begin(struct broker *b, enum sweep_kind kind, const struct filter *filter, int64_t ttl_ms, const struct sweep_asker *asker);

/* A turn's worth of work on all of them. */
void sweep_tick(struct broker *b);

/* 1 while there is work: the next turn begins at once. */
int sweep_is_busy(const struct sweeps *s);

void sweeps_free(struct sweeps *s);

#endif
