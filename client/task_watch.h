/* mega task watch: how far a task is, until it has ended. */
#ifndef CLIENT_TASK_WATCH_H
#define CLIENT_TASK_WATCH_H

#include "client/task_options.h"

/* On a terminal one line that is redrawn in place; else, or with o->json, a line of JSON every o->every_ms
 * and at each change of state. Once mega-task has answered, it is waited for when it is away. Returns
 * STATUS_DONE when the task is done or stopped, STATUS_REFUSED when some of it failed, else with the reason
 * printed. Ctrl-C ends the program as it always does, and only it. */
enum status task_watch(const struct task_options *o);

#endif
