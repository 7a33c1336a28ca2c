/* A strict JSON reader (RFC 8259) that works in place: a cursor over the text, no allocation, no tree.
 *
 * Used for request bodies, templates and WeChat's answers. The libraries at hand do not fit: templates are JSON only
 * around their ${NAME}s and go out byte for byte, so positions in the text are needed; numbers are passed on as they are
 * written (jansson refuses integers over 64 bits, json-c cuts them); a lone surrogate is an error (yajl turns it into "?").
 *
 * Invariant: a reader never looks outside its text, whatever the bytes are. Errors are sticky: after the first one every
 * call returns JSON_ERROR and json_error() says what was wrong and where.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Containers deeper than this are an error. PHP's json_decode, which the original used, stops at 512. */
#define JSON_DEPTH_MAX 64

enum json_type {
    JSON_ERROR,
    JSON_END,    /* nothing but white space is left behind the value */
    JSON_OBJECT, /* { opened */
    JSON_OBJECT_END,
    JSON_ARRAY, /* [ opened */
    JSON_ARRAY_END,
    JSON_NAME,   /* a member's name; its value is the next token */
    JSON_STRING,
    JSON_NUMBER, /* raw text: span is the number as it is written */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

struct json_token {
    enum json_type type;
    struct span raw; /* the token in the text; strings and names with their quotes */
};

struct json_reader {
    struct span text;
    size_t at;       /* next byte to read */
    unsigned depth;
    unsigned expect;                      /* internal: what may come next */
    unsigned char stack[JSON_DEPTH_MAX];  /* internal: 1 = object */
    const char *error;                    /* NULL or a constant text */
};

void json_open(struct json_reader *r, struct span text);

/* Reads the next token and checks the grammar, UTF-8, escapes (lone surrogates are errors) and numbers. */
struct json_token json_next(struct json_reader *r);

/* Skips a whole value, whose first token was just read. Returns 0, or -1 on an error. */
int json_skip(struct json_reader *r, struct json_token first);

/* A constant text ("number: leading zero"), or NULL. The position is r->at. */
const char *json_error(const struct json_reader *r);

/* Appends the unescaped content of a string or name token (UTF-8, may hold NUL bytes). */
void json_unescape(struct span raw, struct buf *out);

/* Appends text as the inside of a JSON string: escapes the quote, the backslash and control characters (\uXXXX but for
 * \b \f \n \r \t), nothing else. Adds no quotes. */
void json_escape(struct span text, struct buf *out);

/* Number of bytes a double needs at most, written by json_format_double. */
#define JSON_DOUBLE_BYTES_MAX 32

/* The shortest text that reads back as the same double, laid out as ECMAScript's Number::toString does (ECMA-262 6.1.6.1.20:
 * 1000, 0.00001, 1e+25). The value must be finite. Returns the length; no NUL. */
size_t json_format_double(double value, char out[JSON_DOUBLE_BYTES_MAX]);

#endif
