#include "broker/store_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "base/log.h"
#include "broker/store_fault.h"
#include "proto/limits.h"

#define KEY_BYTES_MOST   511 /* LMDB's own limit, as Debian and others build it */
#define VALUE_BYTES_MOST (2u * MESSAGE_BYTES_MAX) /* no record is larger than the request it came in, and a little */

static const char *const database_names[DATABASES] = {
    "messages", "queue_now", "queue_wall", "queue_order", "parked", "held",     "marks", "ids",    "ledger",
    "dead",     "ended",     "people",     "tasks",       "msgids", "expiry",   "patience", "meta",  "damaged",
    "windows"};

struct engine {
    MDB_env *env;
    MDB_txn *txn; /* NULL between turns */
    MDB_dbi dbi[DATABASES];
    int failed;
    int watched; /* the map, by store_fault */
};

/* What a person can do about it, or NULL. */
static const char *hint_of(int error)
{
    switch (error) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_BAD_TXN:
        return "the store's file is damaged: see docs/operations.md, A damaged store";
    case MDB_MAP_FULL:
        return "the store has reached store_size: raise it and start again";
    case ENOSPC:
        return "the disk is full: make room and start again";
    case EIO:
        /* LMDB says EIO as well when a disk that is nearly full took only a part of a write. */
        return "the disk is full, or it fails: make room or look at it, and start again";
    default:
        return NULL;
    }
}

static int fail(struct engine *e, const char *what, int error)
{
    const char *hint = hint_of(error);
    if (!e->failed && hint)
        log_error("store failed", log_str("call", what), log_str("error", mdb_strerror(error)), log_str("hint", hint));
    else if (!e->failed)
        log_error("store failed", log_str("call", what), log_str("error", mdb_strerror(error)));
    e->failed = 1;
    return -1;
}

/* LMDB found its pages to be other than it left them. It ends the process when this returns. */
static void on_assert(MDB_env *env, const char *what)
{
    (void)env;
    log_fatal("the store's pages are damaged", log_str("found", what),
              log_str("hint", "see docs/operations.md, A damaged store"));
}

/* What an access found. Returns 1 when it found something that can be: a length that was never written means that the page is
 * damaged, and nothing of it may be believed or changed. */
static int has_found(struct engine *e, const char *what, int error, const MDB_val *key, const MDB_val *value)
{
    if (error == MDB_NOTFOUND)
        return 0;
    if (error == 0 && (key->mv_size == 0 || key->mv_size > KEY_BYTES_MOST || value->mv_size > VALUE_BYTES_MOST))
        error = MDB_CORRUPTED;
    if (error)
        fail(e, what, error);
    return error == 0;
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

void engine_put_last(struct engine *e, enum database db, const struct key *key, struct span value)
{
    if (enter(e))
        return;
    MDB_val k = {key->used, (void *)key->bytes}, v = {value.bytes, (void *)value.data};
    int error = mdb_put(e->txn, e->dbi[db], &k, &v, MDB_APPEND);
    if (error == MDB_KEYEXIST) /* there is one behind it: a damaged key */
        engine_put(e, db, key, value);
    else if (error)
        fail(e, "put", error);
}

void engine_put_nothing(struct engine *e, enum database db, const struct key *key)
{
    engine_put(e, db, key, (struct span){"", 0});
}

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
    MDB_val k = {key->used, (void *)key->bytes}, v = {0, NULL};
    int error = mdb_get(e->txn, e->dbi[db], &k, &v);
    if (!has_found(e, "get", error, &k, &v))
        return STORE_NONE;
    *value = (struct span){v.mv_data, v.mv_size};
    return STORE_OK;
}

/* A cursor for one access: one that is kept would have to be followed through every write. */
static MDB_cursor *open_cursor(struct engine *e, enum database db)
{
    MDB_cursor *cursor;
    if (enter(e))
        return NULL;
    int error = mdb_cursor_open(e->txn, e->dbi[db], &cursor);
    if (error) {
        fail(e, "cursor", error);
        return NULL;
    }
    return cursor;
}

enum store_answer engine_seek(struct engine *e, enum database db, const struct key *from, struct span *key,
                              struct span *value)
{
    MDB_cursor *cursor = open_cursor(e, db);
    if (cursor == NULL)
        return STORE_NONE;
    MDB_val k = {from->used, (void *)from->bytes}, v = {0, NULL};
    int error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    mdb_cursor_close(cursor);
    if (!has_found(e, "seek", error, &k, &v))
        return STORE_NONE;
    *key = (struct span){k.mv_data, k.mv_size};
    if (value)
        *value = (struct span){v.mv_data, v.mv_size};
    return STORE_OK;
}

enum store_answer engine_seek_back(struct engine *e, enum database db, const struct key *until, struct span *key)
{
    MDB_cursor *cursor = open_cursor(e, db);
    if (cursor == NULL)
        return STORE_NONE;
    MDB_val k = {0, NULL}, v = {0, NULL};
    int error = MDB_NOTFOUND;
    if (until) {
        k = (MDB_val){until->used, (void *)until->bytes};
        error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    }
    if (error == 0 || error == MDB_NOTFOUND)
        error = mdb_cursor_get(cursor, &k, &v, error == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    mdb_cursor_close(cursor);
    if (!has_found(e, "seek back", error, &k, &v))
        return STORE_NONE;
    *key = (struct span){k.mv_data, k.mv_size};
    return STORE_OK;
}

void engine_del_found(struct engine *e, enum database db, const struct key *from)
{
    MDB_cursor *cursor = open_cursor(e, db);
    if (cursor == NULL)
        return;
    MDB_val k = {from->used, (void *)from->bytes}, v = {0, NULL};
    int error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    if (has_found(e, "del", error, &k, &v) && (error = mdb_cursor_del(cursor, 0)) != 0)
        fail(e, "del", error);
    mdb_cursor_close(cursor);
}

/* 1 when the key lies before `until`. */
static int is_before(const MDB_val *key, const struct key *until)
{
    size_t bytes = key->mv_size < until->used ? key->mv_size : until->used;
    int order = memcmp(key->mv_data, until->bytes, bytes);
    return order < 0 || (order == 0 && key->mv_size < until->used);
}

uint64_t engine_count(struct engine *e, enum database db, const struct key *from, const struct key *until, uint64_t limit)
{
    MDB_cursor *cursor = open_cursor(e, db);
    uint64_t count = 0;
    if (cursor == NULL)
        return 0;
    MDB_val k = {from->used, (void *)from->bytes}, v = {0, NULL};
    int error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (count < limit && has_found(e, "count", error, &k, &v) && is_before(&k, until)) {
        count++;
        error = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return count;
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

/* What LMDB's list of free pages holds, as of the last commit. */
struct free_list {
    uint64_t pages;
    uint64_t longest; /* pages in a row, within what one transaction freed */
    uint64_t enough;  /* of those: then nothing longer is looked for; 0 = they are not looked at */
};

/* `ids` has their number in front and goes downwards. */
static void find_longest(struct free_list *list, const size_t *ids)
{
    uint64_t run = 1;
    for (size_t i = 1; i <= ids[0] && list->longest < list->enough; i++) {
        run = i > 1 && ids[i] + 1 == ids[i - 1] ? run + 1 : 1;
        list->longest = run > list->longest ? run : list->longest;
    }
}

/* Each value of LMDB's database 0 is such a list. A write transaction may not open that database (mdb_cursor_open says EINVAL), so
 * this takes a read-only one for a moment. */
static void read_free_list(struct engine *e, struct free_list *list)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val k, v;
    if (e->failed || mdb_txn_begin(e->env, NULL, MDB_RDONLY, &txn) != 0)
        return;
    int error = mdb_cursor_open(txn, 0, &cursor);
    while (error == 0 && mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        const size_t *ids = v.mv_data; /* aligned: LMDB reads them in place as well */
        list->pages += ids[0];
        if (list->enough && ids[0] < v.mv_size / sizeof *ids)
            find_longest(list, ids);
    }
    if (error == 0)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
}

uint64_t engine_bytes_in_row(struct engine *e, uint64_t enough)
{
    MDB_stat stat;
    if (mdb_env_stat(e->env, &stat) != 0)
        return 0;
    struct free_list list = {.enough = enough / stat.ms_psize + 1};
    read_free_list(e, &list);
    return list.longest * stat.ms_psize;
}

uint64_t engine_bytes_used(struct engine *e)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(e->env, &info) != 0 || mdb_env_stat(e->env, &stat) != 0)
        return 0;
    uint64_t pages = info.me_last_pgno + 1;
    /* The free list is only worth reading when the high-water mark comes nearer to the limit. */
    if (pages * stat.ms_psize > info.me_mapsize / 2) {
        struct free_list list = {0};
        read_free_list(e, &list);
        pages -= list.pages;
    }
    return pages * stat.ms_psize;
}

void engine_identify(struct engine *e, uint64_t *file, uint64_t *commit)
{
    MDB_envinfo info = {0};
    mdb_filehandle_t fd;
    struct stat status = {0};
    if (mdb_env_info(e->env, &info) != 0 || mdb_env_get_fd(e->env, &fd) != 0 || fstat(fd, &status) != 0)
        log_error("store: its file cannot be looked at", log_str("error", strerror(errno)));
    *file = (uint64_t)status.st_ino;
    *commit = info.me_last_txnid;
}

uint64_t engine_bytes_behind(struct engine *e)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(e->env, &info) != 0 || mdb_env_stat(e->env, &stat) != 0)
        return 0;
    uint64_t used = (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
    return info.me_mapsize > used ? info.me_mapsize - used : 0;
}

/* LMDB makes a new store of an empty file. A file that is there and empty has lost what was in it. */
static int check_file(const char *dir, struct buf *error)
{
    struct stat file;
    struct buf path = {0};
    buf_printf(&path, "%s/data.mdb", dir);
    int is_empty = stat(buf_str(&path), &file) == 0 && file.st_size == 0;
    if (is_empty)
        buf_printf(error, "%s: is empty, but a store never is: see docs/operations.md, A damaged store; if nothing was ever in it, delete it",
                   buf_str(&path));
    buf_free(&path);
    return is_empty ? -1 : 0;
}

/* An environment with one empty database, which is on the disk when this returns 0; else an error of LMDB. */
static int make_env(const char *path)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi ignored;
    int error = mdb_env_create(&env);
    if (error)
        return error;
    error = mdb_env_set_maxdbs(env, DATABASES);
    if (error == 0)
        error = mdb_env_open(env, path, MDB_NOSUBDIR, 0660);
    if (error == 0)
        error = mdb_txn_begin(env, NULL, 0, &txn);
    if (error == 0) {
        error = mdb_dbi_open(txn, database_names[META], MDB_CREATE, &ignored);
        if (error == 0)
            error = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    mdb_env_close(env);
    return error;
}

static int sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return error;
}

/* Makes a store where there is none: aside, and renamed when it is whole, so that whatever interrupts a first start, a data.mdb
 * that is there is a store. */
static int make_file(const char *dir, struct buf *error)
{
    struct buf path = {0}, aside = {0}, lock = {0};
    int code = 0;
    buf_printf(&path, "%s/data.mdb", dir);
    buf_printf(&aside, "%s/new.mdb", dir);
    buf_printf(&lock, "%s/new.mdb-lock", dir);
    if (access(buf_str(&path), F_OK) != 0) {
        unlink(buf_str(&aside)); /* of a first start that was interrupted */
        unlink(buf_str(&lock));
        code = make_env(buf_str(&aside));
        unlink(buf_str(&lock));
        if (code == 0)
            code = rename(buf_str(&aside), buf_str(&path)) != 0 ? errno : sync_dir(dir);
    }
    if (code)
        buf_printf(error, "%s: a store cannot be made there: %s", dir, mdb_strerror(code));
    buf_free(&path);
    buf_free(&aside);
    buf_free(&lock);
    return code ? -1 : 0;
}

static int open_env(struct engine *e, const char *dir, uint64_t bytes_max, struct buf *error)
{
    int code = mdb_env_create(&e->env);
    if (code == 0)
        code = mdb_env_set_mapsize(e->env, bytes_max);
    if (code == 0)
        code = mdb_env_set_assert(e->env, on_assert);
    if (code == 0)
        code = mdb_env_set_maxdbs(e->env, DATABASES);
    /* NORDAHEAD: access is by index, and the backlog may be larger than memory. */
    if (code == 0)
        code = mdb_env_open(e->env, dir, MDB_NORDAHEAD, 0660);
    /* When a meta page could not be written, LMDB wrote its old values back without a sync, and the failed ones may be on the disk:
     * they have to be gone from there before the pages that they lead to are used again. */
    if (code == 0)
        code = mdb_env_sync(e->env, 1);
    if (code)
        buf_printf(error, "%s: the store cannot be opened: %s%s%s", dir, mdb_strerror(code), hint_of(code) ? "; " : "",
                   hint_of(code) ? hint_of(code) : "");
    return code ? -1 : 0;
}

/* From here on a fault in the map is explained. LMDB tells where its map lies only when it was asked for an address, so this looks
 * for the mapping of its file: a line of /proc/self/maps begins with the first address and the one behind the last, and ends with
 * the path (proc(5)). Without /proc faults stay unexplained. */
static void watch_map(struct engine *e)
{
    char name[64], path[1024], line[2048];
    mdb_filehandle_t fd;
    uintptr_t begin, end;
    if (mdb_env_get_fd(e->env, &fd) != 0)
        return;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(name, path, sizeof path - 1);
    FILE *maps = bytes > 0 ? fopen("/proc/self/maps", "re") : NULL;
    if (maps == NULL)
        return;
    path[bytes] = 0;
    while (!e->watched && fgets(line, sizeof line, maps)) {
        line[strcspn(line, "\n")] = 0;
        const char *file = strchr(line, '/');
        if (file && strcmp(file, path) == 0 && sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &end) == 2) {
            store_fault_watch((const void *)begin, (const void *)end);
            e->watched = 1;
        }
    }
    fclose(maps);
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
    return 0;
}

struct engine *engine_open(const char *dir, uint64_t bytes_max, struct buf *error)
{
    struct engine *e = mem_new(sizeof *e);
    if (check_file(dir, error) || make_file(dir, error) || open_env(e, dir, bytes_max, error))
        goto fail;
    watch_map(e);
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
    if (e->watched)
        store_fault_forget();
    free(e);
    *self = NULL;
}

int engine_has_failed(const struct engine *e)
{
    return e->failed;
}

const char *engine_database_name(enum database db)
{
    return database_names[db];
}

void engine_forget_dead_readers(struct engine *e)
{
    int dead = 0;
    int error = mdb_reader_check(e->env, &dead);
    if (error)
        log_warn("readers of the store cannot be checked", log_str("error", mdb_strerror(error)));
    else if (dead)
        log_info("readers of the store that ended are forgotten", log_i64("readers", dead));
}
