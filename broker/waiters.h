/* Callers who wait for the outcome of a message (op send), by the message's sequence number. In memory only: a caller who asks
 * again under the same id after a restart of the broker is put here again. */
#ifndef BROKER_WAITERS_H
#define BROKER_WAITERS_H

#include "broker/outbox.h"

#define WAITERS_MAX           1000000 /* some 500 bytes each; more are told to come back later (503) */
#define WAITERS_A_MESSAGE_MAX 64      /* callers who ask for the same id: most of them gone, and asking under another name now */

struct waiters;

struct waiters *waiters_new(void);
void waiters_destroy(struct waiters **self);

/* 1 when another message can be waited for. */
int waiters_have_room(const struct waiters *w);

/* Adds a caller; the same caller with the same ref is kept once. Of too many for one message the one that has waited longest is
 * forgotten: if he is still there he asks again. Returns 0, or -1 when WAITERS_MAX is reached. */
int waiters_add(struct waiters *w, uint64_t seq, const struct caller *caller);

/* Removes and returns one caller of a message: 1, or 0 when there is none left. */
int waiters_take(struct waiters *w, uint64_t seq, struct caller *caller);

#endif
