/* The commands of mega queue that change messages or hold them back: cancel, requeue, purge, pause, resume, drain. */
#ifndef CLIENT_QUEUE_CHANGE_H
#define CLIENT_QUEUE_CHANGE_H

#include "client/queue.h"
#include "client/queue_options.h"

/* Each returns the exit status, with the reason printed when it is not STATUS_DONE. */

/* Asks the person at the terminal before what changes many messages. STATUS_DONE to go on; STATUS_USAGE without a terminal. */
enum status queue_confirm(const struct queue_options *o);

/* cancel, requeue, purge: those of the IDs, or of the filter. */
enum status queue_change(struct queue_link *l, const struct queue_options *o);

enum status queue_pause(struct queue_link *l, const struct queue_options *o);
enum status queue_resume(struct queue_link *l, const struct queue_options *o);

/* Pauses everything and waits until nothing is out; STATUS_AWAY when the time is over before. */
enum status queue_drain(struct queue_link *l, const struct queue_options *o);

#endif
