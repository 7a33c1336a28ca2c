/* What create and its dry run say in the end. */
#ifndef CLIENT_TASK_REPORT_H
#define CLIENT_TASK_REPORT_H

#include "client/task_intake.h"

/* Of a task that was made; `data` is the answer's, or empty. */
void task_report_made(const struct task_intake *in, struct span data);

/* Of a dry run; shows the first messages too. Returns STATUS_DONE, or STATUS_REFUSED when the task would not
 * be made or its first messages not be sent. */
enum status task_report_dry_run(const struct task_intake *in);

/* Of one that bad lines or a lack of rows keep from being made, on standard error. */
void task_report_spoilt(const struct task_intake *in);

#endif
