#include "client/rows/row_maker.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "base/utf8.h"

#define NAME_SHOWN_BYTES  60
#define NAMES_SHOWN_BYTES 300

struct row_maker {
    struct span *names;
    size_t count;
    size_t openid_at;
    struct buf packed_names; /* one after the other */
    struct span *heads;      /* of each column its name in there */
    struct buf vars, reason;
};

static int is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x3000 || c == 0xFEFF || (c >= 0x2000 && c <= 0x200B) ||
           c == 0x2028 || c == 0x2029;
}

static int is_control(uint32_t c)
{
    return c < ' ' || (c >= 0x7F && c <= 0x9F);
}

static size_t last_char_at(struct span text)
{
    size_t at = text.bytes - 1;
    while (at > 0 && text.bytes - at < 4 && ((unsigned char)text.data[at] & 0xC0) == 0x80)
        at--;
    return at;
}

struct span row_maker_trim(struct span text)
{
    uint32_t c;
    while (text.bytes > 0) {
        size_t bytes = utf8_read(text, 0, &c);
        if (!is_space(c))
            break;
        text.data += bytes;
        text.bytes -= bytes;
    }
    while (text.bytes > 0) {
        size_t at = last_char_at(text);
        utf8_read(text, at, &c);
        if (!is_space(c))
            break;
        text.bytes = at;
    }
    return text;
}

/* --- the columns -------------------------------------------------------------------------------------------------- */

/* A name as texts show it: short, and nothing in it that a terminal would obey. */
static void append_name(struct span name, struct buf *out)
{
    size_t at = 0;
    buf_append_str(out, "\"");
    while (at < name.bytes && at < NAME_SHOWN_BYTES) {
        uint32_t c;
        size_t bytes = utf8_read(name, at, &c);
        if (c == UTF8_REPLACEMENT || is_control(c))
            buf_append_str(out, "?");
        else
            buf_append(out, name.data + at, bytes);
        at += bytes;
    }
    buf_append_str(out, at < name.bytes ? "…\"" : "\"");
}

/* Appends the names, cut to what can be read in one line. */
static void append_names(const struct span *names, size_t count, struct buf *out)
{
    size_t from = out->bytes;
    for (size_t i = 0; i < count; i++) {
        if (out->bytes - from > NAMES_SHOWN_BYTES) {
            buf_printf(out, " and %zu more", count - i);
            return;
        }
        buf_append_str(out, i ? ", " : "");
        append_name(names[i], out);
    }
}

void row_maker_append_column(const struct row_maker *m, size_t i, struct buf *out)
{
    if (i >= m->count) {
        buf_printf(out, "column %zu", i + 1);
        return;
    }
    buf_append_str(out, "column ");
    append_name(m->names[i], out);
}

static int has_control(struct span name)
{
    uint32_t c;
    for (size_t at = 0; at < name.bytes;) {
        at += utf8_read(name, at, &c);
        if (is_control(c))
            return 1;
    }
    return 0;
}

static size_t find_name(const struct span *names, size_t count, struct span name)
{
    size_t i = 0;
    while (i < count && !span_equal(names[i], name))
        i++;
    return i;
}

static int check_name(const struct span *names, size_t i, struct buf *error)
{
    struct span name = names[i];
    if (name.bytes == 0) {
        buf_printf(error, "column %zu has no name", i + 1);
        return -1;
    }
    if (name.bytes > VAR_NAME_BYTES_MAX) {
        buf_printf(error, "the name of column %zu has %zu bytes; at most %d", i + 1, name.bytes, VAR_NAME_BYTES_MAX);
        return -1;
    }
    if (!span_is_utf8(name) || has_control(name)) {
        buf_printf(error, "the name of column %zu %s", i + 1,
                   span_is_utf8(name) ? "has a control character or a line end in it" : "is not UTF-8");
        return -1;
    }
    size_t same = find_name(names, i, name);
    if (same < i) {
        buf_printf(error, "columns %zu and %zu have the same name, ", same + 1, i + 1);
        append_name(name, error);
        return -1;
    }
    return 0;
}

/* The column of that name, else the only one that has it in another case; count when there is none. */
static size_t find_column(const struct span *names, size_t count, struct span name)
{
    size_t exact = find_name(names, count, name), found = count, times = 0;
    if (exact < count)
        return exact;
    for (size_t i = 0; i < count; i++)
        if (names[i].bytes == name.bytes && strncasecmp(names[i].data, name.data, name.bytes) == 0) {
            found = i;
            times++;
        }
    return times == 1 ? found : count;
}

static int find_openid(struct row_maker *m, const char *openid_column, struct buf *error)
{
    if (openid_column) {
        m->openid_at = find_column(m->names, m->count, row_maker_trim(span_of(openid_column)));
    } else {
        m->openid_at = find_column(m->names, m->count, span_of("openid"));
        if (m->openid_at == m->count)
            m->openid_at = find_column(m->names, m->count, span_of("touser"));
    }
    if (m->openid_at < m->count)
        return 0;
    buf_append_str(error, "no column is named ");
    append_name(span_of(openid_column ? openid_column : "openid"), error);
    buf_append_str(error, "; the columns are ");
    append_names(m->names, m->count, error);
    return -1;
}

static void pack_names(struct row_maker *m)
{
    for (size_t i = 0; i < m->count; i++) {
        m->heads[i].bytes = m->packed_names.bytes;
        mp_span(&m->packed_names, m->names[i]);
        m->heads[i].bytes = m->packed_names.bytes - m->heads[i].bytes;
    }
    const char *at = m->packed_names.data;
    for (size_t i = 0; i < m->count; at += m->heads[i].bytes, i++)
        m->heads[i].data = at;
}

struct row_maker *row_maker_new(const struct span *names, size_t count, const char *openid_column, struct buf *error)
{
    if (count > ROW_COLUMNS_MAX) {
        buf_printf(error, "%zu columns; at most %d", count, ROW_COLUMNS_MAX);
        return NULL;
    }
    struct row_maker *m = mem_new(sizeof *m);
    m->names = mem_new(count * sizeof *m->names);
    m->heads = mem_new(count * sizeof *m->heads);
    for (; m->count < count; m->count++) {
        struct span name = row_maker_trim(names[m->count]);
        m->names[m->count] = (struct span){span_dup(name), name.bytes};
        if (check_name(m->names, m->count, error)) {
            m->count++;
            row_maker_destroy(&m);
            return NULL;
        }
    }
    if (find_openid(m, openid_column, error)) {
        row_maker_destroy(&m);
        return NULL;
    }
    pack_names(m);
    return m;
}

void row_maker_destroy(struct row_maker **m)
{
    if (*m == NULL)
        return;
    for (size_t i = 0; i < (*m)->count; i++)
        free((char *)(uintptr_t)(*m)->names[i].data);
    free((*m)->names);
    free((*m)->heads);
    buf_free(&(*m)->packed_names);
    buf_free(&(*m)->vars);
    buf_free(&(*m)->reason);
    free(*m);
    *m = NULL;
}

const struct span *row_maker_names(const struct row_maker *m, size_t *count)
{
    *count = m->count;
    return m->names;
}

size_t row_maker_openid_at(const struct row_maker *m)
{
    return m->openid_at;
}

/* --- a row -------------------------------------------------------------------------------------------------------- */

struct buf *row_maker_reason(struct row_maker *m)
{
    buf_clear(&m->reason);
    return &m->reason;
}

int row_maker_refuse(struct row_maker *m, enum row_fault fault, struct row *row)
{
    row->openid = row->vars = (struct span){NULL, 0};
    row->fault = fault;
    buf_str(&m->reason);
    row->reason = buf_span(&m->reason);
    return -1;
}

void row_maker_hint(struct row_maker *m, const char *hint, struct row *row)
{
    buf_append_str(&m->reason, hint);
    row_maker_refuse(m, row->fault, row);
}

static int refuse_column(struct row_maker *m, size_t column, enum row_fault fault, const char *why, struct row *row)
{
    struct buf *reason = row_maker_reason(m);
    row_maker_append_column(m, column, reason);
    buf_append_str(reason, why);
    return row_maker_refuse(m, fault, row);
}

static int refuse_count(struct row_maker *m, size_t count, struct row *row)
{
    struct buf *reason = row_maker_reason(m);
    buf_printf(reason, "%zu field%s; %zu %s expected: ", count, count == 1 ? "" : "s", m->count, m->count == 1 ? "is" : "are");
    append_names(m->names, m->count, reason);
    return row_maker_refuse(m, ROW_FIELDS, row);
}

static int check_values(struct row_maker *m, const struct span *fields, struct row *row)
{
    size_t all_bytes = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct span f = fields[i];
        if (f.bytes == 0)
            continue;
        if (f.bytes > ROW_VALUE_BYTES_MAX)
            return refuse_column(m, i, ROW_LONG, ": a value of more than 65,536 bytes", row);
        if (memchr(f.data, 0, f.bytes))
            return refuse_column(m, i, ROW_NUL, ": a NUL byte in the value", row);
        if (!span_is_utf8(f))
            return refuse_column(m, i, ROW_ENCODING, ": the value is not valid UTF-8", row);
        all_bytes += f.bytes;
    }
    if (all_bytes <= ROW_BYTES_MAX)
        return 0;
    buf_append_str(row_maker_reason(m), "the values have more than 262,144 bytes together");
    return row_maker_refuse(m, ROW_LONG, row);
}

/* Most openids have only what stands between space and DEL. */
static int is_graphic(struct span text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return 0;
    return 1;
}

static int check_openid(struct row_maker *m, struct span field, struct row *row)
{
    struct span openid = field;
    if (!is_graphic(openid))
        openid = row_maker_trim(field);
    if (openid.bytes == 0)
        return refuse_column(m, m->openid_at, ROW_OPENID, ": the openid is empty", row);
    if (openid.bytes > OPENID_BYTES_MAX)
        return refuse_column(m, m->openid_at, ROW_OPENID, ": an openid of more than 128 bytes", row);
    for (size_t at = 0; at < openid.bytes && !is_graphic(openid);) {
        uint32_t c;
        at += utf8_read(openid, at, &c);
        if (is_space(c) || is_control(c))
            return refuse_column(m, m->openid_at, ROW_OPENID, ": white space or a control character in the openid", row);
    }
    row->openid = openid;
    return 0;
}

static void pack_vars(struct row_maker *m, const struct span *fields)
{
    buf_clear(&m->vars);
    mp_map(&m->vars, m->count - 1);
    for (size_t i = 0; i < m->count; i++)
        if (i != m->openid_at) {
            mp_raw(&m->vars, m->heads[i]);
            mp_span(&m->vars, fields[i]);
        }
}

int row_maker_make(struct row_maker *m, const struct span *fields, size_t count, struct row *row)
{
    _Static_assert(ROW_VALUE_BYTES_MAX == 65536 && ROW_BYTES_MAX == 262144 && OPENID_BYTES_MAX == 128, "as in the reasons");
    if (count != m->count)
        return refuse_count(m, count, row);
    if (check_values(m, fields, row) || check_openid(m, fields[m->openid_at], row))
        return -1;
    pack_vars(m, fields);
    row->vars = buf_span(&m->vars);
    row->fault = ROW_GOOD;
    row->reason = (struct span){NULL, 0};
    return 0;
}
