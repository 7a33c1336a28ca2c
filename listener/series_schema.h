/* The tables of series, for db_schema.c. */
#ifndef LISTENER_SERIES_SCHEMA_H
#define LISTENER_SERIES_SCHEMA_H

/* enrolment: state is enum series_state; purge_ms is when the row may be forgotten once nobody is in it, 0 = never; steps: see series_rows.h.
 * The indexes are in the order in which rows are shown, come to their end, and are forgotten.
 * unfollowed: the last unfollowing of a recipient that is known, for SERIES_UNFOLLOWED_MS.
 * series_totals: people in each now, and starts and their ends ever. */
#define SERIES_SCHEMA                                                                                                                     \
    "CREATE TABLE enrolment(openid TEXT NOT NULL, app TEXT NOT NULL, series TEXT NOT NULL, state INTEGER NOT NULL,"                     \
    " start_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, reason TEXT, purge_ms INTEGER NOT NULL,"          \
    " steps BLOB NOT NULL, PRIMARY KEY(openid, app, series)) WITHOUT ROWID",                                                            \
        "CREATE INDEX enrolment_in ON enrolment(series, openid, app) WHERE state = 0",                                                  \
        "CREATE INDEX enrolment_due ON enrolment(last_ms) WHERE state = 0",                                                             \
        "CREATE INDEX enrolment_over ON enrolment(purge_ms) WHERE state > 0",                                                           \
        "CREATE TABLE unfollowed(openid TEXT NOT NULL, app TEXT NOT NULL, at_s INTEGER NOT NULL, PRIMARY KEY(openid, app)) WITHOUT ROWID", \
        "CREATE INDEX unfollowed_at ON unfollowed(at_s)",                                                                               \
        "CREATE TABLE series_totals(series TEXT PRIMARY KEY, \"in\" INTEGER NOT NULL, started INTEGER NOT NULL, done INTEGER NOT NULL,"  \
        " ended INTEGER NOT NULL) WITHOUT ROWID"

#endif
