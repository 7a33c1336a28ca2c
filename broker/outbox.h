/* What goes out when the turn is durable: answers to callers, messages to stages, jobs. Everything the broker says is first put
 * here and sent after the commit, so that nothing is ever said that a crash could take back.
 */
#ifndef BROKER_OUTBOX_H
#define BROKER_OUTBOX_H

#include "proto/control.h"
#include "proto/frontend.h"
#include "proto/job.h"
#include "proto/operator.h"

struct outbox;

struct client;

/* Who asked: kept for as long as an answer is due. */
struct caller {
    struct client *client;   /* whose `waiting` counts the callers of it who wait (waiters.h); NULL: nobody counts */
    unsigned char peer[255]; /* routing id on the frontend */
    uint8_t peer_bytes;
    uint8_t envelope;        /* 1: an empty frame stands before the answer (REQ) */
    uint8_t packs;           /* 1: it packs several requests into a frame, and reads several results out of one */
    uint8_t ref_bytes;
    char ref[REF_BYTES_MAX]; /* packed */
};

/* The zsocks stay the caller's. */
struct outbox *outbox_new(void *frontend, void *control, void *jobs);
void outbox_destroy(struct outbox **self);

/* r->ref is taken from the caller. */
void outbox_answer(struct outbox *o, const struct caller *to, const struct result *r);

void outbox_control(struct outbox *o, const char *stage, const struct control *m);
void outbox_operator(struct outbox *o, const char *name, const struct answer *a);
void outbox_job(struct outbox *o, const struct job *j);

/* Forgets jobs that could not be sent yet: a new generation has begun, and the fence brings them back. */
void outbox_drop_jobs(struct outbox *o);

/* Sends everything. Call after the commit only. Jobs that no templater takes now stay for the next time. */
void outbox_flush(struct outbox *o);

/* Answers that a caller did not take (it has left or does not read) since the start. */
uint64_t outbox_dropped(const struct outbox *o);

#endif
