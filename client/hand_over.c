#include "client/hand_over.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/options.h"

/* Appends the path of the program beside this one. Returns 0, or -1 when it cannot be told where that is. */
static int find_beside(const char *program, struct buf *path)
{
    char self[PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", self, sizeof self);
    if (bytes <= 0 || (size_t)bytes == sizeof self)
        return -1;
    const char *slash = memrchr(self, '/', (size_t)bytes);
    if (slash == NULL)
        return -1;
    buf_append(path, self, (size_t)(slash - self) + 1);
    buf_append_str(path, program);
    return 0;
}

/* Comes back with errno only when the program cannot be started. */
static int become(const char *program, char **argv)
{
    struct buf path = {0};
    char *name = mem_dup(program);
    int error = ENOENT;
    argv[0] = name;
    if (find_beside(program, &path) == 0) {
        execv(buf_str(&path), argv);
        error = errno;
    }
    if (error == ENOENT) {
        execvp(program, argv);
        error = errno;
    }
    buf_free(&path);
    argv[0] = NULL;
    free(name);
    return error;
}

int hand_over(const char *command, const char *program, char **argv)
{
    int error = become(program, argv);
    if (error == ENOENT)
        fprintf(stderr, "mega: %s: the program %s is neither beside mega nor in PATH; install it there\n", command, program);
    else
        fprintf(stderr, "mega: %s: %s cannot be started: %s\n", command, program, strerror(error));
    return STATUS_FAILED;
}

int hand_over_run(const char *program, char **argv)
{
    int status;
    fflush(stdout); /* what was printed so far comes first, and once */
    pid_t pid = fork();
    if (pid == 0) {
        become(program, argv);
        _exit(HAND_OVER_MISSING);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == HAND_OVER_MISSING)
        return -1;
    return WEXITSTATUS(status);
}

int hand_over_open(const char *program, char **argv, pid_t *pid)
{
    int ends[2];
    fflush(stdout);
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    *pid = fork();
    if (*pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        become(program, argv);
        _exit(HAND_OVER_MISSING);
    }
    close(ends[1]);
    if (*pid > 0)
        return ends[0];
    close(ends[0]);
    return -1;
}

int hand_over_close(int fd, pid_t pid)
{
    int status;
    pid_t ended;
    close(fd);
    do
        ended = waitpid(pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
