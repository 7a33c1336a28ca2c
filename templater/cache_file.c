/* The cache file. Read once at start (templates.c), written by the loader's thread. A damaged or unwritable
 * file costs the start without the source, nothing else. */
#include "templater/cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "proto/limits.h"
#include "proto/mp.h"

static const char magic[] = "mega-templates 1\n";

#define MAGIC_BYTES (sizeof magic - 1)
#define HASH_BYTES  8
#define HEAD_BYTES  (MAGIC_BYTES + HASH_BYTES)

static void pack_entry(void *to, const struct cache_entry *entry)
{
    struct buf *out = to;
    mp_array(out, 3);
    mp_span(out, entry->key);
    mp_u64(out, entry->version);
    mp_bin(out, entry->template->text);
}

static void write_hash(char *out, struct span payload)
{
    uint64_t hash = hash_64(payload.data, payload.bytes);
    for (int i = HASH_BYTES - 1; i >= 0; i--) {
        out[i] = (char)(hash & 0xff);
        hash >>= 8;
    }
}

void cache_file_pack(const struct cache *c, struct buf *out)
{
    size_t start = out->bytes;
    buf_append(out, magic, MAGIC_BYTES);
    buf_append(out, "\0\0\0\0\0\0\0\0", HASH_BYTES);
    mp_array(out, cache_count(c));
    cache_each(c, pack_entry, out);
    char *head = out->data + start;
    write_hash(head + MAGIC_BYTES, (struct span){head + HEAD_BYTES, out->bytes - start - HEAD_BYTES});
}

static void put_entry(struct cache *c, struct span key, uint64_t version, struct span text,
                      uint32_t template_bytes_max)
{
    struct buf why = {0};
    struct template *t = NULL;
    if (text.bytes > template_bytes_max)
        buf_append_str(&why, "over template size");
    else
        t = template_load(key, text, &why);
    if (t != NULL && cache_put(c, key, version, &t) != 0)
        buf_append_str(&why, "over table size");
    if (why.bytes > 0)
        log_warn("template of the cache file left out", log_span("key", key),
                 log_str("reason", buf_str(&why)));
    template_destroy(&t);
    buf_free(&why);
}

int cache_file_unpack(struct span content, struct cache *c, uint32_t template_bytes_max, struct buf *error)
{
    char hash[HASH_BYTES];
    if (content.bytes < HEAD_BYTES || memcmp(content.data, magic, MAGIC_BYTES) != 0) {
        buf_append_str(error, "not a cache file of templates");
        return -1;
    }
    struct span payload = {content.data + HEAD_BYTES, content.bytes - HEAD_BYTES};
    write_hash(hash, payload);
    if (memcmp(hash, content.data + MAGIC_BYTES, HASH_BYTES) != 0) {
        buf_append_str(error, "damaged: the checksum is wrong");
        return -1;
    }
    struct mp_cursor cursor;
    mp_open(&cursor, payload);
    uint32_t count = mp_read_array(&cursor);
    for (uint32_t i = 0; i < count && !cursor.failed; i++) {
        uint32_t members = mp_read_array(&cursor);
        struct span key = mp_read_str(&cursor);
        uint64_t version = mp_read_u64(&cursor);
        struct span text = mp_read_str(&cursor);
        if (members != 3 || cursor.failed || key.bytes == 0 || key.bytes > KEY_TEXT_BYTES_MAX || version == 0)
            cursor.failed = 1;
        else
            put_entry(c, key, version, text, template_bytes_max);
    }
    if (cursor.failed) {
        buf_append_str(error, "damaged: not a list of templates");
        return -1;
    }
    return 0;
}

static int fail_errno(struct buf *error, const char *what, const char *path)
{
    buf_printf(error, "%s %s: %s", what, path, strerror(errno));
    return -1;
}

int cache_file_read(const char *path, struct buf *out, struct buf *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : fail_errno(error, "open", path);
    int result = file_read(fd, CACHE_FILE_BYTES_MAX, out) == 0 ? 1 : fail_errno(error, "read", path);
    close(fd);
    return result;
}

int cache_file_write(const char *path, struct span content, struct buf *error)
{
    const struct file_place place = {.path = path, .mode = 0640, .folder_mode = 0770};
    return file_replace(&place, content) == 0 ? 0 : fail_errno(error, "write", path);
}
