/* Makes a recipient of the fields of a row: the openid, and the variables packed as the frontend's request has them.
 *
 * Used for whatever names columns and has rows of text: recipients files (rows.h), results of SQL, lists of followers. What is wrong
 * with a row is told in words for people, and never ends anything. No text of a field is in those words.
 */
#ifndef CLIENT_ROWS_ROW_MAKER_H
#define CLIENT_ROWS_ROW_MAKER_H

#include "proto/limits.h"
#include "proto/mp.h"

#define ROW_COLUMNS_MAX     1024         /* the openid's among them */
#define ROW_VALUE_BYTES_MAX (64 * 1024)  /* as UTF-8 */
#define ROW_BYTES_MAX       (256 * 1024) /* of all values, as UTF-8 */

enum row_fault {
    ROW_GOOD,
    ROW_FIELDS,   /* too few or too many */
    ROW_OPENID,   /* empty, too long, characters that no openid has */
    ROW_ENCODING, /* no UTF-8 (GBK, UTF-16) */
    ROW_NUL,      /* a NUL byte */
    ROW_LONG,     /* a value or the row is too long */
    ROW_QUOTES    /* a quote that is not closed, or text behind one that is */
};

struct row {
    uint64_t line;        /* where it begins, from 1; a row with a stray quote: where the quote is. For the row_maker's caller to fill */
    struct span openid;   /* 1 to OPENID_BYTES_MAX bytes, no white space, no control characters */
    struct span vars;     /* packed map, str to str, in the columns' order; an empty value is an empty str */
    enum row_fault fault; /* other than ROW_GOOD: openid and vars are empty */
    struct span reason;   /* of a fault, for people, with a NUL behind; else empty */
};

struct row_maker;

/* `names` of 1 to ROW_COLUMNS_MAX columns; white space around them is cut. The openid's is the one named `openid_column`; when that
 * is NULL, "openid", else "touser"; the exact name comes before one in another case. The names are copied. NULL with the reason in
 * `error`: a name empty, twice, over VAR_NAME_BYTES_MAX, no UTF-8, with a control character; no openid column; too many columns. */
struct row_maker *row_maker_new(const struct span *names, size_t count, const char *openid_column, struct buf *error);
void row_maker_destroy(struct row_maker **m);

/* The columns' names, and which of them is the openid's. Valid as long as the maker. */
const struct span *row_maker_names(const struct row_maker *m, size_t *count);
size_t row_maker_openid_at(const struct row_maker *m);

/* Takes one field for each column; NULL with 0 bytes is an empty value. Returns 0, or -1 with `fault` and `reason` set. Everything in
 * `row` but `line` is set; its spans are valid until the next call, and as long as the fields are. */
int row_maker_make(struct row_maker *m, const struct span *fields, size_t count, struct row *row);

/* For faults that are found before there are fields: the reason is written into the (empty) buffer, then row_maker_refuse makes a
 * bad row of it. Always -1. */
struct buf *row_maker_reason(struct row_maker *m);
int row_maker_refuse(struct row_maker *m, enum row_fault fault, struct row *row);

/* Adds to the reason of a bad row that was just made. */
void row_maker_hint(struct row_maker *m, const char *hint, struct row *row);

/* Appends column number i (from 0) as texts name it: column "name", or column 7 behind the last one. */
void row_maker_append_column(const struct row_maker *m, size_t i, struct buf *out);

/* The text without the white space around it: ASCII's, U+00A0, U+3000, U+FEFF, which spreadsheets leave behind. */
struct span row_maker_trim(struct span text);

#endif
