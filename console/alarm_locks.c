#include "console/alarm_locks.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/program.h"

static const char *const kinds[] = {"gateway", "token", "task", "listener"};

#define KINDS (sizeof kinds / sizeof *kinds)

_Static_assert(KINDS == ALARM_LOCKS_KINDS, "each name may be one of each kind");

/* The beginning of a small file, as a text; empty when it cannot be read. */
static void read_text(int folder_fd, const char *path, char *out, size_t room)
{
    int fd = openat(folder_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t bytes = fd >= 0 ? read(fd, out, room - 1) : -1;
    out[bytes > 0 ? bytes : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

static void put(struct alarm_locks *locks, const char *kind, struct span name, enum alarm_presence presence)
{
    if (locks->count < sizeof locks->list / sizeof *locks->list)
        locks->list[locks->count++] = (struct alarm_process){span_of(kind), name, presence};
}

void alarm_locks_see(struct alarm_locks *locks, const char *kind)
{
    for (size_t i = 0; i < locks->count; i++)
        if (span_is(locks->list[i].kind, kind) && span_is(locks->list[i].name, kind)) {
            locks->list[i].presence = ALARM_THERE;
            return;
        }
    put(locks, kind, span_of(kind), ALARM_THERE);
}

/* 1 when the process is there and is a mega-gateway: numbers are used again. */
static int is_gateway(const char *pid_text)
{
    char path[64], comm[32];
    long pid = strtol(pid_text, NULL, 10);
    if (pid <= 0)
        return 0;
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    read_text(AT_FDCWD, path, comm, sizeof comm);
    return strcmp(comm, "mega-gateway\n") == 0;
}

static void look_at(struct alarm_locks *locks, int folder_fd, const char *file)
{
    static const char end[] = ".lock";
    char text[32];
    size_t bytes = strlen(file);
    if (bytes <= sizeof end - 1 || strcmp(file + bytes - (sizeof end - 1), end) != 0)
        return;
    bytes -= sizeof end - 1;
    if (bytes >= ALARM_STAGE_NAME_MAX || locks->name_count == ALARM_LOCKS_MAX)
        return;
    read_text(folder_fd, file, text, sizeof text);
    char *name = locks->names[locks->name_count++];
    span_to_text(name, ALARM_STAGE_NAME_MAX, (struct span){file, bytes});
    if (strcmp(text, PROGRAM_LOCK_ENDED) != 0) {
        if (is_gateway(text))
            put(locks, "gateway", span_of(name), ALARM_THERE);
        return;
    }
    for (size_t i = 0; i < KINDS; i++) /* which kind it was the file does not say; of others it means nothing */
        put(locks, kinds[i], span_of(name), ALARM_ENDED);
}

void alarm_locks_look(struct alarm_locks *locks, const char *run_dir)
{
    DIR *folder = opendir(run_dir);
    locks->count = locks->name_count = 0;
    if (folder == NULL)
        return;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        look_at(locks, dirfd(folder), entry->d_name);
    closedir(folder);
}
