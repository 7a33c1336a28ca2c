#include "base/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log_line.h"

#define FILE_MODE     0640
#define FOLDER_MODE   0770
#define SYNC_EVERY_MS 1000

struct audit {
    const char *program;
    char *path; /* owned */
    int json;
    struct buf line;
    int is_torn;     /* the last line was written in part: the next one begins behind a newline */
    int is_unsynced;
    int64_t synced_ms;
};

static int open_file(const struct audit *a)
{
    return open(a->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, FILE_MODE);
}

struct audit *audit_new(const char *program, const char *path, int json)
{
    struct audit *a = mem_new(sizeof *a);
    a->program = program;
    a->path = mem_dup(path);
    a->json = json;
    int fd = open_file(a);
    if (fd < 0 && errno == ENOENT) {
        char *folder = file_folder(path);
        if (mkdir(folder, FOLDER_MODE) == 0)
            fd = open_file(a);
        free(folder);
    }
    if (fd >= 0)
        close(fd);
    else
        log_error("audit file cannot be opened; changes are made all the same", log_str("path", path), log_str("error", strerror(errno)));
    return a;
}

void audit_destroy(struct audit **self)
{
    struct audit *a = *self;
    if (a == NULL)
        return;
    audit_tick(a, INT64_MAX);
    buf_free(&a->line);
    free(a->path);
    free(a);
    *self = NULL;
}

/* Of /etc/passwd only: what else there is (LDAP, …) may take its time, and everybody else waits meanwhile. */
static void find_user(int64_t uid, char *out, size_t room)
{
    FILE *file = fopen("/etc/passwd", "re");
    const struct passwd *entry = NULL;
    *out = '\0';
    if (file == NULL)
        return;
    do
        entry = fgetpwent(file);
    while (entry != NULL && (int64_t)entry->pw_uid != uid);
    if (entry != NULL)
        snprintf(out, room, "%s", entry->pw_name);
    fclose(file);
}

void audit_find_who(const void *message, int is_curve, struct span by, struct audit_who *out)
{
    memset(out, 0, sizeof *out);
    span_to_text(out->by, sizeof out->by, by);
    peer_of(message, is_curve, &out->peer);
    if (out->peer.kind == PEER_USER)
        find_user(out->peer.uid, out->user, sizeof out->user);
}

/* One write, so that lines of several processes do not mix. Returns 0, or -1 with errno set. */
static int append(struct audit *a)
{
    int fd = open_file(a), error = 0;
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, a->line.data, a->line.bytes);
    if (written < 0)
        error = errno;
    else if ((size_t)written < a->line.bytes) {
        error = ENOSPC;
        a->is_torn = 1;
    } else
        a->is_torn = 0;
    close(fd);
    errno = error;
    return error ? -1 : 0;
}

static void put_who(struct audit *a, const struct audit_who *who)
{
    const struct peer *p = &who->peer;
    const struct log_field fields[] = {log_some("by", span_of(who->by)),
                                       log_str("peer", p->name),
                                       log_some("user", span_of(who->user)),
                                       log_i64(p->kind == PEER_USER ? "pid" : NULL, p->pid),
                                       log_some("address", span_of(p->address))};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].key != NULL)
            log_line_field(&a->line, a->json, &fields[i]);
}

void audit_write(struct audit *a, const char *op, const struct audit_who *who, const struct log_field *fields, size_t count)
{
    buf_clear(&a->line);
    if (a->is_torn)
        buf_append_str(&a->line, "\n");
    log_line_open(&a->line, a->json, clock_wall_ms());
    log_line_text(&a->line, a->json, "prog", span_of(a->program));
    log_line_text(&a->line, a->json, "op", span_of(op));
    put_who(a, who);
    for (size_t i = 0; i < count; i++)
        if (fields[i].key != NULL)
            log_line_field(&a->line, a->json, &fields[i]);
    log_line_close(&a->line, a->json);
    a->is_unsynced = 1;
    if (append(a) == 0)
        return;
    const char *why = strerror(errno);
    struct span line = {a->line.data, a->line.bytes - 1};
    log_error("audit line cannot be written; what was asked for is done all the same", log_str("path", a->path), log_str("error", why),
              log_span("line", line));
}

void audit_tick(struct audit *a, int64_t now_ms)
{
    if (!a->is_unsynced || now_ms - a->synced_ms < SYNC_EVERY_MS)
        return;
    a->is_unsynced = 0;
    a->synced_ms = now_ms;
    int fd = open(a->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return; /* moved away meanwhile: the kernel writes it in its own time */
    if (fdatasync(fd) != 0)
        log_error("audit file cannot be made durable", log_str("path", a->path), log_str("error", strerror(errno)));
    close(fd);
}
