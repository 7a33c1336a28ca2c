/* Requests that events have led to and that the broker has not answered yet.
 *
 * Each is a row of the table outbox, written in the transaction of its event and deleted when it is answered, so that a kill of
 * anything neither loses nor invents one. They go to the broker's frontend by libmega, and are asked again until they are answered:
 * every one of them is harmless when it is repeated.
 *
 * Order: of one recipient (account and openid) windows, pushes and cancels go one after the other, in the order in which they were
 * added. Receipts wait for nothing and hold up nothing: one whose entry the broker does not know (404) is tried again for
 * OUTBOX_RECEIPT_MS, since the callback can be there before the result, and then counts as unmatched; accounts that other systems
 * send for, too, have many of those.
 *
 * Memory: OUTBOX_ROWS_MAX rows at most are known to it, however many there are in the file.
 */
#ifndef LISTENER_OUTBOX_H
#define LISTENER_OUTBOX_H

#include "listener/db.h"

#define OUTBOX_ROWS_MAX   4096
#define OUTBOX_RECEIPT_MS (15 * 60 * 1000)
#define OUTBOX_UPGRADE_MS (24 * 3600 * 1000) /* so long what a broker of an earlier version does not understand waits for a newer one */

/* --- adding: inside of a transaction. Each returns 0; -1 (logged) when the file does not take it, and the transaction is spoilt.
 * Spans whose data is NULL are left out. */

/* A message to be handed over, as struct mega_message. Its id is required: made of what it follows from, so that a second one is none. */
struct outbox_push {
    struct span app, openid, id, key;
    struct span lane, task;
    int64_t at_ms;    /* send then; 0 = now */
    int64_t ttl_ms;   /* 0 = the template's */
    struct span vars; /* a packed map; empty: none */
};
int outbox_add_push(struct db *db, const struct outbox_push *push, int64_t now_ms);

/* What is to be cancelled: messages of this recipient; of one id, key or task where they are given. Pushes of the outbox that it covers
 * are removed at once, and never sent. One of an id that the broker does not know is asked once more after a few seconds. */
struct outbox_cancel {
    struct span app, openid; /* both required */
    struct span id, key, task;
};
int outbox_add_cancel(struct db *db, const struct outbox_cancel *cancel, int64_t now_ms);

/* What became of a message, as struct mega_receipt. */
struct outbox_receipt {
    struct span app, openid;
    int64_t msgid;       /* 0: WeChat told none */
    const char *outcome; /* delivered, blocked, failed */
    int64_t at_ms;
    struct span message;
};
int outbox_add_receipt(struct db *db, const struct outbox_receipt *receipt, int64_t now_ms);

/* What somebody did, as struct mega_window: message, menu, follow, scan, pay, unfollow. */
int outbox_add_window(struct db *db, struct span app, struct span openid, const char *action, int64_t at_ms, int64_t now_ms);

#endif
