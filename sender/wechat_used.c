#include "sender/wechat_used.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

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

void wechat_used_path(const char *cache_file, struct buf *out)
{
    char *folder = file_folder(cache_file);
    buf_printf(out, "%s/" NAME, folder);
    free(folder);
}

static int read_text(const char *path, struct buf *text)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    int failed = file_read(fd, FILE_BYTES_MAX, text);
    int error = errno;
    close(fd);
    errno = error;
    return failed;
}

int wechat_used_read(const char *path, const char *app_id, int64_t month, unsigned *count)
{
    struct buf text = {0};
    int failed = read_text(path, &text);
    *count = wechat_used_find(buf_span(&text), app_id, month);
    buf_free(&text);
    return failed;
}

/* Its lock keeps others from changing the count meanwhile. */
static int open_folder(const char *path)
{
    char *folder = file_folder(path);
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
        failed = file_replace(
            &(struct file_place){.path = path, .mode = 0600, .folder_mode = FOLDER_MODE, .is_for_folder_owner = 1},
            buf_span(&changed));
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    buf_free(&text);
    buf_free(&changed);
    errno = error;
    return failed ? -1 : 0;
}
