/* The folder of KEY.json files. A file that cannot be opened is left out with a log line; a folder that
 * cannot be read, or a fault of the machine (EIO, no file descriptors), is an unreachable source. Links are
 * followed: configuration systems lay out their files by links. */
#include "templater/source_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "proto/limits.h"

#define SUFFIX       ".json"
#define SUFFIX_BYTES (sizeof SUFFIX - 1)

struct source_dir {
    struct source base;
    char *path; /* owned */
};

/* Keys as C strings, each owned. */
struct key_list {
    char **keys;
    size_t count, room;
};

static int dir_load_all(struct source *self, const struct source_sink *sink, struct buf *error);
static int dir_load_one(struct source *self, struct span key, struct buf *own_key, struct buf *text,
                        struct buf *error);
static void dir_destroy(struct source *self);

static const struct source_type dir_type = {"dir", dir_load_all, dir_load_one, dir_destroy};

struct source *source_dir_new(const char *path, uint32_t template_bytes_max)
{
    struct source_dir *self = mem_new(sizeof *self);
    self->base = (struct source){&dir_type, template_bytes_max};
    self->path = mem_dup(path);
    return &self->base;
}

static void dir_destroy(struct source *base)
{
    struct source_dir *self = (struct source_dir *)base;
    free(self->path);
    free(self);
}

static int fail_errno(struct buf *error, const char *what, const char *path)
{
    buf_printf(error, "%s %s: %s", what, path, strerror(errno));
    return -1;
}

/* 1 when a file of this key may be looked for: it is a name in the folder and not outside of it. */
static int key_is_file_name(struct span key)
{
    return key.bytes > 0 && key.bytes <= KEY_TEXT_BYTES_MAX && key.data[0] != '.' &&
           memchr(key.data, '/', key.bytes) == NULL && memchr(key.data, 0, key.bytes) == NULL &&
           span_is_utf8(key);
}

/* Opens a file of the folder for reading. Returns the descriptor; -1 with errno; -2 when it is no regular
 * file. */
static int open_file(int folder_fd, const char *name)
{
    struct stat info;
    /* A FIFO must not hang the thread. */
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        return fd;
    close(fd);
    return -2;
}

/* Reads at most bytes_max + 1 bytes. */
static int read_bounded(int fd, size_t bytes_max, struct buf *text)
{
    size_t left = bytes_max + 1;
    while (left > 0) {
        size_t piece = left < 65536 ? left : 65536;
        ssize_t n = read(fd, buf_reserve(text, piece), piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        text->bytes += (size_t)n;
        left -= (size_t)n;
    }
    return 0;
}

static int fault_of_machine(int number)
{
    return number == EIO || number == EMFILE || number == ENFILE || number == ENOMEM || number == ESTALE;
}

/* Appends the text of KEY.json. Returns 1, 0 when there is none to be had, -1 with an error. */
static int load_file(const struct source_dir *self, int folder_fd, struct span key, struct buf *text,
                     struct buf *error)
{
    struct buf name = {0};
    buf_append(&name, key.data, key.bytes);
    buf_append_str(&name, SUFFIX);
    int result = 1;
    int fd = open_file(folder_fd, buf_str(&name));
    if (fd == -1 && errno == ENOENT) {
        result = 0;
    } else if (fd == -1 && fault_of_machine(errno)) {
        result = fail_errno(error, "open", buf_str(&name));
    } else if (fd < 0) {
        log_warn("template file left out", log_str("folder", self->path), log_str("file", buf_str(&name)),
                 log_str("reason", fd == -2 ? "not a regular file" : strerror(errno)));
        result = 0;
    } else {
        if (read_bounded(fd, self->base.template_bytes_max, text) != 0)
            result = fail_errno(error, "read", buf_str(&name));
        close(fd);
    }
    buf_free(&name);
    return result;
}

static int open_folder(const struct source_dir *self, struct buf *error)
{
    int fd = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        fail_errno(error, "template folder", self->path);
    return fd;
}

static int dir_load_one(struct source *base, struct span key, struct buf *own_key, struct buf *text,
                        struct buf *error)
{
    struct source_dir *self = (struct source_dir *)base;
    int folder_fd = open_folder(self, error);
    if (folder_fd < 0)
        return -1;
    int result = key_is_file_name(key) ? load_file(self, folder_fd, key, text, error) : 0;
    if (result == 1)
        buf_append(own_key, key.data, key.bytes);
    close(folder_fd);
    return result;
}

/* The key that a file name stands for; empty when it is none. */
static struct span key_of(const char *name)
{
    size_t bytes = strlen(name);
    if (bytes <= SUFFIX_BYTES || strcmp(name + bytes - SUFFIX_BYTES, SUFFIX) != 0)
        return (struct span){NULL, 0};
    struct span key = {name, bytes - SUFFIX_BYTES};
    return key_is_file_name(key) ? key : (struct span){NULL, 0};
}

static void list_add(struct key_list *list, struct span key)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 64 : list->room * 2;
        list->keys = mem_resize(list->keys, list->room * sizeof *list->keys);
    }
    list->keys[list->count++] = span_dup(key);
}

static void list_free(struct key_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->keys[i]);
    free(list->keys);
}

static int key_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lists the keys of a folder in byte order. */
static int list_folder(const struct source_dir *self, DIR *folder, struct key_list *list, struct buf *error)
{
    errno = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct span key = key_of(entry->d_name);
        if (key.bytes > 0)
            list_add(list, key);
        if (list->count > SOURCE_DIR_FILES_MAX) {
            buf_printf(error, "template folder %s: over %d files; move some away", self->path,
                       SOURCE_DIR_FILES_MAX);
            return -1;
        }
        errno = 0;
    }
    if (errno != 0)
        return fail_errno(error, "read folder", self->path);
    if (list->count > 0)
        qsort(list->keys, list->count, sizeof *list->keys, key_order);
    return 0;
}

static int load_files(const struct source_dir *self, DIR *folder, const struct source_sink *sink,
                      struct buf *error)
{
    struct key_list list = {0};
    struct buf text = {0};
    int result = list_folder(self, folder, &list, error);
    for (size_t i = 0; i < list.count && result == 0; i++) {
        struct source_row row = {.key = span_of(list.keys[i])};
        buf_clear(&text);
        int loaded = load_file(self, dirfd(folder), row.key, &text, error);
        row.text = buf_span(&text);
        if (loaded == 1)
            sink->row(sink->to, &row);
        result = loaded < 0 ? -1 : 0;
    }
    buf_free(&text);
    list_free(&list);
    return result;
}

static int dir_load_all(struct source *base, const struct source_sink *sink, struct buf *error)
{
    struct source_dir *self = (struct source_dir *)base;
    int fd = open_folder(self, error);
    if (fd < 0)
        return -1;
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        fail_errno(error, "template folder", self->path);
        close(fd);
        return -1;
    }
    sink->begin(sink->to);
    int result = load_files(self, folder, sink, error);
    closedir(folder);
    return result;
}
