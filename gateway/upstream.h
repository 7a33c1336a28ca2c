/* The gateway's end of the broker's frontend: asks what is pending, takes results, and notices when the
 * broker or the connection to it is another one than before.
 *
 *          pong to a ping of this connection
 *   DOWN ────────────────────────────────────▶ UP
 *    ▲                                          │ another epoch: everything is asked again
 *    └──────────────────────────────────────────┘
 *      connection lost: everything is asked again, as soon as it is up
 *
 * While DOWN only pings go out. So nothing can be put into a dying connection behind our back: libzmq tells
 * of a loss just before it lets go of the connection's queue, but once a ping of the new connection was
 * answered, the old one is gone.
 */
#ifndef GATEWAY_UPSTREAM_H
#define GATEWAY_UPSTREAM_H

#include <stdint.h>

#include "base/conf.h"
#include "gateway/pending.h"
#include "proto/frontend.h"

struct upstream;

/* Called for every final result of a pending request; the entry is the callee's to remove. */
typedef void upstream_answered(void *self, struct pending_entry *e, const struct result *r);

/* Connects; never blocks. `pending` must outlive it. Returns NULL when the endpoint is none (logged). */
struct upstream *upstream_new(const struct conf *conf, struct pending *pending, upstream_answered *answered,
                              void *self);
void upstream_destroy(struct upstream **self);

/* Descriptors for epoll. Both tell by an edge only that something may have changed, so the functions below
 * are called in every turn, whatever was readable. */
int upstream_fd(const struct upstream *u);
int upstream_monitor_fd(const struct upstream *u);

/* Takes notice of lost connections and takes results, at most GATEWAY_RESULTS_MAX. */
void upstream_receive(struct upstream *u, int64_t now_ms);

/* Pings when it is time, and asks everything that is unasked as far as the socket takes it. Never blocks. */
void upstream_ask(struct upstream *u, int64_t now_ms);

/* The number of the last answered ping, for pending_overdue. */
uint32_t upstream_answered_ping(const struct upstream *u);

/* When upstream_receive or upstream_ask has something to do without any descriptor telling: 0 = at once. */
int64_t upstream_due_ms(struct upstream *u);

#endif
