/* The rows of one task on disk, and what became of each.
 *
 * DESIGN. Three files in the task's folder:
 *   rows      one record a row, in order, never changed once the task is there
 *   marks     16 bytes a row: where its record is, its state and round, the errcode of a failure
 *   failures  one record for each row that was not sent, with the reason, in the order of the results
 * A record is its length and a checksum (4 bytes each, big-endian) and msgpack; the checksum of a row covers its number. Memory does
 * not grow with the rows: a row is read when it is fed. A failure is durable before its mark is, and puts the mark right when the files
 * are opened again; any other mark that a power cut takes away is asked for again, under the same message id. Files are opened when
 * they are needed and closed when a task has ended.
 *
 * Used by the task runner, in its one thread. Failures to write are told by -1 with errno; nothing is half counted then.
 */
#ifndef TASK_SPOOL_H
#define TASK_SPOOL_H

#include "task/facts.h"

struct spool;

struct mark {
    uint64_t offset; /* of its record in rows */
    enum row_state state;
    uint16_t round;  /* 1 when it was never sent again */
    int is_unfed;    /* 1: of a cancelled one: it was never handed over, so there is no failure to tell */
    int32_t errcode;
};

/* A row that was not sent. */
struct failure {
    uint64_t row; /* from 0 */
    uint16_t round;
    enum row_state state;
    int32_t code;   /* of the result, enum code */
    int64_t errcode;
    int64_t settled_ms;  /* wall time */
    struct span message; /* at most MESSAGE_TEXT_BYTES_MAX */
};

/* An errcode as a mark keeps it: WeChat's are small; what is beyond 32 bits becomes the largest. */
int32_t failure_errcode(int64_t errcode);

/* Opens the files of the folder; when `is_new` makes them, or empties what a making that is forgotten has left there. NULL with the
 * reason in `error`. */
struct spool *spool_open(const char *folder, int is_new, struct buf *error);
void spool_close(struct spool **self);

/* Rows that there are. */
uint64_t spool_rows(const struct spool *s);

/* Makes the rows from number `first` on those in `data` (see task_row_next), but for those that are there already. Returns 0; -1 with
 * errno set; or -2 when `first` is beyond the rows there are, or `data` holds what is no row. After -1 and -2 none of it is there. */
int spool_put_rows(struct spool *s, uint64_t first, struct span data);

/* Reads the marks of `count` rows from `first` on. Returns 0 or -1. */
int spool_marks(struct spool *s, uint64_t first, size_t count, struct mark *marks);
int spool_put_mark(struct spool *s, uint64_t row, const struct mark *mark);

/* Reads the row of this number, whose mark it is; its spans point into `bytes`. Returns 0; -1 when it cannot be read, is damaged, or is
 * another row's. */
int spool_row(struct spool *s, uint64_t number, const struct mark *mark, struct buf *bytes, struct task_row *row);

/* Calls `visit` for every mark, in order, and writes back those for which it returns 1. Returns 0 or -1. */
int spool_visit(struct spool *s, int (*visit)(void *self, uint64_t row, struct mark *mark), void *self);

/* Appends failures and syncs them: they are durable before their marks are. Returns 0 or -1; then none of them is there. */
int spool_put_failures(struct spool *s, const struct failure *failures, size_t count);

/* Takes the failure at *at (from 0), which becomes the place of the next one; its message points into `bytes`. Damaged ones are stepped
 * over. Returns 1; 0 at the end; -1 when it cannot be read. */
int spool_next_failure(struct spool *s, uint64_t *at, struct buf *bytes, struct failure *f);

/* Syncs rows and marks. Returns 0 or -1. */
int spool_sync(struct spool *s);

#endif
