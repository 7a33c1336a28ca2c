/* The programs of this machine, as the lock files in the run folder tell (base/program.h): NAME.lock holds the process's number while
 * it runs, and "ended" after it ended by itself. Reads only: to try the lock might keep a program from starting. */
#ifndef CONSOLE_ALARM_LOCKS_H
#define CONSOLE_ALARM_LOCKS_H

#include "console/alarm_rules.h"

#define ALARM_LOCKS_MAX   128 /* files looked at; more are not */
#define ALARM_LOCKS_KINDS 4   /* of programs */

/* Of gateways those that run; of gateways, mega-token, mega-task and mega-listener those that ended. */
struct alarm_locks {
    char names[ALARM_LOCKS_MAX][ALARM_STAGE_NAME_MAX];
    struct alarm_process list[ALARM_LOCKS_KINDS * ALARM_LOCKS_MAX]; /* their spans point into names, or are constants */
    size_t name_count, count;
};

/* Looks anew. A folder that cannot be read holds none. */
void alarm_locks_look(struct alarm_locks *locks, const char *run_dir);

/* The one program of that kind (a constant, and its name) is there, as is known from elsewhere, whatever its lock says. */
void alarm_locks_see(struct alarm_locks *locks, const char *kind);

#endif
