#include "base/log_line.h"

#include <time.h>

/* Digits are put together here: with [log] messages = all printf would be half of what a line costs. */
static void append_number(struct buf *line, uint64_t value, size_t digits_min)
{
    char digits[20];
    size_t at = sizeof digits;
    while (value > 0 || at > sizeof digits - digits_min) {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    }
    buf_append(line, digits + at, sizeof digits - at);
}

void log_line_open(struct buf *line, int json, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    const struct {
        const char *before;
        int value;
        size_t digits;
    } parts[] = {{json ? "{\"t\":\"" : "t=", tm.tm_year + 1900, 4}, {"-", tm.tm_mon + 1, 2}, {"-", tm.tm_mday, 2},
                 {"T", tm.tm_hour, 2}, {":", tm.tm_min, 2}, {":", tm.tm_sec, 2}, {".", (int)(wall_ms % 1000), 3}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_append_str(line, parts[i].before);
        append_number(line, (uint64_t)parts[i].value, parts[i].digits);
    }
    buf_append_str(line, json ? "Z\"" : "Z");
}

void log_line_close(struct buf *line, int json)
{
    buf_append_str(line, json ? "}\n" : "\n");
}

static void append_key(struct buf *line, int json, const char *key)
{
    buf_append_str(line, json ? ",\"" : " ");
    buf_append_str(line, key);
    buf_append_str(line, json ? "\":" : "=");
}

void log_line_field(struct buf *line, int json, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_STR:
        log_line_text(line, json, field->key, span_of(field->value.str == NULL ? "" : field->value.str));
        return;
    case LOG_SPAN:
        log_line_text(line, json, field->key, field->value.span);
        return;
    case LOG_I64:
        append_key(line, json, field->key);
        if (field->value.i64 < 0)
            buf_append_str(line, "-");
        append_number(line, field->value.i64 < 0 ? 0 - (uint64_t)field->value.i64 : (uint64_t)field->value.i64, 1);
        return;
    case LOG_U64:
        append_key(line, json, field->key);
        append_number(line, field->value.u64, 1);
        return;
    }
}

/* The control characters U+0080 to U+009F act on some terminals; in UTF-8 they are C2 and the byte itself. */
static int is_c1(const unsigned char *p, size_t left)
{
    return left > 1 && p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0;
}

/* 1 when logfmt needs quotes around it. */
static int needs_quotes(struct span value, int utf8)
{
    for (size_t i = 0; i < value.bytes; i++) {
        const unsigned char *p = (const unsigned char *)value.data + i;
        if (*p <= ' ' || *p == '"' || *p == '=' || *p == '\\' || *p == 0x7F)
            return 1;
        if (is_c1(p, value.bytes - i))
            return 1;
    }
    return value.bytes == 0 || !utf8;
}

/* How many bytes from `at` on stand between quotes as they are. */
static size_t plain_bytes(struct span value, size_t at, int utf8)
{
    size_t end = at;
    for (; end < value.bytes; end++) {
        const unsigned char *p = (const unsigned char *)value.data + end;
        if (*p < ' ' || *p == '"' || *p == '\\' || *p == 0x7F || (*p >= 0x80 && (!utf8 || is_c1(p, value.bytes - end))))
            break;
    }
    return end - at;
}

/* Appends what stands between quotes, in both formats. Bytes that are no UTF-8 are written one by one as
 * \u00XX. */
static void append_quoted(struct buf *line, struct span value, int utf8)
{
    for (size_t i = 0; i < value.bytes; i++) {
        const unsigned char *p = (const unsigned char *)value.data + i;
        size_t plain = plain_bytes(value, i, utf8);
        if (plain > 0) {
            buf_append(line, p, plain);
            i += plain - 1;
        } else if (is_c1(p, value.bytes - i)) {
            buf_printf(line, "\\u%04x", p[1]);
            i++;
        } else if (*p == 0x7F || (*p >= 0x80 && !utf8)) {
            buf_printf(line, "\\u%04x", *p);
        } else if (*p == '"' || *p == '\\') {
            buf_printf(line, "\\%c", *p);
        } else if (*p == '\n' || *p == '\r' || *p == '\t') {
            buf_append_str(line, *p == '\n' ? "\\n" : *p == '\r' ? "\\r" : "\\t");
        } else {
            buf_printf(line, "\\u%04x", *p);
        }
    }
}

void log_line_escape(struct span value, struct buf *out)
{
    append_quoted(out, value, span_is_utf8(value));
}

/* Cuts a value that is too long, not in the middle of a character. */
static struct span cut(struct span value)
{
    if (value.bytes <= LOG_VALUE_BYTES_MAX)
        return value;
    size_t bytes = LOG_VALUE_BYTES_MAX;
    while (bytes > LOG_VALUE_BYTES_MAX - 4 && (value.data[bytes] & 0xC0) == 0x80)
        bytes--;
    return (struct span){value.data, bytes};
}

void log_line_text(struct buf *line, int json, const char *key, struct span value)
{
    struct span shown = cut(value);
    int utf8 = span_is_utf8(shown);
    append_key(line, json, key);
    int quotes = json || needs_quotes(shown, utf8) || shown.bytes < value.bytes;
    if (!quotes) {
        buf_append(line, shown.data, shown.bytes);
        return;
    }
    buf_append_str(line, "\"");
    append_quoted(line, shown, utf8);
    buf_append_str(line, shown.bytes < value.bytes ? " ...\"" : "\"");
}
