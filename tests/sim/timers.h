/*
 * timers.h - what is to happen later: a heap of timers, the soonest on top.
 *
 * Knows no clock: times are milliseconds of whatever clock the caller keeps to.
 */
#ifndef SIM_TIMERS_H
#define SIM_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Lives inside the thing that waits; zero it before first use. */
struct timer {
    int64_t due_ms;
    size_t place; /* in the heap, from 1; 0 while it does not run */
    void (*fire)(void *argument);
    void *argument;
};

struct timers {
    struct timer **heap; /* [1] is the soonest */
    size_t used;
    size_t room;
};

/* Starts a timer that does not run. `fire` is called once. */
void timers_start(struct timers *self, struct timer *timer, int64_t due_ms, void (*fire)(void *),
                  void *argument);

/* Stops it; nothing happens if it does not run. */
void timers_stop(struct timers *self, struct timer *timer);

/* Milliseconds from now until the next one is due, 0 if one is, -1 if there is none. */
int64_t timers_wait_ms(const struct timers *self, int64_t now_ms);

/* Fires what is due by now. A fired timer may start and stop any, itself included. */
void timers_run(struct timers *self, int64_t now_ms);

/* Frees the heap; the timers in it are their owners'. */
void timers_clear(struct timers *self);

#endif
