#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "broker/tool.h"

/* All files that a store can have, those of a first start that was interrupted too. */
static const char *const store_files[] = {"data.mdb", "lock.mdb", "store.lock", "new.mdb", "new.mdb-lock"};

static int exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 || errno != ENOENT;
}

static int refuse_existing(const char *to, struct buf *error)
{
    buf_printf(error, "%s: exists; give a name that is not there yet, and nothing was changed", to);
    return -1;
}

int tool_folder_begin(struct tool_folder *f, const char *to, struct buf *error)
{
    size_t bytes = strlen(to);
    *f = (struct tool_folder){.to = to};
    if (exists(to))
        return refuse_existing(to, error);
    while (bytes > 1 && to[bytes - 1] == '/')
        bytes--;
    buf_append(&f->path, to, bytes);
    buf_printf(&f->path, ".tmp-%08" PRIx32, (uint32_t)hash_random_u64());
    if (mkdir(buf_str(&f->path), 0750) == 0 && chmod(buf_str(&f->path), 0750) == 0)
        return 0;
    buf_printf(error, "%s: cannot be made: %s", buf_str(&f->path), strerror(errno));
    buf_free(&f->path);
    return -1;
}

/* Makes a folder's names durable. `path` of a file: those of the folder that it lies in. */
static int sync_folder(const char *path, int above)
{
    struct buf folder = {0};
    const char *slash = above ? strrchr(path, '/') : NULL;
    if (!above)
        buf_append_str(&folder, path);
    else if (slash)
        buf_append(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    else
        buf_append_str(&folder, ".");
    int fd = open(buf_str(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : -1;
    if (fd >= 0)
        close(fd);
    buf_free(&folder);
    return rc;
}

/* Some file systems know no renaming that replaces nothing. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (!exists(to))
        return rename(from, to);
    errno = EEXIST;
    return -1;
}

int tool_folder_finish(struct tool_folder *f, struct buf *error)
{
    const char *path = buf_str(&f->path);
    struct buf to = {0};
    size_t bytes = strlen(path) - strlen(".tmp-00000000"); /* without slashes at its end */
    buf_append(&to, path, bytes);
    int wrong = sync_folder(path, 0) || rename_new(path, buf_str(&to)) ? errno : 0;
    if (wrong == EEXIST)
        refuse_existing(f->to, error);
    else if (wrong)
        buf_printf(error, "%s: cannot be put into its place: %s", path, strerror(wrong));
    else if (sync_folder(buf_str(&to), 1))
        tool_error("%s: made, but the disk does not confirm its name: %s", f->to, strerror(errno));
    if (wrong == 0)
        buf_free(&f->path);
    buf_free(&to);
    return wrong ? -1 : 0;
}

void tool_folder_drop(struct tool_folder *f)
{
    struct buf file = {0};
    if (f->path.bytes == 0)
        return;
    for (size_t i = 0; i < sizeof store_files / sizeof *store_files; i++) {
        buf_clear(&file);
        buf_printf(&file, "%s/%s", buf_str(&f->path), store_files[i]);
        unlink(buf_str(&file));
    }
    rmdir(buf_str(&f->path));
    buf_free(&file);
    buf_free(&f->path);
}
