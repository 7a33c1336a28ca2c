#include "broker/keys.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/log.h"
#include "proto/mp.h"

struct entry {
    UT_hash_handle hh;
    struct key_info info; /* its spans point behind this struct */
    char bytes[];
};

struct keys {
    struct store *store;
    struct entry *table;
    uint64_t version_last;
    int known;
};

static void clear(struct entry **table)
{
    struct entry *e, *next;
    HASH_ITER(hh, *table, e, next)
    {
        HASH_DEL(*table, e);
        free(e);
    }
}

static struct entry *find(struct entry *table, struct span key)
{
    struct entry *e = NULL;
    HASH_FIND(hh, table, key.data, key.bytes, e);
    return e;
}

/* Copies the text to *at, which goes on behind it. */
static struct span keep(char **at, struct span text)
{
    struct span kept = {*at, text.bytes};
    if (text.bytes)
        memcpy(*at, text.data, text.bytes);
    *at += text.bytes;
    return kept;
}

static void put(struct entry **table, const struct key_info *info)
{
    struct entry *old = find(*table, info->key);
    struct entry *e =
        mem_new(sizeof *e + info->key.bytes + info->needs.bytes + info->fallback.bytes + info->fallback_on.bytes + info->kind.bytes);
    char *at = e->bytes;
    e->info = *info;
    if (old && old->info.version > info->version)
        e->info.version = old->info.version;
    e->info.key = keep(&at, info->key);
    e->info.needs = keep(&at, info->needs);
    e->info.fallback = keep(&at, info->fallback);
    e->info.fallback_on = keep(&at, info->fallback_on);
    e->info.kind = keep(&at, info->kind);
    if (old) {
        HASH_DEL(*table, old);
        free(old);
    }
    HASH_ADD_KEYPTR(hh, *table, e->info.key.data, e->info.key.bytes, e);
}

/* Adds every entry of a packed array. Returns 0 or -1. */
static int put_all(struct entry **table, struct span packed)
{
    struct mp_cursor c;
    struct key_info info;
    int more;
    control_array_open(&c, packed);
    while ((more = control_key_next(&c, &info)) > 0) {
        if (info.key.bytes == 0 || info.key.bytes > KEY_TEXT_BYTES_MAX || info.lane >= LANES ||
            info.fallback.bytes > KEY_TEXT_BYTES_MAX || info.rate_per_s > KEY_RATE_MAX || info.kind.bytes > KIND_BYTES_MAX)
            return -1;
        put(table, &info);
    }
    return more;
}

static void save(struct keys *k)
{
    struct buf packed = {0};
    struct entry *e, *next;
    mp_array(&packed, 2);
    mp_u64(&packed, k->version_last);
    mp_array(&packed, HASH_COUNT(k->table));
    HASH_ITER(hh, k->table, e, next)
    {
        control_key_pack(&e->info, &packed);
    }
    store_meta_write(k->store, "keys", buf_span(&packed));
    buf_free(&packed);
}

struct keys *keys_new(struct store *store)
{
    struct keys *k = mem_new(sizeof *k);
    struct span packed;
    struct mp_cursor c;
    k->store = store;
    k->version_last = 1;
    if (store_meta_read(store, "keys", &packed) != STORE_OK)
        return k;
    mp_open(&c, packed);
    mp_read_array(&c);
    k->version_last = mp_read_u64(&c);
    struct span list = mp_skip(&c);
    k->known = !c.failed && put_all(&k->table, list) == 0;
    if (!k->known)
        log_error("list of templates in the store is damaged; waiting for a templater");
    return k;
}

void keys_destroy(struct keys **self)
{
    if (*self == NULL)
        return;
    clear(&(*self)->table);
    free(*self);
    *self = NULL;
}

int keys_are_known(const struct keys *k)
{
    return k->known;
}

const struct key_info *keys_find(const struct keys *k, struct span key)
{
    struct entry *e = find(k->table, key);
    return e ? &e->info : NULL;
}

int keys_replace(struct keys *k, struct span packed)
{
    struct entry *fresh = NULL, *e, *next;
    if (put_all(&fresh, packed) != 0) {
        clear(&fresh);
        return -1;
    }
    HASH_ITER(hh, fresh, e, next)
    {
        struct entry *old = find(k->table, e->info.key);
        if (old && old->info.version > e->info.version)
            e->info.version = old->info.version;
        if (e->info.version > k->version_last)
            k->version_last = e->info.version;
    }
    clear(&k->table);
    k->table = fresh;
    k->known = 1;
    save(k);
    return 0;
}

int keys_put(struct keys *k, struct span packed)
{
    if (put_all(&k->table, packed) != 0)
        return -1;
    save(k);
    return 0;
}

void keys_remove(struct keys *k, struct span key)
{
    struct entry *e = find(k->table, key);
    if (e == NULL)
        return;
    HASH_DEL(k->table, e);
    free(e);
    save(k);
}

uint64_t keys_next_version(struct keys *k)
{
    k->version_last++;
    save(k);
    return k->version_last;
}

void keys_pack_versions(const struct keys *k, struct buf *out)
{
    struct entry *e, *next;
    mp_map(out, HASH_COUNT(k->table));
    HASH_ITER(hh, k->table, e, next)
    {
        mp_span(out, e->info.key);
        mp_u64(out, e->info.version);
    }
}

int keys_is_custom(const struct key_info *info)
{
    return info && span_is(info->kind, "custom");
}

int keys_is_without_msgid(const struct key_info *info)
{
    return info && span_is(info->kind, "bizsubscribe");
}

static int has_variable(struct span vars, struct span name)
{
    struct mp_cursor c;
    if (vars.bytes == 0)
        return 0;
    mp_open(&c, vars);
    uint32_t count = mp_read_map(&c);
    for (uint32_t i = 0; i < count; i++) {
        if (span_equal(mp_read_str(&c), name))
            return 1;
        mp_skip(&c);
    }
    return 0;
}

int keys_find_missing(const struct key_info *info, struct span vars, struct span *missing)
{
    struct mp_cursor c;
    mp_open(&c, info->needs);
    uint32_t count = mp_read_array(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        struct span name = mp_read_str(&c);
        if (has_variable(vars, name))
            continue;
        *missing = name;
        return 1;
    }
    return 0;
}
