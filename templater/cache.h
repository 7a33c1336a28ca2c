/* The table of compiled templates and the version of each.
 *
 * It also remembers the keys that were looked for and are not there, with the version at which that was found
 * out: a job of a later version than that speaks of a template that was made since. Used by templates.c (the
 * table in use) and loader.c (one being read).
 */
#ifndef TEMPLATER_CACHE_H
#define TEMPLATER_CACHE_H

#include <stdint.h>

#include "base/buf.h"
#include "templater/template.h"

struct cache;

/* One template. Owned by the cache; valid until its key is put or removed. */
struct cache_entry {
    struct span key;
    uint64_t version; /* from 1 */
    const struct template *template;
};

/* Holds at most entries_max templates (table_size). */
struct cache *cache_new(uint32_t entries_max);
void cache_destroy(struct cache **self);

uint32_t cache_count(const struct cache *c);

/* Returns 1 and the entry, or 0. Keys are compared byte by byte. */
int cache_find(const struct cache *c, struct span key, struct cache_entry *entry);

/* Puts a template in, in the place of an older one of its key, and takes it over (*template becomes NULL).
 * Returns -1 when it is a new key and the table is full; the template is then still the caller's. */
int cache_put(struct cache *c, struct span key, uint64_t version, struct template **template);

/* Gives a key that is there another version; nothing happens when it is not. */
void cache_set_version(struct cache *c, struct span key, uint64_t version);

/* Takes a key out, if it is there, and remembers that it is absent at this version. */
void cache_remove(struct cache *c, struct span key, uint64_t version);

/* The version at which a key that is not in the table was found to be absent; 0 when nobody looked. */
uint64_t cache_absent(const struct cache *c, struct span key);

/* Calls for every template, in no order. The table must not be changed meanwhile. */
void cache_each(const struct cache *c, void (*call)(void *to, const struct cache_entry *entry), void *to);

#endif
