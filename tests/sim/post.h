/*
 * post.h - HTTP requests of the simulator's own, on the event loop: bounded connections that are kept alive. The only pair
 * that knows libcurl.
 *
 * No request is ever sent twice behind the caller's back: one whose kept connection breaks fails.
 */
#ifndef SIM_POST_H
#define SIM_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/loop.h"
#include "tests/sim/text.h"

#define POST_CONNECTIONS_MAX  1000
#define POST_ANSWER_BYTES_MAX 65536 /* of an answer; a longer one fails */

enum post_end {
    POST_ANSWERED,
    POST_TIMED_OUT, /* no whole answer in time; the connection is closed */
    POST_FAILED,    /* no connection, or it broke */
    POST_ENDED,     /* post_destroy() */
};

/* How a request ended. */
struct post_answer {
    enum post_end end;
    int status;        /* HTTP; 0 unless answered */
    const char *bytes; /* the body; valid within the call only */
    size_t count;
    const char *why; /* of POST_FAILED; else "" */
};

typedef void post_done(void *argument, const struct post_answer *answer);

struct post;

/* Never NULL: a system that refuses ends the process, as memory_new() does. */
struct post *post_new(struct loop *loop, int64_t timeout_ms, int connections);

/* Ends the requests on their way (POST_ENDED). */
void post_destroy(struct post **self);

/* 1 to POST_CONNECTIONS_MAX. What is on its way goes on. */
void post_set_connections(struct post *self, int connections);

/* Whether a request may be started now. */
bool post_has_room(const struct post *self);

/* Starts a request; needs post_has_room(). POST with a body, of which it takes the bytes; GET without one (NULL). Calls
 * done(argument, answer) once, later. */
void post_start(struct post *self, const char *url, const char *type, struct text *body, post_done *done, void *argument);

#endif
