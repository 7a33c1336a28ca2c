/* The handle's inside: what open.c and mega.c (callers' threads) and handle.c (the I/O thread) share, under one mutex.
 *
 * A call goes from its caller into `handed`, from there to the I/O thread's pending ones, and back: to the thread that waits for it, or
 * into `finished`, from which mega_dispatch takes it. `count` counts all of them, so that memory is bounded by requests_max even when
 * nobody dispatches.
 */
#ifndef MEGA_LIB_HANDLE_H
#define MEGA_LIB_HANDLE_H

#include <pthread.h>

#include "client/lib/call.h"
#include "client/lib/pending.h"
#include "client/lib/wire.h"
#include "proto/id_maker.h"

/* A queue of calls, linked by `next`. */
struct calls {
    struct call *first, *last;
};

static inline void calls_append(struct calls *q, struct call *c)
{
    c->next = NULL;
    if (q->last)
        q->last->next = c;
    else
        q->first = c;
    q->last = c;
}

struct mega {
    /* Set once, by mega_open. */
    char *endpoint;
    int64_t timeout_ms[PATIENCES]; /* 0 = none */
    size_t count_max;
    int wake_fd;     /* eventfd: something was handed over, or the handle is being closed */
    int finished_fd; /* eventfd: readable while something is finished, or the handle is being closed */
    pthread_t thread;

    /* The I/O thread's. */
    struct pending *pending;
    struct wire *wire;
    struct calls ready; /* finished since they were told the last time */
    int took;           /* something was handed over in this turn */

    /* Everybody's, under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t left;    /* nobody is inside any more */
    struct calls handed;    /* to the I/O thread */
    struct calls finished;  /* asynchronous ones, to mega_dispatch */
    size_t count;           /* calls that are not back with their callers */
    size_t inside;          /* threads in functions of the handle */
    uint64_t last_ref;
    struct id_maker ids;
    int awake;              /* the I/O thread looks at `handed` before it sleeps again */
    int closing;
};

/* The I/O thread: a `struct mega *`. Ends when the handle is being closed, with all calls finished. */
void *handle_run(void *handle);

/* Makes an eventfd readable. */
void handle_signal(int fd);

/* wire_answered of the handle. */
void handle_answered(void *handle, struct call *c, struct span packed);

#endif
