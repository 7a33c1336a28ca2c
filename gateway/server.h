/* The TCP side: listeners and connections on one epoll set, with their deadlines and bounds.
 *
 * Owns every connection; gateway.c hands in what becomes of a request. Fails only at its start.
 */
#ifndef GATEWAY_SERVER_H
#define GATEWAY_SERVER_H

#include <stdint.h>

#include "base/conf.h"
#include "gateway/conn.h"

struct server;

struct server_options {
    const struct conf *conf; /* read only while server_new runs */
    const char *ports_path;  /* the addresses are written there; removed at the end */
    int epoll_fd;
    enum conn_held (*request)(void *self, struct conn *c, const struct frame *f); /* see struct conn_shared */
    void *self;
};

/* Raises the limit of open files as far as it goes, and listens. Returns NULL when an address is not to be
 * had (logged). */
struct server *server_new(const struct server_options *options);

/* Closes everything. Nobody may answer any more. */
void server_destroy(struct server **self);

/* What the configuration says of packages and time limits counts from now on, for connections that are open too. */
void server_change(struct server *s, const struct conf *conf);

/* The parts that answer and look at connections need this. */
struct conn_shared *server_shared(struct server *s);

/* One turn begins: what happens in it happens at this time. */
void server_begin_turn(struct server *s, int64_t now_ms);

/* Something happened on a listener or a connection. */
void server_event(struct server *s, struct watch *watch, uint32_t events);

/* Lets held connections go on as far as there is room, in turn. The arguments say whether there is. */
void server_resume(struct server *s, int (*has_room)(void *self, enum op op), void *self);

/* The turn ends: writes answers, closes what is overdue, frees what is gone. */
void server_end_turn(struct server *s);

/* When server_end_turn has something to do without any descriptor telling; INT64_MAX = never. */
int64_t server_due_ms(const struct server *s);

/* Accepts and takes nothing any more. A connection ends when all that was taken from it is answered; what its client has sent since
 * then is read and forgotten, so it was not accepted and may be sent again elsewhere. */
void server_stop(struct server *s);

/* After server_stop: ends the connections that still wait for answers. */
void server_shut(struct server *s);

/* 1 when no connection is left. */
int server_is_empty(const struct server *s);

#endif
