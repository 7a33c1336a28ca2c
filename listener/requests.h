/* What a row of the outbox is as a request of libmega, and what its answer means. */
#ifndef LISTENER_REQUESTS_H
#define LISTENER_REQUESTS_H

#include <mega.h>

#include "listener/outbox_row.h"

/* Sends it. Returns 0, `done` will be called; or an enum mega_error: MEGA_INVALID when the row can never be sent. */
int request_send(struct mega *mega, const struct outbox_row *row, mega_done *done, void *argument);

enum request_verdict {
    REQUEST_DONE,      /* it is so now */
    REQUEST_REFUSED,   /* it never will be: told, counted, dropped */
    REQUEST_AGAIN,     /* the broker is away or does not take it now */
    REQUEST_LATER,     /* a receipt, or a cancel, whose message is not known yet; what the broker is too old for */
    REQUEST_UNMATCHED  /* the same for too long */
};

/* Pure. `age_ms`: since it was added. `is_later`: it was REQUEST_LATER before. A cancel of one id that the broker does not know is asked
 * once more: a push that went out before a kill may still stand before the broker, on the connection of the process that was killed. */
enum request_verdict request_judge(enum outbox_kind kind, int is_later, int64_t age_ms, const struct mega_result *result);

/* Wait until a row of this age is tried again: a receipt waits as long as it is old, within bounds. */
int64_t request_later_ms(enum outbox_kind kind, int64_t age_ms);

const char *request_name(enum outbox_kind kind);

#endif
