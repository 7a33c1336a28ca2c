/* Shared by rows.c, which gives out rows, and rows_header.c, which finds out what kind of file it is. */
#ifndef CLIENT_ROWS_ROWS_INTERNAL_H
#define CLIENT_ROWS_ROWS_INTERNAL_H

#include "client/rows/rows.h"
#include "client/rows/rows_source.h"

struct rows {
    struct source source;
    struct csv csv;
    struct row_maker *maker;
    struct gbk *gbk;
    enum encoding encoding;   /* ENCODING_AUTO until a byte above 0x7F is met */
    int is_guessed;           /* encoding was */
    int is_named;             /* 1: the columns were given, there is no header line */
    int is_line_open;         /* 1: what stands before the next line end belongs to no row */
    int is_first;             /* 1: no row was given out yet */
    int is_failed;
    uint64_t line;            /* in which the window begins, from 1 */
    size_t row_bytes;         /* at the window's beginning that were given out */
    uint64_t row_lines;       /* line ends in them */
    struct buf text;          /* fields that are not the window's bytes as they are */
    struct buf error;
    struct span fields[CSV_FIELDS_KEPT];
};

/* Splits the next row that is not empty. Returns 1, 0 at the end, or -1 with `error` set. */
int rows_split(struct rows *r, enum csv_answer *answer);

/* Decides about the encoding when the row that was split is the first that is not ASCII. Returns 0, or -1 with `error` set. */
int rows_decide(struct rows *r);

/* Makes `fields` of the first `count` fields of the row. Returns count, or less: the number of the field that is not GBK. */
size_t rows_decode(struct rows *r, size_t count);

/* Appends what is wrong with a row that could not be split. */
void rows_append_wrong(const struct rows *r, enum csv_answer answer, struct buf *out);

/* Makes the maker: reads the header, or the names that were given. Returns 0, or -1 with `error` set. */
int rows_begin(struct rows *r, const struct rows_options *o);

#endif
