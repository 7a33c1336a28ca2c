/*
 * http.h - HTTP and HTTPS service on the event loop: takes whole requests, gives answers now or later.
 *
 * The seam between libmicrohttpd and the simulator: nothing outside http.c knows the library.
 *
 * Life of an exchange:
 *   receiving   the request comes in; over HTTP_BODY_BYTES_MAX the rest of its body is dropped
 *   handled     the handler is called, once; it may answer at once
 *   held        it did not: the connection rests until someone answers or cuts
 *   settled     the answer goes out (or the connection is closed) and the exchange is freed
 */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/sim/loop.h"
#include "tests/sim/text.h"

#define HTTP_BODY_BYTES_MAX   1048576 /* 1 MiB; WeChat publishes no limit */
#define HTTP_HEADER_BYTES_MAX 16384   /* and the memory of a connection; more is answered 414 or 431 */
#define HTTP_CONNECTIONS_MAX  10000   /* per service; more are not accepted until some have left */
#define HTTP_IP_BYTES         46      /* an IPv6 address as text, with its NUL */
#define HTTP_IDLE_S           20 /* keep-alive connections are closed after this, as WeChat's seem to be */

enum http_method { HTTP_GET, HTTP_POST, HTTP_OTHER };

enum http_type { HTTP_JSON, HTTP_HTML };

struct exchange {
    enum http_method method;
    const char *path;
    char *body; /* NUL-terminated; NULL if there is none */
    size_t body_bytes;
    bool body_too_large; /* then body holds only its beginning */
    void *owner;         /* for the handler: whatever the exchange belongs to */

    /* From here on private to http.c. */
    struct http *http;
    void *connection;
    int state;
    bool cut;
    unsigned status;
    void *response;
    struct loop_watch watch; /* for exchange_watch(); fd -1 otherwise */
    void (*left)(struct exchange *exchange);
};

struct http;

/* What a service serves with: called once for each whole request. */
struct http_handler {
    void (*handle)(void *argument, struct exchange *exchange);
    void *argument;
};

/* Serves on listening socket `fd`, which it takes over; with TLS (1.2 and later) where certificate and key,
 * PEM text, are given. NULL after a message. */
struct http *http_open(int fd, const char *certificate, const char *key, struct loop *loop,
                       struct http_handler handler);

/* Closes it. Held exchanges must be settled before. */
void http_close(struct http **self);

/* A decoded argument of the query; NULL if absent. */
const char *exchange_query(const struct exchange *exchange, const char *name);

/* The client's address; an IPv4 address that came by IPv6 is written as IPv4. "unknown" if it has none. */
void exchange_client_ip(const struct exchange *exchange, char ip[HTTP_IP_BYTES]);

/* Answers. Takes the bytes of `body`, which is empty afterwards; the exchange must not be used any more. */
void exchange_answer(struct exchange *exchange, unsigned status, enum http_type type, struct text *body);

/* Closes the connection without an answer; the exchange must not be used any more. */
void exchange_cut(struct exchange *exchange);

/* Calls `left` when the client of this exchange closes its connection; it then has to cut the exchange. */
void exchange_watch(struct exchange *exchange, void (*left)(struct exchange *exchange));

/* Whether the client of a held exchange has closed its connection by now. */
bool exchange_client_left(const struct exchange *exchange);

#endif
