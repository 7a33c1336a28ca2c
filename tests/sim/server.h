/*
 * server.h - opens the ports that the options ask for and tells when they are open.
 */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "tests/sim/http.h"
#include "tests/sim/loop.h"
#include "tests/sim/options.h"

struct server;

/* Listens and serves with `handler`. NULL after a message: address, certificate or key cannot be used. */
struct server *server_new(const struct options *options, struct loop *loop, struct http_handler handler);
void server_destroy(struct server **self);

/* Writes the ready file (whole or not at all) and a line to standard error. 0, or -1 after a message. */
int server_announce(const struct server *self);

#endif
