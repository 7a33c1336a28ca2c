/* The fields of an event in JSON: one object, in it texts and numbers, in it perhaps items (event_fields.h says where). */
#include "base/json.h"
#include "listener/event_fields.h"

struct reading {
    struct event_fields *fields;
    struct json_reader json;
    struct buf text; /* the name or text that was read last */
};

static void read_top(struct reading *r);
static void read_items(struct reading *r, struct json_token first);
static void read_holder(struct reading *r, struct json_token first);
static void read_item(struct reading *r);
static void read_field(struct reading *r, struct field *field);
static struct span read_name(struct reading *r, struct json_token token);

int event_fields_json(struct event_fields *f, struct span body, struct buf *error)
{
    struct reading r = {.fields = f};
    json_open(&r.json, body);
    int is_object = json_next(&r.json).type == JSON_OBJECT;
    if (is_object)
        read_top(&r);
    buf_free(&r.text);
    if (is_object && json_next(&r.json).type == JSON_END)
        return 0;
    const char *reason = json_error(&r.json);
    buf_printf(error, "JSON: byte %zu: %s", r.json.at, reason ? reason : "not one object");
    return -1;
}

static void read_top(struct reading *r)
{
    struct json_token token;
    while ((token = json_next(&r->json)).type == JSON_NAME) {
        struct span name = read_name(r, token);
        struct field *field = event_field_named(r->fields, name);
        if (field)
            read_field(r, field);
        else if (span_is(name, "List"))
            read_items(r, json_next(&r->json));
        else if (span_is(name, "SubscribeMsgSentEvent"))
            read_holder(r, json_next(&r->json));
        else
            json_skip(&r->json, token);
    }
}

/* An item, or an array of them; anything else is none. */
static void read_items(struct reading *r, struct json_token first)
{
    if (first.type == JSON_OBJECT)
        read_item(r);
    if (first.type != JSON_ARRAY)
        return;
    struct json_token token;
    while ((token = json_next(&r->json)).type != JSON_ARRAY_END && token.type != JSON_ERROR) {
        if (token.type == JSON_OBJECT)
            read_item(r);
        else
            json_skip(&r->json, token);
    }
}

/* SubscribeMsgSentEvent: an object with a List, or the items themselves. */
static void read_holder(struct reading *r, struct json_token first)
{
    if (first.type != JSON_OBJECT) {
        read_items(r, first);
        return;
    }
    struct json_token token;
    while ((token = json_next(&r->json)).type == JSON_NAME) {
        if (span_is(read_name(r, token), "List"))
            read_items(r, json_next(&r->json));
        else
            json_skip(&r->json, token);
    }
}

static void read_item(struct reading *r)
{
    event_item_begin(r->fields);
    struct json_token token;
    while ((token = json_next(&r->json)).type == JSON_NAME) {
        struct field *field = event_item_field_named(r->fields, read_name(r, token));
        if (field)
            read_field(r, field);
        else
            json_skip(&r->json, token);
    }
}

/* WeChat writes numbers as such and as texts. */
static void read_field(struct reading *r, struct field *field)
{
    struct json_token token = json_next(&r->json);
    if (token.type == JSON_NULL || token.type == JSON_ERROR)
        return;
    event_field_begin(r->fields, field);
    if (token.type == JSON_NUMBER) {
        event_field_text(r->fields, field, token.raw);
    } else if (token.type == JSON_STRING) {
        buf_clear(&r->text);
        json_unescape(token.raw, &r->text);
        event_field_text(r->fields, field, buf_span(&r->text));
    } else {
        field->is_wrong = 1;
        json_skip(&r->json, token);
    }
}

/* Valid until the next name or text. */
static struct span read_name(struct reading *r, struct json_token token)
{
    buf_clear(&r->text);
    json_unescape(token.raw, &r->text);
    return buf_span(&r->text);
}
