/* HTTP: whole requests in, answers out, now or later. The only pair of files that knows libmicrohttpd, whose daemon is driven by the
 * loop of the program that serves (its epoll descriptor is polled there), so that nothing needs a lock. mega-console and mega-listener
 * do.
 *
 * Life of an exchange:
 *   receiving  on_header says how large a body may be, or answers at once; the body comes in
 *   handled    on_request is called, once; it may answer at once
 *   held       it did not: the connection rests (suspended) until somebody answers
 *   answered   the answer goes out; the exchange is freed when that is over, or its client has gone
 *
 * What a client may take: connections_max connections for all, WEB_HEADER_BYTES_MAX of header, what on_header allows of body, and
 * WEB_REQUEST_S from the first byte that is awaited to the last, however slowly it sends; so nobody holds a place for longer without
 * having asked something. Where all places are taken those who ask nothing have WEB_CROWDED_S.
 */
#ifndef HTTP_WEB_H
#define HTTP_WEB_H

#include "base/buf.h"

#define WEB_HEADER_BYTES_MAX 16384 /* and the memory of a connection; more is a 431 */
#define WEB_IDLE_S           15    /* without a byte in either direction the connection is closed */
#define WEB_REQUEST_S        30    /* a request must be whole after so long; a connection may rest as long as that between two */
#define WEB_CROWDED_S        2     /* while connections_max are open: so long one may be without the header of a request */
#define WEB_PIECE_BYTES      65536 /* of an answer that comes in pieces: more is asked for when less is left */

enum web_method { WEB_GET, WEB_POST, WEB_OTHER };

struct exchange {
    enum web_method method; /* HEAD counts as GET */
    const char *path;
    struct buf body;
    void *owner;            /* of whoever answers later */

    /* From here on private to web.c. */
    struct web *web;
    struct web_connection *connection;
    size_t body_room;
    int state;
    int is_too_large;
    unsigned status;
    void *response; /* owned */
    struct buf pieces; /* of an answer that comes in pieces: not sent yet */
    int has_ended;     /* 1: no piece comes any more; 2: it was cut */
    int is_waiting;    /* 1: the connection rests until a piece comes */
    void (*more)(struct exchange *x);
    void (*gone)(struct exchange *x); /* set by whoever holds it: called when it is over, whichever way */
};

struct web_handler {
    size_t (*on_header)(void *self, struct exchange *x); /* bytes of body that it may have, 0 = none; or it answers */
    void (*on_request)(void *self, struct exchange *x);
    void (*on_answered)(void *self, const struct exchange *x, unsigned status);
    void *self;
};

struct web;

struct web_options {
    const char *listen;       /* HOST:PORT, see web_listen.h */
    const char *key;          /* of the configuration, for the log: "[console] listen" */
    unsigned connections_max; /* at once, each of which may take WEB_HEADER_BYTES_MAX and its body; more wait in the backlog */
};

/* Listens. NULL (logged) when that fails. */
struct web *web_new(const struct web_options *options, struct web_handler handler);

/* Closes all connections. Nothing may be held any more: see web_close_all. */
void web_destroy(struct web **self);

/* The address it listens at, with the port that it got. */
const char *web_address(const struct web *w);

/* 1 when everybody who can open it is on this host. */
int web_is_loopback(const struct web *w);

/* For the loop: the descriptor to poll for reading, how long to wait at most, and what is to be done then. */
int web_fd(const struct web *w);
int64_t web_wait_ms(const struct web *w, int64_t limit_ms);
void web_run(struct web *w);

/* A header of the request, and a decoded argument of its query; NULL when it is not there. */
const char *web_header(const struct exchange *x, const char *name);
const char *web_query(const struct exchange *x, const char *name);

/* Calls back for each argument of the query, decoded; `value` is "" for one without. */
void web_each_query(const struct exchange *x, void (*each)(void *self, const char *name, const char *value), void *self);

/* Answers. The body's bytes are taken; it is empty afterwards. `extra` is a header more ("WWW-Authenticate", its value), or NULL.
 * Of an exchange that was held nothing may be used any more. */
void web_answer(struct exchange *x, unsigned status, const char *type, struct buf *body);
void web_answer_with(struct exchange *x, unsigned status, const char *type, struct buf *body, const char *extra, const char *value);

/* Answers in pieces: `more` is called when less than WEB_PIECE_BYTES are left unsent, so that a slow reader holds up only what is made
 * for him; `gone`, once, when the exchange is over, whether all was sent or the client has left: x->owner is to be let go then. */
void web_begin_pieces(struct exchange *x, unsigned status, const char *type, void (*more)(struct exchange *x),
                      void (*gone)(struct exchange *x));
void web_add_piece(struct exchange *x, struct span bytes);

/* No piece comes any more. is_whole 0: the connection is cut, so that the client sees that something is missing. */
void web_end_pieces(struct exchange *x, int is_whole);

#endif
