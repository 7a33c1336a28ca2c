/* Lines of a source that are no recipients: told to people, the first ones on standard error or all of them
 * in a file. */
#ifndef CLIENT_TASK_BAD_H
#define CLIENT_TASK_BAD_H

#include "client/output_file.h"

#define TASK_BAD_SHOWN 20 /* on standard error */

struct task_bad {
    uint64_t count;
    const char *source; /* what it is called in front of a line */
    struct progress *progress;
    int has_file;
    struct output_file file;
};

/* Fills it in. `name` of a file for all of them, CSV with the columns line and reason; NULL: standard error.
 * Returns 0, or -1 with the reason printed when the file cannot be made. */
int task_bad_open(struct task_bad *b, const char *name, const char *source, struct progress *progress);

/* Returns 0, or -1 with the reason printed when the file cannot be written. */
int task_bad_add(struct task_bad *b, uint64_t line, struct span reason);

/* Makes the file complete, whatever became of the task. Returns 0 or -1. */
int task_bad_close(struct task_bad *b);

#endif
