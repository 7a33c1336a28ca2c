/* Becoming the user that [run] user names.
 *
 * Used by program.c, before any thread and any socket is there. The way back is closed, and that is checked: a process that could
 * not give its rights away for good does not run.
 */
#ifndef BASE_PRIVILEGES_H
#define BASE_PRIVILEGES_H

#include <sys/types.h>

#include "base/buf.h"

#define PRIVILEGES_NAME_BYTES_MAX 33 /* of a user, with its NUL (useradd(8): 32 characters) */

/* Whom to become. */
struct privileges {
    int is_needed; /* 0: this process stays who it is */
    uid_t uid;
    gid_t gid;
    char name[PRIVILEGES_NAME_BYTES_MAX];
};

/* Finds out whom this process has to become for `user` ("" = stay). Returns 0, or -1 with what is wrong and what to do appended to
 * `wrong`: there is no such user, or this process is another one's and may not change that. */
int privileges_find(struct privileges *p, const char *user, struct buf *wrong);

/* Becomes that user with its groups, if needed. Returns 0, or -1 with what went wrong appended. */
int privileges_drop(const struct privileges *p, struct buf *wrong);

/* Nothing that this process executes gains rights (setuid, file capabilities) from now on. Whatever fails is the kernel's age: it
 * has been there since Linux 3.5. */
void privileges_forbid_new(void);

#endif
