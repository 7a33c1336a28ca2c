/* What answers of mega-task say of a task: the members of `data` by name, with those that are missing empty
 * or zero. */
#ifndef CLIENT_TASK_VIEW_H
#define CLIENT_TASK_VIEW_H

#include "proto/mp_view.h"

/* Spans point into the data. */
struct task_view {
    struct span name, state, key, app, lane, source, note;
    struct span columns; /* packed array of str */
    int64_t rows;        /* all but those that were dropped */
    int64_t dropped, bad;
    int64_t todo;                                             /* not given to the broker yet */
    int64_t out;                                              /* given to it, no result yet */
    int64_t sent, pending, refused, expired, dead, cancelled; /* results */
    int64_t rate_per_s;                                       /* 0 = no limit of its own */
    int64_t at_ms, ttl_ms;
    int64_t created_ms, started_ms, ended_ms; /* wall time; 0 = not yet */
    int64_t round;                            /* 1 = the first one */
    double per_s;                             /* results a second */
};

/* Returns 0, or -1 when it is no map with a name. */
int task_view_read(struct span data, struct task_view *v);

int64_t task_view_waiting(const struct task_view *v); /* no result yet */
int64_t task_view_settled(const struct task_view *v);
int64_t task_view_failed(const struct task_view *v); /* refused, expired or dead */
int task_view_is_over(const struct task_view *v);    /* done or stopped */

/* Of 100, rounded down; 100 only when all have a result. */
int task_view_percent(const struct task_view *v);

/* How long what waits will take at the pace of now; -1 when that cannot be said. */
int64_t task_view_left_ms(const struct task_view *v);

#endif
