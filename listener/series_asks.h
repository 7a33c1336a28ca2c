/* What mega series wants: asks on the listener's socket, answered when what they changed is on disk. proto/series.h says what they are.
 *
 * series_asks_receive belongs into a turn before its commit, series_asks_answer behind it. At most SERIES_ASKS_MAX asks are taken a
 * turn; an answer that a peer does not take is dropped, and is asked for again.
 */
#ifndef LISTENER_SERIES_ASKS_H
#define LISTENER_SERIES_ASKS_H

#include "base/curve_guard.h"
#include "listener/db.h"
#include "listener/series_set.h"

#define SERIES_ASKS_MAX 64

struct series_asks;

/* `socket` is a bound zsock (ROUTER) behind the guard. All must outlive it. */
struct series_asks *series_asks_new(const struct conf *conf, void *socket, struct curve_guard *guard, struct series_set *set, struct db *db);

/* Whoever has more to say in the answer to SERIES_STATUS: `pack` appends members of a map and returns how many. */
void series_asks_add_status(struct series_asks *s, size_t (*pack)(void *self, struct buf *out), void *self);

void series_asks_destroy(struct series_asks **self);

void series_asks_receive(struct series_asks *s, int64_t now_ms);

/* Answers what was received; `is_committed` 0: nothing of it counts, who wanted a change hears 503. */
void series_asks_answer(struct series_asks *s, int is_committed);

#endif
