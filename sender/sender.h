/* mega-sender: takes rendered jobs, makes the calls to WeChat, reports what became of each.
 *
 * Used by main_sender.c and tests. Its parts: member (the control link), inbox (jobs), token_client (access
 * tokens), calls (the table of what is under way), http (the calls), judge (what their ends mean).
 *
 * A call is begun only inside the lease, checked again when its first byte is about to be written. A result
 * is kept until the broker has confirmed it.
 */
#ifndef SENDER_SENDER_H
#define SENDER_SENDER_H

#include "base/program.h"

struct sender;

/* `program` is kept. NULL when something cannot be used (logged). */
struct sender *sender_new(struct program *program);
void sender_destroy(struct sender **self);

/* Calls that it makes at once: those of the configuration, or as many as there may be open files for. */
uint32_t sender_slots(const struct sender *s);

/* Runs until TERM (calls in flight are finished first, a second TERM ends it at once) or until the broker
 * refuses it. Returns the exit status. */
int sender_run(struct sender *s);

#endif
