/* Values of the command line of mega task. */
#ifndef CLIENT_TASK_VALUES_H
#define CLIENT_TASK_VALUES_H

#include "client/task_options.h"

#define TASK_EVERY_MS_MIN 100

/* Each returns STATUS_DONE with the value, or STATUS_USAGE with the reason printed. `what` is the option. */

int task_usage(const char *what, const char *why); /* prints it; STATUS_USAGE */

int task_read_duration(const char *what, const char *text, int64_t least_ms, int64_t *out_ms);

/* Messages a second, 0 = no limit. */
int task_read_rate(const char *what, const char *text, int64_t *rate_per_s);

/* +2h; milliseconds since 1970; or a date and a time of day, local without a zone. Of what is to come, up to
 * 400 days ahead. */
int task_read_at(const char *text, int64_t now_ms, int64_t *at_ms);

int task_read_lane(const char *text, int *lane);

/* Texts must not be empty: that is a variable of a script that is not set. A span has at most bytes_max of
 * UTF-8. */
int task_read_text(const char *what, const char *text, const char **out);
int task_read_span(const char *what, const char *text, size_t bytes_max, struct span *out);

/* Of a task. */
int task_read_name(const char *text, char name[TASK_NAME_BYTES_MAX + 1]);

/* NAME=VALUE, added to o->var_names and o->var_values. */
int task_read_var(struct task_options *o, const char *text);

#endif
