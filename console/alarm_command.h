/* Programs that are run for notices: without a shell, in a process group of their own, killed after their time. Never blocks.
 *
 * What a program gets: its arguments; on standard input the notice as JSON; an environment of PATH, HOME, LANG and TZ and what is
 * given here; no other descriptor. What it writes is read, the beginning is kept for the log. Its exit status says whether it took it.
 */
#ifndef CONSOLE_ALARM_COMMAND_H
#define CONSOLE_ALARM_COMMAND_H

#include <stdint.h>

#include "base/buf.h"

#define ALARM_COMMANDS_MAX 2 /* at once: a notice and a test */

struct alarm_commands;

struct alarm_command {
    const char *command;      /* words with white space between; the first one is the program's path */
    const char *argument;     /* one more behind them */
    const char *const *names; /* of the environment, NULL-terminated, and their values */
    const char *const *values;
    struct span input;
    int64_t timeout_ms;
    void *self;
    void (*done)(void *self, const char *error); /* NULL: exit status 0. Called by alarm_commands_run only */
};

struct alarm_commands *alarm_commands_new(void);

/* Kills what runs; `done` is not called. */
void alarm_commands_destroy(struct alarm_commands **self);

/* Starts it. Returns 0, or -1 with why not appended to `error`. Nothing given is needed any longer. */
int alarm_commands_begin(struct alarm_commands *commands, const struct alarm_command *command, struct buf *error);

/* Readable when alarm_commands_run has something to do; and how long until it has in any case, at most limit_ms. */
int alarm_commands_fd(const struct alarm_commands *commands);
int64_t alarm_commands_wait_ms(const struct alarm_commands *commands, int64_t limit_ms);

void alarm_commands_run(struct alarm_commands *commands);

#endif
