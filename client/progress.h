/* A line on standard error that tells how far a long command has come. Shown only on a terminal, a few times a second. */
#ifndef CLIENT_PROGRESS_H
#define CLIENT_PROGRESS_H

#include <stdint.h>

#include "proto/operator.h"

struct progress {
    const char *verb; /* "cancelled", "written" */
    int is_on;
    int is_shown; /* 1: the line has to be taken away */
    int64_t began_ms;
    int64_t next_ms;
};

/* `is_wanted` is 0 where the output itself goes to the terminal or is for a program. */
void progress_begin(struct progress *p, const char *verb, int is_wanted);

/* `done` messages so far; the answer says how many were looked at and how many are to be indexed first. */
void progress_show(struct progress *p, uint64_t done, const struct answer *answer);

/* Takes the line away. Also before anything else is printed. */
void progress_end(struct progress *p);

#endif
