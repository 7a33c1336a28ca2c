/* mega task failed: who did not get it, as CSV (queue_export.h says which kind). Its first columns are those
 * that the task was made of, so that `mega task create` can read it.
 */
#ifndef CLIENT_TASK_FAILED_H
#define CLIENT_TASK_FAILED_H

#include "client/queue.h"
#include "client/task_options.h"

/* Writes o->output or standard output. Returns the exit status, with the reason printed when it is none. */
enum status task_failed(struct queue_link *l, const struct task_options *o);

/* The columns of the CSV: the recipient's, the task's variables, what became of it. A name of ours that a
 * variable has already gets task_ in front, so that no name comes twice. */
struct task_failed_columns {
    char **names; /* owned */
    size_t count;
    size_t var_count; /* names[1] to names[var_count] are the variables */
};

/* `packed` is the task's array of str, or empty. */
void task_failed_columns_make(struct span packed, struct task_failed_columns *c);
void task_failed_columns_free(struct task_failed_columns *c);

void task_failed_names(const struct task_failed_columns *c, struct buf *out); /* appends the line of names */
void task_failed_row(const struct task_failed_columns *c, struct span entry,
                     struct buf *out); /* and the line of an entry */

#endif
