/* mega task create: makes a task of a source of recipients, or shows what would become of it. */
#ifndef CLIENT_TASK_CREATE_H
#define CLIENT_TASK_CREATE_H

#include "client/task_options.h"

/* Returns the exit status, with everything printed. A task is there as a whole or not at all. */
enum status task_create(const struct task_options *o);

#endif
