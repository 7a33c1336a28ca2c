/* Sends what is in the outbox, see outbox.h.
 *
 * States of a row that is in memory:
 *   behind   an earlier row of the same recipient is not answered yet
 *   ready    it can go
 *   out      libmega has it
 *   waiting  the broker has answered 503 about it: it goes again after a while
 *   settled  it was answered: to be deleted from the file, or to be set aside there until later, with the next commit
 * What is not answered at all (the broker is away) stops everything for a while, after which a few rows go ahead of the others.
 */
#ifndef LISTENER_OUTBOX_SENDER_H
#define LISTENER_OUTBOX_SENDER_H

#include <mega.h>

#include "listener/outbox.h"
#include "listener/outbox_row.h"

#define OUTBOX_CANCELS_MAX  8    /* cancels of many at once: the broker carries out 12 for all callers */
#define OUTBOX_PROBES       16   /* rows that go ahead while nothing is answered */
#define OUTBOX_WRITE_MS     50   /* so long, and up to so many rows, what was answered waits for a commit that there is anyway */
#define OUTBOX_WRITE_ROWS   256
#define OUTBOX_WAIT_MS_MIN  200  /* before a row is sent again; doubled each time */
#define OUTBOX_WAIT_MS_MAX  10000

struct outbox_sender;

struct outbox_counts {
    uint64_t done, refused, unmatched, again; /* since the start: of rows; `again`: answers after which a row was sent again */
    uint64_t rows;      /* in the file */
    int64_t oldest_ms;  /* wall time when the oldest was added that is not set aside; 0: there is none */
    int is_waiting;     /* 1: the broker does not answer */
};

/* Both are kept. */
struct outbox_sender *outbox_sender_new(struct db *db, struct mega *mega);

/* After the handle of libmega, whose callbacks would use it. */
void outbox_sender_destroy(struct outbox_sender **self);

/* In the turn's transaction: writes down what was answered. Where there is none it begins one, but not for little that came just before
 * mono_ms. */
void outbox_write(struct outbox_sender *o, int64_t mono_ms);

/* After the turn's commit: `is_kept` tells whether it went well. */
void outbox_after_commit(struct outbox_sender *o, int is_kept);

/* Outside of a transaction: sends what can be sent. Clocks: wall and monotonic. */
void outbox_send(struct outbox_sender *o, int64_t now_ms, int64_t mono_ms);

/* How long the loop may wait until outbox_send has something to do, at most limit_ms. */
int64_t outbox_wait_ms(const struct outbox_sender *o, int64_t mono_ms, int64_t limit_ms);

void outbox_count(struct outbox_sender *o, struct outbox_counts *counts);

#endif
