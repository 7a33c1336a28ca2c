/* How many messages went out by each template, and what WeChat's receipts say became of them, by account since the store was made. Kept in
 * the store in the transaction of what is counted, as figures.h's are.
 *
 * An account has its first DELIVERY_ROWS_MAX templates; all further ones are counted in one row without a name. Counts only grow: a
 * message whose first receipt was overruled (receipts.h) is counted under both.
 */
#ifndef BROKER_DELIVERY_H
#define BROKER_DELIVERY_H

#include "base/conf.h"
#include "broker/store.h"

#define DELIVERY_ROWS_MAX 64 /* of an account, that of the others included */

enum delivery_count { DELIVERY_SENT, DELIVERY_DELIVERED, DELIVERY_BLOCKED, DELIVERY_FAILED, DELIVERY_COUNTS };

struct delivery;

/* Reads the counts of the accounts of the configuration. */
struct delivery *delivery_new(struct store *store, const struct conf *conf);
void delivery_destroy(struct delivery **self);

/* `account` is its index in the configuration; -1 counts nowhere. `key`: the template that the message went by. */
void delivery_count(struct delivery *d, int account, struct span key, enum delivery_count what);

/* Writes what has changed. Call in each turn before the commit. */
void delivery_save(struct delivery *d);

/* How often it was counted; an empty key: in the row of the others. */
uint64_t delivery_get(const struct delivery *d, size_t account, struct span key, enum delivery_count what);

/* Appends an account's: an array of [template (nil: the others), sent, delivered, blocked, failed]. */
void delivery_pack(const struct delivery *d, size_t account, struct buf *out);

#endif
