/* What follows from an event at the broker: receipts, windows. Series: series_enrol.h. */
#ifndef LISTENER_APPLIED_H
#define LISTENER_APPLIED_H

#include "listener/db.h"
#include "listener/event.h"

/* Inside a transaction, of an event that is new. Returns 0; -1 when the file does not take it: the transaction is spoilt. */
int apply_event(struct db *db, const struct event *event, struct span app, int64_t now_ms);

/* What mega_window calls it; NULL when it opens and closes nothing. */
const char *event_action(const struct event *event);

/* Of the counters: message, follow, … */
const char *event_kind_name(enum event_kind kind);

#define EVENT_KINDS (EVENT_RECEIPTS + 1)

#endif
