/* Where templates come from: the seam between the loader and the sources (mysql, dir).
 *
 * A source blocks as long as its time limits allow, so only the loader's thread calls it.
 */
#ifndef TEMPLATER_SOURCE_H
#define TEMPLATER_SOURCE_H

#include <stdint.h>

#include "base/buf.h"

/* A template as the source has it; valid during the call. A text longer than the limit comes cut, with more
 * bytes than the limit, so that its length tells. */
struct source_row {
    struct span key;
    struct span text;
};

/* What load_all fills. */
struct source_sink {
    void (*begin)(void *to); /* forget what came before: a reading begins, for the first or, after a lost
                                connection, the second time */
    void (*row)(void *to, const struct source_row *row); /* in the order of the keys */
    void *to;
};

struct source;

/* What a source does. Errors are texts for the caller of tset and the log, without a password. */
struct source_type {
    const char *name;
    /* Reads every template. Returns 0, or -1 with a message in `error` (appended) when the source cannot be
     * reached. */
    int (*load_all)(struct source *self, const struct source_sink *sink, struct buf *error);
    /* Reads one. Returns 1 with the source's own spelling of the key and the text (both appended), 0 when
     * there is none, -1 as above. */
    int (*load_one)(struct source *self, struct span key, struct buf *own_key, struct buf *text,
                    struct buf *error);
    void (*destroy)(struct source *self);
};

/* The first member of every source. */
struct source {
    const struct source_type *type;
    uint32_t template_bytes_max; /* longer texts are cut at one byte or more above it */
};

/* Makes the source of [templater] source: "mysql" or "dir:PATH". Connects to nothing. Returns NULL with a
 * message in `error` when the configuration is wrong. */
struct conf;
struct source *source_new(const struct conf *conf, struct buf *error);
void source_destroy(struct source **self);

#endif
