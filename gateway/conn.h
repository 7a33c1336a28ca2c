/* One TCP client: its bytes in, its answers out, and the states between.
 *
 *   state      reads            answers          left when
 *   OPEN       frames           written          a frame or an answer closes it; the client is gone
 *   DRAINING   nothing          written          its Pushes are answered and written, or after frame_timeout
 *   LINGERING  and forgets      shut down        the client closes too, or GATEWAY_LINGER_MS are over
 *   GONE       -                dropped          the last of its requests is answered; then it is freed
 *
 * An OPEN connection that may not take its next frame is held: it is not read until what it waits for is
 * there. A client that shut down its sending side is OPEN and has `ended` set; it is closed when its last
 * answer is written.
 *
 * Invariant: buffers are allocated only while they hold bytes, so an idle connection costs little more than
 * its struct. Used by server.c, which owns the descriptors and the time, and by gateway.c, which answers.
 */
#ifndef GATEWAY_CONN_H
#define GATEWAY_CONN_H

#include <stdint.h>

#include "base/buf.h"
#include "gateway/door.h"
#include "gateway/frame.h"
#include "gateway/queue.h"
#include "gateway/watch.h"

enum conn_state { CONN_OPEN, CONN_DRAINING, CONN_LINGERING, CONN_GONE };

/* What a connection waits for before it takes its next frame. */
enum conn_held {
    HELD_NOT,
    HELD_OWN,        /* answers to its own requests: GATEWAY_CONN_PUSHES_MAX, GATEWAY_CONN_SENDS_MAX */
    HELD_ALL_PUSHES, /* room in all: GATEWAY_PUSHES_MAX, GATEWAY_PENDING_BYTES_MAX */
    HELD_ALL_SENDS,
    HELD_GATHER,     /* memory for a long frame: GATEWAY_GATHER_BYTES_MAX */
    HELD_OUT         /* the client, to read its answers: GATEWAY_OUT_BYTES_MAX */
};

struct conn {
    struct watch watch;
    int fd;                       /* -1 when GONE */
    enum conn_state state;
    enum conn_held held;
    int ended;                    /* the client sends nothing more */
    uint32_t watched;             /* events that epoll was asked for */
    struct buf in;                /* bytes that are no whole frame yet, or were not taken while held */
    struct buf out;
    size_t out_sent;              /* bytes of `out` that are written */
    uint32_t pushes, sends;       /* unanswered; TSets count as Pushes */
    size_t wanted_bytes;          /* of the long frame that is coming in, 0 = none */
    size_t gathered_bytes;        /* its share of the memory for long frames, 0 = none */
    struct queue_item all;        /* in all, or in orphans when GONE */
    struct queue_item timer;      /* in one of framing, idle, draining, lingering */
    int framing;                  /* the timer is in framing, if it is in one */
    struct queue_item slow;
    struct queue_item held_place; /* where it waits to be let go on; see conn_shared */
    struct queue_item fresh;      /* in fresh until its first frame is taken */
    struct ip_address from;
    struct queue_item dirty;      /* has something to write, or was GONE in this turn */
};

/* What the connections of one gateway have in common. */
struct conn_shared {
    int epoll_fd;
    size_t package_bytes_max;
    int64_t frame_timeout_ms;
    int64_t idle_timeout_ms;      /* 0 = never */
    int64_t now_ms;               /* of this turn; monotonic */
    int stopping;                 /* nothing is read any more */
    size_t count;                 /* that are not GONE */
    size_t gathered_bytes;
    struct door *door;            /* owned by the server */
    char *read_room;              /* GATEWAY_READ_BYTES, owned by the server */
    struct queue all;
    struct queue orphans;         /* GONE, not freed yet */
    struct queue fresh;           /* that have not said a whole frame yet; due_ms is when they came */
    struct queue framing;         /* a frame is not whole; due after frame_timeout */
    struct queue idle;            /* nothing unanswered; due after idle_timeout */
    struct queue draining;        /* due after frame_timeout */
    struct queue lingering;       /* due after GATEWAY_LINGER_MS */
    struct queue slow;            /* over GATEWAY_OUT_BYTES_MAX; due after frame_timeout */
    struct queue dirty;           /* to be written at the end of the turn */
    struct queue gone;            /* closed in this turn; freed at its end, for epoll may still name them */
    struct queue ready;           /* held before, may go on */
    struct queue held_pushes, held_sends, held_gather;

    /* Takes a request: returns HELD_NOT, or HELD_ALL_PUSHES or HELD_ALL_SENDS when there is no room for
     * it. */
    enum conn_held (*request)(void *self, struct conn *c, const struct frame *f);
    void *self;
};

/* Takes over the descriptor, which is non-blocking, of a client that has entered by the door. */
void conn_open(struct conn_shared *shared, int fd, const struct ip_address *from);

/* Something happened on the descriptor: events of epoll. */
void conn_event(struct conn_shared *shared, struct conn *c, uint32_t events);

/* Counts one more unanswered request. */
void conn_asked(struct conn *c, enum op op);

/* The request is answered. Counts it off; the answer is dropped when the client is gone. May free the
 * connection: the caller must not use it again. */
void conn_answered(struct conn_shared *shared, struct conn *c, enum op op, uint32_t opaque, enum code code,
                   struct span message, int closes);

/* Gives an answer; dropped when the connection takes none any more. `closes`: the connection ends behind
 * it. */
void conn_answer(struct conn_shared *shared, struct conn *c, uint32_t opaque, enum code code,
                 struct span message, int closes);

/* Makes an OPEN connection DRAINING: no frame is taken any more. */
void conn_drain(struct conn_shared *shared, struct conn *c);

/* Shuts it down as it is, with what is written so far; it is LINGERING then, or GONE. */
void conn_shut(struct conn_shared *shared, struct conn *c);

/* Takes frames again after it was held. */
void conn_resume(struct conn_shared *shared, struct conn *c);

/* Writes what there is, and ends what is at its end. */
void conn_flush(struct conn_shared *shared, struct conn *c);

/* Asks epoll for what the connection's state needs, and sets its timer. */
void conn_update(struct conn_shared *shared, struct conn *c);

/* Closes at once. `why` is for the log. The struct stays until the end of the turn, and until its last
 * answer. */
void conn_close(struct conn_shared *shared, struct conn *c, const char *why);

/* Frees a connection that is GONE. Nothing may be unanswered, or nobody may be left who would answer. */
void conn_bury(struct conn *c);

static inline size_t conn_unwritten(const struct conn *c)
{
    return c->out.bytes - c->out_sent;
}

static inline int conn_is_gone(const struct conn *c)
{
    return c->state == CONN_GONE;
}

#endif
