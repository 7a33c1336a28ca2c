#include "client/rows/rows.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "client/rows/rows_internal.h"

struct rows *rows_new(const struct rows_options *o, int fd, struct buf *error)
{
    struct rows *r = mem_new(sizeof *r);
    r->line = 1;
    r->is_first = 1;
    r->is_named = o->columns != NULL;
    r->encoding = o->encoding;
    int result = source_open(&r->source, fd);
    if (result)
        buf_append(&r->error, r->source.error.data, r->source.error.bytes);
    else
        result = rows_begin(r, o);
    if (result == 0)
        return r;
    buf_append(error, r->error.data, r->error.bytes);
    rows_destroy(&r);
    return NULL;
}

void rows_destroy(struct rows **r)
{
    if (*r == NULL)
        return;
    source_close(&(*r)->source);
    row_maker_destroy(&(*r)->maker);
    gbk_destroy(&(*r)->gbk);
    buf_free(&(*r)->text);
    buf_free(&(*r)->error);
    free(*r);
    *r = NULL;
}

const char *rows_error(struct rows *r)
{
    return buf_str(&r->error);
}

const struct span *rows_columns(const struct rows *r, size_t *count)
{
    return row_maker_names(r->maker, count);
}

size_t rows_openid_at(const struct rows *r)
{
    return row_maker_openid_at(r->maker);
}

enum encoding rows_encoding(const struct rows *r)
{
    return r->encoding;
}

int rows_read_delimiter(const char *text, char *delimiter)
{
    static const struct {
        const char *name;
        char delimiter;
    } names[] = {{"auto", 0},      {"comma", ','}, {",", ','},   {"semicolon", ';'},
                 {";", ';'},       {"tab", '\t'},  {"\t", '\t'}, {"\\t", '\t'}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(text, names[i].name) == 0) {
            *delimiter = names[i].delimiter;
            return 0;
        }
    return -1;
}

/* --- splitting ---------------------------------------------------------------------------------------------------- */

static int fill(struct rows *r)
{
    if (source_fill(&r->source) == 0)
        return 0;
    buf_clear(&r->error);
    buf_append(&r->error, r->source.error.data, r->source.error.bytes);
    return -1;
}

/* Goes behind the next line end, however far that is. */
static int skip_line(struct rows *r)
{
    struct source *s = &r->source;
    while (r->is_line_open) {
        struct span w = source_window(s);
        size_t i = 0;
        while (i < w.bytes && w.data[i] != '\n' && w.data[i] != '\r')
            i++;
        source_drop(s, i);
        w = source_window(s);
        int is_cut = w.bytes == 0 || (w.bytes == 1 && *w.data == '\r');
        if (is_cut && !s->is_end) {
            if (fill(r))
                return -1;
            continue;
        }
        r->is_line_open = 0;
        r->line += w.bytes > 0;
        source_drop(s, w.bytes == 0 ? 0 : w.bytes > 1 && w.data[0] == '\r' && w.data[1] == '\n' ? 2 : 1);
    }
    return 0;
}

static int is_empty(const struct rows *r)
{
    const struct csv_field *f = r->csv.fields;
    const char *data = source_window(&r->source).data;
    if (r->csv.count != 1 || f->is_quoted)
        return 0;
    for (size_t i = 0; i < f->bytes; i++)
        if (data[f->at + i] != ' ')
            return 0;
    return 1;
}

/* Goes behind the row that was split before. */
static int drop_row(struct rows *r)
{
    source_drop(&r->source, r->row_bytes);
    r->line += r->row_lines;
    r->row_bytes = 0;
    r->row_lines = 0;
    return skip_line(r);
}

int rows_split(struct rows *r, enum csv_answer *answer)
{
    struct source *s = &r->source;
    do {
        if (drop_row(r))
            return -1;
        for (*answer = CSV_MORE; *answer == CSV_MORE;) {
            if (s->is_end && s->at == s->end)
                return 0;
            *answer = s->at == s->end ? CSV_MORE : csv_split(&r->csv, source_window(s), s->is_end);
            if (*answer == CSV_MORE && fill(r))
                return -1;
        }
        r->row_bytes = r->csv.bytes;
        r->row_lines = r->csv.lines;
        r->is_line_open = r->csv.is_line_open;
    } while (*answer == CSV_ROW && is_empty(r));
    return 1;
}

/* --- encodings ---------------------------------------------------------------------------------------------------- */

int rows_decide(struct rows *r)
{
    struct source *s = &r->source;
    if (r->encoding != ENCODING_AUTO || encoding_is_ascii((struct span){source_window(s).data, r->csv.bytes}))
        return 0;
    while (source_window(s).bytes < SOURCE_CHUNK_BYTES && !s->is_end) /* however little each read gives */
        if (fill(r))
            return -1;
    struct span sample = source_window(s);
    if (sample.bytes > SOURCE_CHUNK_BYTES)
        sample.bytes = SOURCE_CHUNK_BYTES;
    if (r->gbk == NULL) {
        struct buf reason = {0};
        r->gbk = gbk_new(&reason); /* without it, what is no UTF-8 becomes bad rows */
        buf_free(&reason);
    }
    r->encoding = encoding_guess(r->gbk, sample);
    r->is_guessed = 1;
    return 0;
}

/* Returns 0, or -1 when it is not GBK. The room was reserved: what was written before stays where it is. */
static int decode_field(struct rows *r, const struct csv_field *f, struct span *out)
{
    *out = (struct span){source_window(&r->source).data + f->at, f->bytes};
    if (f->has_doubled) {
        char *to = r->text.data + r->text.bytes;
        *out = (struct span){to, csv_undouble(*out, to)};
        r->text.bytes += out->bytes;
    }
    if (r->encoding != ENCODING_GBK || encoding_is_ascii(*out))
        return 0;
    char *to = r->text.data + r->text.bytes;
    size_t bytes;
    if (gbk_decode(r->gbk, *out, to, &bytes))
        return -1;
    *out = (struct span){to, bytes};
    r->text.bytes += bytes;
    return 0;
}

size_t rows_decode(struct rows *r, size_t count)
{
    buf_clear(&r->text);
    buf_reserve(&r->text, r->csv.bytes * 3); /* without doubled quotes, and then out of GBK */
    for (size_t i = 0; i < count; i++)
        if (decode_field(r, &r->csv.fields[i], &r->fields[i]))
            return i;
    return count;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static const char *encoding_hint(const struct rows *r)
{
    if (r->source.mark != ENCODING_AUTO)
        return r->source.mark == ENCODING_UTF8 ? "" : " (out of UTF-16)";
    if (r->encoding == ENCODING_GBK)
        return r->is_guessed ? ", which the file seemed to be; if it is UTF-8, give --encoding utf-8" : "; if the file is UTF-8, give --encoding utf-8";
    return "; if the file is GBK, give --encoding gbk";
}

void rows_append_wrong(const struct rows *r, enum csv_answer answer, struct buf *out)
{
    size_t column = answer == CSV_BEHIND_QUOTE ? r->csv.count - 1 : r->csv.count;
    if (answer == CSV_TOO_LONG) {
        buf_append_str(out, "a row of more than 262,144 bytes");
        return;
    }
    if (r->maker)
        row_maker_append_column(r->maker, column, out);
    else
        buf_printf(out, "column %zu", column + 1);
    if (answer == CSV_BEHIND_QUOTE)
        buf_append_str(out, ": something stands behind the closing quote; a quote within quotes is written \"\"");
    else
        buf_append_str(out, ": the quote is not closed within 65,536 bytes; a value that begins with a quote is written in quotes, with "
                            "\"\" for each of its own");
}

static int refuse_split(struct rows *r, enum csv_answer answer, struct row *row)
{
    _Static_assert(CSV_QUOTED_BYTES_MAX == 65536 && CSV_ROW_BYTES_MAX == 262144, "as in the reasons");
    if (answer != CSV_TOO_LONG)
        row->line += r->csv.quote_line;
    rows_append_wrong(r, answer, row_maker_reason(r->maker));
    return row_maker_refuse(r->maker, answer == CSV_TOO_LONG ? ROW_LONG : ROW_QUOTES, row);
}

static int refuse_gbk(struct rows *r, size_t column, struct row *row)
{
    struct buf *reason = row_maker_reason(r->maker);
    row_maker_append_column(r->maker, column, reason);
    buf_append_str(reason, ": the value is not valid GBK");
    buf_append_str(reason, encoding_hint(r));
    return row_maker_refuse(r->maker, ROW_ENCODING, row);
}

/* Nobody's openid is "openid". */
static int is_header(const struct rows *r, struct span openid)
{
    size_t count;
    struct span name = row_maker_names(r->maker, &count)[rows_openid_at(r)];
    return openid.bytes == name.bytes && strncasecmp(openid.data, name.data, name.bytes) == 0;
}

static int make_row(struct rows *r, struct row *row)
{
    size_t count;
    row_maker_names(r->maker, &count);
    size_t good = r->csv.count == count ? rows_decode(r, count) : count;
    if (good < count)
        return refuse_gbk(r, good, row);
    int is_first = r->is_first;
    r->is_first = 0;
    if (row_maker_make(r->maker, r->fields, r->csv.count, row)) {
        if (row->fault == ROW_ENCODING)
            row_maker_hint(r->maker, encoding_hint(r), row);
        else if (row->fault == ROW_FIELDS)
            row_maker_hint(r->maker, "; a value that holds the delimiter stands in quotes", row);
        return -1;
    }
    if (!is_first || !r->is_named || !is_header(r, row->openid))
        return 0;
    buf_append_str(row_maker_reason(r->maker), "this looks like a header line; a file that has one needs no --columns");
    return row_maker_refuse(r->maker, ROW_OPENID, row);
}

enum rows_answer rows_next(struct rows *r, struct row *row)
{
    enum csv_answer answer;
    *row = (struct row){0};
    int split = r->is_failed ? -1 : rows_split(r, &answer);
    if (split > 0 && answer == CSV_ROW && rows_decide(r))
        split = -1;
    if (split <= 0) {
        r->is_failed = split < 0;
        return split < 0 ? ROWS_FAILED : ROWS_END;
    }
    row->line = r->line;
    int result = answer == CSV_ROW ? make_row(r, row) : refuse_split(r, answer, row);
    return result ? ROWS_BAD : ROWS_ROW;
}
