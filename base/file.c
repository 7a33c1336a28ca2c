#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 65536

int file_read(int fd, int64_t bytes_max, struct buf *out)
{
    for (;;) {
        ssize_t got = read(fd, buf_reserve(out, READ_BYTES), READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        out->bytes += (size_t)got;
        if ((int64_t)out->bytes > bytes_max) {
            errno = EFBIG;
            return -1;
        }
    }
}

char *file_folder(const char *path)
{
    char *copy = mem_dup(path);
    char *folder = mem_dup(dirname(copy));
    free(copy);
    return folder;
}

static int open_folder(const char *path, mode_t mode)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && (mkdir(path, mode) == 0 || errno == EEXIST))
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

static int give_to_owner(int fd, int folder_fd)
{
    struct stat st;
    if (geteuid() != 0)
        return 0;
    return fstat(folder_fd, &st) == 0 ? fchown(fd, st.st_uid, st.st_gid) : -1;
}

static int write_all(int fd, struct span bytes)
{
    for (size_t at = 0; at < bytes.bytes;) {
        ssize_t written = write(fd, bytes.data + at, bytes.bytes - at);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0)
            at += (size_t)written;
    }
    return fsync(fd);
}

static int write_beside(const struct file_place *place, const char *beside, int folder_fd, struct span bytes)
{
    unlink(beside); /* of one that was ended while it wrote */
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, place->mode);
    if (fd < 0)
        return -1;
    int failed = (place->is_for_folder_owner && give_to_owner(fd, folder_fd)) || write_all(fd, bytes);
    int error = errno;
    close(fd);
    if (!failed && rename(beside, place->path) == 0)
        return 0;
    error = failed ? error : errno;
    unlink(beside);
    errno = error;
    return -1;
}

int file_replace(const struct file_place *place, struct span bytes)
{
    struct buf beside = {0};
    char *folder = file_folder(place->path);
    buf_printf(&beside, "%s.new", place->path);
    int fd = open_folder(folder, place->folder_mode);
    int failed = fd < 0 || write_beside(place, buf_str(&beside), fd, bytes) || fsync(fd);
    int error = errno;
    if (fd >= 0)
        close(fd);
    free(folder);
    buf_free(&beside);
    errno = error;
    return failed ? -1 : 0;
}

int file_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = fsync(fd), error = errno;
    close(fd);
    errno = error;
    return failed;
}
