/* Sweeping the tables of series: who has come to the end, and what nothing needs any more. A bounded number of rows at a time. */
#include "listener/series_enrol.h"

/* Rows whose last step is due. Their index is in the order of that, so those are its first. */
#define DUE "SELECT openid, app, series FROM enrolment WHERE state = 0 AND last_ms <= ?1 ORDER BY last_ms LIMIT ?2"

static int has_work(struct db *db, int64_t now_ms)
{
    struct db_query *q = db_query(db, "SELECT EXISTS(SELECT 1 FROM enrolment WHERE state = 0 AND last_ms <= ?1)"
                                      " OR EXISTS(SELECT 1 FROM enrolment WHERE state > 0 AND purge_ms BETWEEN 1 AND ?1)"
                                      " OR EXISTS(SELECT 1 FROM unfollowed WHERE at_s < ?2)");
    db_set_i64(q, 1, now_ms);
    db_set_i64(q, 2, (now_ms - SERIES_UNFOLLOWED_MS) / 1000);
    int work = db_step(q) == 1 && db_i64(q, 0);
    db_end(q);
    return work;
}

/* Runs a statement with two numbers. Returns rows changed, or -1. */
static int64_t run(struct db_query *q, int64_t first, int64_t second)
{
    db_set_i64(q, 1, first);
    db_set_i64(q, 2, second);
    return db_run(q);
}

/* Counts them first, by series, then changes them. Returns how many, or -1. */
static int64_t note_done(struct db *db, int64_t now_ms)
{
    struct db_query *counts = db_query(db, "UPDATE series_totals SET \"in\" = \"in\" - n, done = done + n FROM"
                                           " (SELECT series AS of, count(*) AS n FROM (" DUE ") GROUP BY series) WHERE series = of");
    if (run(counts, now_ms, SERIES_SWEEP_ROWS) < 0)
        return -1;
    return run(db_query(db, "UPDATE enrolment SET state = 1, ended_ms = last_ms WHERE (openid, app, series) IN (" DUE ")"), now_ms, SERIES_SWEEP_ROWS);
}

static int64_t purge(struct db *db, int64_t now_ms)
{
    return run(db_query(db, "DELETE FROM enrolment WHERE (openid, app, series) IN (SELECT openid, app, series FROM enrolment"
                            " WHERE state > 0 AND purge_ms BETWEEN 1 AND ?1 ORDER BY purge_ms LIMIT ?2)"),
               now_ms, SERIES_SWEEP_ROWS);
}

static int64_t purge_unfollowed(struct db *db, int64_t now_ms)
{
    return run(db_query(db, "DELETE FROM unfollowed WHERE (openid, app) IN (SELECT openid, app FROM unfollowed WHERE at_s < ?1 ORDER BY at_s LIMIT ?2)"),
               (now_ms - SERIES_UNFOLLOWED_MS) / 1000, SERIES_SWEEP_ROWS);
}

int series_tick(struct series_set *set, struct db *db, int64_t now_ms)
{
    if (now_ms < set->tick_ms && set->tick_ms - now_ms <= SERIES_SWEEP_MS)
        return (int)(set->tick_ms - now_ms);
    set->tick_ms = now_ms + SERIES_SWEEP_MS;
    if (has_work(db, now_ms) && db_begin(db) == 0 && note_done(db, now_ms) >= 0 && purge(db, now_ms) >= 0)
        purge_unfollowed(db, now_ms);
    return SERIES_SWEEP_MS;
}
