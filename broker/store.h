/* The store: every accepted message, every giving-out, every result. The seam behind which an engine sits.
 *
 * Nothing of the engine shows here. All writes between two commits are one transaction: after store_commit returned 0 they are
 * all on disk (fdatasync), after a crash before that none of them is there. Only one thread uses a store.
 *
 * A message is in exactly one place:
 *   waiting  in the queue of its account and lane, ordered by (due, seq); `timed` ones are ready when wall time reaches their
 *            due time, others at once
 *   parked   set aside behind a call in flight for the same recipient, ordered the same way
 *   out      given to a sender; a mark says to whom
 *   settled  only its result is left, in the ledger; of a dead message the message itself is kept as well
 *
 * Failures: 0 and -1 as everywhere; -1 of a write or a commit means that the transaction is gone and the promise of the store
 * cannot be kept: the caller ends the process. Values whose checksum is wrong are reported as STORE_DAMAGED and set aside.
 */
#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/frontend.h"

struct store;

enum store_state {
    STATE_NONE, /* unknown id */
    STATE_WAITING,
    STATE_OUT,
    STATE_SENT,
    STATE_PENDING,
    STATE_REFUSED,
    STATE_EXPIRED,
    STATE_CANCELLED,
    STATE_DEAD
};

enum store_answer { STORE_OK, STORE_NONE, STORE_EXISTS, STORE_DAMAGED };

/* Where a message stands in its queue. */
struct place {
    uint64_t seq;
    int64_t due_ms;
    int lane;  /* enum lane */
    int timed; /* 1: ready when wall time reaches due_ms; 0: ready at once */
};

/* A message that is not settled. Spans given to the store are copied; spans read from it are valid until the next write or
 * commit. */
struct message {
    uint64_t seq;            /* order of acceptance, from 1; given by store_append */
    struct span account, id, openid, key, task;
    struct span vars;        /* packed map, or empty */
    uint64_t content;        /* hash of what the caller may not change under the same id */
    int64_t accepted_ms;     /* wall time */
    int64_t due_ms;          /* wall time for timed ones, else the order among the others */
    int64_t expires_ms;      /* wall time; 0 = never */
    int lane;
    int timed;
    int is_send;             /* 1: a caller waits for the outcome */
    uint32_t turn;           /* how often it was given out */
    uint32_t call;           /* the number in client_msg_id */
    uint32_t calls;          /* HTTP calls made */
    uint32_t failures;       /* turns that ended in a failed call */
    int64_t first_out_ms;    /* wall time of the first giving-out that may have led to a call; 0 = none yet */
    int64_t unknown_since_ms; /* wall time of the first try of this call number whose outcome is unknown; 0 = none */
    int64_t errcode;         /* of the last failure */
    struct span note;        /* what the last failure was, for people */
};

/* Who has a message that is out. */
struct mark {
    uint64_t seq;
    uint64_t generation;
    uint64_t sender;    /* epoch of the sender */
    int64_t out_ms;     /* wall time */
    uint32_t turn;
};

/* What became of a message. */
struct final {
    uint64_t seq;
    enum store_state state; /* SENT to DEAD */
    enum code code;
    int64_t errcode, msgid;
    uint32_t calls;
    int64_t accepted_ms, settled_ms;
    struct span message;
    struct span account, id, openid, key, task;
};

struct store_counts {
    uint64_t waiting, parked, out, settled, dead, damaged;
};

/* Opens or makes the store in `dir` (made when missing, 0770). Returns NULL with a message in `error`; a second process on
 * the same store is such an error. */
struct store *store_open(const char *dir, uint64_t bytes_max, struct buf *error);
void store_close(struct store **self);

/* Makes everything written since the last commit durable. Costs nothing when nothing was written. */
int store_commit(struct store *s);

/* Adds a waiting message and sets m->seq. STORE_EXISTS: the id is known to the account; nothing was written. Writes report
 * no failure of the engine: it is logged, the transaction is given up, and store_commit says -1. */
enum store_answer store_append(struct store *s, struct message *m);

/* Looks an id up. STORE_OK with `state`, and either `m` (WAITING, OUT) or `f` filled; STORE_NONE. */
enum store_answer store_find(struct store *s, struct span account, struct span id, enum store_state *state,
                             struct message *m, struct final *f, uint64_t *content);

/* The first message in an account's queue. A timed one is found whether or not it is due. STORE_NONE: none. */
enum store_answer store_first(struct store *s, struct span account, int lane, int timed, struct place *place);

/* The first message parked for a recipient. */
enum store_answer store_first_parked(struct store *s, struct span account, struct span openid, struct place *place);

enum store_answer store_read(struct store *s, uint64_t seq, struct message *m);

/* Takes a damaged message out of its place and keeps its bytes for a person; called when store_read of a place said
 * STORE_DAMAGED or STORE_NONE. `openid` is the recipient it is parked for; empty when it stands in the queue or is out. */
void store_set_aside(struct store *s, struct span account, struct span openid, const struct place *place);

/* waiting or parked -> out. Only the mark is written: the mark's turn counts, and the message itself is brought up to date when
 * it is put back. */
void store_take(struct store *s, const struct message *m, const struct mark *mark);

/* Writes what changed in a message, wherever it stands; not its place. */
void store_update(struct store *s, const struct message *m);

/* waiting -> parked. */
void store_park(struct store *s, const struct message *m);

/* out -> waiting, with what changed in `m` (place, turn, call, failures, note, expiry). Its expiry is found again, even if it was
 * forgotten. */
void store_put_back(struct store *s, const struct message *m);

/* Wherever it stands -> settled. Of a dead one the message is kept. */
void store_settle(struct store *s, const struct message *m, const struct final *f);

/* The first message whose expires_ms is at or before now_ms. */
enum store_answer store_first_expired(struct store *s, int64_t now_ms, uint64_t *seq);

/* Takes the first entry out of the expiry index, which was just found, and leaves its message alone. */
void store_forget_first_expired(struct store *s);

/* Calls `each` for every mark, for every recipient with parked messages. At the start only: the number of both is bounded
 * by the slots. `each` may put back what it is shown; damaged parked messages are set aside. Returns 0 or -1. */
int store_each_mark(struct store *s, void (*each)(void *self, const struct mark *mark, const struct message *m), void *self);
int store_each_parked(struct store *s, void (*each)(void *self, const struct message *first), void *self);

/* Removes ledger entries (and their ids) settled before `before_ms`, looking at `budget` entries at most from where the last
 * call stopped. Dead messages are kept. Returns the number removed. */
size_t store_purge(struct store *s, int64_t before_ms, size_t budget);

/* Small named values: members, generation, template keys. The span is valid until the next write. */
enum store_answer store_meta_read(struct store *s, const char *name, struct span *value);
void store_meta_write(struct store *s, const char *name, struct span value);

struct store_counts store_counts(struct store *s);

/* The largest due_ms among the messages that are not timed, for a clock that never runs backwards. */
int64_t store_last_order_ms(struct store *s, struct span account);

/* Bytes of the store in use, and what it may grow to. */
uint64_t store_bytes_used(struct store *s);

/* Bytes free on the store's disk; UINT64_MAX when that cannot be told. */
uint64_t store_disk_free(struct store *s);

const char *store_state_name(enum store_state state);

#endif
