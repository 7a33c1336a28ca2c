/* Reads recipients from a file: delimited text with one recipient in a line.
 *
 * Used by commands that send to many. Any file can be read in bounded memory (some 400 KiB, and four times the longest row, which has
 * 256 KiB at most), from pipes too. A row that is wrong is given out as such, with its line and a reason for people, and the
 * next one follows; only what concerns the whole file ends the reading: the header, reading errors, a file that changes meanwhile.
 *
 * Encodings: UTF-8, UTF-16 with a byte order mark, GBK (GB18030). Without a mark and unless it is given, the first line that is not
 * ASCII decides, together with the 64 KiB that follow it. Delimiters: comma, semicolon, tab; unless one is given, the
 * one that the first line has most of. Quotes and line ends: csv.h. Empty lines and lines of spaces are skipped.
 */
#ifndef CLIENT_ROWS_ROWS_H
#define CLIENT_ROWS_ROWS_H

#include "client/rows/encoding.h"
#include "client/rows/row_maker.h"

struct rows_options {
    enum encoding encoding;    /* ENCODING_AUTO, ENCODING_UTF8 or ENCODING_GBK */
    char delimiter;            /* ',', ';', '\t'; 0: is found */
    const char *openid_column; /* NULL: "openid", else "touser" */
    const char *columns;       /* names with commas between them: the file has no header line. NULL: its first line names them */
};

enum rows_answer {
    ROWS_ROW,
    ROWS_BAD,    /* `line`, `fault` and `reason` of the row say what is wrong */
    ROWS_END,    /* the file was read to its end, and is the same as in the beginning */
    ROWS_FAILED  /* rows_error; it comes again at each further call */
};

struct rows;

/* Reads the header (the first 64 KiB at least). `fd` stays the caller's, must stay open and is read from where it stands. NULL with the
 * reason in `error`: header, encoding, reading. */
struct rows *rows_new(const struct rows_options *o, int fd, struct buf *error);
void rows_destroy(struct rows **r);

/* The next row. Its spans are valid until the next call. */
enum rows_answer rows_next(struct rows *r, struct row *row);

const char *rows_error(struct rows *r); /* of ROWS_FAILED */

/* The columns' names, and which is the openid's. Valid as long as the rows. */
const struct span *rows_columns(const struct rows *r, size_t *count);
size_t rows_openid_at(const struct rows *r);

/* What is read: the encoding as far as it is known (ENCODING_AUTO: all was ASCII), and the delimiter. */
enum encoding rows_encoding(const struct rows *r);
char rows_delimiter(const struct rows *r);

/* Reads "auto", "comma", "semicolon", "tab" or the character itself (\t too). Returns 0, or -1 when it is none of them. */
int rows_read_delimiter(const char *text, char *delimiter);

#endif
