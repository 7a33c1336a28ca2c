#include "client/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITE_BYTES (1024 * 1024) /* gathered before they are written */

static int write_failed(const struct output_file *f, const char *what)
{
    int error = errno;
    if (f->progress)
        progress_end(f->progress);
    fprintf(stderr, "mega: %s: %s: %s\n", f->path ? f->path : "standard output", what, strerror(error));
    return -1;
}

static int write_lines(struct output_file *f)
{
    struct span left = buf_span(&f->lines);
    while (left.bytes) {
        ssize_t written = write(f->fd, left.data, left.bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return write_failed(f, "cannot be written");
        left = (struct span){left.data + written, left.bytes - (size_t)written};
    }
    buf_clear(&f->lines);
    return 0;
}

int output_file_open(struct output_file *f, const char *name, struct progress *progress)
{
    struct buf path = {0};
    f->name = name;
    f->progress = progress;
    f->fd = STDOUT_FILENO;
    if (name == NULL)
        return 0;
    buf_printf(&path, "%s.tmp", name);
    f->path = mem_dup(buf_str(&path));
    buf_free(&path);
    f->fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (f->fd >= 0)
        return 0;
    write_failed(f, "cannot be made");
    free(f->path);
    f->path = NULL;
    return -1;
}

int output_file_put(struct output_file *f)
{
    return f->lines.bytes < WRITE_BYTES ? 0 : write_lines(f);
}

enum status output_file_close(struct output_file *f, enum status status)
{
    if (status == STATUS_DONE && write_lines(f))
        status = STATUS_FAILED;
    if (f->path && status == STATUS_DONE && fsync(f->fd)) {
        write_failed(f, "cannot be written");
        status = STATUS_FAILED;
    }
    if (f->path && close(f->fd) && status == STATUS_DONE) {
        write_failed(f, "cannot be written");
        status = STATUS_FAILED;
    }
    if (f->path && status == STATUS_DONE && rename(f->path, f->name)) {
        write_failed(f, "cannot be renamed");
        status = STATUS_FAILED;
    }
    if (f->path && status != STATUS_DONE)
        unlink(f->path);
    free(f->path);
    buf_free(&f->lines);
    f->path = NULL;
    return status;
}
