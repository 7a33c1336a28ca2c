#include "proto/mp_json.h"

#include <inttypes.h>
#include <math.h>

#include "base/json.h"
#include "base/utf8.h"

static int append_value(struct mp_cursor *c, unsigned depth, struct buf *out);

static void append_text(struct span text, struct buf *out)
{
    struct buf valid = {0};
    buf_append_str(out, "\"");
    utf8_append(text, &valid);
    json_escape(buf_span(&valid), out);
    buf_append_str(out, "\"");
    buf_free(&valid);
}

/* The number as it was written; text when it is none, so that the whole stays JSON. */
static void append_ext(const struct mp_value *v, struct buf *out)
{
    struct json_reader r;
    json_open(&r, v->text);
    struct json_token token = json_next(&r);
    if (v->ext == MP_EXT_NUMBER && token.type == JSON_NUMBER && token.raw.bytes == v->text.bytes)
        buf_append(out, v->text.data, v->text.bytes);
    else
        append_text(v->text, out);
}

static void append_float(double value, struct buf *out)
{
    char text[JSON_DOUBLE_BYTES_MAX];
    if (isfinite(value))
        buf_append(out, text, json_format_double(value, text));
    else
        buf_append_str(out, "null");
}

/* Returns 0, or -1 for arrays, maps and what is none. */
static int append_scalar(const struct mp_value *v, struct buf *out)
{
    switch (v->type) {
    case MP_NIL:
        buf_append_str(out, "null");
        return 0;
    case MP_BOOL:
        buf_append_str(out, v->as.boolean ? "true" : "false");
        return 0;
    case MP_UINT:
        buf_printf(out, "%" PRIu64, v->as.u64);
        return 0;
    case MP_INT:
        buf_printf(out, "%" PRId64, v->as.i64);
        return 0;
    case MP_FLOAT:
        append_float(v->as.number, out);
        return 0;
    case MP_STR:
    case MP_BIN:
        append_text(v->text, out);
        return 0;
    case MP_EXT:
        append_ext(v, out);
        return 0;
    default:
        return -1;
    }
}

static int append_name(struct mp_cursor *c, unsigned depth, struct buf *out)
{
    struct buf name = {0};
    int is_text = mp_peek(c) == MP_STR || mp_peek(c) == MP_BIN;
    int wrong = append_value(c, depth, is_text ? out : &name);
    if (!wrong && !is_text)
        append_text(buf_span(&name), out);
    buf_free(&name);
    return wrong;
}

static int append_array(struct mp_cursor *c, uint32_t count, unsigned depth, struct buf *out)
{
    buf_append_str(out, "[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_str(out, ",");
        if (append_value(c, depth, out))
            return -1;
    }
    buf_append_str(out, "]");
    return 0;
}

static int append_map(struct mp_cursor *c, uint32_t count, unsigned depth, struct buf *out)
{
    buf_append_str(out, "{");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_str(out, ",");
        if (append_name(c, depth, out))
            return -1;
        buf_append_str(out, ":");
        if (append_value(c, depth, out))
            return -1;
    }
    buf_append_str(out, "}");
    return 0;
}

static int append_value(struct mp_cursor *c, unsigned depth, struct buf *out)
{
    struct mp_value v = mp_read(c);
    if (v.type != MP_ARRAY && v.type != MP_MAP)
        return append_scalar(&v, out);
    if (depth == MP_JSON_DEPTH_MAX)
        return -1;
    if (v.type == MP_ARRAY)
        return append_array(c, v.as.count, depth + 1, out);
    return append_map(c, v.as.count, depth + 1, out);
}

int mp_json(struct span packed, struct buf *out)
{
    struct mp_cursor c;
    size_t before = out->bytes;
    mp_open(&c, packed);
    if (append_value(&c, 0, out) == 0 && c.at == c.end)
        return 0;
    out->bytes = before;
    return -1;
}
