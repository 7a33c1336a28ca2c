/* The rows of a task as JSON lines: each line an object {"openid": …, "vars": {…}}, or a string that is the openid. Empty lines are left out. Pure;
 * fuzzed. */
#ifndef CONSOLE_API_ROWS_H
#define CONSOLE_API_ROWS_H

#include <stdint.h>

#include "base/buf.h"

struct api_rows {
    struct buf packed; /* rows as proto/task.h packs them, one behind the other */
    uint64_t count;
};

void api_rows_free(struct api_rows *rows);

/* Fills in an empty one. Returns 0; -1 with what is wrong in `error`, which names the line, also when there is none. */
int api_rows_read(struct api_rows *rows, struct span lines, struct buf *error);

/* How many bytes from `at` on go into one ask, and how many rows these are. At least one row. */
size_t api_rows_piece(const struct api_rows *rows, size_t at, uint64_t *count);

#endif
