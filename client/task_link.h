/* One ask to mega-task and its answer. Pieces of an upload go through task_upload.h. */
#ifndef CLIENT_TASK_LINK_H
#define CLIENT_TASK_LINK_H

#include "client/queue.h"
#include "proto/task.h"

#define TASK_BUSY_AGAIN_MS 250 /* from a "not now" (503) to the next ask */

/* Packs and sends; `ref` and `by` are filled in. The answer comes with queue_link_take or queue_link_wait. */
void task_link_ask(struct queue_link *l, const struct task_ask *a);

/* Asks and waits; a 503 is asked again for timeout_ms. When the code is neither 200 nor 100, its message is
 * printed and the status that belongs to the code returned. Spans are valid until the next call for this
 * link. */
enum status task_link_exchange(struct queue_link *l, const struct task_ask *a, int64_t timeout_ms,
                               struct answer *answer);

#endif
