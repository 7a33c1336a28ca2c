/* For tests of rendering: variables written as JSON, packed as the frontend gets them. */
#ifndef TESTS_UNIT_JSON_VARS_H
#define TESTS_UNIT_JSON_VARS_H

#include <errno.h>

#include "base/json.h"
#include "proto/mp.h"
#include "tests/unit/test.h"

static inline void vars_pack_number(struct span raw, struct buf *out)
{
    char *text = span_dup(raw);
    char *end = text;
    int whole = strpbrk(text, ".eE") == NULL;
    errno = 0;
    if (!whole)
        mp_double(out, strtod(text, &end));
    else if (strcmp(text, "-0") == 0)
        errno = ERANGE;
    else if (*text == '-')
        mp_i64(out, strtoll(text, &end, 10));
    else
        mp_u64(out, strtoull(text, &end, 10));
    if (whole && errno == ERANGE) {
        /* What was written above is not the number. */
        if (strcmp(text, "-0") != 0)
            out->bytes -= 9;
        mp_ext(out, MP_EXT_NUMBER, raw);
    }
    free(text);
}

static inline void vars_pack_value(struct json_token t, struct buf *out)
{
    struct buf text = {0};
    switch (t.type) {
    case JSON_STRING:
        json_unescape(t.raw, &text);
        mp_span(out, buf_span(&text));
        break;
    case JSON_NUMBER:
        vars_pack_number(t.raw, out);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        mp_bool(out, t.type == JSON_TRUE);
        break;
    case JSON_NULL:
        mp_nil(out);
        break;
    default:
        CHECK(!"a scalar");
    }
    buf_free(&text);
}

/* Appends the packed map of a JSON object, or of an array (its elements are 0, 1, ...); nothing for null and
 * for no text. */
static inline void vars_pack(struct span json, struct buf *out)
{
    struct json_reader r;
    struct buf members = {0}, name = {0};
    size_t count = 0;
    json_open(&r, json);
    struct json_token open = json_next(&r);
    if (json.bytes == 0 || open.type == JSON_NULL)
        return;
    CHECK(open.type == JSON_OBJECT || open.type == JSON_ARRAY);
    for (struct json_token t = json_next(&r); t.type != JSON_OBJECT_END && t.type != JSON_ARRAY_END;
         t = json_next(&r)) {
        CHECK(t.type != JSON_ERROR);
        buf_clear(&name);
        if (t.type == JSON_NAME) {
            json_unescape(t.raw, &name);
            t = json_next(&r);
        } else {
            buf_printf(&name, "%zu", count);
        }
        mp_span(&members, buf_span(&name));
        vars_pack_value(t, &members);
        count++;
    }
    mp_map(out, count);
    mp_raw(out, buf_span(&members));
    buf_free(&members);
    buf_free(&name);
}

#endif
