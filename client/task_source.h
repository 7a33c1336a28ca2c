/* Where the recipients of a task come from. Each source hands its columns and its rows to the intake
 * (task_intake.h) as they come, in bounded memory.
 */
#ifndef CLIENT_TASK_SOURCE_H
#define CLIENT_TASK_SOURCE_H

#include "client/task_intake.h"

/* Appends what the source is called: the file's name, "standard input", the query, "followers". */
void task_source_name(const struct task_options *o, struct buf *out);

/* Reads all of it. Returns STATUS_DONE, or why it ended before, printed: STATUS_FAILED when it cannot be
 * read, or what the intake said. */
enum status task_source_read(const struct task_options *o, struct task_intake *in);

enum status task_source_file(const struct task_options *o, struct task_intake *in);
enum status task_source_sql(const struct task_options *o, struct task_intake *in);
enum status task_source_followers(const struct task_options *o, struct task_intake *in);

#endif
