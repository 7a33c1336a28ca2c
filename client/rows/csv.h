/* Splits delimited text into rows and fields, as RFC 4180 says: pure, over bytes that the caller gathers.
 *
 * Used by rows.c. Works on UTF-8 and on GB18030 alike: no byte behind the first of a character of either is a delimiter, a quote or
 * a line end. A row ends with LF, CRLF or CR, or where the data ends. A field that begins with a quote goes on to the next quote that is not
 * doubled, over delimiters and line ends; a quote elsewhere is data.
 *
 * A stray quote must not swallow a file: a quoted field has at most CSV_QUOTED_BYTES_MAX bytes, and whatever is wrong with a
 * quoted field, reading goes on at the line after the one in which its quote stands. Doing so costs no more than going twice over the
 * same bytes, since a quote that is closed later opens nothing when it is met from the next line.
 */
#ifndef CLIENT_ROWS_CSV_H
#define CLIENT_ROWS_CSV_H

#include <stdint.h>

#include "base/buf.h"

#define CSV_FIELDS_KEPT      1024         /* of one row; those behind are counted only */
#define CSV_QUOTED_BYTES_MAX (64 * 1024)  /* between the quotes, as written */
#define CSV_ROW_BYTES_MAX    (256 * 1024) /* with its line end */

struct csv_field {
    uint32_t at, bytes; /* in the row, without the quotes around it */
    uint8_t is_quoted;
    uint8_t has_doubled; /* 1: doubled quotes are in it, csv_undouble takes them out */
};

enum csv_answer {
    CSV_MORE,         /* the row does not end here: call again with the same bytes and more of them, or with is_end */
    CSV_ROW,          /* `fields` and `count`; an empty line is one empty field */
    CSV_OPEN_QUOTE,   /* the quote of field number `count` (from 0) is not closed before the limit or the end of the data */
    CSV_BEHIND_QUOTE, /* something else than a delimiter or a line end stands behind the closing quote of field `count` - 1 */
    CSV_TOO_LONG      /* CSV_ROW_BYTES_MAX bytes and no end */
};

enum csv_state { CSV_BEGIN, CSV_FIELD, CSV_PLAIN, CSV_QUOTED, CSV_CLOSED };

/* Filled by csv_open. To be read after an answer other than CSV_MORE: */
struct csv {
    size_t bytes;        /* where reading goes on, from the row's beginning */
    uint64_t lines;      /* line ends before that */
    uint64_t quote_line; /* of them before the quote that is wrong: 0 when it stands in the row's first line */
    int is_line_open;    /* 1: go on only behind the next line end; what stands before it belongs to no row */
    size_t count;        /* fields */
    struct csv_field fields[CSV_FIELDS_KEPT];
    /* Of its own: */
    enum csv_state state;
    size_t at, field_at;        /* looked at so far; where the field's data begins */
    int has_doubled;            /* in this field */
    size_t resume;              /* behind the first line end within this field's quotes; 0: there is none yet */
    unsigned char marks[256];   /* what scanning stops at */
};

void csv_open(struct csv *c, char delimiter);

/* Looks at the row that begins at the window's first byte. `is_end`: the data ends with the window. */
enum csv_answer csv_split(struct csv *c, struct span window, int is_end);

/* Writes the field with one quote for two. Returns the bytes; `to` has room for field.bytes. */
size_t csv_undouble(struct span field, char *to);

/* The delimiter of the first line that is not empty, counted outside of quotes: the one of , ; and tab of which there are
 * `columns` - 1, else the one of which there are most; a comma when there is none. `columns` is 0 when it is not known. */
char csv_find_delimiter(struct span text, size_t columns);

#endif
