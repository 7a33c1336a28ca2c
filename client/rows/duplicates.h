/* Finds the recipients that come more than once among tens of millions, in bounded memory with a temporary file.
 *
 * Used while a list of recipients is read: each one is added, and at the end it is known which rows are repeats, that is all but
 * the first of each recipient. What is kept of a recipient is 104 bits of its hash (base/hash.h), so two of 100 million are taken
 * for one with a probability of 1 to 2^51.
 *
 * Memory: 2 MiB, at the end a bit for each row and 40 bytes for each one of a 512th of the recipients: 12 MiB with 50 million rows. The
 * temporary file has no name and needs 24 bytes a row; lists up to some 80,000 recipients need none.
 */
#ifndef CLIENT_ROWS_DUPLICATES_H
#define CLIENT_ROWS_DUPLICATES_H

#include <stdint.h>

#include "base/buf.h"

#define DUPLICATES_ROWS_MAX (128u * 1024 * 1024) /* a bit for each makes 16 MiB */

struct duplicates_options {
    const char *folder;  /* of the temporary file; NULL: $TMPDIR, else /tmp */
    uint32_t rows_max;   /* 0: DUPLICATES_ROWS_MAX, which is the most */
    uint32_t block_rows; /* that each of the 512 parts keeps in memory before they are written; 0: 170. Tests take less */
    size_t examples_max; /* 0 to 1000 */
};

/* The row at `line` is the same recipient as that at `first_line`. */
struct duplicates_example {
    uint64_t first_line, line;
};

struct duplicates;

struct duplicates *duplicates_new(const struct duplicates_options *o);
void duplicates_destroy(struct duplicates **d);

/* Adds the next row, number 1, 2, … Returns 0, or -1 with duplicates_error: too many rows, or the temporary file cannot be written. */
int duplicates_add(struct duplicates *d, struct span openid, uint64_t line);

/* Finds the repeats; nothing is added afterwards. Returns 0, or -1 with duplicates_error. */
int duplicates_finish(struct duplicates *d);

const char *duplicates_error(struct duplicates *d);

/* --- after duplicates_finish -------------------------------------------------------------------------------------- */

uint64_t duplicates_count(const struct duplicates *d); /* of repeats */

/* The first repeats in the order of rows, at most examples_max. Valid as long as d. */
const struct duplicates_example *duplicates_first(const struct duplicates *d, size_t *count);

/* 1 when row `number` (from 1) is a repeat. */
int duplicates_is_repeat(const struct duplicates *d, uint64_t number);

/* The first repeat behind row `number` (0: of all); 0 when there is none. */
uint64_t duplicates_next(const struct duplicates *d, uint64_t number);

#endif
