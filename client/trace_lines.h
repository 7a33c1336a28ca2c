/* The lines of one message, from wherever they come, in the order in which things happened. Pure.
 *
 * What happened within the same millisecond in several processes is put into the order of the ring: a line's turn and its event tell.
 */
#ifndef CLIENT_TRACE_LINES_H
#define CLIENT_TRACE_LINES_H

#include "client/log_parse.h"

#define TRACE_LINES_MAX 20000              /* of one message; further ones are left out */
#define TRACE_BYTES_MAX (16 * 1024 * 1024) /* of all of them */

struct trace_line {
    int64_t ms;      /* since 1970 */
    int64_t turn;    /* 0 = none */
    int rank;        /* within a turn */
    size_t order;    /* in which it was added */
    size_t at, bytes; /* in `texts` */
};

struct trace_lines {
    struct trace_line *list; /* owned */
    size_t count, room;
    struct buf texts;
    struct log_parsed parsed; /* reused */
    int is_cut;               /* 1: some were left out */
};

/* What the lines are of. An empty app is any account. */
struct trace_of {
    struct span id, app;
};

/* Adds the line when its id is exactly this one, and its account, if it names one. A line without a time is left out. Returns 1 when it
 * was added. */
int trace_lines_add(struct trace_lines *t, const struct trace_of *of, struct span line);

/* Sorts them, and leaves out what is there twice: one line out of two files. */
void trace_lines_sort(struct trace_lines *t);

/* Line number i, read; valid until the next call. */
const struct log_parsed *trace_lines_read(struct trace_lines *t, size_t i);

void trace_lines_free(struct trace_lines *t);

#endif
