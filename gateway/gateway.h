/* The gateway: frames of TCP clients to requests of the broker's frontend, results to answers, and the
 * loop that runs both. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/program.h"

struct gateway;

/* Opens every socket. `p` must outlive it. Returns NULL when something is not to be had (logged). */
struct gateway *gateway_new(struct program *p);
void gateway_destroy(struct gateway **self);

/* Runs until it is told to stop. Returns the exit status. */
int gateway_run(struct gateway *g);

#endif
