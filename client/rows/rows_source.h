/* The bytes of a recipients file as UTF-8 or GBK, in a window that moves over it.
 *
 * Used by rows.c. Reads files and pipes in chunks of 64 KiB. A byte order mark is taken away, UTF-16 made UTF-8. Fails when a regular
 * file is another at its end than it was at the beginning: a list of which half is old must not be taken for one.
 */
#ifndef CLIENT_ROWS_ROWS_SOURCE_H
#define CLIENT_ROWS_ROWS_SOURCE_H

#include <sys/stat.h>

#include "client/rows/csv.h"
#include "client/rows/encoding.h"

#define SOURCE_CHUNK_BYTES (64 * 1024)
#define SOURCE_ROOM        (CSV_ROW_BYTES_MAX + UTF16_ROOM(SOURCE_CHUNK_BYTES) + 1)

struct source {
    int fd;                /* the caller's */
    enum encoding mark;    /* of the byte order mark, ENCODING_AUTO without one */
    struct stat before;
    int64_t bytes_left;    /* of a regular file when it was opened, from where it stood; -1: not known */
    uint64_t bytes_read;
    struct utf16 utf16;
    int is_end;            /* nothing follows the window */
    size_t at, end;        /* the window in `data` */
    struct buf error;
    char *chunk;           /* UTF-16 as it is read */
    char data[SOURCE_ROOM];
};

/* Reads the first chunk. Returns 0, or -1 with `error` set. source_close afterwards in any case; it leaves fd open. */
int source_open(struct source *s, int fd);
void source_close(struct source *s);

static inline struct span source_window(const struct source *s)
{
    return (struct span){s->data + s->at, s->end - s->at};
}

/* Takes bytes away from the window's front. */
static inline void source_drop(struct source *s, size_t bytes)
{
    s->at += bytes;
}

/* Reads on behind the window, which has at most CSV_ROW_BYTES_MAX bytes then; or sets is_end. The window's bytes move. Returns 0, or
 * -1 with `error` set: reading failed, or the file has changed. */
int source_fill(struct source *s);

#endif
