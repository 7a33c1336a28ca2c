#include "broker/store_engine.h"

#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

#include "base/log.h"

static const char *const database_names[DATABASES] = {"messages", "queue", "parked", "marks", "ids",
                                                      "ledger",   "dead",  "expiry", "meta",  "damaged"};

struct engine {
    MDB_env *env;
    MDB_txn *txn; /* NULL between turns */
    MDB_dbi dbi[DATABASES];
    int failed;
};

static int fail(struct engine *e, const char *what, int error)
{
    if (!e->failed)
        log_error("store failed", log_str("call", what), log_str("error", mdb_strerror(error)));
    e->failed = 1;
    return -1;
}

/* Opens the turn's transaction. Returns 0, or -1 when the store has failed. */
static int enter(struct engine *e)
{
    if (e->failed)
        return -1;
    if (e->txn)
        return 0;
    int error = mdb_txn_begin(e->env, NULL, 0, &e->txn);
    return error ? fail(e, "begin", error) : 0;
}

void engine_put(struct engine *e, enum database db, const struct key *key, struct span value)
{
    if (enter(e))
        return;
    MDB_val k = {key->used, (void *)key->bytes}, v = {value.bytes, (void *)value.data};
    int error = mdb_put(e->txn, e->dbi[db], &k, &v, 0);
    if (error)
        fail(e, "put", error);
}

void engine_put_nothing(struct engine *e, enum database db, const struct key *key)
{
    engine_put(e, db, key, (struct span){"", 0});
}

/* Returns 1 when the key was there. */
int engine_del(struct engine *e, enum database db, const struct key *key)
{
    if (enter(e))
        return 0;
    MDB_val k = {key->used, (void *)key->bytes};
    int error = mdb_del(e->txn, e->dbi[db], &k, NULL);
    if (error && error != MDB_NOTFOUND)
        fail(e, "del", error);
    return error == 0;
}

enum store_answer engine_get(struct engine *e, enum database db, const struct key *key, struct span *value)
{
    if (enter(e))
        return STORE_NONE;
    MDB_val k = {key->used, (void *)key->bytes}, v;
    int error = mdb_get(e->txn, e->dbi[db], &k, &v);
    if (error && error != MDB_NOTFOUND)
        fail(e, "get", error);
    if (error)
        return STORE_NONE;
    *value = (struct span){v.mv_data, v.mv_size};
    return STORE_OK;
}

/* The first key at or behind `from`. `key` is valid until the next write. */
enum store_answer engine_seek(struct engine *e, enum database db, const struct key *from, struct span *key,
                              struct span *value)
{
    MDB_cursor *cursor;
    if (enter(e))
        return STORE_NONE;
    int error = mdb_cursor_open(e->txn, e->dbi[db], &cursor);
    if (error) {
        fail(e, "cursor", error);
        return STORE_NONE;
    }
    MDB_val k = {from->used, (void *)from->bytes}, v;
    error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    mdb_cursor_close(cursor);
    if (error && error != MDB_NOTFOUND)
        fail(e, "seek", error);
    if (error)
        return STORE_NONE;
    *key = (struct span){k.mv_data, k.mv_size};
    if (value)
        *value = (struct span){v.mv_data, v.mv_size};
    return STORE_OK;
}

/* The last key before `until`, or the very last one when until is NULL. */
enum store_answer engine_seek_back(struct engine *e, enum database db, const struct key *until, struct span *key)
{
    MDB_cursor *cursor;
    if (enter(e))
        return STORE_NONE;
    int error = mdb_cursor_open(e->txn, e->dbi[db], &cursor);
    if (error) {
        fail(e, "cursor", error);
        return STORE_NONE;
    }
    MDB_val k = {0}, v;
    error = MDB_NOTFOUND;
    if (until) {
        k = (MDB_val){until->used, (void *)until->bytes};
        error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    }
    error = mdb_cursor_get(cursor, &k, &v, error == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    mdb_cursor_close(cursor);
    if (error && error != MDB_NOTFOUND)
        fail(e, "seek back", error);
    if (error)
        return STORE_NONE;
    *key = (struct span){k.mv_data, k.mv_size};
    return STORE_OK;
}

enum store_answer engine_put_new(struct engine *e, enum database db, const struct key *key, struct span value)
{
    if (enter(e))
        return STORE_OK; /* the commit will say it */
    MDB_val k = {key->used, (void *)key->bytes}, v = {value.bytes, (void *)value.data};
    int error = mdb_put(e->txn, e->dbi[db], &k, &v, MDB_NOOVERWRITE);
    if (error && error != MDB_KEYEXIST)
        fail(e, "put", error);
    return error == MDB_KEYEXIST ? STORE_EXISTS : STORE_OK;
}

int engine_commit(struct engine *e)
{
    if (e->txn && e->failed)
        mdb_txn_abort(e->txn);
    int error = e->txn && !e->failed ? mdb_txn_commit(e->txn) : 0;
    e->txn = NULL;
    if (error)
        fail(e, "commit", error);
    return e->failed ? -1 : 0;
}

uint64_t engine_entries(struct engine *e, enum database db)
{
    MDB_stat stat;
    if (enter(e))
        return 0;
    return mdb_stat(e->txn, e->dbi[db], &stat) == 0 ? stat.ms_entries : 0;
}

/* Pages that were free at the last commit, as LMDB lists them: each value of its database 0 begins with their number. A write
 * transaction may not open that database (mdb_cursor_open says EINVAL), so this takes a read-only one for a moment. */
static uint64_t free_pages(struct engine *e)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val k, v;
    uint64_t pages = 0;
    if (e->failed || mdb_txn_begin(e->env, NULL, MDB_RDONLY, &txn) != 0)
        return 0;
    int error = mdb_cursor_open(txn, 0, &cursor);
    while (error == 0 && mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        size_t count;
        memcpy(&count, v.mv_data, sizeof count);
        pages += count;
    }
    if (error == 0)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return pages;
}

uint64_t engine_bytes_used(struct engine *e)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(e->env, &info) != 0 || mdb_env_stat(e->env, &stat) != 0)
        return 0;
    uint64_t pages = info.me_last_pgno + 1;
    /* The free list is only worth reading when the high-water mark comes nearer to the limit. */
    if (pages * stat.ms_psize > info.me_mapsize / 2)
        pages -= free_pages(e);
    return pages * stat.ms_psize;
}

static int open_env(struct engine *e, const char *dir, uint64_t bytes_max, struct buf *error)
{
    int code = mdb_env_create(&e->env);
    if (code == 0)
        code = mdb_env_set_mapsize(e->env, bytes_max);
    if (code == 0)
        code = mdb_env_set_maxdbs(e->env, DATABASES);
    /* NORDAHEAD: access is by index, and the backlog may be larger than memory. */
    if (code == 0)
        code = mdb_env_open(e->env, dir, MDB_NORDAHEAD, 0660);
    if (code)
        buf_printf(error, "%s: the store cannot be opened: %s", dir, mdb_strerror(code));
    return code ? -1 : 0;
}

static int open_databases(struct engine *e)
{
    if (enter(e))
        return -1;
    for (int i = 0; i < DATABASES; i++) {
        int error = mdb_dbi_open(e->txn, database_names[i], MDB_CREATE, &e->dbi[i]);
        if (error)
            return fail(e, "open database", error);
    }
    return engine_commit(e);
}

struct engine *engine_open(const char *dir, uint64_t bytes_max, struct buf *error)
{
    struct engine *e = mem_new(sizeof *e);
    if (open_env(e, dir, bytes_max, error))
        goto fail;
    if (open_databases(e)) {
        buf_printf(error, "%s: the store's databases cannot be opened; see the log", dir);
        goto fail;
    }
    return e;
fail:
    engine_close(&e);
    return NULL;
}

void engine_close(struct engine **self)
{
    struct engine *e = *self;
    if (e == NULL)
        return;
    if (e->txn)
        mdb_txn_abort(e->txn);
    if (e->env)
        mdb_env_close(e->env);
    free(e);
    *self = NULL;
}

int engine_has_failed(const struct engine *e)
{
    return e->failed;
}
