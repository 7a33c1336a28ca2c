/* The ring as the broker knows it: its stages, and the jobs that are out. In memory; the membership and the marks behind it are in
 * the store. No sockets: control.c speaks, this remembers.
 */
#ifndef BROKER_RING_H
#define BROKER_RING_H

#include <uthash.h>

#include "base/hash.h"
#include "broker/fence.h"
#include "broker/store.h"
#include "proto/control.h"

struct stage {
    char name[NAME_BYTES_MAX + 1];
    char version[NAME_BYTES_MAX + 1]; /* of its program, cut to fit */
    enum stage_kind kind;
    uint64_t epoch;
    uint32_t slots;                           /* sender: calls in flight at most */
    uint32_t out;                             /* sender: jobs given to it */
    char endpoint[ENDPOINT_BYTES_MAX + 1];    /* sender */
    int behind;                               /* takes no jobs now: a templater that lacks templates, a sender that stops */
    struct buf stopped;                       /* sender: packed map account -> reason, as of its last beat */
    int64_t cpu_us;                           /* and its figures (control.h), as of the last beat that had some */
    uint64_t rss_bytes;
    struct buf latency;
};

/* A job that is out. */
struct out {
    UT_hash_handle hh;
    uint64_t seq;
    uint32_t turn;
    uint64_t generation;
    uint64_t sender;       /* epoch */
    int64_t out_ms;        /* order clock: when it was given out */
    int64_t out_mono_ms;   /* the same on the monotonic clock; of the broker's start for those found in the store */
    int begun;             /* 1: of a kind that WeChat does not de-duplicate, and its sender may call */
    uint64_t held;         /* generation under which its sender said that it holds it */
    int is_of_copy;        /* 1: read from a restored backup: its sender may have called it since, whatever it holds now */
    int settled;           /* 1: an earlier turn's result has settled the message; this turn's call goes on all the same */
    size_t account;        /* index */
    struct hash128 recipient;
};

struct ring {
    struct store *store;
    struct fence fence;
    struct stage stages[FENCE_MEMBERS_MAX];
    size_t stage_count;
    struct out *outs;      /* uthash by seq */
};

/* Reads generation and membership from the store and raises the fence: whoever was there has to be heard first. Returns 0; or -1
 * when they are there and cannot be read: nobody could tell then who still holds what, so the process must not go on. */
int ring_init(struct ring *r, struct store *store, int64_t mono_ms);
void ring_free(struct ring *r);

struct stage *ring_find_name(struct ring *r, struct span name);
struct stage *ring_find_epoch(struct ring *r, uint64_t epoch);

/* A stage that said hello: added or brought up to date, and its membership written. NULL when there are too many. */
struct stage *ring_join(struct ring *r, const struct control *hello, int64_t mono_ms);

/* A stage is gone. The fence is raised and both are written. Its struct is no longer valid. */
void ring_leave(struct ring *r, uint64_t epoch);

/* A new generation, written to the store. */
void ring_raise(struct ring *r);

struct out *ring_out_find(struct ring *r, uint64_t seq);
struct out *ring_out_add(struct ring *r, const struct mark *mark, size_t account, struct hash128 recipient, int64_t mono_ms);
void ring_out_remove(struct ring *r, struct out *o);

/* 1 when a templater takes jobs now. */
int ring_can_render(const struct ring *r);

/* A living sender with a free slot that can send for the account, the emptiest one; NULL when there is none. */
struct stage *ring_find_sender(struct ring *r, struct span account);

/* The sum of the slots of living senders; of one that stops, of those that are in use. */
uint32_t ring_slots(const struct ring *r);

/* 1 when every living sender says that it cannot send for the account, with the reason of one of them. */
int ring_account_stopped(const struct ring *r, struct span account, struct span *reason);

#endif
