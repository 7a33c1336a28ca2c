/* What kind of file it is: encoding, delimiter, columns. Everything that is wrong here is wrong with the whole file. */
#include "client/rows/rows_internal.h"

char rows_delimiter(const struct rows *r)
{
    const char delimiters[] = {',', ';', '\t'};
    size_t i = 0;
    while (i < sizeof delimiters - 1 && r->csv.marks[(unsigned char)delimiters[i]] == 0)
        i++;
    return delimiters[i];
}

static int fail(struct rows *r, const char *text)
{
    buf_append_str(&r->error, text);
    return -1;
}

/* What people take for a CSV file, and is none. */
static int check_kind(struct rows *r)
{
    static const struct {
        const char *begin;
        size_t bytes;
        const char *what;
    } kinds[] = {{"PK\x03\x04", 4, "a ZIP file or a workbook (.xlsx)"},
                 {"\xD0\xCF\x11\xE0", 4, "a workbook (.xls)"},
                 {"\x1F\x8B", 2, "compressed (gzip)"}};
    struct span w = source_window(&r->source);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (w.bytes >= kinds[i].bytes && memcmp(w.data, kinds[i].begin, kinds[i].bytes) == 0) {
            buf_printf(&r->error, "the file is %s and no text: give it as CSV in UTF-8", kinds[i].what);
            return -1;
        }
    if (w.bytes >= 4 && memchr(w.data, 0, 4))
        return fail(r, "the file begins with NUL bytes and no byte order mark, as UTF-16 without one: give it as CSV in UTF-8");
    return 0;
}

static int set_encoding(struct rows *r)
{
    enum encoding mark = r->source.mark;
    if (mark != ENCODING_AUTO && r->encoding != ENCODING_AUTO && mark != r->encoding) {
        buf_printf(&r->error, "the file begins with the byte order mark of %s, so it is no %s: leave --encoding away", encoding_name(mark),
                   encoding_name(r->encoding));
        return -1;
    }
    if (mark != ENCODING_AUTO)
        r->encoding = mark;
    if (r->encoding != ENCODING_GBK)
        return 0;
    r->gbk = gbk_new(&r->error);
    return r->gbk ? 0 : -1;
}

/* Gathers the first line, or as much of it as is looked at: a pipe may give it byte by byte. */
static int gather_line(struct rows *r)
{
    struct source *s = &r->source;
    while (source_window(s).bytes < SOURCE_CHUNK_BYTES && !s->is_end)
        if (source_fill(s)) {
            buf_append(&r->error, s->error.data, s->error.bytes);
            return -1;
        }
    return 0;
}

/* The names of --columns. Returns how many there are, of which the first CSV_FIELDS_KEPT are in `fields`. */
static size_t name_fields(struct rows *r, const char *columns)
{
    size_t count = 0;
    for (const char *at = columns, *end; at; at = *end ? end + 1 : NULL, count++) {
        end = strchrnul(at, ',');
        if (count < CSV_FIELDS_KEPT)
            r->fields[count] = (struct span){at, (size_t)(end - at)};
    }
    return count;
}

/* An openid as WeChat makes them has 28 letters, digits, - and _. */
static int is_like_openid(struct span name)
{
    name = row_maker_trim(name);
    for (size_t i = 0; i < name.bytes; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", name.data[i]) == NULL || name.data[i] == 0)
            return 0;
    return name.bytes >= 20 && name.bytes <= 40;
}

static int has_openid(const struct rows *r, size_t count)
{
    size_t i = 0;
    while (i < count && i < CSV_FIELDS_KEPT && !is_like_openid(r->fields[i]))
        i++;
    return i < count && i < CSV_FIELDS_KEPT;
}

static int make_maker(struct rows *r, size_t count, const struct rows_options *o)
{
    size_t from = r->error.bytes;
    r->maker = row_maker_new(r->fields, count, o->openid_column, &r->error);
    if (r->maker)
        return 0;
    if (o->columns == NULL && o->openid_column == NULL && has_openid(r, count)) {
        r->error.bytes = from;
        return fail(r, "the first line looks like a recipient and not like a header: give the file a first line that names the columns, "
                       "one of them openid, or name them with --columns openid,…");
    }
    if (o->columns)
        return fail(r, " (--columns)");
    return fail(r, " (the first line names the columns; for another name than openid give --openid-column NAME, for a file without such a "
                   "line --columns openid,…)");
}

static int read_header(struct rows *r, const struct rows_options *o)
{
    enum csv_answer answer;
    int split = rows_split(r, &answer);
    if (split == 0)
        return fail(r, "the file is empty: its first line names the columns, one of them openid");
    if (split < 0)
        return -1;
    if (answer != CSV_ROW) {
        buf_printf(&r->error, "line %llu, which names the columns: ", (unsigned long long)(r->line + r->csv.quote_line));
        rows_append_wrong(r, answer, &r->error);
        return -1;
    }
    if (rows_decide(r))
        return -1;
    size_t count = r->csv.count < CSV_FIELDS_KEPT ? r->csv.count : CSV_FIELDS_KEPT;
    size_t good = rows_decode(r, count);
    if (good < count) {
        buf_printf(&r->error, "the name of column %zu is not valid GBK; if the file is UTF-8, give --encoding utf-8", good + 1);
        return -1;
    }
    return make_maker(r, r->csv.count, o);
}

int rows_begin(struct rows *r, const struct rows_options *o)
{
    if (gather_line(r) || check_kind(r) || set_encoding(r))
        return -1;
    size_t columns = o->columns ? name_fields(r, o->columns) : 0;
    csv_open(&r->csv, o->delimiter ? o->delimiter : csv_find_delimiter(source_window(&r->source), columns));
    return o->columns ? make_maker(r, columns, o) : read_header(r, o);
}
