/* mega queue top: the status again and again. */
#ifndef CLIENT_QUEUE_TOP_H
#define CLIENT_QUEUE_TOP_H

#include "client/queue.h"
#include "client/queue_options.h"

/* On a terminal: redrawn in place until q, Ctrl-C or TERM; the terminal is then as it was. A broker that is away is waited for.
 * Else, or with o->json: a line of JSON each time, until the broker is away for o->timeout_ms. Returns the exit status. */
enum status queue_top(struct queue_link *l, const struct queue_options *o);

#endif
