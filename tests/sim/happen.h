/*
 * happen.h - what recipients do and what becomes of messages to them: changes what is known of them (users.h), and tells the
 * account's address (callback.h).
 */
#ifndef SIM_HAPPEN_H
#define SIM_HAPPEN_H

#include <stdbool.h>

#include "tests/sim/event.h"
#include "tests/sim/sim.h"

/* Does it, as POST /sim/user does if `remember`, and tells it. What `event` leaves at 0 is filled in: the time, the id of a
 * message. The number of the callback, or 0: none (callbacks_add()), or -1: no room for one more recipient. */
int64_t happen(struct sim *sim, unsigned account, struct event *event, bool remember);

/* A message was taken: its receipt follows when --receipt-latency is over, by the rules. */
void happen_receipt(struct sim *sim, const struct tokens_account *account, const struct body_message *message,
                    enum body_kind kind, int64_t msgid);

#endif
