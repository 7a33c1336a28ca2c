/* Reads "$mega". Used by template.c; the value was checked to be JSON before, so only its meaning can be
 * wrong. */
#include "templater/template_mega.h"

#include "base/conf.h"
#include "base/json.h"
#include "proto/frontend.h"
#include "proto/limits.h"

#define QUOTE_BYTES_MAX  64
#define NUMBER_BYTES_MAX 20

static int read_kind(struct json_token value, struct template_mega *mega, struct buf *error);
static int read_ttl(struct json_token value, struct template_mega *mega, struct buf *error);
static int read_lane(struct json_token value, struct template_mega *mega, struct buf *error);
static int read_rate(struct json_token value, struct template_mega *mega, struct buf *error);
static int read_fallback(struct json_token value, struct template_mega *mega, struct buf *error);

/* A member with one token for a value. "fallback_on" is an array and is read apart. */
static const struct {
    const char *name;
    int (*read)(struct json_token value, struct template_mega *mega, struct buf *error);
} members[] = {
    {"kind", read_kind}, {"ttl", read_ttl},           {"lane", read_lane},
    {"rate", read_rate}, {"fallback", read_fallback},
};

/* The kinds of messages, the default first. Only template messages have a client_msg_id: WeChat documents it
 * for that call alone. */
static const struct template_kind kinds[] = {
    {"template", "/cgi-bin/message/template/send", 1},
    {"custom", "/cgi-bin/message/custom/send", 0},
    {"subscribe", "/cgi-bin/message/subscribe/send", 0},
    {"bizsubscribe", "/cgi-bin/message/subscribe/bizsend", 0},
    {"onetime", "/cgi-bin/message/template/subscribe", 0},
};

#define KINDS (sizeof kinds / sizeof *kinds)

/* The customer-service window of the recipient is closed: what another kind of message cures. */
static const int32_t fallback_on_default[] = {45015, 45047};

/* Codes that say nothing about the message: such a call is made again. */
static const struct {
    const char *code, *why;
} no_refusals[] = {
    {"0", "the message was taken"},           {"-1", "WeChat was busy"},
    {"40001", "the access token is renewed"}, {"40014", "the access token is renewed"},
    {"42001", "the access token is renewed"},
};

struct template_mega template_mega_default(void)
{
    return (struct template_mega){.kind = &kinds[0], .lane = -1};
}

void template_mega_free(struct template_mega *mega)
{
    buf_free(&mega->fallback);
}

static int read_fallback_on(struct json_reader *r, struct json_token value, struct template_mega *mega,
                            struct buf *error);

static int read_member(struct json_reader *r, struct span name, struct template_mega *mega, struct buf *error)
{
    struct json_token value = json_next(r);
    if (span_is(name, "fallback_on"))
        return read_fallback_on(r, value, mega, error);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!span_is(name, members[i].name))
            continue;
        if (members[i].read(value, mega, error) != 0)
            return -1;
        return json_skip(r, value);
    }
    buf_append_str(error, "$mega.");
    template_quote(name, error);
    buf_append_str(error, ": unknown member; known are kind, ttl, lane, rate, fallback and fallback_on");
    return -1;
}

/* Codes without a fallback would be a mistake that nobody notices; a fallback without codes has the usual. */
static int settle_fallback(struct template_mega *mega, struct buf *error)
{
    if (mega->fallback.bytes == 0 && mega->fallback_on_count > 0) {
        buf_append_str(error, "$mega.fallback_on: there is no fallback to try; add it or take this out");
        return -1;
    }
    if (mega->fallback.bytes == 0 || mega->fallback_on_count > 0)
        return 0;
    mega->fallback_on_count = sizeof fallback_on_default / sizeof *fallback_on_default;
    for (size_t i = 0; i < mega->fallback_on_count; i++)
        mega->fallback_on[i] = fallback_on_default[i];
    return 0;
}

int template_mega_read(struct span value, struct template_mega *mega, struct buf *error)
{
    struct json_reader r;
    json_open(&r, value);
    if (json_next(&r).type != JSON_OBJECT) {
        buf_append_str(error, "$mega: must be an object");
        return -1;
    }
    struct buf name = {0};
    int result = 0;
    struct json_token t = json_next(&r);
    while (result == 0 && t.type == JSON_NAME) {
        buf_clear(&name);
        json_unescape(t.raw, &name);
        result = read_member(&r, buf_span(&name), mega, error);
        t = json_next(&r);
    }
    buf_free(&name);
    return result == 0 ? settle_fallback(mega, error) : result;
}

const char *template_key_fault(struct span key)
{
    int characters = 0;
    for (size_t i = 0; i < key.bytes; i++)
        characters += ((unsigned char)key.data[i] & 0xC0) != 0x80;
    if (key.bytes == 0)
        return "the key is empty";
    if (!span_is_utf8(key))
        return "the key is not UTF-8";
    return characters > KEY_BYTES_MAX ? "the key is over 32 characters" : NULL;
}

void template_quote(struct span text, struct buf *error)
{
    size_t bytes = text.bytes;
    if (bytes > QUOTE_BYTES_MAX) {
        bytes = QUOTE_BYTES_MAX;
        while (bytes > 0 && ((unsigned char)text.data[bytes] & 0xC0) == 0x80)
            bytes--;
    }
    buf_append(error, text.data, bytes);
    if (bytes < text.bytes)
        buf_append_str(error, "...");
}

/* The content of a string token, to be freed by the caller; an empty buffer for any other token. */
static struct buf string_content(struct json_token value)
{
    struct buf content = {0};
    if (value.type == JSON_STRING)
        json_unescape(value.raw, &content);
    return content;
}

static int read_kind(struct json_token value, struct template_mega *mega, struct buf *error)
{
    struct buf content = string_content(value);
    size_t i = 0;
    while (i < KINDS && !(value.type == JSON_STRING && span_is(buf_span(&content), kinds[i].name)))
        i++;
    buf_free(&content);
    if (i < KINDS) {
        mega->kind = &kinds[i];
        return 0;
    }
    buf_append_str(error, "$mega.kind: ");
    template_quote(value.raw, error);
    buf_append_str(error, " is not supported; supported are");
    for (i = 0; i < KINDS; i++)
        buf_printf(error, "%s \"%s\"", i == 0 ? "" : i < KINDS - 1 ? "," : " and", kinds[i].name);
    return -1;
}

/* A whole number written as digits, or -1. */
static int64_t whole_number(struct span text)
{
    int64_t value = 0;
    if (text.bytes == 0 || text.bytes >= NUMBER_BYTES_MAX - 1)
        return -1;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        value = value * 10 + (text.data[i] - '0');
    }
    return value;
}

static int read_ttl(struct json_token value, struct template_mega *mega, struct buf *error)
{
    int64_t ttl_ms = -1;
    struct buf content = string_content(value);
    const char *text = buf_str(&content);
    if (value.type == JSON_NUMBER)
        ttl_ms = whole_number(value.raw);
    else if (content.bytes < NUMBER_BYTES_MAX && span_is(buf_span(&content), text)) /* no NUL inside */
        ttl_ms = conf_parse_time_ms(text);
    buf_free(&content);
    if (ttl_ms >= 1 && ttl_ms <= AT_AHEAD_MS_MAX) {
        mega->ttl_ms = ttl_ms;
        return 0;
    }
    buf_append_str(error,
                   "$mega.ttl: must be whole milliseconds or a text like \"5m\", from 1 ms to 400 days");
    return -1;
}

static int read_lane(struct json_token value, struct template_mega *mega, struct buf *error)
{
    struct buf content = string_content(value);
    struct span text = buf_span(&content);
    int lane = lane_find(text);
    buf_free(&content);
    mega->lane = lane;
    if (lane >= 0)
        return 0;
    buf_append_str(error, "$mega.lane: must be \"express\" or \"bulk\"");
    return -1;
}

static int read_rate(struct json_token value, struct template_mega *mega, struct buf *error)
{
    int64_t rate = value.type == JSON_NUMBER ? whole_number(value.raw) : -1;
    if (rate >= 1 && rate <= KEY_RATE_MAX) {
        mega->rate_per_s = (uint32_t)rate;
        return 0;
    }
    buf_printf(error, "$mega.rate: must be a whole number of messages a second, from 1 to %d", KEY_RATE_MAX);
    return -1;
}

static int read_fallback(struct json_token value, struct template_mega *mega, struct buf *error)
{
    struct buf content = string_content(value);
    if (template_key_fault(buf_span(&content)) == NULL) {
        buf_free(&mega->fallback); /* of a member that stands there twice the last one counts */
        mega->fallback = content;
        return 0;
    }
    buf_free(&content);
    buf_printf(error, "$mega.fallback: must be the key of another template, a string of 1 to %d characters",
               KEY_BYTES_MAX);
    return -1;
}

/* Reads one errcode. */
static int read_code(struct span raw, struct template_mega *mega, struct buf *error)
{
    for (size_t i = 0; i < sizeof no_refusals / sizeof *no_refusals; i++) {
        if (!span_is(raw, no_refusals[i].code))
            continue;
        buf_printf(error,
                   "$mega.fallback_on: %s is no refusal: %s; name codes with which WeChat refuses a message",
                   no_refusals[i].code, no_refusals[i].why);
        return -1;
    }
    int64_t code = whole_number(raw);
    if (code >= 1 && code <= INT32_MAX && mega->fallback_on_count < TEMPLATE_FALLBACK_ON_MAX) {
        mega->fallback_on[mega->fallback_on_count++] = (int32_t)code;
        return 0;
    }
    buf_printf(error, "$mega.fallback_on: must be an array of 1 to %d whole errcodes, such as [45015, 45047]",
               TEMPLATE_FALLBACK_ON_MAX);
    return -1;
}

static int read_fallback_on(struct json_reader *r, struct json_token value, struct template_mega *mega,
                            struct buf *error)
{
    mega->fallback_on_count = 0;
    struct json_token t = value.type == JSON_ARRAY ? json_next(r) : value;
    while (t.type == JSON_NUMBER && value.type == JSON_ARRAY) {
        if (read_code(t.raw, mega, error) != 0)
            return -1;
        t = json_next(r);
    }
    if (t.type == JSON_ARRAY_END && mega->fallback_on_count > 0)
        return 0;
    return read_code((struct span){NULL, 0}, mega, error); /* no array, none in it, or something else */
}
