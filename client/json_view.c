#include "client/json_view.h"

#include <stdlib.h>

#include "base/json.h"

/* Skips the value whose first token was read. Returns what is written there; empty on an error. */
static struct span whole_value(struct json_reader *r, struct json_token first)
{
    if (json_skip(r, first) != 0)
        return (struct span){NULL, 0};
    const char *end = r->text.data + r->at;
    return (struct span){first.raw.data, (size_t)(end - first.raw.data)};
}

struct span json_view(struct span object, const char *name)
{
    struct json_reader r;
    struct buf text = {0};
    struct span found = {NULL, 0};
    json_open(&r, object);
    if (json_next(&r).type != JSON_OBJECT)
        return found;
    for (struct json_token t = json_next(&r); t.type == JSON_NAME && found.data == NULL; t = json_next(&r)) {
        buf_clear(&text);
        json_unescape(t.raw, &text);
        struct span value = whole_value(&r, json_next(&r));
        if (value.data == NULL)
            break;
        if (span_is(buf_span(&text), name))
            found = value;
    }
    buf_free(&text);
    return found;
}

void json_view_str(struct span object, const char *name, struct buf *out)
{
    struct span value = json_view(object, name);
    buf_clear(out);
    if (value.bytes > 0 && *value.data == '"')
        json_unescape(value, out);
}

int64_t json_view_i64(struct span object, const char *name)
{
    char text[24];
    struct span value = json_view(object, name);
    if (value.bytes == 0 || value.bytes >= sizeof text)
        return 0;
    span_to_text(text, sizeof text, value);
    return strtoll(text, NULL, 10);
}

struct span json_view_element(struct span array, size_t i)
{
    struct json_reader r;
    json_open(&r, array);
    if (json_next(&r).type != JSON_ARRAY)
        return (struct span){NULL, 0};
    for (struct json_token t = json_next(&r); t.type != JSON_ERROR && t.type != JSON_ARRAY_END; t = json_next(&r)) {
        struct span value = whole_value(&r, t);
        if (value.data == NULL || i-- == 0)
            return value;
    }
    return (struct span){NULL, 0};
}
