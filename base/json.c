/* The strict JSON reader: a cursor that checks the grammar as it goes.
 *
 * Used for request bodies, templates and WeChat's answers.
 *
 *   expect            what may come next                     goes to
 *   VALUE             any value                              OBJECT_FIRST, ARRAY_FIRST, or the state behind a
 * value OBJECT_FIRST      a name or }                            VALUE (behind the name's colon), or behind a
 * value ARRAY_FIRST       a value or ]                           as VALUE, or behind a value COMMA , with a
 * name or value, or the end     as above END               white space only                       END
 *
 * "Behind a value" is COMMA inside a container and END at the top.
 */
#include "base/json.h"

#include <string.h>

enum expect { EXPECT_VALUE, EXPECT_OBJECT_FIRST, EXPECT_ARRAY_FIRST, EXPECT_COMMA, EXPECT_END };

static struct json_token read_value(struct json_reader *r);
static struct json_token read_name(struct json_reader *r);
static struct json_token read_behind_value(struct json_reader *r);
static struct json_token read_end(struct json_reader *r);
static struct json_token open_container(struct json_reader *r, int is_object);
static struct json_token close_container(struct json_reader *r);
static int scan_string(struct json_reader *r);
static int scan_number(struct json_reader *r);
static int scan_word(struct json_reader *r, const char *word);

/* The first error stays; the cursor stands where it was found. */
static struct json_token fail(struct json_reader *r, const char *error)
{
    if (r->error == NULL)
        r->error = error;
    return (struct json_token){JSON_ERROR, {NULL, 0}};
}

static int scan_fail(struct json_reader *r, const char *error)
{
    fail(r, error);
    return -1;
}

static int is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int top_is_object(const struct json_reader *r)
{
    return r->depth > 0 && r->stack[r->depth - 1];
}

/* The next byte, or -1 at the end of the text. */
static int peek(const struct json_reader *r)
{
    return r->at < r->text.bytes ? (unsigned char)r->text.data[r->at] : -1;
}

static int peek_past_space(struct json_reader *r)
{
    int c = peek(r);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        r->at++;
        c = peek(r);
    }
    return c;
}

static struct json_token token_from(const struct json_reader *r, enum json_type type, size_t start)
{
    return (struct json_token){type, {r->text.data + start, r->at - start}};
}

void json_open(struct json_reader *r, struct span text)
{
    *r = (struct json_reader){.text = text, .expect = EXPECT_VALUE};
}

struct json_token json_next(struct json_reader *r)
{
    if (r->error != NULL)
        return fail(r, r->error);
    int c = peek_past_space(r);
    switch ((enum expect)r->expect) {
    case EXPECT_VALUE:
        return read_value(r);
    case EXPECT_OBJECT_FIRST:
        return c == '}' ? close_container(r) : read_name(r);
    case EXPECT_ARRAY_FIRST:
        return c == ']' ? close_container(r) : read_value(r);
    case EXPECT_COMMA:
        return read_behind_value(r);
    case EXPECT_END:
        return read_end(r);
    }
    return fail(r, "reader was never opened");
}

int json_skip(struct json_reader *r, struct json_token first)
{
    if (first.type == JSON_NAME)
        first = json_next(r);
    if (first.type != JSON_OBJECT && first.type != JSON_ARRAY)
        return r->error == NULL ? 0 : -1;
    unsigned outside = r->depth - 1;
    while (r->depth > outside)
        if (json_next(r).type == JSON_ERROR)
            return -1;
    return 0;
}

const char *json_error(const struct json_reader *r)
{
    return r->error;
}

static void value_is_read(struct json_reader *r)
{
    r->expect = r->depth > 0 ? EXPECT_COMMA : EXPECT_END;
}

static struct json_token read_scalar(struct json_reader *r, enum json_type type, int scanned, size_t start)
{
    if (scanned != 0)
        return fail(r, r->error);
    value_is_read(r);
    return token_from(r, type, start);
}

static struct json_token read_value(struct json_reader *r)
{
    size_t start = r->at;
    switch (peek(r)) {
    case '{':
        return open_container(r, 1);
    case '[':
        return open_container(r, 0);
    case '"':
        return read_scalar(r, JSON_STRING, scan_string(r), start);
    case 't':
        return read_scalar(r, JSON_TRUE, scan_word(r, "true"), start);
    case 'f':
        return read_scalar(r, JSON_FALSE, scan_word(r, "false"), start);
    case 'n':
        return read_scalar(r, JSON_NULL, scan_word(r, "null"), start);
    case -1:
        return fail(r, "text ends where a value must be");
    default:
        if (peek(r) != '-' && !is_digit(peek(r)))
            return fail(r, "a value must be here");
        return read_scalar(r, JSON_NUMBER, scan_number(r), start);
    }
}

/* Reads a name and the colon behind it. */
static struct json_token read_name(struct json_reader *r)
{
    size_t start = r->at;
    if (peek(r) != '"')
        return fail(r, peek(r) < 0 ? "text ends inside an object" : "object: a name in quotes must be here");
    if (scan_string(r) != 0)
        return fail(r, r->error);
    struct json_token name = token_from(r, JSON_NAME, start);
    if (peek_past_space(r) != ':')
        return fail(r, "object: a colon must follow the name");
    r->at++;
    r->expect = EXPECT_VALUE;
    return name;
}

static struct json_token read_behind_value(struct json_reader *r)
{
    int is_object = top_is_object(r);
    int c = peek(r);
    if (c == (is_object ? '}' : ']'))
        return close_container(r);
    if (c < 0)
        return fail(r, is_object ? "text ends inside an object" : "text ends inside an array");
    if (c != ',')
        return fail(r, is_object ? "object: a comma or } must be here" : "array: a comma or ] must be here");
    r->at++;
    peek_past_space(r);
    return is_object ? read_name(r) : read_value(r);
}

static struct json_token read_end(struct json_reader *r)
{
    if (peek(r) >= 0)
        return fail(r, "something stands behind the value");
    return token_from(r, JSON_END, r->at);
}

static struct json_token open_container(struct json_reader *r, int is_object)
{
    if (r->depth == JSON_DEPTH_MAX)
        return fail(r, "nested deeper than 64");
    r->stack[r->depth++] = (unsigned char)is_object;
    r->at++;
    r->expect = is_object ? EXPECT_OBJECT_FIRST : EXPECT_ARRAY_FIRST;
    return token_from(r, is_object ? JSON_OBJECT : JSON_ARRAY, r->at - 1);
}

static struct json_token close_container(struct json_reader *r)
{
    int is_object = top_is_object(r);
    r->depth--;
    r->at++;
    value_is_read(r);
    return token_from(r, is_object ? JSON_OBJECT_END : JSON_ARRAY_END, r->at - 1);
}

static int hex_digit(int c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hexadecimal digits at `at`, or -1. */
static int hex_four(struct span text, size_t at)
{
    if (text.bytes < 4 || at > text.bytes - 4)
        return -1;
    int value = 0;
    for (size_t i = at; i < at + 4; i++) {
        int digit = hex_digit((unsigned char)text.data[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Steps over \uXXXX, and over the second half of a surrogate pair. The cursor stands behind the u. */
static int scan_unicode(struct json_reader *r)
{
    int unit = hex_four(r->text, r->at);
    if (unit < 0)
        return scan_fail(r, "string: four hexadecimal digits must follow \\u");
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return scan_fail(r, "string: \\u is half of a surrogate pair");
    r->at += 4;
    if (unit < 0xD800 || unit > 0xDBFF)
        return 0;
    int second = -1;
    if (r->text.bytes - r->at >= 6 && memcmp(r->text.data + r->at, "\\u", 2) == 0)
        second = hex_four(r->text, r->at + 2);
    if (second < 0xDC00 || second > 0xDFFF)
        return scan_fail(r, "string: \\u is half of a surrogate pair");
    r->at += 6;
    return 0;
}

static int scan_escape(struct json_reader *r)
{
    r->at++; /* the backslash */
    int c = peek(r);
    if (c < 0)
        return scan_fail(r, "string: no closing quote");
    if (c == 'u') {
        r->at++;
        return scan_unicode(r);
    }
    if (strchr("\"\\/bfnrt", c) == NULL || c == 0)
        return scan_fail(r, "string: unknown escape");
    r->at++;
    return 0;
}

/* How many bytes from here on are sure to be plain ones of a string: neither a quote, nor a backslash, nor a control character. Looks at
 * eight at a time; what it leaves is looked at one by one. */
static size_t plain_bytes(const struct json_reader *r)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    size_t at = r->at;
    for (uint64_t eight; r->text.bytes - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, r->text.data + at, sizeof eight);
        uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
        /* (x - ones * n) & ~x & highs is not 0 when a byte of x is below n (n <= 0x80); n = 1: when it is 0. */
        uint64_t found = ((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
        if (found & highs)
            break;
    }
    return at - r->at;
}

/* Steps over a string with its quotes. Returns -1 with the error set when it is none. */
static int scan_string(struct json_reader *r)
{
    size_t start = ++r->at;
    r->at += plain_bytes(r);
    for (int c = peek(r); c != '"'; c = peek(r)) {
        if (c < 0)
            return scan_fail(r, "string: no closing quote");
        if (c < 0x20)
            return scan_fail(r, "string: a control character must be escaped");
        if (c != '\\')
            r->at++;
        else if (scan_escape(r) != 0)
            return -1;
    }
    if (!span_is_utf8((struct span){r->text.data + start, r->at - start}))
        return scan_fail(r, "string: not UTF-8");
    r->at++;
    return 0;
}

/* Steps over digits. Returns how many there were. */
static size_t scan_digits(struct json_reader *r)
{
    size_t start = r->at;
    while (is_digit(peek(r)))
        r->at++;
    return r->at - start;
}

static int scan_number(struct json_reader *r)
{
    if (peek(r) == '-')
        r->at++;
    int leading_zero = peek(r) == '0';
    size_t digits = scan_digits(r);
    if (digits == 0)
        return scan_fail(r, "number: a digit must be here");
    if (leading_zero && digits > 1)
        return scan_fail(r, "number: leading zero");
    if (peek(r) == '.') {
        r->at++;
        if (scan_digits(r) == 0)
            return scan_fail(r, "number: a digit must follow the point");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (scan_digits(r) == 0)
            return scan_fail(r, "number: a digit must be in the exponent");
    }
    return 0;
}

static int scan_word(struct json_reader *r, const char *word)
{
    size_t bytes = strlen(word);
    if (r->text.bytes - r->at < bytes || memcmp(r->text.data + r->at, word, bytes) != 0)
        return scan_fail(r, "a value must be here (true, false and null are lower case)");
    r->at += bytes;
    return 0;
}
