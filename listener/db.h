/* What mega-listener keeps: an SQLite file. The only pair of files that knows sqlite3.h.
 *
 * One connection, one thread. Everything that a turn of the loop changes is one transaction: whoever changes something calls db_begin,
 * which begins it where it is not begun, and the loop calls db_commit once at the end of the turn; only after that anybody is told.
 * A statement that fails spoils the transaction: db_commit then takes all of it back and returns -1, so that nothing is half done.
 * That is so with a full disk, too, and ends by itself when there is room.
 *
 * WAL, synchronous=FULL: what db_commit has returned 0 for survives kill -9 and a power cut. The log is written into the file after
 * every DB_WAL_PAGES pages, so that it stays small.
 *
 * The tables are listed in db_schema.c.
 */
#ifndef LISTENER_DB_H
#define LISTENER_DB_H

#include "base/buf.h"

#define DB_WAL_PAGES       1000                /* of 4 KiB */
#define DB_WAL_BYTES_MAX   (16 * 1024 * 1024)  /* it is cut to that after it was larger */
#define DB_BUSY_MS         500                 /* somebody else reads or copies the file: wait so long */
#define DB_CHECK_BYTES_MAX (256 * 1024 * 1024) /* a file up to this size is looked through when it is opened */

struct db;
struct db_query;

/* Opens the file, makes it when it is missing; its folder must be there. NULL (logged, with what to do) when it is no file of
 * mega-listener, is of a newer version, is damaged, or cannot be used. */
struct db *db_open(const char *path);
void db_close(struct db **self);

/* The file's path. */
const char *db_path(const struct db *db);

/* --- transactions ------------------------------------------------------------------------------------------------- */

/* Returns 0; -1 (logged) when none can be begun now, or the one that is open is spoilt. Whoever holds the file is waited for for
 * DB_BUSY_MS, and then not again until one could be begun. */
int db_begin(struct db *db);

/* Makes what was changed since db_begin durable. Returns 0, also when nothing was begun; -1 (logged): none of it counts. */
int db_commit(struct db *db);

/* Takes back what was changed since db_begin. */
void db_rollback(struct db *db);

/* 1 between db_begin and its end. */
int db_is_changing(const struct db *db);

/* --- statements ----------------------------------------------------------------------------------------------------
 *
 *   struct db_query *q = db_query(db, "SELECT seq, id FROM outbox WHERE app = ?1");
 *   db_set_text(q, 1, app);
 *   while (db_step(q) == 1)
 *       use(db_i64(q, 0), db_text(q, 1));
 *   db_end(q);
 */

/* The statement, compiled at its first use and kept. `sql` must be a string constant: it is told apart by its address. Bound values are
 * forgotten. NULL (logged, the transaction is spoilt) when it cannot be compiled; all functions below take NULL and then fail. */
struct db_query *db_query(struct db *db, const char *sql);

/* Parameters count from 1. Bytes must stay until db_end or db_run. A span whose data is NULL is SQL's NULL. */
void db_set_i64(struct db_query *q, int parameter, int64_t value);
void db_set_text(struct db_query *q, int parameter, struct span text);
void db_set_blob(struct db_query *q, int parameter, struct span bytes);

/* 1: there is a row; 0: there is none any more; -1 (logged): it has failed, and the transaction is spoilt. */
int db_step(struct db_query *q);

/* Columns count from 0. Valid until the next step. NULL reads as 0 and as an empty span whose data is NULL. */
int64_t db_i64(struct db_query *q, int column);
struct span db_text(struct db_query *q, int column); /* of text and of a blob */

/* After the last step that is wanted: a statement that is left open holds up the cutting of the log. */
void db_end(struct db_query *q);

/* Steps to the end and ends it. Returns rows changed by an INSERT, UPDATE or DELETE; -1 on failure. */
int64_t db_run(struct db_query *q);

/* Number of the last row inserted into a table with one. */
int64_t db_last_row(const struct db *db);

/* The first column of the first row of a statement without parameters; `otherwise` when there is none or it fails. */
int64_t db_number(struct db *db, const char *sql, int64_t otherwise);

#endif
