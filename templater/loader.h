/* The thread that owns the source: a slow server never stops rendering.
 *
 * Tasks go in, are done one after the other in the order they came, and come back done. So a reading that was
 * asked for later never brings older texts than one before it. Templates are compiled here, too, and the
 * cache file is written here, since both can take longer than a beat. Used by templates.c.
 */
#ifndef TEMPLATER_LOADER_H
#define TEMPLATER_LOADER_H

#include <stdint.h>

#include "base/buf.h"
#include "templater/cache.h"
#include "templater/source.h"
#include "templater/template.h"

#define LOADER_TASKS_MAX                                                                                     \
    1024 /* inside at a time; each is a caller waiting for tset, or one of a few readings of our own */
#define LOADER_STOP_MS                                                                                       \
    500 /* what the end waits for the source, which may be in a call of several seconds                      \
         */

enum load_kind {
    LOAD_ALL, /* read everything */
    LOAD_ONE, /* read `key` */
    LOAD_SAVE /* write `content` to the cache file */
};

enum load_state {
    LOAD_DONE,
    LOAD_ABSENT,     /* one: the source does not have it */
    LOAD_TOO_LONG,   /* one: over template_size */
    LOAD_BAD,        /* one: does not compile or would be refused; `error` says why */
    LOAD_UNREACHABLE /* `error` says why; of a save: not written */
};

/* One task, before and after. Whoever holds it owns everything in it. */
struct loader_task {
    enum load_kind kind;
    uint64_t number;    /* the asker's own */
    uint64_t ref;       /* the asker's own */
    uint64_t version;   /* the asker's own */
    struct buf key;     /* one */
    struct buf content; /* save; released when it is done */
    enum load_state state;
    struct buf own_key;        /* one, DONE: the source's spelling */
    struct template *template; /* one, DONE */
    struct cache *table;       /* all, DONE: every template with version 1 */
    struct buf error;          /* valid UTF-8 */
    struct loader_task *next;  /* the loader's */
};

struct loader_task *loader_task_new(enum load_kind kind);
void loader_task_destroy(struct loader_task **self);

struct loader;

struct loader_options {
    struct source *source; /* taken over */
    uint32_t table_size;
    uint32_t template_bytes_max;
    const char *cache_path; /* copied */
};

/* Starts the thread; ends the process when that is impossible. */
struct loader *loader_new(const struct loader_options *options);

/* Forgets the tasks that were not begun, but for saving, and ends the thread. Returns 0, or 1 when the thread
 * is still inside the source after LOADER_STOP_MS: it then keeps what it needs, the configuration included,
 * and the process should end with _exit. */
int loader_destroy(struct loader **self);

/* Readable when loader_take has something. */
int loader_fd(const struct loader *l);

/* Hands a task over (*task becomes NULL). Returns -1 when LOADER_TASKS_MAX are inside; the task is then still
 * the caller's. */
int loader_submit(struct loader *l, struct loader_task **task);

/* The next task that is done, to be destroyed by the caller; NULL when there is none. */
struct loader_task *loader_take(struct loader *l);

#endif
