/* One question to the frontend and its answer. */
#ifndef CLIENT_ASK_H
#define CLIENT_ASK_H

#include "client/options.h"

/* Asks, prints the result and returns the exit status. Asks again under the same id while the broker is away, until the
 * time-out. */
int ask(struct options *o);

/* The exit status that belongs to the code of a result or an answer. */
enum status status_of_code(enum code code);

#endif
