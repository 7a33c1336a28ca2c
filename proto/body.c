/* JSON variables to msgpack. Numbers keep what their text says: integers of 64 bits as such, longer ones and
 * -0 as their digits (MP_EXT_NUMBER), all others as doubles. Fails by a message; an error in the JSON counts
 * only up to where it is noticed, so that the first thing wrong is the one that is named.
 */
#include "proto/body.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "proto/json_mp.h"
#include "proto/limits.h"
#include "proto/mp.h"

/* A variable's name in an error is cut to this; never inside a character. */
#define SHOWN_BYTES_MAX 64

static int read_members(struct body *b, struct json_reader *r);
static int read_elements(struct body *b, struct json_reader *r);
static int refuse_kind(struct body *b, enum json_type type);
static int pack_name(struct body *b, struct span raw, struct span *name);
static int pack_value(struct body *b, struct json_reader *r, struct json_token token, struct span name);
static int pack_number(struct body *b, struct span raw, struct span name);
static struct span unescaped(struct body *b, struct span raw);

void body_free(struct body *b)
{
    buf_free(&b->vars);
    buf_free(&b->error);
    buf_free(&b->text);
}

static int refuse_json(struct body *b, const struct json_reader *r)
{
    buf_printf(&b->error, "body: not JSON at byte %zu: %s", r->at, json_error(r));
    return -1;
}

static int refuse_variable(struct body *b, struct span name, const char *what)
{
    size_t shown = name.bytes;
    if (shown > SHOWN_BYTES_MAX) {
        shown = SHOWN_BYTES_MAX;
        while (shown > 0 && (name.data[shown] & 0xC0) == 0x80)
            shown--;
    }
    buf_append(&b->error, name.data, shown);
    buf_append_str(&b->error, shown < name.bytes ? "...: " : ": ");
    buf_append_str(&b->error, what);
    return -1;
}

static int refuse_count(struct body *b)
{
    buf_printf(&b->error, "body: more than %d variables", VARS_MAX);
    return -1;
}

static int is_blank(struct span text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (memchr(" \t\r\n", text.data[i], 4) == NULL)
            return 0;
    return 1;
}

int body_read(struct body *b, struct span json)
{
    buf_clear(&b->vars);
    buf_clear(&b->error);
    if (is_blank(json))
        return 0;

    struct json_reader r;
    json_open(&r, json);
    struct json_token first = json_next(&r);
    size_t place = mp_map_open(&b->vars);
    int count = 0;
    if (first.type == JSON_OBJECT)
        count = read_members(b, &r);
    else if (first.type == JSON_ARRAY)
        count = read_elements(b, &r);
    if (count < 0)
        return -1;
    if (json_error(&r) != NULL || json_next(&r).type != JSON_END)
        return refuse_json(b, &r);
    if (first.type != JSON_OBJECT && first.type != JSON_ARRAY && first.type != JSON_NULL)
        return refuse_kind(b, first.type);
    mp_map_close(&b->vars, place, (size_t)count);
    if (count == 0)
        buf_clear(&b->vars);
    return 0;
}

/* Returns the number of variables, or -1 with b->error. */
static int read_members(struct body *b, struct json_reader *r)
{
    int count = 0;
    struct json_token token;
    for (token = json_next(r); token.type == JSON_NAME; token = json_next(r)) {
        struct span name;
        if (count++ == VARS_MAX)
            return refuse_count(b);
        if (pack_name(b, token.raw, &name) != 0 || pack_value(b, r, json_next(r), name) != 0)
            return -1;
    }
    return token.type == JSON_OBJECT_END ? count : refuse_json(b, r);
}

static int read_elements(struct body *b, struct json_reader *r)
{
    int count = 0;
    struct json_token token;
    for (token = json_next(r); token.type != JSON_ARRAY_END; token = json_next(r)) {
        if (count == VARS_MAX)
            return refuse_count(b);
        char name[16];
        int length = snprintf(name, sizeof name, "%d", count++);
        mp_str(&b->vars, name);
        if (pack_value(b, r, token, (struct span){name, (size_t)length}) != 0)
            return -1;
    }
    return count;
}

static int refuse_kind(struct body *b, enum json_type type)
{
    const char *kind = type == JSON_STRING ? "a string" : type == JSON_NUMBER ? "a number" : "true or false";
    buf_printf(&b->error, "body: %s; give an object, an array, null or nothing", kind);
    return -1;
}

/* Packs the name and leaves it for errors. With escapes it lies in b->text until the value is unescaped,
 * which is why errors about the value's kind are found before that. */
static int pack_name(struct body *b, struct span raw, struct span *name)
{
    *name = unescaped(b, raw);
    if (name->bytes > VAR_NAME_BYTES_MAX)
        return refuse_variable(b, *name, "the variable's name is too long; at most 256 bytes");
    mp_span(&b->vars, *name);
    return 0;
}

static int pack_value(struct body *b, struct json_reader *r, struct json_token token, struct span name)
{
    switch (token.type) {
    case JSON_STRING:
        mp_span(&b->vars, unescaped(b, token.raw));
        return 0;
    case JSON_NUMBER:
        return pack_number(b, token.raw, name);
    case JSON_TRUE:
    case JSON_FALSE:
        mp_bool(&b->vars, token.type == JSON_TRUE);
        return 0;
    case JSON_NULL:
        mp_nil(&b->vars);
        return 0;
    case JSON_OBJECT:
        return refuse_variable(b, name, "an object; give a string, a number, true, false or null");
    case JSON_ARRAY:
        return refuse_variable(b, name, "an array; give a string, a number, true, false or null");
    default:
        return refuse_json(b, r);
    }
}

static int pack_number(struct body *b, struct span raw, struct span name)
{
    const char *wrong = json_mp_number(raw, &b->vars);
    return wrong ? refuse_variable(b, name, wrong) : 0;
}

/* The content of a string token: in place when nothing is escaped, else in b->text. */
static struct span unescaped(struct body *b, struct span raw)
{
    if (memchr(raw.data, '\\', raw.bytes) == NULL)
        return (struct span){raw.data + 1, raw.bytes - 2};
    buf_clear(&b->text);
    json_unescape(raw, &b->text);
    return buf_span(&b->text);
}
