/* mega queue rate: the rates of the accounts, and setting one while the broker runs. */
#ifndef CLIENT_QUEUE_RATE_H
#define CLIENT_QUEUE_RATE_H

#include "client/queue.h"
#include "client/queue_options.h"

/* Returns the exit status, with the reason printed when it is not STATUS_DONE. */
enum status queue_rate(struct queue_link *l, const struct queue_options *o);

#endif
