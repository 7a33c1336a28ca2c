/* Reads WeChat's answers and writes refusals.
 *
 * Both walk the tokens of base/json.h; nothing is kept but spans into the answer. An answer that is not
 * understood fails as a whole: what cannot be read may have been anything.
 */
#include "sender/answer.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "proto/limits.h"

#define NUMBER_BYTES_MAX 64 /* of an integer that is read; longer ones are beyond 64 bits anyway */

static int read_member(struct json_reader *r, struct span name, struct answer *a);
static void write_object(struct json_reader *r, struct buf *out);
static void write_token(struct json_token t, struct buf *out);
static void write_short(struct span body, struct span openid, struct buf *out);

/* Returns 0 and the value, or -1 when the number has a fraction, an exponent or more than 64 bits. */
static int read_i64(struct span raw, int64_t *value)
{
    char text[NUMBER_BYTES_MAX + 1];
    if (raw.bytes > NUMBER_BYTES_MAX)
        return -1;
    memcpy(text, raw.data, raw.bytes);
    text[raw.bytes] = 0;
    if (strpbrk(text, ".eE"))
        return -1;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno)
        return -1;
    *value = number;
    return 0;
}

int answer_parse(struct span body, struct answer *a)
{
    struct json_reader r;
    struct buf name = {0};
    *a = (struct answer){0};
    json_open(&r, body);
    if (json_next(&r).type != JSON_OBJECT)
        return -1;
    int failed = 0;
    while (!failed) {
        struct json_token t = json_next(&r);
        if (t.type == JSON_OBJECT_END)
            break;
        if (t.type == JSON_ERROR) {
            failed = -1;
            break;
        }
        buf_clear(&name);
        json_unescape(t.raw, &name);
        failed = read_member(&r, buf_span(&name), a);
    }
    buf_free(&name);
    if (failed || json_next(&r).type != JSON_END)
        return -1;
    return 0;
}

static int read_errcode(struct json_token t, struct answer *a)
{
    if (t.type != JSON_NUMBER || read_i64(t.raw, &a->errcode) != 0)
        return -1;
    a->has_errcode = 1;
    return 0;
}

/* Reads the value of a member; -1 on bad JSON and on an errcode that is no integer. */
static int read_member(struct json_reader *r, struct span name, struct answer *a)
{
    struct json_token t = json_next(r);
    if (span_is(name, "errcode") && read_errcode(t, a) != 0)
        return -1;
    if (span_is(name, "msgid") && (t.type != JSON_NUMBER || read_i64(t.raw, &a->msgid) != 0))
        a->msgid = 0;
    if (span_is(name, "expires_in") && (t.type != JSON_NUMBER || read_i64(t.raw, &a->expires_in_s) != 0))
        a->expires_in_s = 0;
    if (span_is(name, "errmsg"))
        a->errmsg = t.type == JSON_STRING ? t.raw : (struct span){0};
    if (span_is(name, "access_token"))
        a->token = t.type == JSON_STRING ? t.raw : (struct span){0};
    return json_skip(r, t);
}

static void write_openid(struct span openid, struct buf *out)
{
    buf_append_str(out, "\"openid\":\"");
    json_escape(openid, out);
    buf_append_str(out, "\"}");
}

void answer_refusal(struct span body, struct span openid, struct buf *out)
{
    struct json_reader r;
    size_t start = out->bytes;
    json_open(&r, body);
    struct json_token first = json_next(&r);
    assert(first.type == JSON_OBJECT);
    buf_append_str(out, "{");
    write_object(&r, out);
    write_openid(openid, out);
    if (out->bytes - start <= MESSAGE_TEXT_BYTES_MAX)
        return;
    out->bytes = start;
    write_short(body, openid, out);
}

static int is_openid(struct span raw)
{
    struct buf name = {0};
    json_unescape(raw, &name);
    int is = span_is(buf_span(&name), "openid");
    buf_free(&name);
    return is;
}

/* Writes one whole value, whose first token is given. */
static void write_value(struct json_reader *r, struct json_token t, struct buf *out)
{
    unsigned depth = 0;
    enum json_type before = JSON_NAME; /* what stands before needs no comma behind it */
    for (;;) {
        int closes = t.type == JSON_OBJECT_END || t.type == JSON_ARRAY_END;
        if (!closes && before != JSON_NAME && before != JSON_OBJECT && before != JSON_ARRAY)
            buf_append_str(out, ",");
        write_token(t, out);
        if (t.type == JSON_OBJECT || t.type == JSON_ARRAY)
            depth++;
        else if (closes)
            depth--;
        if (depth == 0)
            return;
        before = t.type;
        t = json_next(r);
        assert(t.type != JSON_ERROR && t.type != JSON_END);
    }
}

/* Writes the members of the top-level object but openid, each with a comma behind it. */
static void write_object(struct json_reader *r, struct buf *out)
{
    for (;;) {
        struct json_token name = json_next(r);
        if (name.type == JSON_OBJECT_END)
            return;
        assert(name.type == JSON_NAME);
        if (is_openid(name.raw)) {
            json_skip(r, json_next(r));
            continue;
        }
        write_token(name, out);
        write_value(r, json_next(r), out);
        buf_append_str(out, ",");
    }
}

/* An integer beyond 64 bits as PHP 5 wrote it: a double with `precision` = 14. One beyond a double stays as
 * it is. */
static void write_number(struct span raw, struct buf *out)
{
    int64_t unused;
    int is_fraction = memchr(raw.data, '.', raw.bytes) || memchr(raw.data, 'e', raw.bytes)
                      || memchr(raw.data, 'E', raw.bytes);
    if (is_fraction || read_i64(raw, &unused) == 0) {
        buf_append(out, raw.data, raw.bytes);
        return;
    }
    char *text = span_dup(raw);
    double number = strtod(text, NULL);
    free(text);
    if (isfinite(number))
        buf_printf(out, "%.14g", number);
    else
        buf_append(out, raw.data, raw.bytes);
}

static void write_token(struct json_token t, struct buf *out)
{
    switch (t.type) {
    case JSON_OBJECT:
        buf_append_str(out, "{");
        break;
    case JSON_ARRAY:
        buf_append_str(out, "[");
        break;
    case JSON_OBJECT_END:
        buf_append_str(out, "}");
        break;
    case JSON_ARRAY_END:
        buf_append_str(out, "]");
        break;
    case JSON_NUMBER:
        write_number(t.raw, out);
        break;
    case JSON_NAME:
        buf_append(out, t.raw.data, t.raw.bytes);
        buf_append_str(out, ":");
        break;
    default: /* strings, true, false, null */
        buf_append(out, t.raw.data, t.raw.bytes);
    }
}

/* The length of the longest beginning of a JSON string's inside that has at most bytes_max bytes and cuts no
 * character and no escape in two. */
static size_t cut_before(struct span inside, size_t bytes_max)
{
    size_t at = 0;
    while (at < inside.bytes) {
        size_t step = 1;
        if (inside.data[at] == '\\')
            step = at + 1 < inside.bytes && inside.data[at + 1] == 'u' ? 6 : 2;
        while (at + step < inside.bytes && ((unsigned char)inside.data[at + step] & 0xc0) == 0x80)
            step++;
        if (at + step > bytes_max)
            break;
        at += step;
    }
    return at;
}

static void write_short(struct span body, struct span openid, struct buf *out)
{
    struct answer a;
    struct buf plain = {0}, escaped = {0};
    answer_parse(body, &a);
    buf_printf(out, "{\"errcode\":%lld,\"errmsg\":\"", (long long)a.errcode);
    if (a.errmsg.bytes)
        json_unescape(a.errmsg, &plain);
    json_escape(buf_span(&plain), &escaped);
    /* Half of the room is left: an openid of 128 bytes is 768 bytes at most when all of it has to be
     * escaped. */
    buf_append(out, escaped.data, cut_before(buf_span(&escaped), MESSAGE_TEXT_BYTES_MAX / 2));
    buf_append_str(out, "\",");
    write_openid(openid, out);
    buf_free(&plain);
    buf_free(&escaped);
}
