/* HTTP calls to WeChat: many at once, on one thread, over connections that are kept. The only user of
 * libcurl.
 *
 * Used by the sender (messages), the token keeper (tokens) and mega-wechat (an operator's questions). Errors are told as one of two kinds, and that
 * is what this module is for: HTTP_NOT_SENT means that WeChat cannot have taken the request, since not one
 * byte of it was written.
 *
 * A call is made once. libcurl repeats a request by itself on a fresh connection when a kept one dies before
 * the first byte of an answer; here it asks before each request, and once is all it gets.
 *
 * TLS is verified (certificate and host name, 1.2 or later). Redirects are not followed. Proxies come from
 * the environment (https_proxy, http_proxy, no_proxy). A connection that was idle for 15 s is not used again:
 * WeChat closes at some 20 s.
 */
#ifndef SENDER_HTTP_H
#define SENDER_HTTP_H

#include <stdint.h>

#include "base/buf.h"

#define HTTP_ANSWER_BYTES_MAX (1024 * 1024) /* of an answer's body; a longer one counts as no answer */

struct http;

struct http_options {
    uint32_t calls_max;         /* in flight, and connections open, at once */
    const char *ca_file;        /* "" = the system's; kept, not copied */
    int64_t timeout_ms;         /* of a whole call */
    int64_t connect_timeout_ms; /* name, TCP and TLS together */
};

enum http_end {
    HTTP_ANSWERED, /* there is an HTTP status and a whole body */
    HTTP_NOT_SENT, /* no byte of the request left this process */
    HTTP_UNKNOWN   /* the request may have been taken */
};

struct http_answer {
    enum http_end end;
    int status;        /* HTTP_ANSWERED */
    struct span body;  /* HTTP_ANSWERED; valid during the callback */
    int is_held;       /* HTTP_NOT_SENT: may_write said no */
    const char *error; /* what happened, for people; NULL when answered. Never holds the URL's query */
};

/* How long the steps of a call took and whom it reached, for people who look for what is slow. Times are 0 for steps that there
 * were none of, as on a kept connection. */
struct http_measured {
    int64_t name_us;      /* until the host's name was resolved */
    int64_t connect_us;   /* from there until TCP and TLS were ready */
    int64_t total_us;     /* the whole call */
    int version;          /* of HTTP: 10, 11, 20, 30; 0 = no answer */
    char ip[64];          /* of the other end, a proxy's if there is one; "" = not connected */
    int64_t cert_until_s; /* end of the server's certificate, seconds since 1970; 0 = not told: no TLS, a kept connection */
};

struct http_request {
    const char *url;  /* http or https; copied */
    struct span body; /* POSTed as JSON; empty = GET. Kept by the caller until `done` */
    void *self;       /* of the two callbacks */
    /* Asked just before the request is written: 0 = do not. NULL = always. */
    int (*may_write)(void *self);
    struct http_measured *measured; /* filled in before `done`; NULL = not wanted */
    /* Called by http_run only; must not begin calls. */
    void (*done)(void *self, const struct http_answer *answer);
};

/* How many of so many calls there can be at once: each has a connection, which is an open file. Raises the limit of those as far as it may,
 * and warns when it is not enough. */
uint32_t http_calls_max(uint32_t wanted);

/* Ends the process when libcurl cannot be used at all. */
struct http *http_new(const struct http_options *options);

/* The times and the file of certificates are others from now on (the file as the options' ca_file points to it). Calls in flight go on
 * as they were begun. */
void http_configure(struct http *http, int64_t timeout_ms, int64_t connect_timeout_ms);

/* Drops the calls in flight without calling `done`. */
void http_destroy(struct http **self);

/* Begins a call. Returns 0, or -1 when calls_max are in flight. */
int http_begin(struct http *http, const struct http_request *request);

/* Readable (for poll and zmq_poll) when http_run has something to do. Owned by `http`. */
int http_fd(const struct http *http);

/* Milliseconds until http_run has to be called even if nothing is readable; -1 = no limit. */
int64_t http_wait_ms(const struct http *http);

/* Reads and writes what is ready and calls `done` for what has ended. Never blocks. */
void http_run(struct http *http);

uint32_t http_in_flight(const struct http *http);

#endif
