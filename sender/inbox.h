/* The sender's PULL socket: where rendered jobs arrive.
 *
 * Used by the sender. Each start of a sender has an address of its own, so that nothing meant for an earlier
 * one arrives: over ipc RUN/NAME-EPOCH.ipc, over tcp whatever the wildcard port gives. What earlier ones of
 * the same name left in the run folder is removed (the name is locked, so nobody else has it).
 */
#ifndef SENDER_INBOX_H
#define SENDER_INBOX_H

#include <stdint.h>

#include "base/conf.h"

struct inbox;

/* Binds conf->sender.endpoint, or a new ipc socket of mode 0660. NULL when that fails (logged). */
struct inbox *inbox_new(const struct conf *conf, const char *name);

/* Removes its ipc socket. */
void inbox_destroy(struct inbox **self);

/* The zsock to poll for reading. */
void *inbox_socket(struct inbox *inbox);

/* The address that others connect to; under CURVE with our key (base/curve.h). */
const char *inbox_endpoint(struct inbox *inbox);

/* The next message, valid until the next call. Returns 1, or 0 when there is none. */
int inbox_next(struct inbox *inbox, struct span *message);

#endif
