/* Tasks for people. */
#ifndef CLIENT_TASK_PRINT_H
#define CLIENT_TASK_PRINT_H

#include "base/table.h"
#include "client/task_view.h"

/* Appends how far a task is, on one line without its end, at most so many columns wide (0 = any). Harmless
 * for a terminal. */
void task_print_line(const struct task_view *v, size_t columns, struct buf *out);

/* Appends a bar of `cells` blocks, of which so much is filled: [████░░░░░░]. */
void task_print_bar(int percent, size_t cells, struct buf *out);

/* Appends 61,200. */
void task_print_count(int64_t count, struct buf *out);

/* The table of list; to be filled with rows and written by the caller. */
struct table *task_print_list_new(void);
void task_print_list_row(struct table *t, const struct task_view *v);

/* Appends everything about one, a line a member. */
void task_print_all(const struct task_view *v, struct buf *out);

#endif
