/* The commands of mega queue that only show: status, show, pauses, windows, list, dead. */
#ifndef CLIENT_QUEUE_SHOW_H
#define CLIENT_QUEUE_SHOW_H

#include "client/queue.h"
#include "client/queue_options.h"

/* Each returns the exit status, with the reason printed when it is not STATUS_DONE. */
enum status queue_show_status(struct queue_link *l, const struct queue_options *o);
enum status queue_show_entry(struct queue_link *l, const struct queue_options *o);
enum status queue_show_pauses(struct queue_link *l, const struct queue_options *o);
enum status queue_show_windows(struct queue_link *l, const struct queue_options *o);
enum status queue_show_list(struct queue_link *l, const struct queue_options *o);
enum status queue_show_dead(struct queue_link *l, const struct queue_options *o);

/* Prints pauses, which are the data of an answer to pause and resume too. */
enum status queue_show_these_pauses(struct span pauses, const struct queue_options *o);

#endif
