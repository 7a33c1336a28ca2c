/* The templates in use, kept in step with the source and the broker.
 *
 * Every template has a version. The broker gives a key a new one with each tset; a templater that knows of a
 * newer version than it has is behind, takes no jobs, and reads the source until it is not. What was read is
 * kept in the cache file.
 *
 * Used by templater.c, which hands in what the broker says and what the loader answers, and by jobs.c, which
 * looks templates up.
 */
#ifndef TEMPLATER_TEMPLATES_H
#define TEMPLATER_TEMPLATES_H

#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "proto/control.h"
#include "proto/member.h"
#include "templater/cache.h"
#include "templater/source.h"

struct templates;

struct templates_options {
    const struct conf *conf; /* must outlive the templates */
    struct source *source;   /* taken over */
    const char *cache_path;  /* copied */
};

/* Loads the cache file and has the source read. */
struct templates *templates_new(const struct templates_options *options);

/* Saves what was not saved and ends the loader. Returns 0, or 1 as loader_destroy does. */
int templates_destroy(struct templates **self);

/* The member that the broker is spoken to through; set once, before anything below. */
void templates_set_member(struct templates *t, struct member *m);

/* Readable when templates_receive has something to do. */
int templates_fd(const struct templates *t);
void templates_receive(struct templates *t);

/* Begins readings that are due and tells the broker what changed. Returns the milliseconds until it wants to
 * be called again, at most INT32_MAX. */
int templates_tick(struct templates *t);

/* Welcomed: `versions` is what the broker knows, a packed map key -> version; empty = nothing. */
void templates_welcomed(struct templates *t, struct span versions);

/* A tset of the broker: read m->key again, it gets m->key_version. With ref 0 we are behind for it. */
void templates_tset(struct templates *t, const struct control *m);

/* Reads everything again; jobs go on meanwhile. */
void templates_reload(struct templates *t);

/* missing_variable is another one: the broker is told what each template needs. */
void templates_tell_needs(struct templates *t);

/* 1 while jobs must wait. */
int templates_are_behind(const struct templates *t);

enum templates_found { TEMPLATES_FOUND, TEMPLATES_ABSENT, TEMPLATES_BEHIND };

/* Looks up the template for a job that asks for this version or a later one. BEHIND: ours is older; jobs wait
 * from now on. */
enum templates_found templates_find(struct templates *t, struct span key, uint64_t version,
                                    struct cache_entry *entry);

#endif
