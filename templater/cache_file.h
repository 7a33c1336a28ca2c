/* The last good templates on disk, so that a start does not need the source.
 *
 * The file is a magic word with the number of the format, the hash_64 of what follows (8 bytes, big-endian),
 * and a packed array of [key, version, text]. It is replaced as a whole: a file beside it, fsync, rename,
 * fsync of the folder.
 */
#ifndef TEMPLATER_CACHE_FILE_H
#define TEMPLATER_CACHE_FILE_H

#include <stdint.h>

#include "base/buf.h"
#include "templater/cache.h"

/* Larger files are not read: table_size and template_size at their limits would allow 100 GiB. */
#define CACHE_FILE_BYTES_MAX (1024LL * 1024 * 1024)

/* Appends the content of the file for a table. */
void cache_file_pack(const struct cache *c, struct buf *out);

/* Puts the templates of a file's content into the table; those over template_bytes_max, those that do not
 * compile or that WeChat would refuse, and those for which there is no room are left out with one log line each. Returns 0, or -1 with a
 * message in `error` (appended) when the content is damaged; the table may then hold part of it. */
int cache_file_unpack(struct span content, struct cache *c, uint32_t template_bytes_max, struct buf *error);

/* Reads the file. Returns 1 with its content appended to `out`, 0 when there is none, -1 with a message in
 * `error`. */
int cache_file_read(const char *path, struct buf *out, struct buf *error);

/* Replaces the file, mode 0640; makes its folder (one level, 0770) when it is missing. Returns 0, or -1 with
 * a message in `error`; the old file then stays. */
int cache_file_write(const char *path, struct span content, struct buf *error);

#endif
