/* A table for people: columns as wide as their content, a title over each.
 *
 * Rows are gathered and written together, so that the widths are known; when more are gathered and written afterwards, a
 * column may grow and never shrinks. Cells are made harmless for a terminal.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/buf.h"

struct column {
    const char *title;
    size_t columns_max; /* longer cells are cut with "…"; 0 = never */
    int is_number;      /* 1: to the right */
};

struct table;

/* `columns` must live as long as the table. */
struct table *table_new(const struct column *columns, size_t count);
void table_destroy(struct table **self);

/* The next cell, row by row. The text is copied. */
void table_cell(struct table *t, struct span text);
void table_printf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends the gathered rows to `out`, the titles before the first one, and forgets them. The last column is cut where a line of
 * `line_columns` ends, unless that is 0. */
void table_write(struct table *t, size_t line_columns, struct buf *out);

#endif
