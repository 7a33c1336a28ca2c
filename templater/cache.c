/* The table of compiled templates: a hash by key. Used by one thread at a time; never fails but by being
 * full. */
#include "templater/cache.h"

#include <assert.h>
#include <stdlib.h>

/* uthash ends the process when memory is out, as base/buf does. */
#include <uthash.h>

struct row {
    char *key; /* owned */
    size_t key_bytes;
    uint64_t version;
    struct template *template; /* owned; NULL: the key is absent */
    UT_hash_handle hh;
};

struct cache {
    struct row *rows;
    struct row *absent; /* at most entries_max, too */
    uint32_t count, absent_count;
    uint32_t entries_max;
};

struct cache *cache_new(uint32_t entries_max)
{
    assert(entries_max > 0);
    struct cache *c = mem_new(sizeof *c);
    c->entries_max = entries_max;
    return c;
}

static void row_free(struct row *row)
{
    template_destroy(&row->template);
    free(row->key);
    free(row);
}

static void rows_free(struct row **rows)
{
    struct row *row, *next;
    HASH_ITER(hh, *rows, row, next)
    {
        HASH_DEL(*rows, row);
        row_free(row);
    }
}

void cache_destroy(struct cache **self)
{
    struct cache *c = *self;
    if (c == NULL)
        return;
    rows_free(&c->rows);
    rows_free(&c->absent);
    free(c);
    *self = NULL;
}

uint32_t cache_count(const struct cache *c)
{
    return c->count;
}

static struct row *row_find(struct row *rows, struct span key)
{
    struct row *row = NULL;
    if (key.bytes > 0)
        HASH_FIND(hh, rows, key.data, key.bytes, row);
    return row;
}

static struct row *row_new(struct row **rows, struct span key)
{
    assert(key.bytes > 0);
    struct row *row = mem_new(sizeof *row);
    row->key = span_dup(key);
    row->key_bytes = key.bytes;
    HASH_ADD_KEYPTR(hh, *rows, row->key, row->key_bytes, row);
    return row;
}

static struct cache_entry row_entry(const struct row *row)
{
    return (struct cache_entry){{row->key, row->key_bytes}, row->version, row->template};
}

int cache_find(const struct cache *c, struct span key, struct cache_entry *entry)
{
    const struct row *row = row_find(c->rows, key);
    if (row == NULL)
        return 0;
    *entry = row_entry(row);
    return 1;
}

static void forget_absent(struct cache *c, struct span key)
{
    struct row *row = row_find(c->absent, key);
    if (row == NULL)
        return;
    HASH_DEL(c->absent, row);
    c->absent_count--;
    row_free(row);
}

int cache_put(struct cache *c, struct span key, uint64_t version, struct template **template)
{
    struct row *row = row_find(c->rows, key);
    if (row == NULL && c->count == c->entries_max)
        return -1;
    if (row == NULL) {
        row = row_new(&c->rows, key);
        c->count++;
    }
    template_destroy(&row->template);
    row->template = *template;
    row->version = version;
    *template = NULL;
    forget_absent(c, key);
    return 0;
}

void cache_set_version(struct cache *c, struct span key, uint64_t version)
{
    struct row *row = row_find(c->rows, key);
    if (row != NULL)
        row->version = version;
}

void cache_remove(struct cache *c, struct span key, uint64_t version)
{
    if (key.bytes == 0)
        return;
    struct row *row = row_find(c->rows, key);
    if (row != NULL) {
        HASH_DEL(c->rows, row);
        c->count--;
        row_free(row);
    }
    row = row_find(c->absent, key);
    if (row == NULL) {
        if (c->absent_count == c->entries_max) {
            /* Forgetting costs one reading of the source for each key that is asked for again. */
            rows_free(&c->absent);
            c->absent_count = 0;
        }
        row = row_new(&c->absent, key);
        c->absent_count++;
    }
    row->version = version;
}

uint64_t cache_absent(const struct cache *c, struct span key)
{
    const struct row *row = row_find(c->absent, key);
    return row == NULL ? 0 : row->version;
}

void cache_each(const struct cache *c, void (*call)(void *to, const struct cache_entry *entry), void *to)
{
    for (const struct row *row = c->rows; row != NULL; row = row->hh.next) {
        struct cache_entry entry = row_entry(row);
        call(to, &entry);
    }
}
