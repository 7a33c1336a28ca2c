/* The state of the broker as text for people: mega queue status, top and pauses. What comes from outside is made harmless for a
 * terminal. Members that are missing or of another type than expected show as empty or zero. */
#ifndef CLIENT_QUEUE_STATUS_H
#define CLIENT_QUEUE_STATUS_H

#include "base/buf.h"

/* `status` is the packed map of an answer to status. Tables are cut where a line of `line_columns` ends, unless that is 0. */
void queue_status_text(struct span status, size_t line_columns, struct buf *out);

/* `pauses` is the packed array of an answer to pauses, pause or resume. */
void queue_status_pauses(struct span pauses, size_t line_columns, struct buf *out);

#endif
