/* What the gateway's log says of single messages: [log] messages. The events are those of docs/operations.md, Logs. Only when a line is
 * wanted is it looked up who the client is and what was asked. */
#ifndef GATEWAY_MESSAGE_LOG_H
#define GATEWAY_MESSAGE_LOG_H

#include "gateway/conn.h"
#include "gateway/pending.h"

/* A request that goes to the broker. */
void message_log_taken(const struct conn *c, const struct pending_entry *e);

/* It is answered; `r` is the broker's result, or NULL when there was none. */
void message_log_answered(const struct pending_entry *e, enum code code, const struct result *r);

/* Answered here; the broker does not hear of it. `reason` holds nothing of the message's content. */
void message_log_refused(const struct conn *c, const struct frame *f, enum code code, struct span reason);

/* A TSet was answered: whoever may connect may have templates read again, and the broker's audit knows only the gateway. */
void message_log_tset(const struct pending_entry *e, enum code code);

/* A frame that was refused before it was a request. */
void message_log_bad_frame(const struct conn *c, const struct frame *f);

#endif
