/*
 * loop.h - the one thread's event loop: file descriptors (epoll), timers, and work done once a turn.
 *
 * Ends on SIGTERM or SIGINT, which loop_new() takes over for the process; SIGPIPE is ignored from then on.
 */
#ifndef SIM_LOOP_H
#define SIM_LOOP_H

#include <stdint.h>

#include "tests/sim/timers.h"

/* A file descriptor that is watched. Lives inside its owner, at one address while it is watched. */
struct loop_watch {
    int fd;
    void (*ready)(void *argument);
    void *argument;
};

/* Something done in every turn, after descriptors and timers. */
struct loop_turn {
    struct loop_turn *next;
    int64_t (*wait_ms)(void *argument); /* how long until the next turn at most; -1: any time */
    void (*run)(void *argument);
    void *argument;
};

struct loop;

/* NULL after a message if the system refuses. */
struct loop *loop_new(void);
void loop_destroy(struct loop **self);

/* Calls ready(argument) while fd has any of `events` (EPOLL…). 0, or -1 with errno. */
int loop_watch(struct loop *self, struct loop_watch *watch, uint32_t events);
void loop_unwatch(struct loop *self, struct loop_watch *watch);

/* Adds `turn`, filled by the caller, who keeps it until the loop is destroyed. */
void loop_add_turn(struct loop *self, struct loop_turn *turn);

void loop_start_timer(struct loop *self, struct timer *timer, int64_t delay_ms, void (*fire)(void *),
                      void *argument);
void loop_stop_timer(struct loop *self, struct timer *timer);

/* Milliseconds of a clock that never runs backwards, and of the wall clock (since 1970). */
int64_t loop_now_ms(void);
int64_t loop_wall_ms(void);

/* Runs until a signal ends it. The process's exit code: 0, or 1 after a message. */
int loop_run(struct loop *self);

#endif
