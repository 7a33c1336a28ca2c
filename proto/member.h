/* A stage's end of the control link: hello, lease, fence, confirmed results. Templater and sender are built on it.
 *
 * It keeps the two rules that the fence needs from a stage:
 *   - nothing is begun while the broker was not heard within the lease (member_may_begin, asked just before each call), and
 *   - once a fence was answered, no job of an older generation is begun (member_accepts).
 *
 * The lease counts from the moment at which the stage wrote the message that the broker echoes, not from its arrival:
 * an answer that lay in a socket while the process was stopped gives nothing.
 */
#ifndef PROTO_MEMBER_H
#define PROTO_MEMBER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/curve.h"
#include "proto/control.h"

struct member;

/* What the stage does when the broker says something. `self` is the owner pointer of member_new. */
struct member_events {
    /* A fence, or a welcome (which is one too): drop the jobs of older generations that were not begun and append what is held
     * with control_holding_pack; return how many were appended. Called before the answer goes out. */
    size_t (*hold)(void *self, uint64_t generation, struct buf *holdings);
    /* Welcomed: `m` is the welcome. Called after `hold` was answered; unconfirmed results are offered again now. */
    void (*welcomed)(void *self, const struct control *m);
    /* begun, confirm, senders, tset: everything that is the stage's own business. */
    void (*message)(void *self, const struct control *m);
    /* Fills in what a beat carries (stopped, behind; figures when its cpu_us is set). May be NULL. */
    void (*beat)(void *self, struct control *beat);
};

struct member_options {
    const char *control;   /* endpoint of the broker's control socket */
    const struct curve_keys *keys; /* for a control socket under CURVE; must outlive it */
    enum stage_kind kind;
    const char *name;      /* routing id */
    uint32_t slots;
    const char *endpoint;  /* sender's PULL endpoint, or "" */
    int64_t lease_ms;      /* for the pace of the beats until the broker says its own */
    struct member_events events;
    void *self;
};

/* Connects; never blocks. Texts are copied. */
struct member *member_new(const struct member_options *options);

/* Says nothing; use member_bye first to leave in good order. */
void member_destroy(struct member **self);

/* The zsock to poll for reading. */
void *member_socket(struct member *m);

/* Reads everything that is there and calls the events. */
void member_receive(struct member *m);

/* Says hello or beats when it is time; returns the milliseconds until it wants to be called again (1 to lease/3). */
int member_tick(struct member *m);

/* Sends a message of the stage; epoch is filled in. Dropped while the broker is away: everything that must arrive is kept by the
 * stage and offered again at the next welcome. */
void member_send(struct member *m, struct control *message);

/* Beats now instead of at the next tick: what a beat carries has changed. */
void member_beat_now(struct member *m);

/* 1 while welcomed and inside the lease. */
int member_may_begin(const struct member *m);

/* 1 while welcomed (the data sockets may be open). */
int member_is_welcome(const struct member *m);

/* 1 when a job of this generation is not older than what was fenced. Read the data sockets only while welcome. */
int member_accepts(const struct member *m, uint64_t generation);

/* The generation of the last fence, or of the last welcome. */
uint64_t member_generation(const struct member *m);

/* 1 when the broker refused this stage (what it said of itself is wrong, or there are too many): the process should end. */
int member_is_refused(const struct member *m);

/* Says goodbye: nothing of this stage is begun or answered after it. */
void member_bye(struct member *m);

#endif
