#include "client/store_program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/options.h"

#define PROGRAM "mega-store"

/* Appends the path of mega-store beside this program. Returns 0, or -1 when it cannot be told where that is. */
static int find_beside(struct buf *path)
{
    char self[PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", self, sizeof self);
    if (bytes <= 0 || (size_t)bytes == sizeof self)
        return -1;
    const char *slash = memrchr(self, '/', (size_t)bytes);
    if (slash == NULL)
        return -1;
    buf_append(path, self, (size_t)(slash - self) + 1);
    buf_append_str(path, PROGRAM);
    return 0;
}

int store_program_run(char **argv)
{
    struct buf path = {0};
    char name[] = PROGRAM;
    int error = ENOENT;
    argv[0] = name;
    if (find_beside(&path) == 0) {
        execv(buf_str(&path), argv);
        error = errno;
    }
    if (error == ENOENT) {
        execvp(PROGRAM, argv);
        error = errno;
    }
    if (error == ENOENT)
        fputs("mega: store: the program " PROGRAM " is neither beside mega nor in PATH; install it there\n",
              stderr);
    else
        fprintf(stderr, "mega: store: " PROGRAM " cannot be started: %s\n", strerror(error));
    buf_free(&path);
    return STATUS_FAILED;
}
