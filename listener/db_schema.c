#include "listener/db_schema.h"

#include <stddef.h>

#include "listener/series_schema.h"

const char *const db_schema[] = {
    /* Figures that would be slow to count; kept by triggers, so that they are right after anything. */
    "CREATE TABLE totals(name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO totals VALUES('outbox', 0)",

    /* dedupe.c. Times in front: rows are added and removed at one end, whatever the hashes are. */
    "CREATE TABLE seen(created_s INTEGER NOT NULL, hash BLOB NOT NULL, received_s INTEGER NOT NULL,"
    " PRIMARY KEY(created_s, hash)) WITHOUT ROWID",

    /* outbox.h says what the columns are. */
    "CREATE TABLE outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, app TEXT NOT NULL, openid TEXT NOT NULL,"
    " added_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL DEFAULT 0, at_ms INTEGER NOT NULL DEFAULT 0, msgid INTEGER, word TEXT,"
    " message TEXT, id TEXT, key TEXT, lane TEXT, task TEXT, ttl_ms INTEGER, vars BLOB)",
    "CREATE INDEX outbox_recipient ON outbox(openid, app)",
    "CREATE INDEX outbox_due ON outbox(due_ms) WHERE due_ms > 0",
    "CREATE TRIGGER outbox_in AFTER INSERT ON outbox BEGIN UPDATE totals SET n = n + 1 WHERE name = 'outbox'; END",
    "CREATE TRIGGER outbox_out AFTER DELETE ON outbox BEGIN UPDATE totals SET n = n - 1 WHERE name = 'outbox'; END",

    /* forward.h */
    "CREATE TABLE forwards(row INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, query TEXT NOT NULL, type TEXT NOT NULL,"
    " body BLOB NOT NULL, added_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL, tries INTEGER NOT NULL)",
    "CREATE INDEX forwards_due ON forwards(app, next_ms)",
    "INSERT INTO totals VALUES('forwards', 0)",
    "CREATE TRIGGER forwards_in AFTER INSERT ON forwards BEGIN UPDATE totals SET n = n + 1 WHERE name = 'forwards'; END",
    "CREATE TRIGGER forwards_out AFTER DELETE ON forwards BEGIN UPDATE totals SET n = n - 1 WHERE name = 'forwards'; END",
    SERIES_SCHEMA, NULL};
