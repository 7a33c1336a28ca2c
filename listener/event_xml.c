/* The fields of an event in XML: <xml>, in it elements with text, in it perhaps SubscribeMsgSentEvent with Lists.
 *
 *   depth 1   xml
 *   depth 2   a field | List: an item | SubscribeMsgSentEvent: holds Lists
 *   depth 3   in an item: its fields | in SubscribeMsgSentEvent: List, an item
 *   depth 4   the fields of the latter
 */
#include "listener/event_fields.h"
#include "listener/xml.h"

struct place {
    struct event_fields *fields;
    unsigned depth;         /* of the element that is open; 1: the root */
    struct field *field;    /* whose text is being read, or NULL */
    unsigned field_depth;
    unsigned item_depth;    /* of the List that is open; 0: none */
    unsigned is_in_holder;  /* SubscribeMsgSentEvent is open */
    unsigned has_other_root;
};

static void on_open(void *self, struct span name);
static void on_text(void *self, struct span part);
static void on_close(void *self);
static int begins_item(const struct place *p, struct span name);

int event_fields_xml(struct event_fields *f, struct span body, struct buf *error)
{
    static const struct xml_events EVENTS = {on_open, on_text, on_close};
    struct place p = {.fields = f};
    if (xml_read(body, &EVENTS, &p, error) != 0)
        return -1;
    if (p.has_other_root)
        buf_append_str(error, "XML: the root element is not <xml>");
    return p.has_other_root ? -1 : 0;
}

static void on_open(void *self, struct span name)
{
    struct place *p = self;
    p->depth++;
    if (p->depth == 1)
        p->has_other_root = !span_is(name, "xml");
    if (p->depth == 1 || p->has_other_root)
        return;
    if (p->field) {
        p->field->is_wrong = 1;
        return;
    }
    if (begins_item(p, name)) {
        event_item_begin(p->fields);
        p->item_depth = p->depth;
        return;
    }
    if (p->depth == 2 && span_is(name, "SubscribeMsgSentEvent"))
        p->is_in_holder = 1;
    else if (p->depth == 2)
        p->field = event_field_named(p->fields, name);
    else if (p->item_depth && p->depth == p->item_depth + 1)
        p->field = event_item_field_named(p->fields, name);
    if (p->field == NULL)
        return;
    p->field_depth = p->depth;
    event_field_begin(p->fields, p->field);
}

static void on_text(void *self, struct span part)
{
    struct place *p = self;
    if (p->field && p->depth == p->field_depth)
        event_field_text(p->fields, p->field, part);
}

static void on_close(void *self)
{
    struct place *p = self;
    if (p->field && p->depth == p->field_depth)
        p->field = NULL;
    if (p->depth == p->item_depth)
        p->item_depth = 0;
    if (p->depth == 2)
        p->is_in_holder = 0;
    p->depth--;
}

static int begins_item(const struct place *p, struct span name)
{
    return p->depth == (p->is_in_holder ? 3 : 2) && span_is(name, "List");
}
