#include "sender/wechat_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/utf8.h"
#include "sender/errcode.h"

#define GROUP_DIGITS       8
#define BEIJING_AHEAD_S    (8 * 3600) /* no summer time since 1991 */
#define S_MAX              253402214400 /* the last day of the year 9999 */
#define NUMBER_DIGITS_MAX  20
#define CODE_DIGITS_MIN    5
#define CODE_DIGITS_MAX    7
#define MASK               "****"

/* --- rids and codes --------------------------------------------------------------------------------------- */

int wechat_text_is_rid(struct span text)
{
    if (text.bytes != WECHAT_RID_BYTES)
        return 0;
    for (size_t i = 0; i < text.bytes; i++) {
        int is_dash = i % (GROUP_DIGITS + 1) == GROUP_DIGITS;
        if (is_dash ? text.data[i] != '-' : !isxdigit((unsigned char)text.data[i]))
            return 0;
    }
    return 1;
}

struct span wechat_text_find_rid(struct span text)
{
    for (size_t end = text.bytes; end >= WECHAT_RID_BYTES; end--) {
        struct span rid = {text.data + end - WECHAT_RID_BYTES, WECHAT_RID_BYTES};
        if (wechat_text_is_rid(rid))
            return rid;
    }
    return (struct span){0};
}

int64_t wechat_text_reason_code(struct span reason)
{
    for (size_t at = 0; at < reason.bytes; at++) {
        size_t digits = 0;
        while (at + digits < reason.bytes && isdigit((unsigned char)reason.data[at + digits]))
            digits++;
        int stands_alone = at == 0 || strchr(" (", reason.data[at - 1]);
        if (stands_alone && digits >= CODE_DIGITS_MIN && digits <= CODE_DIGITS_MAX) {
            char text[CODE_DIGITS_MAX + 1];
            span_to_text(text, sizeof text, (struct span){reason.data + at, digits});
            return strtoll(text, NULL, 10);
        }
        if (digits)
            at += digits - 1;
    }
    return 0;
}

void wechat_text_code(int64_t code, struct buf *out)
{
    const struct errcode *row = errcode_find(code);
    const char *advice = errcode_advice(code);
    buf_printf(out, "%lld: %s", (long long)code, row ? row->meaning : "a code that is not known here");
    if (advice)
        buf_printf(out, "; %s", advice);
}

/* --- masking ---------------------------------------------------------------------------------------------- */

static int begins_with(struct span text, size_t at, struct span with)
{
    return with.bytes && text.bytes - at >= with.bytes && memcmp(text.data + at, with.data, with.bytes) == 0;
}

/* Where the value of a secret's name that ends at `at` begins: behind a = or a :, quotes and spaces. 0 when there is none. */
static size_t value_begin(struct span text, size_t at)
{
    int is_value = 0;
    for (; at < text.bytes && strchr("=:\"'\\ \t", text.data[at]) && text.data[at]; at++)
        is_value |= text.data[at] == '=' || text.data[at] == ':';
    return is_value && at < text.bytes ? at : 0;
}

/* A backslash takes the next character with it, unless that is the quote of JSON inside JSON. */
static size_t value_end(struct span text, size_t at)
{
    while (at < text.bytes) {
        char c = text.data[at];
        int is_escape = c == '\\' && at + 1 < text.bytes;
        if ((is_escape && text.data[at + 1] == '"') || c == 0 || strchr("&\"',} \t\r\n", c))
            break;
        at += is_escape ? 2 : 1;
    }
    return at;
}

/* The end of a secret's name that begins at `at`, or 0. */
static size_t name_end(struct span text, size_t at)
{
    static const char *const names[] = {"access_token", "refresh_token", "secret", "ticket"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t bytes = strlen(names[i]);
        if (text.bytes - at >= bytes && strncasecmp(text.data + at, names[i], bytes) == 0)
            return at + bytes;
    }
    return 0;
}

static size_t secret_bytes(struct span text, size_t at, const struct span *secrets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (begins_with(text, at, secrets[i]))
            return secrets[i].bytes;
    return 0;
}

void wechat_text_mask(struct span text, const struct span *secrets, size_t secret_count, struct buf *out)
{
    size_t at = 0;
    while (at < text.bytes) {
        size_t bytes = secret_bytes(text, at, secrets, secret_count);
        size_t name = bytes ? 0 : name_end(text, at);
        size_t value = name ? value_begin(text, name) : 0;
        if (bytes) {
            buf_append_str(out, MASK);
            at += bytes;
        } else if (value) {
            buf_append(out, text.data + at, value - at);
            at = value_end(text, value);
            buf_append_str(out, at > value ? MASK : "");
        } else {
            buf_append(out, text.data + at++, 1);
        }
    }
}

/* --- JSON ------------------------------------------------------------------------------------------------- */

/* The member's value: its first token, and *whole from there to its end. A member that is given twice counts as its last. */
static int find(struct span json, const char *member, struct json_token *first, struct span *whole)
{
    struct json_reader r;
    struct buf name = {0};
    int found = -1, failed = 0;
    json_open(&r, json);
    struct json_token t = json_next(&r);
    if (t.type != JSON_OBJECT)
        return -1;
    while (!failed && (t = json_next(&r)).type == JSON_NAME) {
        buf_clear(&name);
        json_unescape(t.raw, &name);
        t = json_next(&r);
        failed = t.type == JSON_ERROR || json_skip(&r, t);
        if (failed || !span_is(buf_span(&name), member))
            continue;
        *first = t;
        *whole = (struct span){t.raw.data, (size_t)(json.data + r.at - t.raw.data)};
        found = 0;
    }
    buf_free(&name);
    return failed || t.type != JSON_OBJECT_END ? -1 : found;
}

int wechat_text_member(struct span json, const char *object, const char *member, struct json_token *value)
{
    struct json_token outer;
    struct span whole = json;
    if (object && (find(json, object, &outer, &whole) || outer.type != JSON_OBJECT))
        return -1;
    return find(whole, member, value, &(struct span){0});
}

int wechat_text_number(struct span json, const char *object, const char *member, int64_t *number)
{
    struct json_token value;
    char text[NUMBER_DIGITS_MAX + 2], *end;
    if (wechat_text_member(json, object, member, &value) || value.type != JSON_NUMBER || value.raw.bytes >= sizeof text)
        return -1;
    span_to_text(text, sizeof text, value.raw);
    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno || *end ? -1 : 0;
}

void wechat_text_json(const char *name, struct span text, struct buf *out)
{
    struct buf sound = {0};
    char before = out->bytes ? out->data[out->bytes - 1] : '{';
    utf8_append(text, &sound);
    buf_printf(out, "%s\"%s\":\"", before == '{' || before == '[' ? "" : ",", name);
    json_escape(buf_span(&sound), out);
    buf_append_str(out, "\"");
    buf_free(&sound);
}

/* --- times ------------------------------------------------------------------------------------------------ */

void wechat_text_time(int64_t s, int is_local, struct buf *out)
{
    struct tm tm = {0};
    char text[64];
    int is_date = s >= 0 && s <= S_MAX;
    time_t time = is_date ? (time_t)(is_local ? s : s + BEIJING_AHEAD_S) : 0;
    tzset(); /* which localtime_r need not do */
    if (!is_date || !(is_local ? localtime_r(&time, &tm) : gmtime_r(&time, &tm))
        || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        buf_printf(out, "%lld", (long long)s);
        return;
    }
    long ahead_min = (is_local ? tm.tm_gmtoff : BEIJING_AHEAD_S) / 60;
    long away_min = ahead_min < 0 ? -ahead_min : ahead_min;
    buf_printf(out, "%s%c%02ld:%02ld", text, ahead_min < 0 ? '-' : '+', away_min / 60, away_min % 60);
}
