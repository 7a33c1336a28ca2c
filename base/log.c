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
#include <unistd.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/log_repeat.h"

#define FILE_MODE 0640

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all of the following */
static struct {
    const char *program;
    char *path;   /* owned; NULL: standard error */
    char *prefix; /* owned; NULL: none */
    char *stage;  /* owned; NULL: none */
    enum log_level level;
    enum log_messages messages;
    int json;
    int fd;
    struct buf line;
    struct log_repeats repeats;
} log_state = {.program = "mega", .level = LEVEL_INFO, .fd = STDERR_FILENO};

static void write_limited(enum log_level level, const char *event, const char *stage, uint64_t lines_max,
                          const struct log_field *fields, size_t count);
static void write_line(enum log_level level, const char *event, const char *stage, const struct log_field *fields, size_t count);
static void write_left_out(int64_t now_ms);

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
    free(log_state.stage);
    log_state.program = options->program;
    log_state.path = copy_unless_empty(options->path);
    log_state.prefix = copy_unless_empty(options->prefix);
    log_state.stage = copy_unless_empty(options->stage);
    log_state.level = options->level;
    log_state.messages = options->messages;
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

enum log_messages log_messages_now(void)
{
    return log_state.messages;
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    if (level >= log_state.level)
        write_limited(level, event, NULL, LOG_REPEAT_LINES_MAX, fields, count);
}

void log_message_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    uint64_t lines_max = log_state.messages == MESSAGES_ALL ? LOG_REPEAT_NO_LIMIT : LOG_REPEAT_MESSAGES_MAX;
    write_limited(level, event, log_state.stage, lines_max, fields, count);
}

static void write_limited(enum log_level level, const char *event, const char *stage, uint64_t lines_max,
                          const struct log_field *fields, size_t count)
{
    int error = errno; /* callers log first and look at errno afterwards */
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&log_lock);
    write_left_out(now_ms);
    if (log_repeats_allow(&log_state.repeats, event, lines_max, now_ms))
        write_line(level, event, stage, fields, count);
    pthread_mutex_unlock(&log_lock);
    errno = error;
}

static void write_left_out(int64_t now_ms)
{
    uint64_t left_out = 0;
    const char *event = log_repeats_ended(&log_state.repeats, now_ms, &left_out);
    while (event != NULL) {
        struct log_field fields[] = {log_str("of", event), log_u64("lines", left_out)};
        write_line(LEVEL_INFO, "repeats left out", NULL, fields, sizeof fields / sizeof *fields);
        event = log_repeats_ended(&log_state.repeats, now_ms, &left_out);
    }
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

static void write_line(enum log_level level, const char *event, const char *stage, const struct log_field *fields, size_t count)
{
    static const char *const levels[] = {"debug", "info", "warn", "error", "fatal"};
    struct buf *line = &log_state.line;
    int json = log_state.json;
    buf_clear(line);
    log_line_open(line, json, clock_wall_ms());
    log_line_text(line, json, "level", span_of(levels[level]));
    log_line_text(line, json, "prog", span_of(log_state.program));
    if (log_state.prefix != NULL)
        log_line_text(line, json, "prefix", span_of(log_state.prefix));
    log_line_text(line, json, "event", span_of(event));
    if (stage != NULL)
        log_line_text(line, json, "stage", span_of(stage));
    for (size_t i = 0; i < count; i++)
        if (fields[i].key != NULL)
            log_line_field(line, json, &fields[i]);
    log_line_close(line, json);
    write_out(buf_span(line));
}
