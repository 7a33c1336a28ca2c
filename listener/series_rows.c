#include "listener/series_rows.h"

#include "proto/mp.h"

#define COLUMNS "openid, app, state, start_ms, last_ms, ended_ms, reason, steps"

static const char *const state_names[] = {[SERIES_IN] = "in", [SERIES_DONE] = "done", [SERIES_ENDED] = "ended"};

const char *series_state_name(enum series_state state)
{
    return state_names[state];
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

/* A row that no sweep has noted as done is done all the same. */
static void read_row(struct db_query *q, int64_t now_ms, struct series_row *row)
{
    *row = (struct series_row){.openid = db_text(q, 0),
                               .app = db_text(q, 1),
                               .state = (enum series_state)db_i64(q, 2),
                               .start_ms = db_i64(q, 3),
                               .last_ms = db_i64(q, 4),
                               .ended_ms = db_i64(q, 5),
                               .reason = db_text(q, 6),
                               .steps = db_text(q, 7)};
    if (row->state == SERIES_IN && row->last_ms <= now_ms)
        row->state = SERIES_DONE;
}

int series_next(struct db_query *q, int64_t now_ms, struct series_row *row)
{
    int rc = db_step(q);
    if (rc == 1)
        read_row(q, now_ms, row);
    return rc;
}

void series_kept_free(struct series_kept *kept)
{
    buf_free(&kept->bytes);
}

/* Takes the first row of the statement, with a copy of its bytes, and ends it. */
static int keep_first(struct db_query *q, int64_t now_ms, struct series_kept *kept)
{
    struct series_row row;
    int rc = series_next(q, now_ms, &row);
    if (rc == 1) {
        struct span *spans[] = {&row.openid, &row.app, &row.reason, &row.steps};
        size_t at[4];
        buf_clear(&kept->bytes);
        for (size_t i = 0; i < 4; i++) {
            at[i] = kept->bytes.bytes;
            buf_append(&kept->bytes, spans[i]->data, spans[i]->bytes);
        }
        for (size_t i = 0; i < 4; i++)
            spans[i]->data = kept->bytes.data + at[i];
        kept->row = row;
    }
    db_end(q);
    return rc;
}

int series_rows_find(struct db *db, struct span app, struct span openid, struct span name, int64_t now_ms, struct series_kept *kept)
{
    struct db_query *q = db_query(db, "SELECT " COLUMNS " FROM enrolment WHERE openid = ?1 AND app = ?2 AND series = ?3");
    db_set_text(q, 1, openid);
    db_set_text(q, 2, app);
    db_set_text(q, 3, name);
    return keep_first(q, now_ms, kept);
}

struct db_query *series_person(struct db *db, struct span name, struct span openid)
{
    struct db_query *q = db_query(db, "SELECT " COLUMNS " FROM enrolment WHERE openid = ?1 AND series = ?2 ORDER BY state, app");
    db_set_text(q, 1, openid);
    db_set_text(q, 2, name);
    return q;
}

int series_rows_of_person(struct db *db, struct span name, struct span openid, int64_t now_ms, struct series_kept *kept)
{
    return keep_first(series_person(db, name, openid), now_ms, kept);
}

struct db_query *series_people(struct db *db, struct span name, struct span from, uint32_t limit)
{
    struct db_query *q = db_query(db, "SELECT " COLUMNS " FROM enrolment WHERE state = 0 AND series = ?1 AND (openid, app) > (?2, ?3)"
                                      " ORDER BY openid, app LIMIT ?4");
    const char *zero = from.bytes ? memchr(from.data, 0, from.bytes) : NULL;
    size_t openid_bytes = zero ? (size_t)(zero - from.data) : from.bytes;
    db_set_text(q, 1, name);
    db_set_text(q, 2, (struct span){from.bytes ? from.data : "", openid_bytes});
    db_set_text(q, 3, zero ? (struct span){zero + 1, from.bytes - openid_bytes - 1} : (struct span){"", 0});
    db_set_i64(q, 4, limit);
    return q;
}

int series_rows_first(struct db *db, struct span name, int64_t now_ms, struct series_kept *kept)
{
    return keep_first(series_people(db, name, (struct span){NULL, 0}, 1), now_ms, kept);
}

int series_rows_after(struct db *db, struct span app, struct span openid, int64_t now_ms, char name[SERIES_NAME_BYTES_MAX + 1],
                      struct series_kept *kept)
{
    struct db_query *q = db_query(db, "SELECT " COLUMNS ", series FROM enrolment WHERE openid = ?1 AND app = ?2 AND series > ?3"
                                      " ORDER BY series LIMIT 1");
    char before[SERIES_NAME_BYTES_MAX + 1];
    memcpy(before, name, sizeof before);
    db_set_text(q, 1, openid);
    db_set_text(q, 2, app);
    db_set_text(q, 3, span_of(before));
    int rc = db_step(q);
    if (rc != 1) {
        db_end(q);
        return rc;
    }
    span_to_text(name, SERIES_NAME_BYTES_MAX + 1, db_text(q, 8));
    db_end(q);
    return series_rows_find(db, app, openid, span_of(name), now_ms, kept);
}

/* --- writing ------------------------------------------------------------------------------------------------------------ */

static int count(struct db *db, struct span name, int in, int started, int done, int ended)
{
    struct db_query *q = db_query(db, "INSERT INTO series_totals VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(series) DO UPDATE SET"
                                      " \"in\" = \"in\" + ?2, started = started + ?3, done = done + ?4, ended = ended + ?5");
    db_set_text(q, 1, name);
    db_set_i64(q, 2, in);
    db_set_i64(q, 3, started);
    db_set_i64(q, 4, done);
    db_set_i64(q, 5, ended);
    return db_run(q) == 1 ? 0 : -1;
}

static void take_totals(struct db_query *q, struct series_totals *out)
{
    *out = (struct series_totals){0};
    if (db_step(q) == 1)
        *out = (struct series_totals){db_i64(q, 0), db_i64(q, 1), db_i64(q, 2), db_i64(q, 3)};
    db_end(q);
}

void series_totals_read(struct db *db, struct span name, struct series_totals *out)
{
    struct db_query *q = db_query(db, "SELECT \"in\", started, done, ended FROM series_totals WHERE series = ?1");
    db_set_text(q, 1, name);
    take_totals(q, out);
}

void series_totals_sum(struct db *db, struct series_totals *out)
{
    take_totals(db_query(db, "SELECT sum(\"in\"), sum(started), sum(done), sum(ended) FROM series_totals"), out);
}

/* Changes the state of a row. Returns 1 when it was in it until now, 0 when it was not, -1. */
static int leave(struct db *db, struct span name, const struct series_row *row, enum series_state state, struct span reason, int64_t at_ms)
{
    struct db_query *q = db_query(db, "UPDATE enrolment SET state = ?1, ended_ms = ?2, reason = ?3 WHERE openid = ?4 AND app = ?5"
                                      " AND series = ?6 AND state = 0");
    db_set_i64(q, 1, state);
    db_set_i64(q, 2, at_ms);
    db_set_text(q, 3, reason);
    db_set_text(q, 4, row->openid);
    db_set_text(q, 5, row->app);
    db_set_text(q, 6, name);
    return (int)db_run(q);
}

int series_rows_end(struct db *db, struct span name, const struct series_row *row, struct span reason, int64_t now_ms)
{
    int left = leave(db, name, row, SERIES_ENDED, reason, now_ms);
    return left < 0 || (left && count(db, name, -1, 0, 0, 1) != 0) ? -1 : 0;
}

int series_rows_done(struct db *db, struct span name, const struct series_row *row)
{
    int left = leave(db, name, row, SERIES_DONE, (struct span){NULL, 0}, row->last_ms);
    return left < 0 || (left && count(db, name, -1, 0, 1, 0) != 0) ? -1 : 0;
}

int series_rows_start(struct db *db, struct span name, const struct series_row *row, const struct series_row *before, int64_t purge_ms)
{
    if (before && before->state != SERIES_ENDED && series_rows_done(db, name, before) != 0)
        return -1;
    struct db_query *q = db_query(db, "INSERT OR REPLACE INTO enrolment(openid, app, series, state, start_ms, last_ms, ended_ms, reason, purge_ms,"
                                      " steps) VALUES(?1, ?2, ?3, 0, ?4, ?5, 0, NULL, ?6, ?7)");
    db_set_text(q, 1, row->openid);
    db_set_text(q, 2, row->app);
    db_set_text(q, 3, name);
    db_set_i64(q, 4, row->start_ms);
    db_set_i64(q, 5, row->last_ms);
    db_set_i64(q, 6, purge_ms);
    db_set_blob(q, 7, row->steps);
    return db_run(q) < 0 ? -1 : count(db, name, 1, 1, 0, 0);
}

int series_rows_unfollow(struct db *db, struct span app, struct span openid, int64_t at_s)
{
    struct db_query *q = db_query(db, "INSERT INTO unfollowed VALUES(?1, ?2, ?3) ON CONFLICT(openid, app) DO UPDATE SET at_s = max(at_s, ?3)");
    db_set_text(q, 1, openid);
    db_set_text(q, 2, app);
    db_set_i64(q, 3, at_s);
    return db_run(q) < 0 ? -1 : 0;
}

int series_rows_unfollowed_since(struct db *db, struct span app, struct span openid, int64_t at_s)
{
    struct db_query *q = db_query(db, "SELECT 1 FROM unfollowed WHERE openid = ?1 AND app = ?2 AND at_s > ?3");
    db_set_text(q, 1, openid);
    db_set_text(q, 2, app);
    db_set_i64(q, 3, at_s);
    int rc = db_step(q);
    db_end(q);
    return rc;
}

/* --- steps -------------------------------------------------------------------------------------------------------------------- */

void series_steps_pack(unsigned number, int64_t due_ms, const char *key, struct buf *out)
{
    mp_array(out, 3);
    mp_u64(out, number);
    mp_i64(out, due_ms);
    mp_str(out, key);
}

void series_steps_open(struct series_steps *steps, struct span packed)
{
    if (mp_list_open(&steps->list, packed) != 0)
        steps->list.left = 0;
}

int series_steps_next(struct series_steps *steps, struct series_step_at *step)
{
    struct span packed;
    struct mp_cursor c;
    if (steps->list.left == 0 || !mp_list_next(&steps->list, &packed))
        return 0;
    mp_open(&c, packed);
    if (mp_read_array(&c) != 3)
        return 0;
    step->number = (unsigned)mp_read_u64(&c);
    step->due_ms = mp_read_i64(&c);
    step->key = mp_read_str(&c);
    return !c.failed;
}
