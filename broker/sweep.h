/* Changes of many messages: cancel, requeue, discard. They run piece by piece, a bounded number of messages a turn, so that callers
 * and senders go on beside them, and they go on when whoever asked has left. Not kept over a restart: whoever had no answer asks
 * again, and what was done already does not match any more.
 */
#ifndef BROKER_SWEEP_H
#define BROKER_SWEEP_H

#include "broker/outbox.h"
#include "broker/store.h"
#include "proto/operator.h"

#define SWEEPS_MAX 16 /* at once */

enum sweep_kind { SWEEP_CANCEL, SWEEP_REQUEUE, SWEEP_DISCARD };

/* Who is told: an operator by name and ref, or a caller of the frontend when the name is empty. */
struct sweep_asker {
    char name[NAME_BYTES_MAX + 1];
    uint64_t ref;
    struct caller caller;
};

struct sweep;

struct sweeps {
    struct sweep *list[SWEEPS_MAX];
    size_t count;
};

struct broker;

/* Begins one; the filter is copied. Returns 0, or -1 when there are SWEEPS_MAX already. The same operator asking again under the
 * same ref begins nothing. */
int sweep_begin(struct broker *b, enum sweep_kind kind, const struct filter *filter, int64_t ttl_ms, const struct sweep_asker *asker);

/* A turn's worth of work on all of them. */
void sweep_tick(struct broker *b);

/* 1 while there is work: the next turn begins at once. */
int sweep_is_busy(const struct sweeps *s);

void sweeps_free(struct sweeps *s);

#endif
