/* Who is in which series: the table `enrolment`, one row for each person and series, and what events do to it.
 *
 * DESIGN. The steps of somebody who starts are ordinary scheduled messages, handed to the broker at once by the outbox, with ids that are
 * made of account, recipient, series, start and step: the same start twice is the same messages. So nothing here waits for the time of
 * a step, and a definition that changes counts for those who start afterwards.
 *
 *   in     it was started, and its last step is still to come
 *   done   the time of its last step has passed
 *   ended  it was ended before: what was not surely past then is cancelled at the broker
 *
 * Events may come late and out of order: what ends a series ends what was started until then, and nothing is started by an event that is
 * older than the last known unfollowing. Rows of those who are not in it any more are kept for SERIES_KEPT_MS, since a message may
 * wait that long behind a pause; longer where `again` needs it.
 *
 * Every function that changes something must be called inside a transaction (db_begin), and returns -1 when the file does not take it.
 */
#ifndef LISTENER_SERIES_ENROL_H
#define LISTENER_SERIES_ENROL_H

#include "listener/db.h"
#include "listener/event.h"
#include "listener/series_set.h"

#define SERIES_ID_BYTES      42 /* of a message's id */
#define SERIES_KEPT_MS       (7LL * 86400 * 1000)
#define SERIES_UNFOLLOWED_MS (2LL * 86400 * 1000) /* so long an unfollowing is known: events do not come later */
#define SERIES_SWEEP_ROWS    1000                 /* of each kind at a time */
#define SERIES_SWEEP_MS      200                  /* from one sweep to the next */

/* What follows for series from an event of WeChat. */
int series_on_event(struct series_set *set, struct db *db, const struct event *event, const char *app, int64_t now_ms);

enum series_started {
    SERIES_STARTED,
    SERIES_IS_IN,    /* nothing changes: this very start is known, or one is in it */
    SERIES_TOO_SOON, /* `again` does not allow it, or there was a later start */
    SERIES_IS_AWAY,  /* the recipient has unfollowed since */
    SERIES_NOT_KEPT  /* the file does not take it */
};
enum series_started series_start(struct series_set *set, struct db *db, const struct series *s, struct span openid, int64_t start_ms,
                                 int64_t now_ms);

/* Ends it for one person. Returns 1 when that was in it, 0, or -1. */
int series_stop(struct db *db, struct span name, struct span openid, int64_t now_ms);

/* Ends it for at most SERIES_STOP_MAX people. Returns how many that were, fewer when there are no more; or -1. */
int series_stop_some(struct db *db, struct span name, int64_t now_ms);

/* Notes who has come to the end, and forgets whom nothing needs any more: a bounded number at a time. Begins a transaction when there is
 * something to do. Returns ms until it should be called again. */
int series_tick(struct series_set *set, struct db *db, int64_t now_ms);

/* The id of a message; step from 1. */
void series_message_id(struct span app, struct span openid, struct span series, int64_t start_ms, unsigned step, char id[SERIES_ID_BYTES + 1]);

/* --- for those who ask ---------------------------------------------------------------------------------------------------- */

enum series_state { SERIES_IN, SERIES_DONE, SERIES_ENDED };
const char *series_state_name(enum series_state state);

/* A row; spans are valid until the next one. */
struct series_row {
    struct span openid, app;
    enum series_state state;
    int64_t start_ms, last_ms; /* last_ms: when its last step is due */
    int64_t ended_ms;
    struct span reason; /* of one that was ended: "unfollow", "keyword", "click", "series:NAME", "operator" */
    struct span steps;  /* packed array of [number, due ms, key] */
};

/* Those in the series from `from` on (empty: the first), or one person of any state. Returns the statement to go through with
 * series_next, which is 1 with a row, 0 at the end, -1. db_end it. */
struct db_query *series_people(struct db *db, struct span name, struct span from, uint32_t limit);
struct db_query *series_person(struct db *db, struct span name, struct span openid);
int series_next(struct db_query *q, int64_t now_ms, struct series_row *row);

struct series_totals {
    int64_t in, started, done, ended; /* people in it now; starts, and how they ended, ever */
};
void series_totals_read(struct db *db, struct span name, struct series_totals *out);
void series_totals_sum(struct db *db, struct series_totals *out); /* of all, also of those that have no definition any more */

#endif
