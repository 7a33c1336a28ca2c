/* The requests that the broker has not answered yet: what they are, who waits for them, and their packed
 * bytes, kept so that they can be asked again. Does no input or output and takes the time as an argument.
 *
 *            pending_keep            pending_asked
 *   added ──────────────▶ unasked ──────────────────▶ asked
 *                            ▲                          │
 *                            └──────────────────────────┘  pending_ask_again, pending_ask_all_again
 *
 * A ref is a slot's number with the number of its use, so that an answer to an earlier use (of a request that
 * was asked twice) finds nothing. Used by gateway.c, which adds and removes, and by upstream.c, which asks.
 */
#ifndef GATEWAY_PENDING_H
#define GATEWAY_PENDING_H

#include <stdint.h>

#include "base/buf.h"
#include "gateway/queue.h"
#include "proto/frontend.h"

struct pending_options {
    int64_t again_ms;       /* a Push or TSet unanswered for so long is asked again */
    int64_t send_again_ms;  /* the same for a Send */
    int64_t give_up_ms;     /* a Push or TSet unanswered for so long is given up */
    size_t pushes_max;      /* Pushes and TSets */
    size_t sends_max;
    size_t bytes_max;       /* packed bytes; passed by one request at most */
};

struct pending_entry {
    struct queue_item age;    /* all, in the order in which they came */
    struct queue_item place;  /* unasked, or asked and due to be asked again */
    struct queue_item expiry; /* Push, TSet: due to be given up */
    uint32_t slot;
    uint32_t use;             /* of the slot; goes up with each */
    enum op op;
    uint32_t opaque;          /* the caller's number */
    void *owner;              /* who waits; never looked into here */
    char *packed;             /* owned */
    size_t bytes;
    uint32_t ping;            /* the last ping that went out before it did */
    int asked;
};

struct pending;

struct pending *pending_new(const struct pending_options *options);
void pending_destroy(struct pending **self);

/* Another again_ms from now on, for what is asked already too. */
void pending_change(struct pending *p, int64_t again_ms);

/* 1 when one more request of this kind may be added. */
int pending_has_room(const struct pending *p, enum op op);

/* Adds a request that is not packed yet. There must be room. The entry lives until pending_remove. */
struct pending_entry *pending_add(struct pending *p, enum op op, uint32_t opaque, void *owner,
                                  int64_t now_ms);

/* What the request carries as its ref. The lower half is never UINT32_MAX, which is free for other uses. */
uint64_t pending_ref(const struct pending_entry *e);

/* Copies the packed request; from here on it is unasked. */
void pending_keep(struct pending *p, struct pending_entry *e, struct span packed);

/* NULL when the ref is of an earlier use or of no slot. */
struct pending_entry *pending_find(struct pending *p, uint64_t ref);

void pending_remove(struct pending *p, struct pending_entry *e);

/* Fills in the unasked ones that are first, in their order, until one of the bounds is reached (bytes by
 * one request at most). Returns their number. They stay unasked. */
size_t pending_unasked(struct pending *p, struct pending_entry **out, size_t count_max, size_t bytes_max);

/* The request went out; `ping` is the number of the last ping before it. */
void pending_asked(struct pending *p, struct pending_entry *e, uint32_t ping, int64_t now_ms);

/* One that is overdue by now, or NULL. What went out behind the last answered ping is never overdue: the
 * broker has not read it yet, and a second copy would only wait behind the first. */
struct pending_entry *pending_overdue(struct pending *p, uint32_t answered_ping, int64_t now_ms);

void pending_ask_again(struct pending *p, struct pending_entry *e);

/* Everything that was asked becomes unasked, and all of it stands in the order in which it came. Returns
 * how many were asked. */
size_t pending_ask_all_again(struct pending *p);

/* A Push or TSet that is to be given up by now, or NULL. */
struct pending_entry *pending_given_up(struct pending *p, int64_t now_ms);

/* When pending_overdue or pending_given_up has something; INT64_MAX if never. */
int64_t pending_due_ms(const struct pending *p, uint32_t answered_ping);

size_t pending_pushes(const struct pending *p); /* Pushes and TSets, asked or not */
size_t pending_sends(const struct pending *p);
size_t pending_unasked_count(const struct pending *p);

#endif
