#include "client/rows/rows_source.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define MARK_BYTES_MAX 3

static int fail(struct source *s, int number)
{
    buf_printf(&s->error, "reading: %s", strerror(number));
    return -1;
}

/* Returns the bytes, 0 at the end, or -1 with `error` set. */
static ssize_t read_some(struct source *s, char *to, size_t room)
{
    for (;;) {
        ssize_t got = read(s->fd, to, room);
        if (got >= 0) {
            s->bytes_read += (uint64_t)got;
            return got;
        }
        if (errno == EAGAIN) /* a pipe that somebody has set to non-blocking */
            poll(&(struct pollfd){.fd = s->fd, .events = POLLIN}, 1, -1);
        else if (errno != EINTR)
            return fail(s, errno);
    }
}

static int begin(struct source *s)
{
    if (fstat(s->fd, &s->before))
        return fail(s, errno);
    s->bytes_left = -1;
    if (S_ISDIR(s->before.st_mode))
        return fail(s, EISDIR);
    off_t from = S_ISREG(s->before.st_mode) ? lseek(s->fd, 0, SEEK_CUR) : -1;
    if (from >= 0 && from <= s->before.st_size)
        s->bytes_left = s->before.st_size - from;
    return 0;
}

/* A file is whole when it was read to the size it had, and nobody has written meanwhile. */
static int check_unchanged(struct source *s)
{
    struct stat after;
    if (!S_ISREG(s->before.st_mode))
        return 0;
    if (fstat(s->fd, &after))
        return fail(s, errno);
    int is_same = after.st_size == s->before.st_size && after.st_ino == s->before.st_ino &&
                  after.st_mtim.tv_sec == s->before.st_mtim.tv_sec && after.st_mtim.tv_nsec == s->before.st_mtim.tv_nsec;
    if (is_same && (s->bytes_left < 0 || s->bytes_read == (uint64_t)s->bytes_left))
        return 0;
    buf_append_str(&s->error, "the file was changed while it was read: begin again when nobody writes it");
    return -1;
}

/* Reads the mark. What follows it stays in the window. */
static int read_mark(struct source *s)
{
    size_t bytes;
    while (s->end < MARK_BYTES_MAX) {
        ssize_t got = read_some(s, s->data + s->end, MARK_BYTES_MAX - s->end);
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        s->end += (size_t)got;
    }
    s->mark = encoding_of_mark(source_window(s), &bytes);
    source_drop(s, bytes);
    if (s->mark != ENCODING_UTF16LE && s->mark != ENCODING_UTF16BE)
        return 0;
    s->utf16.is_big = s->mark == ENCODING_UTF16BE;
    s->chunk = mem_new(SOURCE_CHUNK_BYTES);
    struct span rest = source_window(s);
    char first[MARK_BYTES_MAX];
    memcpy(first, rest.data, rest.bytes);
    s->at = 0;
    s->end = utf16_decode(&s->utf16, (struct span){first, rest.bytes}, s->data);
    return 0;
}

int source_open(struct source *s, int fd)
{
    s->fd = fd;
    s->at = s->end = 0;
    s->is_end = 0;
    s->mark = ENCODING_AUTO;
    s->bytes_read = 0;
    s->utf16 = (struct utf16){0};
    s->error = (struct buf){0};
    s->chunk = NULL;
    if (begin(s) || read_mark(s))
        return -1;
    return source_fill(s);
}

void source_close(struct source *s)
{
    buf_free(&s->error);
    free(s->chunk);
    s->chunk = NULL;
}

int source_fill(struct source *s)
{
    struct span window = source_window(s);
    assert(window.bytes <= CSV_ROW_BYTES_MAX && !s->is_end);
    if (SOURCE_ROOM - s->end < UTF16_ROOM(SOURCE_CHUNK_BYTES)) {
        memmove(s->data, window.data, window.bytes);
        s->at = 0;
        s->end = window.bytes;
    }
    ssize_t got = read_some(s, s->chunk ? s->chunk : s->data + s->end, SOURCE_CHUNK_BYTES);
    if (got < 0)
        return -1;
    s->is_end = got == 0;
    if (s->chunk && got > 0)
        s->end += utf16_decode(&s->utf16, (struct span){s->chunk, (size_t)got}, s->data + s->end);
    else if (s->chunk)
        s->end += utf16_end(&s->utf16, s->data + s->end);
    else
        s->end += (size_t)got;
    return s->is_end ? check_unchanged(s) : 0;
}
