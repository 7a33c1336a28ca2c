/* What the sender's log says of single messages: [log] messages. The events are those of docs/operations.md, Logs. */
#ifndef SENDER_CALL_LOG_H
#define SENDER_CALL_LOG_H

#include "sender/calls.h"

/* `host`: the address that is called, without a path. */
void call_log_begun(const struct call *call, struct span host);

/* Whatever answers may repeat what it was asked, which is the token of then; its words go into logs and to callers: such ones are
 * replaced. `escaped` is reused, and holds a token. */
void call_log_hide_token(struct call *call, struct buf *escaped);

/* The call has ended, and `result` and `text` are filled in. `repeats`: it is made again in this turn. */
void call_log_ended(const struct call *call, int64_t latency_ms, int repeats);

/* Ends a call that was not made; the text is printf's, and logged. */
void call_log_end(struct calls *c, struct call *call, enum outcome outcome, int64_t now_ms, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
