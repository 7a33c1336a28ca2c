/* The log. Used by every program; before log_open it writes to standard error.
 *
 * A line is put together in memory and written with one write(2), so that lines of several processes in one
 * file do not mix. A line that cannot be written is lost: the log must never stop the work. Threads may log
 * at the same time.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_repeat.h"

#define VALUE_BYTES_MAX 1024 /* of a value in a line; the rest is left out */
#define FILE_MODE       0640

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all of the following */
static struct {
    const char *program;
    char *path;   /* owned; NULL: standard error */
    char *prefix; /* owned; NULL: none */
    enum log_level level;
    int json;
    int fd;
    struct buf line;
    struct log_repeats repeats;
} log_state = {.program = "mega", .level = LEVEL_INFO, .fd = STDERR_FILENO};

static void write_line(enum log_level level, const char *event, const struct log_field *fields, size_t count);
static void write_left_out(int64_t now_ms);
static void append_text(struct buf *line, const char *key, struct span value);
static void append_field(struct buf *line, const struct log_field *field);

static char *copy_unless_empty(const char *text)
{
    return text == NULL || *text == '\0' ? NULL : mem_dup(text);
}

static int open_file(const char *path)
{
    return path == NULL ? STDERR_FILENO : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, FILE_MODE);
}

int log_fd(void)
{
    return log_state.fd;
}

/* Puts fd in the place of the one before. */
static void take_fd(int fd)
{
    if (log_state.fd != STDERR_FILENO)
        close(log_state.fd);
    log_state.fd = fd;
}

static void take_options(const struct log_options *options)
{
    free(log_state.path);
    free(log_state.prefix);
    log_state.program = options->program;
    log_state.path = copy_unless_empty(options->path);
    log_state.prefix = copy_unless_empty(options->prefix);
    log_state.level = options->level;
    log_state.json = options->json;
}

int log_set_options(const struct log_options *options)
{
    const char *path = options->path;
    int fd = open_file(path != NULL && *path == '\0' ? NULL : path);
    if (fd < 0)
        return -1;
    pthread_mutex_lock(&log_lock);
    take_options(options);
    take_fd(fd);
    pthread_mutex_unlock(&log_lock);
    return 0;
}

int log_open(const struct log_options *options)
{
    pthread_mutex_lock(&log_lock);
    take_options(options);
    memset(&log_state.repeats, 0, sizeof log_state.repeats);

    int fd = open_file(log_state.path);
    int error = errno;
    take_fd(fd < 0 ? STDERR_FILENO : fd);
    pthread_mutex_unlock(&log_lock);
    errno = error;
    return fd < 0 ? -1 : 0;
}

int log_reopen(void)
{
    pthread_mutex_lock(&log_lock);
    int fd = open_file(log_state.path);
    int error = errno;
    if (fd >= 0)
        take_fd(fd);
    pthread_mutex_unlock(&log_lock);
    errno = error;
    return fd < 0 ? -1 : 0;
}

enum log_level log_level_now(void)
{
    return log_state.level;
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    if (level < log_state.level)
        return;
    int error = errno; /* callers log first and look at errno afterwards */
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&log_lock);
    write_left_out(now_ms);
    if (log_repeats_allow(&log_state.repeats, event, now_ms))
        write_line(level, event, fields, count);
    pthread_mutex_unlock(&log_lock);
    errno = error;
}

static void write_left_out(int64_t now_ms)
{
    uint64_t left_out = 0;
    const char *event = log_repeats_ended(&log_state.repeats, now_ms, &left_out);
    while (event != NULL) {
        struct log_field fields[] = {log_str("of", event), log_u64("lines", left_out)};
        write_line(LEVEL_INFO, "repeats left out", fields, sizeof fields / sizeof *fields);
        event = log_repeats_ended(&log_state.repeats, now_ms, &left_out);
    }
}

static void append_time(struct buf *line)
{
    int64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    char text[32] = "";
    if (gmtime_r(&seconds, &tm) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (log_state.json)
        buf_printf(line, "{\"t\":\"%s.%03dZ\"", text, (int)(now_ms % 1000));
    else
        buf_printf(line, "t=%s.%03dZ", text, (int)(now_ms % 1000));
}

static void write_out(struct span text)
{
    while (text.bytes > 0) {
        ssize_t written = write(log_state.fd, text.data, text.bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        text.data += written;
        text.bytes -= (size_t)written;
    }
}

static void write_line(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    static const char *const levels[] = {"debug", "info", "warn", "error", "fatal"};
    struct buf *line = &log_state.line;
    buf_clear(line);
    append_time(line);
    append_text(line, "level", span_of(levels[level]));
    append_text(line, "prog", span_of(log_state.program));
    if (log_state.prefix != NULL)
        append_text(line, "prefix", span_of(log_state.prefix));
    append_text(line, "event", span_of(event));
    for (size_t i = 0; i < count; i++)
        if (fields[i].key != NULL)
            append_field(line, &fields[i]);
    buf_append_str(line, log_state.json ? "}\n" : "\n");
    write_out(buf_span(line));
}

static void append_key(struct buf *line, const char *key)
{
    buf_append_str(line, log_state.json ? ",\"" : " ");
    buf_append_str(line, key);
    buf_append_str(line, log_state.json ? "\":" : "=");
}

static void append_field(struct buf *line, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_STR:
        append_text(line, field->key, span_of(field->value.str == NULL ? "" : field->value.str));
        return;
    case LOG_SPAN:
        append_text(line, field->key, field->value.span);
        return;
    case LOG_I64:
        append_key(line, field->key);
        buf_printf(line, "%lld", (long long)field->value.i64);
        return;
    case LOG_U64:
        append_key(line, field->key);
        buf_printf(line, "%llu", (unsigned long long)field->value.u64);
        return;
    }
}

/* The control characters U+0080 to U+009F act on some terminals; in UTF-8 they are C2 and the byte itself. */
static int is_c1(const unsigned char *p, size_t left)
{
    return left > 1 && p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0;
}

/* 1 when logfmt needs quotes around it. */
static int needs_quotes(struct span value, int utf8)
{
    for (size_t i = 0; i < value.bytes; i++) {
        const unsigned char *p = (const unsigned char *)value.data + i;
        if (*p <= ' ' || *p == '"' || *p == '=' || *p == '\\' || *p == 0x7F)
            return 1;
        if (is_c1(p, value.bytes - i))
            return 1;
    }
    return value.bytes == 0 || !utf8;
}

/* Appends what stands between quotes, in both formats. Bytes that are no UTF-8 are written one by one as
 * \u00XX. */
static void append_quoted(struct buf *line, struct span value, int utf8)
{
    for (size_t i = 0; i < value.bytes; i++) {
        const unsigned char *p = (const unsigned char *)value.data + i;
        if (is_c1(p, value.bytes - i)) {
            buf_printf(line, "\\u%04x", p[1]);
            i++;
        } else if (*p == 0x7F || (*p >= 0x80 && !utf8)) {
            buf_printf(line, "\\u%04x", *p);
        } else if (*p == '"' || *p == '\\') {
            buf_printf(line, "\\%c", *p);
        } else if (*p == '\n' || *p == '\r' || *p == '\t') {
            buf_append_str(line, *p == '\n' ? "\\n" : *p == '\r' ? "\\r" : "\\t");
        } else if (*p < ' ') {
            buf_printf(line, "\\u%04x", *p);
        } else {
            buf_append(line, p, 1);
        }
    }
}

/* Cuts a value that is too long, not in the middle of a character. */
static struct span cut(struct span value)
{
    if (value.bytes <= VALUE_BYTES_MAX)
        return value;
    size_t bytes = VALUE_BYTES_MAX;
    while (bytes > VALUE_BYTES_MAX - 4 && (value.data[bytes] & 0xC0) == 0x80)
        bytes--;
    return (struct span){value.data, bytes};
}

static void append_text(struct buf *line, const char *key, struct span value)
{
    struct span shown = cut(value);
    int utf8 = span_is_utf8(shown);
    append_key(line, key);
    int quotes = log_state.json || needs_quotes(shown, utf8) || shown.bytes < value.bytes;
    if (!quotes) {
        buf_append(line, shown.data, shown.bytes);
        return;
    }
    buf_append_str(line, "\"");
    append_quoted(line, shown, utf8);
    buf_append_str(line, shown.bytes < value.bytes ? " ...\"" : "\"");
}
