/* Messages as text for people. What comes from outside is made harmless for a terminal. Members that are
 * missing or of another type than expected show as empty or zero. */
#ifndef CLIENT_QUEUE_PRINT_H
#define CLIENT_QUEUE_PRINT_H

#include "base/table.h"
#include "proto/operator.h"

/* Everything about one message, a line a member. */
void queue_print_entry(struct span entry, struct buf *out);

/* Tables of messages: make one, add entries, write it with table_write. */
struct table *queue_print_list_new(void);
void queue_print_list_row(struct table *t, struct span entry);
struct table *queue_print_dead_new(void);
void queue_print_dead_row(struct table *t, struct span entry);

/* Appends the filter in the words of the command line: --app a --task t. */
void queue_print_filter(const struct filter *f, struct buf *out);

/* The customer-service windows of a recipient. */
struct table *queue_print_windows_new(void);
void queue_print_windows_row(struct table *t, struct span window);

#endif
