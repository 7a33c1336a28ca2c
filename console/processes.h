/* Programs of this host that no other program speaks for: the gateways, found by their lock files in the run folder. */
#ifndef CONSOLE_PROCESSES_H
#define CONSOLE_PROCESSES_H

#include <stddef.h>

#include "base/usage.h"

#define PROCESSES_MAX     64
#define PROCESS_NAME_MAX  33 /* as PROGRAM_NAME_BYTES_MAX */

struct process {
    char name[PROCESS_NAME_MAX]; /* that of --name */
    struct usage usage;
};

/* Fills in the gateways that run, as far as this user may see them. Returns how many, at most PROCESSES_MAX. */
size_t processes_find_gateways(const char *run_dir, struct process found[PROCESSES_MAX]);

#endif
