/* Which names are of interest, and their texts. */
#include "listener/event_fields.h"

struct name {
    const char *text;
    int field;
};

static const struct name NAMES[] = {
    {"ToUserName", FIELD_TO_USER}, {"FromUserName", FIELD_OPENID}, {"CreateTime", FIELD_CREATED}, {"MsgType", FIELD_TYPE},
    {"Event", FIELD_NAME},         {"EventKey", FIELD_KEY},        {"Content", FIELD_CONTENT},    {"MsgId", FIELD_MSG_ID},
    {"MsgID", FIELD_MSG_ID},       {"Status", FIELD_STATUS},       {"Encrypt", FIELD_ENCRYPT},
};

static const struct name ITEM_NAMES[] = {
    {"TemplateId", ITEM_TEMPLATE_ID}, {"MsgID", ITEM_MSG_ID},           {"MsgId", ITEM_MSG_ID},
    {"ErrorCode", ITEM_ERROR_CODE},   {"ErrorStatus", ITEM_ERROR_STATUS},
};

static struct field *find(const struct name *names, size_t count, struct field *fields, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(name, names[i].text))
            return fields + names[i].field;
    return NULL;
}

struct field *event_field_named(struct event_fields *f, struct span name)
{
    return find(NAMES, sizeof NAMES / sizeof *NAMES, f->of, name);
}

struct field *event_item_field_named(struct event_fields *f, struct span name)
{
    if (f->item_count == 0 || f->item_count > EVENT_RECEIPTS_MAX)
        return NULL;
    return find(ITEM_NAMES, sizeof ITEM_NAMES / sizeof *ITEM_NAMES, f->items[f->item_count - 1], name);
}

void event_field_begin(struct event_fields *f, struct field *field)
{
    if (field->seen < 2)
        field->seen++;
    if (field->seen == 1)
        field->at = f->scratch->bytes;
}

void event_field_text(struct event_fields *f, struct field *field, struct span part)
{
    if (field->seen != 1)
        return;
    buf_append(f->scratch, part.data, part.bytes);
    field->bytes += part.bytes;
}
