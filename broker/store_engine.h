/* The engine under the store: LMDB. One environment, one file, one write transaction a turn, which also reads; it is opened by
 * the first access and closed by engine_commit, so no transaction outlives a turn. Full sync: LMDB's default flags (neither
 * of those that leave a sync out).
 *
 * The first unexpected error makes the transaction worthless: it is logged, the engine has failed, further writes do nothing
 * and engine_commit returns -1. Used by the store's files alone; the only pair of files that knows lmdb.h.
 */
#ifndef BROKER_STORE_ENGINE_H
#define BROKER_STORE_ENGINE_H

#include "broker/store_key.h"

enum database {
    MESSAGES,
    QUEUE_NOW, /* one for each enum timed, in its order */
    QUEUE_WALL,
    QUEUE_ORDER,
    PARKED,
    HELD,
    MARKS,
    IDS,
    LEDGER,
    DEAD,
    ENDED,
    PEOPLE,
    TASKS,
    MSGIDS, /* not in a store of a version before */
    EXPIRY,
    PATIENCE,
    META,
    DAMAGED,
    WINDOWS,
    DATABASES
};

struct engine;

/* Opens or makes the environment in the directory, which must exist. NULL with a message in `error`. The databases are made
 * with the first commit: a store that turns out to be somebody else's is left as it was. */
struct engine *engine_open(const char *dir, uint64_t bytes_max, struct buf *error);
void engine_close(struct engine **self);

/* 0 when everything since the last commit is on disk; -1 when the engine has failed. */
int engine_commit(struct engine *e);

void engine_put(struct engine *e, enum database db, const struct key *key, struct span value);
/* The same for a key that is behind all others as a rule: no place has to be looked for, and pages become full. */
void engine_put_last(struct engine *e, enum database db, const struct key *key, struct span value);

void engine_put_nothing(struct engine *e, enum database db, const struct key *key);

/* As engine_put, but STORE_EXISTS when the key is there already. */
enum store_answer engine_put_new(struct engine *e, enum database db, const struct key *key, struct span value);

/* Returns 1 when the key was there. */
int engine_del(struct engine *e, enum database db, const struct key *key);

/* Removes the entry that engine_seek finds, whatever its key looks like. */
void engine_del_found(struct engine *e, enum database db, const struct key *from);

/* Spans that come back are valid until the next write or commit. */
enum store_answer engine_get(struct engine *e, enum database db, const struct key *key, struct span *value);

/* The first entry at or behind `from`. `value` may be NULL. */
enum store_answer engine_seek(struct engine *e, enum database db, const struct key *from, struct span *key,
                              struct span *value);

/* The last key before `until`, or the very last one when until is NULL. */
enum store_answer engine_seek_back(struct engine *e, enum database db, const struct key *until, struct span *key);

/* How many keys there are from `from` on and before `until`; counting stops at `limit`. */
uint64_t engine_count(struct engine *e, enum database db, const struct key *from, const struct key *until, uint64_t limit);

uint64_t engine_entries(struct engine *e, enum database db);
uint64_t engine_bytes_used(struct engine *e);

/* The inode of the file, and the number of its last commit. */
void engine_identify(struct engine *e, uint64_t *file, uint64_t *commit);

/* Bytes behind the last page that was ever used, where a value of any length finds its pages in a row. */
uint64_t engine_bytes_behind(struct engine *e);
const char *engine_database_name(enum database db);
void engine_forget_dead_readers(struct engine *e);

/* The longest row of free pages in bytes; it is not looked for beyond `enough`. May say less than there is. */
uint64_t engine_bytes_in_row(struct engine *e, uint64_t enough);

int engine_has_failed(const struct engine *e);

#endif
