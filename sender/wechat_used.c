#include "sender/wechat_used.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME            "clear_quota"
#define BEIJING_AHEAD_S (8 * 3600)
#define FILE_BYTES_MAX  (1024 * 1024) /* 256 accounts are a tenth of it */
#define FOLDER_MODE     0750
#define MONTH_BYTES     7 /* 2026-11 */

int64_t wechat_used_month(int64_t wall_ms)
{
    struct tm tm = {0};
    time_t time = (time_t)(wall_ms / 1000 + BEIJING_AHEAD_S);
    gmtime_r(&time, &tm);
    return (int64_t)(tm.tm_year + 1900) * 12 + tm.tm_mon;
}

/* --- the text --------------------------------------------------------------------------------------------- */

struct line {
    int64_t month;
    unsigned count;
    struct span app_id;
};

static int digits(const char *text, size_t count, unsigned *number)
{
    *number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        *number = *number * 10 + (unsigned)(text[i] - '0');
    }
    return 0;
}

/* "2026-11 3 wx0123456789abcdef". Returns 0, or -1 when it is no such line. */
static int read_line(struct span text, struct line *line)
{
    unsigned year, month;
    const char *p = text.data;
    if (text.bytes < MONTH_BYTES + 4 || digits(p, 4, &year) || p[4] != '-' || digits(p + 5, 2, &month) || p[MONTH_BYTES] != ' ')
        return -1;
    size_t at = MONTH_BYTES + 1, count_bytes = 0;
    while (at + count_bytes < text.bytes && p[at + count_bytes] != ' ')
        count_bytes++;
    if (count_bytes < 1 || count_bytes > 2 || digits(p + at, count_bytes, &line->count) || at + count_bytes + 1 >= text.bytes)
        return -1;
    at += count_bytes + 1;
    line->month = (int64_t)year * 12 + month - 1;
    line->app_id = (struct span){p + at, text.bytes - at};
    return month < 1 || month > 12 || line->count > WECHAT_CLEARS_MAX ? -1 : 0;
}

/* The next line from *at on, without its end. Returns 0, or -1 behind the last one. */
static int next_line(struct span text, size_t *at, struct span *line)
{
    if (*at >= text.bytes)
        return -1;
    const char *begin = text.data + *at, *end = memchr(begin, '\n', text.bytes - *at);
    *line = (struct span){begin, end ? (size_t)(end - begin) : text.bytes - *at};
    *at += line->bytes + 1;
    return 0;
}

unsigned wechat_used_find(struct span text, const char *app_id, int64_t month)
{
    struct span raw;
    struct line line;
    unsigned count = 0;
    for (size_t at = 0; next_line(text, &at, &raw) == 0;)
        if (read_line(raw, &line) == 0 && line.month == month && span_is(line.app_id, app_id))
            count = line.count;
    return count;
}

void wechat_used_set(struct span text, const char *app_id, int64_t month, unsigned count, struct buf *out)
{
    struct span raw;
    struct line line;
    for (size_t at = 0; next_line(text, &at, &raw) == 0;)
        if (read_line(raw, &line) == 0 && line.month == month && !span_is(line.app_id, app_id)) {
            buf_append(out, raw.data, raw.bytes);
            buf_append_str(out, "\n");
        }
    buf_printf(out, "%04" PRId64 "-%02" PRId64 " %u %s\n", month / 12, month % 12 + 1, count, app_id);
}

/* --- the file --------------------------------------------------------------------------------------------- */

static char *folder_of(const char *path)
{
    char *copy = mem_dup(path);
    char *folder = mem_dup(dirname(copy));
    free(copy);
    return folder;
}

void wechat_used_path(const char *cache_file, struct buf *out)
{
    char *folder = folder_of(cache_file);
    buf_printf(out, "%s/" NAME, folder);
    free(folder);
}

static int read_text(const char *path, struct buf *text)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    ssize_t got;
    while ((got = read(fd, buf_reserve(text, 4096), 4096)) > 0 && text->bytes <= FILE_BYTES_MAX)
        text->bytes += (size_t)got;
    int error = errno;
    close(fd);
    errno = error;
    return got < 0 ? -1 : 0;
}

int wechat_used_read(const char *path, const char *app_id, int64_t month, unsigned *count)
{
    struct buf text = {0};
    int failed = read_text(path, &text);
    *count = wechat_used_find(buf_span(&text), app_id, month);
    buf_free(&text);
    return failed;
}

/* An operator who is root leaves it to the owner of the folder, who must be able to go on with it. */
static int give_to_owner(int fd, int folder_fd)
{
    struct stat st;
    if (geteuid() != 0)
        return 0;
    return fstat(folder_fd, &st) == 0 ? fchown(fd, st.st_uid, st.st_gid) : -1;
}

static int write_whole(int fd, struct span text)
{
    for (size_t at = 0; at < text.bytes;) {
        ssize_t written = write(fd, text.data + at, text.bytes - at);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0)
            at += (size_t)written;
    }
    return fsync(fd);
}

/* Writes beside and renames. Returns -1 with errno set. */
static int write_text(const char *path, int folder_fd, struct span text)
{
    struct buf beside = {0};
    buf_printf(&beside, "%s.new", path);
    unlink(buf_str(&beside)); /* of one that was ended while it wrote: the folder is locked */
    int fd = open(buf_str(&beside), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int failed = fd < 0 || give_to_owner(fd, folder_fd) || write_whole(fd, text);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (!failed && rename(buf_str(&beside), path) != 0) {
        failed = 1;
        error = errno;
    }
    if (failed && fd >= 0)
        unlink(buf_str(&beside));
    if (!failed && fsync(folder_fd) != 0) {
        failed = 1;
        error = errno;
    }
    buf_free(&beside);
    errno = error;
    return failed ? -1 : 0;
}

static int open_folder(const char *path)
{
    char *folder = folder_of(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && mkdir(folder, FOLDER_MODE) == 0)
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return fd;
}

int wechat_used_add(const char *path, const char *app_id, int64_t month, unsigned add)
{
    struct buf text = {0}, changed = {0};
    int fd = open_folder(path);
    int failed = fd < 0 || flock(fd, LOCK_EX) != 0 || read_text(path, &text) != 0;
    if (!failed) {
        unsigned count = wechat_used_find(buf_span(&text), app_id, month);
        count = add > WECHAT_CLEARS_MAX - count ? WECHAT_CLEARS_MAX : count + add;
        wechat_used_set(buf_span(&text), app_id, month, count, &changed);
        failed = write_text(path, fd, buf_span(&changed));
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    buf_free(&text);
    buf_free(&changed);
    errno = error;
    return failed ? -1 : 0;
}
