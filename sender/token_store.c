/* Reads and writes the token cache. */
#include "sender/token_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "proto/mp.h"
#include "proto/token.h"

#define VERSION         1
#define FILE_MEMBERS    3
#define RECORD_MEMBERS  7
#define FILE_BYTES_MAX  (4 * 1024 * 1024) /* 256 accounts with tokens of 2 KiB are a seventh of it */
#define FOLDER_MODE     0750

static int read_file(const char *path, struct buf *bytes);
static int check_file(const char *path, int fd);
static int read_record(struct mp_cursor *c, struct token_record *r);

void token_store_key(const struct conf_account *account, char key[TOKEN_KEY_BYTES])
{
    static const char *const modes[] = {
        [TOKEN_STABLE] = "stable", [TOKEN_CLASSIC] = "classic", [TOKEN_EXTERNAL] = "external"};
    struct buf text = {0};
    buf_append(&text, account->app_id, strlen(account->app_id) + 1);
    buf_append(&text, account->app_secret, strlen(account->app_secret) + 1);
    buf_append(&text, account->api_base, strlen(account->api_base) + 1);
    buf_append_str(&text, modes[account->token_mode]);
    if (account->token_mode == TOKEN_EXTERNAL) {
        buf_append(&text, "", 1);
        buf_append(&text, account->token_url, strlen(account->token_url) + 1);
        buf_append_str(&text, account->token_sql);
    }
    hash_hex(hash_128(text.data, text.bytes), key);
    buf_free(&text);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static size_t read_payload(struct span payload, struct token_record *records, size_t max)
{
    struct mp_cursor c;
    mp_open(&c, payload);
    uint32_t count = mp_read_array(&c);
    if (c.failed || count > max)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (read_record(&c, &records[i]) != 0)
            return 0;
    return count;
}

size_t token_store_read(const char *path, struct buf *bytes, struct token_record *records, size_t max)
{
    struct mp_cursor c;
    buf_clear(bytes);
    if (read_file(path, bytes) != 0)
        return 0;
    mp_open(&c, buf_span(bytes));
    uint32_t members = mp_read_array(&c);
    uint64_t version = mp_read_u64(&c);
    struct span payload = mp_read_str(&c);
    uint64_t hash = mp_read_u64(&c);
    int is_good = !c.failed && members == FILE_MEMBERS && version == VERSION && c.at == c.end;
    if (!is_good || hash != hash_64(payload.data, payload.bytes)) {
        log_warn("token cache is damaged and ignored, tokens are fetched", log_str("path", path));
        return 0;
    }
    return read_payload(payload, records, max);
}

static int read_record(struct mp_cursor *c, struct token_record *r)
{
    *r = (struct token_record){0};
    if (mp_read_array(c) != RECORD_MEMBERS)
        return -1;
    struct span key = mp_read_str(c);
    if (c->failed || key.bytes != TOKEN_KEY_BYTES)
        return -1;
    memcpy(r->key, key.data, TOKEN_KEY_BYTES);
    r->token = mp_read_str(c);
    r->until_wall_ms = mp_read_i64(c);
    r->lifetime_ms = mp_read_i64(c);
    r->forced.day = mp_read_i64(c);
    r->forced.count = (uint32_t)mp_read_u64(c);
    r->forced.last_wall_ms = mp_read_i64(c);
    return c->failed || r->token.bytes > TOKEN_BYTES_MAX ? -1 : 0;
}

/* Returns 0, or -1 when there is no file or it cannot be used (logged). */
static int read_file(const char *path, struct buf *bytes)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            log_warn("token cache cannot be read, tokens are fetched", log_str("path", path),
                     log_str("error", strerror(errno)));
        return -1;
    }
    int failed = check_file(path, fd);
    if (!failed && (failed = file_read(fd, FILE_BYTES_MAX, bytes)) != 0)
        log_warn("token cache cannot be read, tokens are fetched", log_str("path", path), log_str("error", strerror(errno)));
    close(fd);
    return failed;
}

/* Somebody else's file could hold a token of his choice; one that others can read may be known to them. */
static int check_file(const char *path, int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) == 0 && st.st_uid == geteuid())
        return 0;
    log_warn("token cache is ignored: it must be a file of this user with mode 0600", log_str("path", path));
    return -1;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static void pack_record(const struct token_record *r, struct buf *out)
{
    mp_array(out, RECORD_MEMBERS);
    mp_span(out, (struct span){r->key, TOKEN_KEY_BYTES});
    mp_span(out, r->token);
    mp_i64(out, r->until_wall_ms);
    mp_i64(out, r->lifetime_ms);
    mp_i64(out, r->forced.day);
    mp_u64(out, r->forced.count);
    mp_i64(out, r->forced.last_wall_ms);
}

int token_store_write(const char *path, const struct token_record *records, size_t count)
{
    struct buf payload = {0}, file = {0};
    mp_array(&payload, count);
    for (size_t i = 0; i < count; i++)
        pack_record(&records[i], &payload);
    mp_array(&file, FILE_MEMBERS);
    mp_u64(&file, VERSION);
    mp_bin(&file, buf_span(&payload));
    mp_u64(&file, hash_64(payload.data, payload.bytes));
    int failed = file_replace(&(struct file_place){.path = path, .mode = 0600, .folder_mode = FOLDER_MODE}, buf_span(&file));
    if (failed)
        log_warn("token cache cannot be written", log_str("path", path), log_str("error", strerror(errno)));
    buf_free(&payload);
    buf_free(&file);
    return failed;
}
