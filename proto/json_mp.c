#include "proto/json_mp.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 65535 /* of mp_map_close */

static int pack_value(struct json_reader *r, struct json_token first, unsigned depth, struct buf *out, struct buf *error);

/* 1 when the digits are an integer of 64 bits, which is packed. Leading zeros are no JSON, so only -0
 * would change. */
static int pack_integer(const char *digits, struct buf *out)
{
    char *end;
    errno = 0;
    if (digits[0] == '-') {
        long long value = strtoll(digits, &end, 10);
        if (errno != 0 || *end != '\0' || value == 0)
            return 0;
        mp_i64(out, value);
        return 1;
    }
    unsigned long long value = strtoull(digits, &end, 10);
    if (errno != 0 || *end != '\0')
        return 0;
    mp_u64(out, value);
    return 1;
}

static int is_fraction(struct span raw)
{
    for (size_t i = 0; i < raw.bytes; i++)
        if (raw.data[i] == '.' || raw.data[i] == 'e' || raw.data[i] == 'E')
            return 1;
    return 0;
}

const char *json_mp_number(struct span raw, struct buf *out)
{
    if (raw.bytes > JSON_MP_NUMBER_MAX)
        return "a number of more than 256 characters; give it as a string";
    char digits[JSON_MP_NUMBER_MAX + 1]; /* a C string: what follows in the text is not ours to read */
    memcpy(digits, raw.data, raw.bytes);
    digits[raw.bytes] = '\0';
    if (!is_fraction(raw)) {
        if (!pack_integer(digits, out))
            mp_ext(out, MP_EXT_NUMBER, raw);
        return NULL;
    }
    double value = strtod(digits, NULL);
    if (!isfinite(value))
        return "the number is too large; give it as a string";
    mp_double(out, value);
    return NULL;
}

static int refuse(struct buf *error, const char *text)
{
    buf_append_str(error, text);
    return -1;
}

static int refuse_json(const struct json_reader *r, struct buf *error)
{
    buf_printf(error, "body: not JSON at byte %zu: %s", r->at, json_error(r) ? json_error(r) : "it ends too early");
    return -1;
}

static void pack_text(struct span raw, struct buf *out)
{
    struct buf text = {0};
    json_unescape(raw, &text);
    mp_span(out, buf_span(&text));
    buf_free(&text);
}

static int pack_object(struct json_reader *r, unsigned depth, struct buf *out, struct buf *error)
{
    size_t place = mp_map_open(out), count = 0;
    struct json_token token;
    for (token = json_next(r); token.type == JSON_NAME; token = json_next(r)) {
        if (++count > MEMBERS_MAX)
            return refuse(error, "body: an object of more than 65535 members");
        pack_text(token.raw, out);
        if (pack_value(r, json_next(r), depth, out, error))
            return -1;
    }
    mp_map_close(out, place, count);
    return token.type == JSON_OBJECT_END ? 0 : refuse_json(r, error);
}

static int pack_array(struct json_reader *r, unsigned depth, struct buf *out, struct buf *error)
{
    struct buf elements = {0};
    size_t count = 0;
    int wrong = 0;
    struct json_token token;
    for (token = json_next(r); token.type != JSON_ARRAY_END && !wrong; token = json_next(r), count++)
        wrong = pack_value(r, token, depth, &elements, error);
    if (!wrong) {
        mp_array(out, count);
        mp_raw(out, buf_span(&elements));
    }
    buf_free(&elements);
    return wrong;
}

static int pack_value(struct json_reader *r, struct json_token first, unsigned depth, struct buf *out, struct buf *error)
{
    const char *wrong;
    switch (first.type) {
    case JSON_STRING:
        pack_text(first.raw, out);
        return 0;
    case JSON_NUMBER:
        wrong = json_mp_number(first.raw, out);
        return wrong ? refuse(error, wrong) : 0;
    case JSON_TRUE:
    case JSON_FALSE:
        mp_bool(out, first.type == JSON_TRUE);
        return 0;
    case JSON_NULL:
        mp_nil(out);
        return 0;
    case JSON_OBJECT:
    case JSON_ARRAY:
        if (depth == 0)
            return refuse(error, "body: more than 30 arrays and objects in each other");
        return first.type == JSON_OBJECT ? pack_object(r, depth - 1, out, error) : pack_array(r, depth - 1, out, error);
    default:
        return refuse_json(r, error);
    }
}

int json_mp_value(struct json_reader *r, struct json_token first, struct buf *out, struct buf *error)
{
    return pack_value(r, first, JSON_MP_DEPTH_MAX, out, error);
}
