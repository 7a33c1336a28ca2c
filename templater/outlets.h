/* The ways to the senders: one PUSH socket for each sender's endpoint, and a watch on each connection.
 *
 * A socket takes as many messages as come (no high-water mark): the broker gives out no more jobs than a
 * sender has slots. Used by jobs.c, which sends, and templater.c, which polls.
 */
#ifndef TEMPLATER_OUTLETS_H
#define TEMPLATER_OUTLETS_H

#include <stddef.h>

#include <zmq.h>

#include "base/conf.h"

#define OUTLETS_MAX      1024 /* senders; each costs a socket, a monitor and a few descriptors */
#define OUTLETS_FLUSH_MS 500  /* what the end waits for messages that were not handed over */

struct outlets;

/* `conf` must outlive it. An endpoint with a key is under CURVE (base/curve.h). */
struct outlets *outlets_new(const struct conf *conf);

/* Drops what was not handed over. */
void outlets_destroy(struct outlets **self);

/* Sends a message (copied), a job of this generation, to an endpoint, connecting when it is a new one. Returns 0, or -1 with a
 * constant text in *why. */
int outlets_send(struct outlets *o, struct span endpoint, uint64_t generation, struct span message, const char **why);

/* Closes the ways to endpoints that are not in the packed array of str (the broker's senders message), but for those into which a job
 * of this generation (the one of the last fence) or a newer one has gone: the list is older than that job then, since the broker
 * raises the generation whenever a sender leaves. What is closed loses only jobs that the fence gives out again. A damaged list
 * changes nothing. */
void outlets_keep(struct outlets *o, struct span packed_endpoints, uint64_t generation);

/* Fills in poll items, at most OUTLETS_MAX. Returns their number. */
size_t outlets_poll(const struct outlets *o, zmq_pollitem_t *items);

/* Calls for each endpoint that lost a connection since the last time, with the generation of the newest job that went there. */
void outlets_each_lost(struct outlets *o, void (*lost)(void *to, struct span endpoint, uint64_t generation), void *to);

/* Closes everything; what is on its way has OUTLETS_FLUSH_MS from then to leave. */
void outlets_flush(struct outlets *o);

#endif
