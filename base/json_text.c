/* The text side of JSON: strings with and without their escapes, and numbers.
 *
 * Used by whoever reads values with json.c or writes JSON. Nothing here fails: json_unescape takes tokens
 * that the reader has checked, and copies what it does not understand as it stands.
 */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_code_point(struct buf *out, uint32_t c)
{
    char *p = buf_reserve(out, 4);
    size_t bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = bytes - 1; i > 0; i--) {
        p[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    p[0] = (char)(lead[bytes] | c);
    out->bytes += bytes;
}

/* The number of four hexadecimal digits; the reader has checked them. */
static uint32_t hex_four(const char *p)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        value = value * 16 + (c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 0x20) - 'a' + 10)) % 16;
    }
    return value;
}

/* Appends the character of \uXXXX or of a pair of them at p. Returns the bytes that it took. */
static size_t unescape_unicode(const char *p, size_t left, struct buf *out)
{
    if (left < 6) {
        buf_append(out, p, left);
        return left;
    }
    uint32_t unit = hex_four(p + 2);
    if (unit >= 0xD800 && unit <= 0xDBFF && left >= 12) {
        uint32_t second = hex_four(p + 8);
        append_code_point(out, 0x10000 + ((unit & 0x3FF) << 10) + (second & 0x3FF));
        return 12;
    }
    append_code_point(out, unit);
    return 6;
}

/* Appends the character of the escape at p, which begins with a backslash. Returns the bytes that it took. */
static size_t unescape_one(const char *p, size_t left, struct buf *out)
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    if (left < 2) {
        buf_append(out, p, left);
        return left;
    }
    if (p[1] == 'u')
        return unescape_unicode(p, left, out);
    const char *found = p[1] == '\0' ? NULL : strchr(names, p[1]);
    buf_append(out, found == NULL ? p + 1 : values + (found - names), 1);
    return 2;
}

void json_unescape(struct span raw, struct buf *out)
{
    assert(raw.bytes >= 2);
    const char *p = raw.data + 1, *end = raw.data + raw.bytes - 1; /* without the quotes */
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        const char *stop = escape == NULL ? end : escape;
        buf_append(out, p, (size_t)(stop - p));
        p = stop;
        if (p < end)
            p += unescape_one(p, (size_t)(end - p), out);
    }
}

static void append_escaped(unsigned char c, struct buf *out)
{
    static const char names[] = "btnvfr"; /* of 8 to 13; \v is not JSON */
    char text[8] = {'\\', (char)c};
    size_t bytes = 2;
    if (c >= 8 && c <= 13 && c != 11)
        text[1] = names[c - 8];
    else if (c < 0x20)
        bytes = (size_t)snprintf(text, sizeof text, "\\u%04x", c);
    buf_append(out, text, bytes);
}

void json_escape(struct span text, struct buf *out)
{
    size_t done = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_append(out, text.data + done, i - done);
        append_escaped(c, out);
        done = i + 1;
    }
    if (text.bytes > done)
        buf_append(out, text.data + done, text.bytes - done);
}

/* Counts the digits of "D.DDDe+X" up by one in the last place. Returns -1 when they are all nines. */
static int count_up(char *text)
{
    for (char *p = strchr(text, 'e') - 1; p >= text; p--) {
        if (*p == '.')
            continue;
        if (*p != '9') {
            ++*p;
            return 0;
        }
        *p = '0';
    }
    return -1;
}

/* Writes the value with so many decimals. Returns 1 when the text reads back the same. */
static int try_decimals(double value, int decimals, char *text, size_t room)
{
    snprintf(text, room, "%.*e", decimals, value);
    if (strtod(text, NULL) == value)
        return 1;
    /* Above a power of two the doubles lie twice as far apart as below it, so the decimal next above may read
     * back where the nearest one, lying below, does not. */
    int exponent;
    return frexp(value, &exponent) == 0.5 && count_up(text) == 0 && strtod(text, NULL) == value;
}

/* The shortest decimal digits of a positive value that read back as it: `digits` with a NUL, the value being
 * 0.DIGITS times ten to the power that is returned. */
static int shortest_digits(double value, char digits[24])
{
    char text[40];
    int decimals = 0;
    while (!try_decimals(value, decimals, text, sizeof text)) /* 16 always do */
        decimals++;
    char *exponent = strchr(text, 'e');
    assert(exponent != NULL);
    size_t count = 0;
    for (const char *p = text; p < exponent; p++)
        if (*p != '.')
            digits[count++] = *p;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    return (int)strtol(exponent + 1, NULL, 10) + 1;
}

/* The layout of ECMA-262 6.1.6.1.20; k and n are its names. Returns the length. */
static int lay_out(char *out, size_t room, const char *digits, int n)
{
    int k = (int)strlen(digits);
    if (k <= n && n <= 21)
        return snprintf(out, room, "%s%.*s", digits, n - k, "00000000000000000000");
    if (n > 0 && n <= 21)
        return snprintf(out, room, "%.*s.%s", n, digits, digits + n);
    if (n > -6 && n <= 0)
        return snprintf(out, room, "0.%.*s%s", -n, "000000", digits);
    return snprintf(out, room, "%c%s%se%+d", digits[0], k > 1 ? "." : "", digits + 1, n - 1);
}

size_t json_format_double(double value, char out[JSON_DOUBLE_BYTES_MAX])
{
    assert(isfinite(value));
    if (value == 0) { /* -0 too */
        out[0] = '0';
        return 1;
    }
    char digits[24], text[JSON_DOUBLE_BYTES_MAX];
    int n = shortest_digits(value < 0 ? -value : value, digits);
    int length = lay_out(text, sizeof text, digits, n);
    assert(length > 0 && length < JSON_DOUBLE_BYTES_MAX - 1);
    size_t sign = value < 0;
    if (sign)
        out[0] = '-';
    memcpy(out + sign, text, (size_t)length);
    return sign + (size_t)length;
}
