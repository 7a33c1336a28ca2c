/* Becoming another user: groups first, then the group, then the user, which is the order in which each step is still allowed. */
#include "base/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int privileges_find(struct privileges *p, const char *user, struct buf *wrong)
{
    *p = (struct privileges){0};
    if (*user == '\0')
        return 0;
    errno = 0;
    const struct passwd *found = strlen(user) < sizeof p->name ? getpwnam(user) : NULL;
    if (found == NULL) {
        buf_printf(wrong, "[run] user: there is no user \"%s\"%s%s; make it, or name another one", user, errno ? ": " : "",
                   errno ? strerror(errno) : "");
        return -1;
    }
    p->uid = found->pw_uid;
    p->gid = found->pw_gid;
    memcpy(p->name, user, strlen(user) + 1);
    p->is_needed = p->uid != geteuid();
    if (!p->is_needed || geteuid() == 0)
        return 0;
    buf_printf(wrong, "[run] user: is \"%s\", and this process runs as user number %ld, which cannot become another one; start it as "
                      "root%s%s, or leave the key out",
               user, (long)geteuid(), p->uid ? " or as " : "", p->uid ? user : "");
    return -1;
}

static int failed(struct buf *wrong, const char *user, const char *step)
{
    buf_printf(wrong, "[run] user: cannot become \"%s\": %s: %s", user, step, strerror(errno));
    return -1;
}

/* All three ids, and that there is no way back. */
static int is_there_for_good(const struct privileges *p)
{
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    if (getresuid(&real, &effective, &saved) != 0 || getresgid(&real_group, &effective_group, &saved_group) != 0)
        return 0;
    return real == p->uid && effective == p->uid && saved == p->uid && real_group == p->gid && effective_group == p->gid &&
           saved_group == p->gid && setuid(0) != 0 && seteuid(0) != 0;
}

int privileges_drop(const struct privileges *p, struct buf *wrong)
{
    if (!p->is_needed)
        return 0;
    if (initgroups(p->name, p->gid) != 0)
        return failed(wrong, p->name, "initgroups");
    if (setresgid(p->gid, p->gid, p->gid) != 0)
        return failed(wrong, p->name, "setresgid");
    if (setresuid(p->uid, p->uid, p->uid) != 0)
        return failed(wrong, p->name, "setresuid");
    if (!is_there_for_good(p)) {
        errno = EPERM;
        return failed(wrong, p->name, "the rights of before could be had back");
    }
    /* A change of user shuts its /proc and its debugger out (prctl(2), PR_SET_DUMPABLE); started by that user it would not be. Core
     * files are forbidden in their own way. */
    prctl(PR_SET_DUMPABLE, 1);
    return 0;
}

void privileges_forbid_new(void)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
