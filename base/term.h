/* Text for a terminal: nothing in it moves the cursor, colours or turns the direction, and its width is known.
 *
 * Used for everything that mega queue shows to people. Control characters, what turns the direction of writing and what is
 * not UTF-8 become U+FFFD.
 */
#ifndef BASE_TERM_H
#define BASE_TERM_H

#include "base/buf.h"

/* Columns and rows of the terminal behind `fd`. Returns 0, or -1 when it is none; then both are 0. */
int term_size(int fd, size_t *columns, size_t *rows);

/* Appends the text, harmless. */
void term_append(struct span text, struct buf *out);

/* The columns that the text takes: 2 for East Asian wide characters, 0 for combining ones. An estimate, as terminals differ. */
size_t term_columns(struct span text);

/* Appends at most so many columns of the text, harmless; what is longer ends with "…". Returns the columns written. */
size_t term_cut(struct span text, size_t columns_max, struct buf *out);

/* Appends so many spaces. */
void term_blank(size_t columns, struct buf *out);

/* Appends "850ms", "1.2s", "3m12s", "5h03m", "2d03h". */
void term_duration(int64_t ms, struct buf *out);

/* The end of a command that printed. Returns 0, or -1 when not all of standard output could be written (a full disk, a closed
 * descriptor); then that is said on standard error, beginning with `program`. */
int term_end(const char *program);

/* Appends "512", "4.0K", "12.3M", "1.5G" (of 1024). */
void term_bytes(uint64_t bytes, struct buf *out);

#endif
