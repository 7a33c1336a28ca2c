#include "proto/field.h"

#include <inttypes.h>

#include "proto/frontend.h"

#define PLAIN_READ_BYTES_MAX 1024 /* what is longer gets the general error */
#define ASK_NAME_BYTES_MAX 32 /* of a type or an op */
#define UNKNOWN_BYTES_MAX 64 /* of the name of an unknown member, as far as an error repeats it */

const char *field_type_name(enum mp_type type)
{
    static const char *const names[] = {
        [MP_ERROR] = "damaged",  [MP_NIL] = "nil",       [MP_BOOL] = "a bool", [MP_UINT] = "an integer",
        [MP_INT] = "an integer", [MP_FLOAT] = "a float", [MP_STR] = "a str",   [MP_BIN] = "a bin",
        [MP_ARRAY] = "an array", [MP_MAP] = "a map",     [MP_EXT] = "an ext"};
    return names[type];
}

static int wrong_type(const char *field, enum mp_type type, const char *wanted, struct buf *error)
{
    buf_printf(error, "%s: %s; give %s", field, field_type_name(type), wanted);
    return -1;
}

static int too_long(const char *field, size_t bytes, size_t bytes_max, struct buf *error)
{
    buf_printf(error, "%s: %zu bytes; at most %zu", field, bytes, bytes_max);
    return -1;
}

/* Reads a str of at most bytes_max bytes. Returns 1 when there is one, 0 for nil, or -1. */
static int read_str(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out,
                    struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_STR)
        return wrong_type(field, v.type, "a str", error);
    if (v.text.bytes > bytes_max)
        return too_long(field, v.text.bytes, bytes_max, error);
    *out = v.text;
    return 1;
}

int field_text(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error)
{
    struct span text;
    int found = read_str(c, field, bytes_max, &text, error);
    if (found <= 0)
        return found;
    if (text.bytes == 0 || !span_is_utf8(text)) {
        buf_printf(error, "%s: empty, or not UTF-8; give 1 to %zu bytes", field, bytes_max);
        return -1;
    }
    *out = text;
    return 0;
}

int field_name(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error)
{
    struct span text;
    int found = read_str(c, field, bytes_max, &text, error);
    if (found <= 0)
        return found;
    if (!name_is_plain(text, bytes_max)) {
        buf_printf(error,
                   "%s: empty, or not plain UTF-8 without spaces and control characters; give 1 to %zu bytes",
                   field, bytes_max);
        return -1;
    }
    *out = text;
    return 0;
}

int field_bin(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_BIN && v.type != MP_STR)
        return wrong_type(field, v.type, "a bin", error);
    if (v.text.bytes > bytes_max)
        return too_long(field, v.text.bytes, bytes_max, error);
    *out = v.text;
    return 0;
}

int field_int(struct mp_cursor *c, const char *field, int64_t min, int64_t max, const char *unit,
              int64_t *out, struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_UINT && v.type != MP_INT)
        return wrong_type(field, v.type, "an integer", error);
    int fits = v.type == MP_INT || v.as.u64 <= INT64_MAX;
    int64_t value = v.type == MP_INT ? v.as.i64 : fits ? (int64_t)v.as.u64 : 0;
    if (!fits || value < min || value > max) {
        buf_printf(error, "%s: out of range; give %" PRId64 " to %" PRId64 "%s%s", field, min, max,
                   *unit ? " " : "", unit);
        return -1;
    }
    *out = value;
    return 0;
}

static int is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int field_is_plain(struct span text, size_t bytes_max)
{
    if (text.bytes == 0 || text.bytes > bytes_max || !is_letter_or_digit(text.data[0]))
        return 0;
    for (size_t i = 1; i < text.bytes; i++)
        if (!is_letter_or_digit(text.data[i]) && !memchr("._-", text.data[i], 3))
            return 0;
    return 1;
}

int field_plain(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error)
{
    if (field_name(c, field, PLAIN_READ_BYTES_MAX, out, error))
        return -1;
    if (out->data == NULL || field_is_plain(*out, bytes_max))
        return 0;
    buf_printf(error, "%s: give 1 to %zu letters, digits, '.', '_' and '-', a letter or digit first", field, bytes_max);
    return -1;
}

int field_bool(struct mp_cursor *c, const char *field, int *out, struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_BOOL)
        return wrong_type(field, v.type, "true or false", error);
    *out = v.as.boolean;
    return 0;
}

static int refuse(struct buf *error, const char *text)
{
    buf_append_str(error, text);
    return -1;
}

int field_ask_type(struct mp_cursor *c, struct buf *error)
{
    struct span text = {NULL, 0};
    if (field_text(c, "t", ASK_NAME_BYTES_MAX, &text, error))
        return -1;
    return text.data && span_is(text, "ask") ? 0 : refuse(error, "t: unknown; give ask");
}

int field_op(struct mp_cursor *c, const char *const names[], int first, int last, const char *told, struct buf *error)
{
    struct span text = {NULL, 0};
    if (field_text(c, "op", ASK_NAME_BYTES_MAX, &text, error))
        return -1;
    for (int op = first; text.data && op <= last; op++)
        if (span_is(text, names[op]))
            return op;
    buf_printf(error, "op: unknown; give %s", told);
    return -1;
}

int field_count(struct mp_cursor *c, const char *field, int64_t max, uint64_t *out, struct buf *error)
{
    int64_t value = (int64_t)*out;
    if (field_int(c, field, 0, max, "", &value, error))
        return -1;
    *out = (uint64_t)value;
    return 0;
}

int field_ask(struct span packed, int (*read)(struct mp_cursor *c, struct span name, void *ask, struct buf *error), void *ask,
              struct buf *error)
{
    struct mp_cursor c;
    mp_open(&c, packed);
    struct mp_value v = mp_read(&c);
    if (v.type == MP_ERROR)
        return refuse(error, "ask: not msgpack");
    if (v.type != MP_MAP) {
        buf_printf(error, "ask: %s; give a map with str names", field_type_name(v.type));
        return -1;
    }
    for (uint32_t i = 0; i < v.as.count; i++) {
        struct span name;
        if (mp_read_name(&c, &name))
            return refuse(error, "ask: a member's name that is no str");
        if (read(&c, name, ask, error))
            return -1;
        if (c.failed)
            return refuse(error, "ask: damaged msgpack");
    }
    return c.at == c.end ? 0 : refuse(error, "ask: bytes behind the map; give one map a frame");
}

int field_unknown(const char *where, struct span name, struct buf *error)
{
    size_t bytes = name.bytes > UNKNOWN_BYTES_MAX ? UNKNOWN_BYTES_MAX : name.bytes;
    buf_printf(error, "%s%.*s: unknown member", where, (int)bytes, name.data);
    return -1;
}
