#include "base/curve_folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/log.h"

/* What is done with each file of the folder. */
typedef void on_file(void *self, int folder_fd, const char *name);

static int is_key(const char *name)
{
    size_t bytes = strlen(name), end_bytes = sizeof CURVE_FOLDER_END - 1;
    return name[0] != '.' && bytes > end_bytes && strcmp(name + bytes - end_bytes, CURVE_FOLDER_END) == 0;
}

/* 1 when the folder that is held is the one that is there. */
static int is_there(DIR *dir, const char *path)
{
    struct stat ours, now;
    return dir && fstat(dirfd(dir), &ours) == 0 && stat(path, &now) == 0 && ours.st_dev == now.st_dev && ours.st_ino == now.st_ino;
}

/* The folder from its beginning. NULL, with errno set, when it is not there or cannot be opened. */
static DIR *open_folder(const char *path, DIR **held)
{
    if (is_there(*held, path)) {
        rewinddir(*held);
        return *held;
    }
    if (*held)
        closedir(*held);
    *held = opendir(path);
    return *held;
}

/* Returns 0, or -1 with errno set. */
static int each(const char *path, DIR **held, on_file *take, void *self)
{
    DIR *own = NULL, *dir = open_folder(path, held ? held : &own);
    if (dir == NULL)
        return errno == ENOENT ? 0 : -1;
    struct dirent *entry;
    size_t count = 0;
    errno = 0;
    while ((entry = readdir(dir)) != NULL && count < CURVE_FOLDER_MAX) {
        if (is_key(entry->d_name)) {
            take(self, dirfd(dir), entry->d_name);
            count++;
        }
        errno = 0;
    }
    int error = entry == NULL ? errno : 0;
    if (entry)
        log_error("too many keys: the rest may not come in", log_str("folder", path), log_u64("limit", CURVE_FOLDER_MAX));
    if (own)
        closedir(own);
    errno = error;
    return error ? -1 : 0;
}

static uint64_t stamp_of(int folder_fd, const char *name)
{
    struct stat info;
    if (fstatat(folder_fd, name, &info, 0) != 0)
        memset(&info, 0, sizeof info);
    uint64_t facts[] = {hash_64(name, strlen(name)),
                        (uint64_t)info.st_ino,
                        (uint64_t)info.st_size,
                        (uint64_t)info.st_mtim.tv_sec,
                        (uint64_t)info.st_mtim.tv_nsec,
                        (uint64_t)info.st_ctim.tv_sec,
                        (uint64_t)info.st_ctim.tv_nsec};
    return hash_64(facts, sizeof facts);
}

/* The order of a folder's files means nothing, so their hashes are added. */
static void stamp_file(void *self, int folder_fd, const char *name)
{
    *(uint64_t *)self += stamp_of(folder_fd, name);
}

int curve_folder_stamp(const char *path, DIR **held, uint64_t *stamp)
{
    *stamp = 0;
    return each(path, held, stamp_file, stamp);
}

struct reading {
    const char *path;
    const struct curve_folder *before;
    struct curve_folder *out;
    size_t room;
    int lacked; /* descriptors or memory for a file */
};

/* The file as it was read before, or NULL. */
static const struct curve_file *find_unchanged(const struct curve_folder *before, uint64_t stamp)
{
    for (size_t i = 0; before && stamp && i < before->count; i++)
        if (before->files[i].stamp == stamp)
            return &before->files[i];
    return NULL;
}

/* Returns 0, or -1 (logged). */
static int load(struct reading *r, const char *name, struct curve_file *file)
{
    struct buf error = {0};
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", r->path, name);
    errno = 0;
    int failed = curve_file_read(path, file, &error);
    if (failed) {
        r->lacked |= errno == EMFILE || errno == ENFILE || errno == ENOMEM;
        log_error("a key file cannot be used: its key may not come in", log_str("reason", buf_str(&error)));
    }
    explicit_bzero(file->secret_key, sizeof file->secret_key); /* it should not be here at all */
    buf_free(&error);
    return failed;
}

static void read_file(void *self, int folder_fd, const char *name)
{
    struct reading *r = self;
    struct curve_folder *folder = r->out;
    uint64_t stamp = stamp_of(folder_fd, name);
    const struct curve_file *unchanged = find_unchanged(r->before, stamp);
    folder->stamp += stamp;
    if (folder->count == r->room) {
        r->room = r->room ? 2 * r->room : 16;
        folder->files = mem_resize(folder->files, r->room * sizeof *folder->files);
    }
    struct curve_file *file = &folder->files[folder->count];
    if (unchanged)
        *file = *unchanged;
    else if (load(r, name, file) != 0)
        return;
    file->stamp = stamp;
    folder->count++;
}

static int by_key(const void *a, const void *b)
{
    const struct curve_file *x = a, *y = b;
    int order = strcmp(x->public_key, y->public_key);
    return order ? order : strcmp(x->name, y->name);
}

static void merge(struct curve_folder *folder)
{
    size_t kept = 0;
    for (size_t i = 0; i < folder->count; i++) {
        struct curve_file *file = &folder->files[i], *before = kept ? &folder->files[kept - 1] : NULL;
        if (before && strcmp(before->public_key, file->public_key) == 0) {
            before->roles |= file->roles;
            before->stamp = 0;
            log_warn("two files have the same key: one name counts, with the roles of both", log_str("name", before->name),
                     log_str("other", file->name));
        } else {
            folder->files[kept++] = *file;
        }
    }
    folder->count = kept;
}

int curve_folder_read(const char *path, DIR **held, const struct curve_folder *before, struct curve_folder *out)
{
    *out = (struct curve_folder){0};
    struct reading reading = {.path = path, .before = before, .out = out};
    if (each(path, held, read_file, &reading) != 0) {
        int error = errno;
        curve_folder_free(out);
        errno = error;
        return -1;
    }
    if (out->count) {
        qsort(out->files, out->count, sizeof *out->files, by_key);
        merge(out);
    }
    out->stamp += (uint64_t)reading.lacked;
    return 0;
}

void curve_folder_free(struct curve_folder *folder)
{
    free(folder->files);
    *folder = (struct curve_folder){0};
}

const struct curve_file *curve_folder_find(const struct curve_folder *folder, const char *public_key)
{
    size_t low = 0, high = folder->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(folder->files[middle].public_key, public_key);
        if (order == 0)
            return &folder->files[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
