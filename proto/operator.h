/* What operators ask the broker on its control socket, and its answers: mega queue, and whatever shows and steers the queue later.
 * proto/MESSAGES.md describes both for people.
 *
 * An ask is a control frame of the type "ask", an answer one of the type "answer". The asker is a DEALER with a routing id of its
 * own that no stage has (OPERATOR_NAME_PREFIX and random digits, NAME_BYTES_MAX in all).
 */
#ifndef PROTO_OPERATOR_H
#define PROTO_OPERATOR_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/frontend.h"

#define OPERATOR_NAME_PREFIX "op-"

#define LIST_ENTRIES_MAX 1000 /* of one answer */
#define RATE_OF_CONF     (-1) /* what the configuration says */

enum ask_op {
    ASK_NONE,
    ASK_STATUS,
    ASK_LIST,    /* one page */
    ASK_SHOW,    /* one message with everything about it */
    ASK_PAUSES,  /* what is paused */
    ASK_PAUSE,
    ASK_RESUME,
    ASK_RATE,    /* of an account, while the broker runs */
    ASK_WINDOWS, /* customer-service windows of a recipient */
    ASK_CANCEL,
    ASK_REQUEUE, /* dead ones, back to the queue */
    ASK_DISCARD  /* dead ones: the message goes, its result stays in the ledger ("purge") */
};

/* What people call the state of a message: finer than the store's. Bits of a set. */
enum entry_state {
    ENTRY_READY = 1 << 0,     /* due, and waits for its turn */
    ENTRY_SCHEDULED = 1 << 1, /* not due yet: at, in, or the wait before its next call */
    ENTRY_PARKED = 1 << 2,    /* behind a call for the same recipient */
    ENTRY_PAUSED = 1 << 3,    /* set aside because its template or task is paused */
    ENTRY_OUT = 1 << 4,
    ENTRY_SENT = 1 << 5,
    ENTRY_PENDING = 1 << 6,
    ENTRY_REFUSED = 1 << 7,
    ENTRY_EXPIRED = 1 << 8,
    ENTRY_CANCELLED = 1 << 9,
    ENTRY_DEAD = 1 << 10,     /* and kept for a person */
    ENTRY_PURGED = 1 << 11,   /* was dead; its message is discarded, its result is kept */
    ENTRY_DELIVERED = 1 << 12, /* was sent, and has a receipt of WeChat: with one it is not SENT or PENDING any more */
    ENTRY_BLOCKED = 1 << 13,
    ENTRY_FAILED = 1 << 14
};

#define ENTRY_LAST ENTRY_FAILED

#define ENTRY_WAITING (ENTRY_READY | ENTRY_SCHEDULED | ENTRY_PARKED | ENTRY_PAUSED)
#define ENTRY_LIVE    (ENTRY_WAITING | ENTRY_OUT)
#define ENTRY_RECEIVED (ENTRY_DELIVERED | ENTRY_BLOCKED | ENTRY_FAILED)
#define ENTRY_SETTLED                                                                                                   \
    (ENTRY_SENT | ENTRY_PENDING | ENTRY_REFUSED | ENTRY_EXPIRED | ENTRY_CANCELLED | ENTRY_PURGED | ENTRY_RECEIVED)
#define ENTRY_ALL     (ENTRY_LIVE | ENTRY_SETTLED | ENTRY_DEAD)

/* Which messages. What is empty or zero does not matter; all that is given must hold. */
struct filter {
    struct span app, id, openid, key, task;
    unsigned states;       /* enum entry_state; 0 = all that the operation can apply to */
    int64_t since_ms;      /* wall time: settled (of one that is not settled: accepted) at or after */
    int64_t until_ms;      /* and before */
    int64_t errcode;       /* of its last failure or its result */
    int all;               /* 1: an empty filter is meant */
};

struct ask {
    enum ask_op op;
    uint64_t ref;          /* echoed */
    struct filter filter;  /* pause, resume: app; key with or without app; task with app; or all. rate: app */
    int64_t for_ms;        /* pause: ends by itself after so long; 0 = when it is resumed */
    int64_t ttl_ms;        /* requeue: the new ttl, from now; 0 = none */
    int64_t rate_per_s;    /* rate: messages a second, 0 to RATE_MAX, 0 = no limit; or RATE_OF_CONF */
    uint32_t limit;        /* list: entries, at most LIST_ENTRIES_MAX; 0 = that many */
    struct span from;      /* list: `next` of the page before; empty = from the beginning */
    struct span by;        /* who asks, for the log; at most 64 bytes */
};

/* code: 200 done; 100 to be continued: of a list ask again with `next`, of cancel, requeue and discard this is their progress and
 * more answers come by themselves until one has another code; 400, 404, 503 as on the frontend. */
struct answer {
    uint64_t ref;
    enum code code;
    struct span message;
    uint64_t done;         /* cancel, requeue, discard: messages changed so far */
    uint64_t left;         /* cancel: messages that matched and were just being sent */
    uint64_t looked;       /* messages looked at so far */
    uint64_t indexing;     /* messages to be indexed before the search can begin */
    struct span next;      /* list: where it goes on; empty at its end */
    struct span data;      /* packed; status, show, rate: a map; list, pauses, windows: an array of maps */
};

void ask_pack(const struct ask *a, struct buf *out);

/* Returns 0, or -1 with a message in `error` that names the field and the limit; a->ref is set even then when it could be
 * read. */
int ask_unpack(struct span packed, struct ask *a, struct buf *error);

void answer_pack(const struct answer *a, struct buf *out);
int answer_unpack(struct span packed, struct answer *a); /* 0, or -1 when it is none */

/* 1 when the frame is an ask (its "t" says so), before anything else of it is checked. */
int ask_is(struct span packed);

const char *ask_name(enum ask_op op); /* NULL for ASK_NONE */

/* "dead,refused", "waiting", "settled", "all" to a set; 0 when a word is unknown. */
unsigned entry_states_read(struct span text);

/* The name of a single state. */
const char *entry_state_name(enum entry_state state);

#endif
