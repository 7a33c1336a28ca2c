/* Recipients files. Whatever the bytes are, reading ends, lines ascend, and what is given out is what the frontend takes; splitting gives
 * the same however the bytes come in; and rows written as RFC 4180 says are read back as they were.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf8.h"
#include "client/rows/csv.h"
#include "client/rows/rows.h"
#include "proto/frontend.h"

#define COLUMNS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int make_file(struct span text)
{
    int fd = memfd_create("rows", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, text.data, text.bytes) == (ssize_t)text.bytes && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void check_request(const struct row *row)
{
    struct buf packed = {0}, error = {0};
    struct request r = {.op = OP_PUSH, .openid = row->openid, .key = span_of("k"), .vars = row->vars, .lane = -1}, again;
    request_pack(&r, &packed);
    assert(request_unpack(buf_span(&packed), NULL, &again, &error) == 0);
    buf_free(&packed);
    buf_free(&error);
}

static void check_any(const struct rows_options *o, struct span text)
{
    struct buf error = {0};
    struct row row;
    int fd = make_file(text);
    struct rows *r = rows_new(o, fd, &error);
    assert((r == NULL) == (error.bytes > 0) && span_is_utf8(buf_span(&error)));
    uint64_t line = 0;
    enum rows_answer answer = r ? rows_next(r, &row) : ROWS_END;
    for (; answer != ROWS_END; answer = rows_next(r, &row)) {
        assert(answer == ROWS_ROW || answer == ROWS_BAD);
        assert(row.line > line && row.line <= text.bytes + 1);
        line = row.line;
        assert((answer == ROWS_ROW) == (row.reason.bytes == 0) && span_is_utf8(row.reason));
        if (answer == ROWS_ROW)
            check_request(&row);
    }
    rows_destroy(&r);
    buf_free(&error);
    close(fd);
}

/* Byte by byte as all at once. */
static void check_split(struct span text)
{
    struct csv *whole = mem_new(sizeof *whole), *slow = mem_new(sizeof *slow);
    csv_open(whole, ',');
    csv_open(slow, ',');
    while (text.bytes > 0) {
        enum csv_answer expected = csv_split(whole, text, 1), got = CSV_MORE;
        for (size_t bytes = 1; got == CSV_MORE && bytes <= text.bytes; bytes++) {
            char *copy = malloc(bytes); /* ends where the bytes end */
            memcpy(copy, text.data, bytes);
            got = csv_split(slow, (struct span){copy, bytes}, bytes == text.bytes);
            free(copy);
        }
        assert(got == expected && whole->bytes == slow->bytes && whole->lines == slow->lines && whole->count == slow->count);
        assert(whole->bytes > 0 && whole->bytes <= text.bytes && whole->is_line_open == slow->is_line_open);
        for (size_t i = 0; i < whole->count && i < CSV_FIELDS_KEPT; i++)
            assert(whole->fields[i].at == slow->fields[i].at && whole->fields[i].bytes == slow->fields[i].bytes);
        text.data += whole->bytes;
        text.bytes -= whole->bytes;
    }
    free(whole);
    free(slow);
}

static void write_field(struct span value, int is_quoted, struct buf *out)
{
    for (size_t i = 0; i < value.bytes; i++)
        is_quoted |= strchr(",;\t\"\r\n", value.data[i]) != NULL;
    buf_append_str(out, is_quoted ? "\"" : "");
    for (size_t i = 0; i < value.bytes; i++) {
        buf_append(out, value.data + i, 1);
        if (value.data[i] == '"')
            buf_append_str(out, "\"");
    }
    buf_append_str(out, is_quoted ? "\"" : "");
}

/* Values of any text but NUL, ended by NUL in the data. */
static struct span take_value(struct span *data, struct buf *value)
{
    const char *end = memchr(data->data, 0, data->bytes);
    struct span raw = {data->data, end ? (size_t)(end - data->data) : data->bytes};
    size_t taken = raw.bytes + (end ? 1 : 0);
    data->data += taken;
    data->bytes -= taken;
    buf_clear(value);
    utf8_append(raw, value);
    return buf_span(value);
}

static void check_back(struct span data, char delimiter, const char *line_end, int flags)
{
    struct buf text = {0}, expected = {0}, value = {0}, got = {0}, error = {0};
    buf_printf(&text, "a%copenid%cb%s", delimiter, delimiter, line_end);
    size_t rows = 0;
    for (; data.bytes > 0; rows++) {
        size_t from = expected.bytes;
        mp_map(&expected, 2);
        for (int column = 0; column < COLUMNS; column++) {
            struct span v = column == 1 ? span_of("oA") : take_value(&data, &value);
            buf_append(&text, &delimiter, column ? 1 : 0);
            write_field(v, (flags >> column) & 1, &text);
            if (column != 1) {
                mp_str(&expected, column ? "b" : "a");
                mp_span(&expected, v);
            }
        }
        assert(expected.bytes > from);
        buf_append_str(&text, data.bytes > 0 || flags & 8 ? line_end : "");
    }
    int fd = make_file(buf_span(&text));
    struct rows *r = rows_new(&(struct rows_options){.encoding = ENCODING_UTF8, .delimiter = flags & 16 ? delimiter : 0}, fd, &error);
    struct row row;
    assert(r != NULL);
    for (size_t i = 0; i < rows; i++) {
        assert(rows_next(r, &row) == ROWS_ROW && span_is(row.openid, "oA"));
        buf_append(&got, row.vars.data, row.vars.bytes);
    }
    assert(rows_next(r, &row) == ROWS_END);
    assert(span_equal(buf_span(&got), buf_span(&expected)));
    rows_destroy(&r);
    close(fd);
    buf_free(&text);
    buf_free(&expected);
    buf_free(&value);
    buf_free(&got);
    buf_free(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = {0, ',', ';', '\t'};
    static const char *const line_ends[] = {"\n", "\r\n", "\r"};
    if (size < 2)
        return 0;
    struct span text = {(const char *)data + 2, size - 2};
    struct rows_options o = {.encoding = (enum encoding)(data[0] % 3),
                             .delimiter = delimiters[data[0] / 3 % 4],
                             .columns = data[0] & 128 ? "openid,a,b" : NULL};
    check_any(&o, text);
    if (size < 500)
        check_split(text);
    check_back(text, delimiters[1 + data[1] % 3], line_ends[data[1] / 3 % 3], data[0]);
    return 0;
}
