/* Reads "$mega". Used by template.c; the value was checked to be JSON before, so only its meaning can be
 * wrong. */
#include "templater/template_mega.h"

#include "base/conf.h"
#include "base/json.h"
#include "proto/frontend.h"

#define QUOTE_BYTES_MAX  64
#define NUMBER_BYTES_MAX 20

static int read_kind(struct json_token value, struct template_mega *mega, struct buf *error);
static int read_ttl(struct json_token value, struct template_mega *mega, struct buf *error);
static int read_lane(struct json_token value, struct template_mega *mega, struct buf *error);

static const struct {
    const char *name;
    int (*read)(struct json_token value, struct template_mega *mega, struct buf *error);
} members[] = {{"kind", read_kind}, {"ttl", read_ttl}, {"lane", read_lane}};

/* The kinds of messages, the default first. Only template messages have a client_msg_id: WeChat documents it
 * for that call alone. */
static const struct {
    const char *name;
    int has_key;
} kinds[] = {{"template", 1}, {"custom", 0}, {"subscribe", 0}, {"bizsubscribe", 0}};

#define KINDS (sizeof kinds / sizeof *kinds)

struct template_mega template_mega_default(void)
{
    return (struct template_mega){.kind = kinds[0].name, .has_key = kinds[0].has_key, .lane = -1};
}

static int read_member(struct json_reader *r, struct span name, struct template_mega *mega, struct buf *error)
{
    struct json_token value = json_next(r);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!span_is(name, members[i].name))
            continue;
        if (members[i].read(value, mega, error) != 0)
            return -1;
        return json_skip(r, value);
    }
    buf_append_str(error, "$mega.");
    template_quote(name, error);
    buf_append_str(error, ": unknown member; known are kind, ttl and lane");
    return -1;
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
    return result;
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
        mega->kind = kinds[i].name;
        mega->has_key = kinds[i].has_key;
        return 0;
    }
    buf_append_str(error, "$mega.kind: ");
    template_quote(value.raw, error);
    buf_append_str(error, " is not supported; supported are");
    for (i = 0; i < KINDS; i++)
        buf_printf(error, "%s \"%s\"", i == 0 ? "" : i < KINDS - 1 ? "," : " and", kinds[i].name);
    return -1;
}

/* Whole milliseconds written as digits, or -1. */
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
    int lane = span_is(text, "express") ? LANE_EXPRESS : span_is(text, "bulk") ? LANE_BULK : -1;
    buf_free(&content);
    mega->lane = lane;
    if (lane >= 0)
        return 0;
    buf_append_str(error, "$mega.lane: must be \"express\" or \"bulk\"");
    return -1;
}
