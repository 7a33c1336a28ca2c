/* The fence: how the broker learns, after something of the ring was lost, which jobs that are out are still held by somebody.
 * Pure: time and epochs come in as arguments, nothing goes out.
 *
 * States of a member
 *
 *   (absent) --expect: recorded in the store, the broker has restarted--> EXPECTED --join--> LIVING
 *   (absent) --join: a stage says hello--------------------------------------------------> LIVING
 *   EXPECTED, LIVING --leave: said goodbye, fell silent, came back under a new epoch-----> (absent)
 *
 * A fence is raised when a member leaves, a data connection is lost, a job is out for too long, or the broker restarts. It has a
 * generation, larger than all before. It is open until every member has answered it: with what it holds of older generations.
 * An EXPECTED member has not answered by definition; it joins or is silent for too long and leaves. A member that joins answers
 * the present generation too, whether the fence is open or not.
 *
 * When the fence closes, every job that is out with an older generation has one of three fates (fence_fate):
 *   STAYS    its sender holds it: a call is in flight, or a result is on its way
 *   BACK     its sender has answered without it: it was never begun and never will be, since stages drop what is older than the
 *            generation they answered
 *   UNKNOWN  its sender is gone: it may have been sent
 *
 * Invariant: a job is given BACK or UNKNOWN only when no member can begin it any more.
 */
#ifndef BROKER_FENCE_H
#define BROKER_FENCE_H

#include <stddef.h>
#include <stdint.h>

#define FENCE_MEMBERS_MAX 256 /* stages of one installation */

struct fence_member {
    uint64_t epoch;    /* names the member */
    uint64_t answered; /* the last generation it answered; 0 = none */
    int64_t heard_ms;  /* monotonic */
    int living;        /* 0 = EXPECTED */
};

struct fence {
    uint64_t generation;
    int open;
    struct fence_member members[FENCE_MEMBERS_MAX];
    size_t count;
};

enum fence_fate { FATE_STAYS, FATE_BACK, FATE_UNKNOWN };

/* `generation` is the one that the store remembers. */
void fence_init(struct fence *f, uint64_t generation);

/* Begins a new generation. Every member has to answer it. */
void fence_raise(struct fence *f);

/* A member that the store remembers, not heard of yet since the broker's start. Ignored when the table is full. */
void fence_expect(struct fence *f, uint64_t epoch, int64_t now_ms);

/* A stage said hello. Returns 0, or -1 when there are FENCE_MEMBERS_MAX already. */
int fence_join(struct fence *f, uint64_t epoch, int64_t now_ms);

/* Returns 1 when it was a member; the caller raises a new generation then. */
int fence_leave(struct fence *f, uint64_t epoch);

/* A member was heard. Returns 0, or -1 when it is none (EXPECTED ones have to join first). */
int fence_hear(struct fence *f, uint64_t epoch, int64_t now_ms);

/* A member has answered a generation. Returns 1 when it is the present one and counts; its holdings are to be noted with
 * that generation. */
int fence_answer(struct fence *f, uint64_t epoch, uint64_t generation);

/* Closes the fence when all have answered. Returns 1 once for each generation: the fates can be asked for now. */
int fence_try_close(struct fence *f);

/* 1 when the fence is open and this member has not answered it. */
int fence_owes(const struct fence *f, uint64_t epoch);

/* How long a member has not been heard; -1 when it is none. */
int64_t fence_silence_ms(const struct fence *f, uint64_t epoch, int64_t now_ms);

/* A member that was not heard for limit_ms: its epoch, or 0 when there is none. */
uint64_t fence_find_silent(const struct fence *f, int64_t now_ms, int64_t limit_ms);

/* The broker itself stood still for so long: nobody is blamed for that time. */
void fence_excuse(struct fence *f, int64_t stall_ms);

/* 1 when the epoch is a living member. */
int fence_is_living(const struct fence *f, uint64_t epoch);

/* The fate of a job that is out. Ask only right after fence_try_close returned 1. `held` is the generation under which its
 * sender said that it holds it; 0 = never. */
enum fence_fate fence_fate(const struct fence *f, uint64_t job_generation, uint64_t job_sender, uint64_t held);

#endif
