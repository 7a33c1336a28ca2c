/* Templates at their rate: $mega.rate, messages a second in one account.
 *
 * A message whose template is at its rate when it is met at the head of its queue is set aside in the store, under a hold of its
 * template, account and lane: it is met once and stands before nobody. When the rate allows the next ones they go back to their place
 * in the queue, a few ahead of their time, and are met again; those of a template that stand behind what is set aside are set aside
 * too, so their order is kept. When a template has no rate any more everything goes back, and when it is paused too: the pause takes
 * it from there.
 *
 * Kept in the store but for the times, which begin anew with each start. In memory one entry for each template and account that sends
 * or waits at a rate: never more than templates x accounts; entries that have nothing to do go. What a rate holds back can be
 * cancelled and expires like anything that waits.
 */
#ifndef BROKER_TEMPLATE_RATES_H
#define BROKER_TEMPLATE_RATES_H

#include "broker/keys.h"
#include "broker/pauses.h"
#include "broker/spacing.h"
#include "broker/store.h"

#define TEMPLATE_RATE_AHEAD_US 5000 /* so much before its time a message may go */

struct template_rates;

/* Finds in the store what is set aside. All three must live as long as it does. */
struct template_rates *template_rates_new(struct store *store, const struct keys *keys, struct pauses *pauses);
void template_rates_destroy(struct template_rates **self);

/* A message was met at the head of its queue, or of its recipient's parked ones; whatever becomes of it now. */
void template_rates_met(struct template_rates *r, const struct message *m);

/* The hold under which the message has to be set aside now; 0 = it may go. */
uint64_t template_rates_hold_of(struct template_rates *r, const struct message *m, int64_t now_us);

/* The message goes out. */
void template_rates_begin(struct template_rates *r, const struct message *m, int64_t now_us);

/* Brings back what may go next; bounded. Calls `wake` with the account of whatever it brought back. now_ms is wall time. Call in each
 * turn; costs nothing until something is due. */
void template_rates_tick(struct template_rates *r, int64_t now_ms, int64_t now_us, void (*wake)(void *self, struct span account),
                         void *self);

/* Microseconds until the next tick has something to do; INT64_MAX / 2 when nothing is set aside. */
int64_t template_rates_wait_us(const struct template_rates *r, int64_t now_us);

/* How many messages are set aside; counting stops at `limit`. */
uint64_t template_rates_count(const struct template_rates *r, uint64_t limit);

#endif
