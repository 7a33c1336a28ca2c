#include "client/log_read.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE_BYTES (1024 * 1024) /* and the longest line */

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct reading {
    char *data; /* PIECE_BYTES */
    size_t bytes;
    int skips;  /* 1: inside of a line that is too long, until its newline */
    struct span needle;
    log_line_taken *taken;
    void *self;
};

/* Hands over the lines of whole[] that hold the needle: the needle is looked for, not the lines. */
static int take_lines(struct reading *r, struct span whole)
{
    const char *at = whole.data, *end = whole.data + whole.bytes;
    while (at < end) {
        const char *hit = r->needle.bytes ? memmem(at, (size_t)(end - at), r->needle.data, r->needle.bytes) : at;
        if (hit == NULL)
            return 0;
        const char *before = hit > at ? memrchr(at, '\n', (size_t)(hit - at)) : NULL;
        const char *from = before ? before + 1 : at;
        const char *newline = memchr(hit, '\n', (size_t)(end - hit));
        const char *to = newline ? newline : end;
        if (r->taken(r->self, (struct span){from, (size_t)(to - from)}))
            return 1;
        at = to + 1;
    }
    return 0;
}

/* Drops what stands before the end of a line that was too long. */
static void skip(struct reading *r)
{
    const char *newline = memchr(r->data, '\n', r->bytes);
    size_t bytes = newline ? (size_t)(newline + 1 - r->data) : r->bytes;
    memmove(r->data, r->data + bytes, r->bytes - bytes);
    r->bytes -= bytes;
    r->skips = newline == NULL;
}

/* Takes the whole lines of what is there; the beginning of the next one moves to the front. */
static int take_piece(struct reading *r)
{
    if (r->skips)
        skip(r);
    const char *last = memrchr(r->data, '\n', r->bytes);
    if (last == NULL) {
        r->skips |= r->bytes == PIECE_BYTES;
        r->bytes = r->skips ? 0 : r->bytes;
        return 0;
    }
    size_t whole = (size_t)(last + 1 - r->data);
    int ended = take_lines(r, (struct span){r->data, whole});
    memmove(r->data, r->data + whole, r->bytes - whole);
    r->bytes -= whole;
    return ended;
}

int log_read(int fd, struct span needle, log_line_taken *taken, void *self)
{
    struct reading r = {.data = mem_new(PIECE_BYTES), .needle = needle, .taken = taken, .self = self};
    int ended = 0, error = 0;
    ssize_t got = 1;
    while (got > 0 && !ended) {
        do
            got = read(fd, r.data + r.bytes, PIECE_BYTES - r.bytes);
        while (got < 0 && errno == EINTR);
        if (got > 0) {
            r.bytes += (size_t)got;
            ended = take_piece(&r);
        }
    }
    if (got < 0)
        error = errno;
    else if (!ended && r.bytes > 0 && !r.skips) /* without its newline: it is just being written */
        ended = take_lines(&r, (struct span){r.data, r.bytes});
    free(r.data);
    errno = error;
    return error ? -1 : ended;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

int log_process_open(char *const argv[], pid_t *pid)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    *pid = fork();
    if (*pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    int error = errno;
    close(ends[1]);
    if (*pid > 0)
        return ends[0];
    close(ends[0]);
    *pid = 0;
    errno = error;
    return -1;
}

int log_file_open(const char *path, pid_t *pid)
{
    size_t bytes = strlen(path);
    *pid = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || bytes < 3 || strcmp(path + bytes - 3, ".gz") != 0)
        return fd;
    close(fd); /* only whether it can be read */
    char *copy = mem_dup(path), gzip[] = "gzip", unpack[] = "-dc", rest[] = "--";
    char *const argv[] = {gzip, unpack, rest, copy, NULL};
    fd = log_process_open(argv, pid);
    free(copy);
    return fd;
}

int log_file_close(int fd, pid_t pid)
{
    int status = 0;
    pid_t ended = 0;
    close(fd);
    if (pid == 0)
        return 0;
    do
        ended = waitpid(pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    /* One that was not read to its end dies of that. */
    return ended == pid && ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || WIFSIGNALED(status)) ? 0 : -1;
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

static void add_one(struct log_files *f, const char *path, int64_t since_s)
{
    struct stat info;
    if (f->count == LOG_FILES_MAX || stat(path, &info) != 0 || S_ISDIR(info.st_mode) || info.st_mtime < since_s)
        return;
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].device == info.st_dev && f->list[i].inode == info.st_ino)
            return;
    f->list[f->count++] = (struct log_file){mem_dup(path), info.st_dev, info.st_ino};
}

void log_files_add(struct log_files *f, const char *pattern, int64_t since_s)
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        add_one(f, found.gl_pathv[i], since_s);
    globfree(&found);
}

/* Appends the path with what a pattern would understand otherwise as it stands. */
static void append_literally(const char *path, struct buf *out)
{
    for (; *path; path++) {
        if (strchr("*?[\\", *path))
            buf_append_str(out, "\\");
        buf_append(out, path, 1);
    }
}

void log_files_add_rotated(struct log_files *f, const char *path, int64_t since_s)
{
    static const char *const ends[] = {".[0-9]*", "-[0-9]*"};
    add_one(f, path, since_s);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct buf pattern = {0};
        append_literally(path, &pattern);
        buf_append_str(&pattern, ends[i]);
        log_files_add(f, buf_str(&pattern), since_s);
        buf_free(&pattern);
    }
}

void log_files_free(struct log_files *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->list[i].path);
    f->count = 0;
}
