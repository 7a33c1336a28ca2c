/* The tables of series in the file of mega-listener: rows read and written, without deciding anything. Used by series_enrol.c only.
 *
 * `before` is what a row was; counts (series_totals) go with the rows.
 */
#ifndef LISTENER_SERIES_ROWS_H
#define LISTENER_SERIES_ROWS_H

#include "listener/series_enrol.h"
#include "proto/mp_view.h"

/* A row with bytes of its own. */
struct series_kept {
    struct series_row row; /* points into bytes */
    struct buf bytes;
};
void series_kept_free(struct series_kept *kept);

/* Each returns 1 with the row, 0 when there is none, or -1. */
int series_rows_find(struct db *db, struct span app, struct span openid, struct span name, int64_t now_ms, struct series_kept *kept);
int series_rows_of_person(struct db *db, struct span name, struct span openid, int64_t now_ms, struct series_kept *kept); /* of any account */
int series_rows_first(struct db *db, struct span name, int64_t now_ms, struct series_kept *kept); /* of those that are in it */

/* The person's next row behind the series `name`, which becomes that of the row. */
int series_rows_after(struct db *db, struct span app, struct span openid, int64_t now_ms, char name[SERIES_NAME_BYTES_MAX + 1],
                      struct series_kept *kept);

/* Each returns 0 or -1. */
int series_rows_start(struct db *db, struct span name, const struct series_row *row, const struct series_row *before, int64_t purge_ms);
int series_rows_end(struct db *db, struct span name, const struct series_row *row, struct span reason, int64_t now_ms);
int series_rows_done(struct db *db, struct span name, const struct series_row *row);

/* Notes that a recipient has unfollowed then. Returns 0 or -1. */
int series_rows_unfollow(struct db *db, struct span app, struct span openid, int64_t at_s);

/* 1 when the recipient is known to have unfollowed after then, 0, or -1. */
int series_rows_unfollowed_since(struct db *db, struct span app, struct span openid, int64_t at_s);

/* --- the steps of a row ----------------------------------------------------------------------------------------------------- */

struct series_steps {
    struct mp_list list;
};

struct series_step_at {
    unsigned number; /* from 1 */
    int64_t due_ms;
    struct span key;
};

void series_steps_pack(unsigned number, int64_t due_ms, const char *key, struct buf *out);
void series_steps_open(struct series_steps *steps, struct span packed);
int series_steps_next(struct series_steps *steps, struct series_step_at *step); /* 1, 0 at the end */

#endif
