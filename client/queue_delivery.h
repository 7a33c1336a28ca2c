/* mega queue delivery: how many messages went out by each template, and what WeChat's receipts say became of them. */
#ifndef CLIENT_QUEUE_DELIVERY_H
#define CLIENT_QUEUE_DELIVERY_H

#include "client/queue.h"
#include "client/queue_options.h"

/* Returns the exit status, with the reason printed when it is not STATUS_DONE. */
enum status queue_delivery(struct queue_link *l, const struct queue_options *o);

#endif
