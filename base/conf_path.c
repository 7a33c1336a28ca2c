/* Files beside the configuration: relative paths, and secrets that have a file of their own. */
#include "base/conf_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *conf_path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? mem_dup(".")
                   : slash == path ? mem_dup("/")
                                   : span_dup((struct span){path, (size_t)(slash - path)});
    char *absolute = realpath(folder, NULL);
    if (absolute == NULL)
        return folder;
    free(folder);
    return absolute;
}

int conf_path_resolve(const char *prefix, const char *folder, const char *path, char out[CONF_TEXT_BYTES_MAX])
{
    int relative = *path != '/' && *path != '\0';
    const char *between = relative && strcmp(folder, "/") != 0 ? "/" : "";
    int length =
        snprintf(out, CONF_TEXT_BYTES_MAX, "%s%s%s%s", prefix, relative ? folder : "", between, path);
    return length < 0 || length >= CONF_TEXT_BYTES_MAX ? -1 : 0;
}

/* Reads up to `room` bytes. Returns their number, or -1 (errno set). */
static ssize_t read_start(int fd, char *out, size_t room)
{
    size_t bytes = 0;
    while (bytes < room) {
        ssize_t got = read(fd, out + bytes, room - bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        bytes += (size_t)got;
    }
    return (ssize_t)bytes;
}

/* Reads the beginning of a file into out. Returns the number of bytes, or -1 with what is wrong appended. */
static ssize_t read_file(const char *path, char *out, size_t room, struct buf *wrong)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a fifo must not hold us up */
    if (fd < 0) {
        buf_printf(wrong, "cannot open \"%s\": %s", path, strerror(errno));
        return -1;
    }
    ssize_t bytes = -1;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        buf_printf(wrong, "\"%s\" is no regular file", path);
    } else {
        bytes = read_start(fd, out, room);
        if (bytes < 0)
            buf_printf(wrong, "cannot read \"%s\": %s", path, strerror(errno));
    }
    close(fd);
    return bytes;
}

int conf_path_read_secret(const char *path, char out[CONF_TEXT_BYTES_MAX], struct buf *wrong)
{
    char text[CONF_TEXT_BYTES_MAX + 2];
    ssize_t got = read_file(path, text, sizeof text, wrong);
    if (got < 0)
        return -1;
    size_t bytes = (size_t)got;
    const char *newline = memchr(text, '\n', bytes);
    if (newline != NULL)
        bytes = (size_t)(newline - text);
    if (bytes > 0 && text[bytes - 1] == '\r')
        bytes--;
    if (bytes == 0 || memchr(text, '\0', bytes) != NULL) {
        buf_printf(wrong, "the first line of \"%s\" is empty or holds a NUL byte; write the secret there",
                   path);
        return -1;
    }
    if (bytes >= CONF_TEXT_BYTES_MAX) {
        buf_printf(wrong, "the first line of \"%s\" is longer than 511 bytes; shorten it", path);
        return -1;
    }
    memcpy(out, text, bytes);
    out[bytes] = '\0';
    return 0;
}
