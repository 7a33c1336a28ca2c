#include "listener/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>
#include <uthash.h>

#include "base/log.h"
#include "listener/db_schema.h"

struct db_query {
    UT_hash_handle hh; /* by sql */
    const char *sql;
    struct db *db;
    sqlite3_stmt *statement;
};

struct db {
    sqlite3 *sqlite;
    char *path;
    struct db_query *queries;
    int is_changing;
    int is_spoilt; /* 1: a statement of the transaction has failed */
    int is_held;   /* 1: somebody else was waited for in vain: nobody waits again until a transaction has begun */
};

static void tell(struct db *db, const char *event)
{
    int code = sqlite3_extended_errcode(db->sqlite), kind = sqlite3_errcode(db->sqlite) & 0xff;
    const char *hint = kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB
                           ? "the file is damaged; stop mega-listener and move it away or put a copy back: listener/README.md"
                           : "tried again; see what is wrong with the disk";
    log_error(event, log_str("path", db->path), log_str("error", sqlite3_errmsg(db->sqlite)), log_i64("code", code),
              log_str("next", hint));
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static int refuse(struct db *db, const char *why)
{
    log_error("the file of mega-listener cannot be used", log_str("path", db->path), log_str("error", why));
    return -1;
}

static int execute(struct db *db, const char *sql)
{
    return sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

/* Reads a number with a statement that is not kept. Returns 0 or -1. */
static int read_number(struct db *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    int rc = -1;
    if (sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        *out = sqlite3_column_int64(statement, 0);
        rc = 0;
    }
    sqlite3_finalize(statement);
    return rc;
}

static int make_tables(struct db *db)
{
    int rc = execute(db, "BEGIN IMMEDIATE");
    for (size_t i = 0; rc == 0 && db_schema[i]; i++)
        rc = execute(db, db_schema[i]);
    struct buf marks = {0};
    buf_printf(&marks, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", DB_APPLICATION_ID, DB_VERSION);
    if (rc == 0)
        rc = execute(db, buf_str(&marks));
    buf_free(&marks);
    return rc == 0 ? 0 : refuse(db, sqlite3_errmsg(db->sqlite));
}

/* 1 when its pages are sound, or are too many to be looked through at every start. */
static int is_sound(struct db *db)
{
    struct stat info;
    sqlite3_stmt *statement = NULL;
    if (stat(db->path, &info) == 0 && info.st_size > DB_CHECK_BYTES_MAX)
        return 1;
    int sound = sqlite3_prepare_v2(db->sqlite, "PRAGMA quick_check(1)", -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    sqlite3_finalize(statement);
    return sound;
}

/* Whose file it is, and of which version. */
static int look(struct db *db)
{
    int64_t application = 0, version = 0, tables = 0;
    if (read_number(db, "PRAGMA application_id", &application) != 0 || read_number(db, "PRAGMA user_version", &version) != 0 ||
        read_number(db, "SELECT count(*) FROM sqlite_schema", &tables) != 0) {
        int code = sqlite3_errcode(db->sqlite);
        if (code == SQLITE_NOTADB)
            return refuse(db, "it is no SQLite file, or damaged at its beginning; move it away or put a copy back");
        if (code == SQLITE_CORRUPT)
            return refuse(db, "it is damaged; move it away or put a copy back");
        return refuse(db, code == SQLITE_BUSY ? "another process has locked it; end that" : sqlite3_errmsg(db->sqlite));
    }
    if (tables == 0 && application == 0 && version == 0)
        return make_tables(db);
    if (application != DB_APPLICATION_ID)
        return refuse(db, "it is the file of another program; give [listener] dir a folder of its own");
    if (version != DB_VERSION)
        return refuse(db, "it was made by another version of mega-listener; use that, or a later one");
    return is_sound(db) ? 0 : refuse(db, "it is damaged; move it away or put a copy back");
}

static int set_up(struct db *db)
{
    char pragmas[256];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = %d;"
             " PRAGMA journal_size_limit = %d; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF",
             DB_WAL_PAGES, DB_WAL_BYTES_MAX);
    return execute(db, pragmas) == 0 ? 0 : refuse(db, sqlite3_errmsg(db->sqlite));
}

struct db *db_open(const char *path)
{
    struct db *db = mem_new(sizeof *db);
    db->path = mem_dup(path);
    mode_t before = umask(0027); /* openids are nobody else's business */
    int opened = sqlite3_open_v2(path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (opened != SQLITE_OK)
        refuse(db, db->sqlite ? sqlite3_errmsg(db->sqlite) : "no memory");
    else
        sqlite3_busy_timeout(db->sqlite, DB_BUSY_MS);
    if (opened != SQLITE_OK || look(db) != 0 || set_up(db) != 0)
        db_close(&db);
    umask(before);
    return db;
}

void db_close(struct db **self)
{
    struct db *db = *self;
    struct db_query *q, *next;
    if (db == NULL)
        return;
    if (db->is_changing)
        db_rollback(db);
    HASH_ITER(hh, db->queries, q, next)
    {
        HASH_DEL(db->queries, q);
        sqlite3_finalize(q->statement);
        free(q);
    }
    sqlite3_close(db->sqlite);
    free(db->path);
    free(db);
    *self = NULL;
}

const char *db_path(const struct db *db)
{
    return db->path;
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

/* One wait for whoever holds the file is enough: all callers of a turn together must not take longer than a callback may. */
static void note_held(struct db *db, int is_held)
{
    if (db->is_held != is_held)
        sqlite3_busy_timeout(db->sqlite, is_held ? 0 : DB_BUSY_MS);
    db->is_held = is_held;
}

int db_begin(struct db *db)
{
    if (db->is_changing)
        return db->is_spoilt ? -1 : 0;
    if (execute(db, "BEGIN IMMEDIATE") != 0) {
        tell(db, "nothing can be written down now");
        if ((sqlite3_errcode(db->sqlite) & 0xff) == SQLITE_BUSY)
            note_held(db, 1);
        return -1;
    }
    note_held(db, 0);
    db->is_changing = 1;
    db->is_spoilt = 0;
    return 0;
}

int db_commit(struct db *db)
{
    if (!db->is_changing)
        return 0;
    if (db->is_spoilt) {
        db_rollback(db);
        return -1;
    }
    if (execute(db, "COMMIT") != 0) {
        tell(db, "what was written down does not count");
        db_rollback(db);
        return -1;
    }
    db->is_changing = 0;
    return 0;
}

void db_rollback(struct db *db)
{
    struct db_query *q, *next;
    if (!db->is_changing)
        return;
    HASH_ITER(hh, db->queries, q, next)
        sqlite3_reset(q->statement);
    if (!sqlite3_get_autocommit(db->sqlite)) /* some failures have taken it back by themselves */
        execute(db, "ROLLBACK");
    db->is_changing = db->is_spoilt = 0;
}

int db_is_changing(const struct db *db)
{
    return db->is_changing;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

struct db_query *db_query(struct db *db, const char *sql)
{
    struct db_query *q;
    HASH_FIND_PTR(db->queries, &sql, q);
    if (q) {
        sqlite3_reset(q->statement);
        sqlite3_clear_bindings(q->statement);
        return q;
    }
    q = mem_new(sizeof *q);
    q->sql = sql;
    q->db = db;
    if (sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->statement, NULL) != SQLITE_OK) {
        tell(db, "a statement cannot be compiled");
        db->is_spoilt = 1;
        free(q);
        return NULL;
    }
    HASH_ADD_PTR(db->queries, sql, q);
    return q;
}

void db_set_i64(struct db_query *q, int parameter, int64_t value)
{
    if (q)
        sqlite3_bind_int64(q->statement, parameter, value);
}

void db_set_text(struct db_query *q, int parameter, struct span text)
{
    if (q && text.data)
        sqlite3_bind_text64(q->statement, parameter, text.data, text.bytes, SQLITE_STATIC, SQLITE_UTF8);
}

void db_set_blob(struct db_query *q, int parameter, struct span bytes)
{
    if (q && bytes.data)
        sqlite3_bind_blob64(q->statement, parameter, bytes.data, bytes.bytes, SQLITE_STATIC);
}

int db_step(struct db_query *q)
{
    if (q == NULL)
        return -1;
    int code = sqlite3_step(q->statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE)
        return 0;
    tell(q->db, "a statement has failed");
    q->db->is_spoilt = 1;
    return -1;
}

int64_t db_i64(struct db_query *q, int column)
{
    return sqlite3_column_int64(q->statement, column);
}

struct span db_text(struct db_query *q, int column)
{
    const char *data = sqlite3_column_blob(q->statement, column);
    size_t bytes = (size_t)sqlite3_column_bytes(q->statement, column);
    if (data == NULL && sqlite3_column_type(q->statement, column) != SQLITE_NULL)
        data = "";
    return (struct span){data, bytes};
}

void db_end(struct db_query *q)
{
    if (q)
        sqlite3_reset(q->statement);
}

int64_t db_run(struct db_query *q)
{
    int rc;
    while ((rc = db_step(q)) == 1)
        ;
    int64_t changed = rc == 0 ? sqlite3_changes(q->db->sqlite) : -1;
    db_end(q);
    return changed;
}

int64_t db_last_row(const struct db *db)
{
    return sqlite3_last_insert_rowid(db->sqlite);
}

int64_t db_number(struct db *db, const char *sql, int64_t otherwise)
{
    struct db_query *q = db_query(db, sql);
    int64_t number = db_step(q) == 1 ? db_i64(q, 0) : otherwise;
    db_end(q);
    return number;
}
