/* What the rows of every source go through on their way into a task: constant variables are added, bad lines
 * told, repeated recipients found, rows gathered to pieces and handed to the upload. Memory does not grow
 * with the rows.
 *
 * One bad line without --skip-bad and the task is not to be: nothing is uploaded from then on, and reading
 * goes on for the other bad lines only.
 */
#ifndef CLIENT_TASK_INTAKE_H
#define CLIENT_TASK_INTAKE_H

#include <signal.h>

#include "client/rows/duplicates.h"
#include "client/rows/row_maker.h"
#include "client/task_bad.h"
#include "client/task_check.h"
#include "client/task_options.h"
#include "client/task_upload.h"

#define TASK_EXAMPLES 20 /* pairs of lines with the same recipient that are told */

struct task_intake {
    const struct task_options *o;
    const char *source;         /* for people */
    struct task_upload *upload; /* NULL: a dry run */
    const volatile sig_atomic_t *is_stopped;
    enum status status; /* why no more rows are wanted; STATUS_DONE: they are */
    int is_open;        /* 1: mega-task has been told of it */
    uint64_t rows;      /* good ones */
    struct task_bad bad;
    struct duplicates *repeats;
    struct buf names; /* of the variables: packed array of str */
    struct buf openid_column;
    struct buf read_as; /* of a file: its encoding and delimiter, for people; else empty */
    struct task_samples samples; /* the first rows */
    struct task_checked checked; /* what the broker says of the first one */
    struct buf piece;            /* rows that wait to be sent */
    uint64_t piece_rows;
    struct buf vars; /* of the row in hand */
    struct progress progress;
};

/* Returns STATUS_DONE, or another status with the reason printed. `source` must live as long as the intake.
 */
enum status task_intake_open(struct task_intake *in, const struct task_options *o, const char *source,
                             struct task_upload *upload, const volatile sig_atomic_t *is_stopped);
void task_intake_close(struct task_intake *in);

/* The following are for sources. Each returns in->status: other than STATUS_DONE, no more is wanted, and the
 * reason is printed. */

/* The columns, before any row; which is the openid's. The task is opened with them. */
enum status task_intake_columns(struct task_intake *in, const struct span *names, size_t count,
                                size_t openid_at);

/* A row, good or bad. */
enum status task_intake_row(struct task_intake *in, const struct row *row);

/* After the last row: what is gathered is sent, repeats are found and, with --unique, dropped. */
enum status task_intake_finish(struct task_intake *in);

/* 1: a bad line keeps the task from being made. */
int task_intake_is_spoilt(const struct task_intake *in);

#endif
