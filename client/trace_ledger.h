/* What the broker's ledger knows of a message, as lines like those of the logs. */
#ifndef CLIENT_TRACE_LEDGER_H
#define CLIENT_TRACE_LEDGER_H

#include "client/trace_lines.h"

/* Adds when the message was accepted, each of its earlier calls, and its result, from the map that `show` answers. Variables are not
 * looked at. */
void trace_ledger_add(struct trace_lines *t, const struct trace_of *of, struct span entry);

/* Appends what the message is now, a line for people. */
void trace_ledger_head(struct span entry, struct buf *out);

#endif
