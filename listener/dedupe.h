/* WeChat's repeats: it sends a callback up to three times more when it was not answered in time. What was applied once is known for
 * DEDUPE_KEPT_S, in the table `seen`, which is written in the transaction of the event.
 *
 * WeChat says to tell messages apart by MsgId, and events by FromUserName and CreateTime. Two events of one second for one recipient are
 * common with receipts, so that the name of the event, its key and the msgids of a receipt count, too: of a repeat they are the same.
 */
#ifndef LISTENER_DEDUPE_H
#define LISTENER_DEDUPE_H

#include "listener/db.h"
#include "listener/event.h"

#define DEDUPE_KEPT_S     86400
#define DEDUPE_PURGE_ROWS 1000 /* of one step */
#define DEDUPE_HASH_BYTES 16

/* What tells this callback from all others of all accounts. */
void dedupe_hash(struct span app, const struct event *event, char out[DEDUPE_HASH_BYTES]);

/* Inside a transaction. Returns 1 when it is new, and is known from now on; 0 when it was known; -1 when the file does not take it. */
int dedupe_note(struct db *db, struct span app, const struct event *event, int64_t now_s);

/* Forgets what is old, at most DEDUPE_PURGE_ROWS, in a transaction that it begins where there is something. Returns 1 when there may be
 * more, 0, or -1. */
int dedupe_purge(struct db *db, int64_t now_s);

#endif
