/* The requests without an answer: found by their ref, asked in the order in which they came, asked again when it is time, given up at
 * their deadlines. No input, no output; time comes as an argument (monotonic, ms). Used by the I/O thread only.
 *
 *           pending_asked                 answered: pending_remove
 *   unasked ────────────▶ asked ──────────────────────────────────▶ gone
 *      ▲                    │ overdue, or the broker or the connection to it is another one
 *      └────────────────────┘
 *
 * Invariant: a call is in the table, in the list by age, in one list by asking (unasked, or asked of its kind), and in one by deadline
 * when it has one. Each list is ordered by what it is named for, since each kind of call has one time-out; so only heads are looked at.
 */
#ifndef MEGA_LIB_PENDING_H
#define MEGA_LIB_PENDING_H

#include "client/lib/call.h"

struct pending;

/* For about `count_max` calls (more only make it slower). NULL when there is no memory. */
struct pending *pending_new(size_t count_max, int64_t ask_again_ms);

/* Leaves the calls alone: there must be none any more. */
void pending_destroy(struct pending **self);

void pending_add(struct pending *p, struct call *c);
void pending_remove(struct pending *p, struct call *c);
struct call *pending_find(const struct pending *p, uint64_t ref);
size_t pending_count(const struct pending *p);
struct call *pending_first(const struct pending *p);

/* The next one to ask, NULL when all are asked. */
struct call *pending_unasked(const struct pending *p);

/* It went out, behind the ping of this number. */
void pending_asked(struct pending *p, struct call *c, uint32_t ping, int64_t now_ms);

/* Everything becomes unasked, oldest first. */
void pending_ask_all_again(struct pending *p);

/* Makes unasked what is overdue. What went out behind the last answered ping never is: the broker has not read it yet, and a second copy
 * would only wait behind the first. */
void pending_ask_overdue(struct pending *p, uint32_t answered_ping, int64_t now_ms);

/* One whose deadline has passed, or NULL. */
struct call *pending_expired(const struct pending *p, int64_t now_ms);

/* When pending_ask_overdue or pending_expired has something to do; INT64_MAX = never, as things are. */
int64_t pending_due_ms(const struct pending *p, uint32_t answered_ping);

#endif
