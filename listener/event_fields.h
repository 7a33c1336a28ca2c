/* The fields of a callback's body as they stand there, before anybody asks what they mean: the same ones out of XML and JSON. Used by
 * event.c alone; event_xml.c and event_json.c fill them in.
 *
 * Gathering refuses no field: events have fields of the same names that mean something else, and only who needs a field says what is
 * wrong with it.
 */
#ifndef LISTENER_EVENT_FIELDS_H
#define LISTENER_EVENT_FIELDS_H

#include "listener/event.h"

enum event_field {
    FIELD_TO_USER,
    FIELD_OPENID,
    FIELD_CREATED,
    FIELD_TYPE,
    FIELD_NAME,
    FIELD_KEY,
    FIELD_CONTENT,
    FIELD_MSG_ID,
    FIELD_STATUS,
    FIELD_ENCRYPT,
    FIELDS
};

/* Of what stands in a List: XML <SubscribeMsgSentEvent><List>, or <List> at once, each once or several times; JSON "List", or
 * "SubscribeMsgSentEvent" with or without a "List" in it, an object or an array of them. WeChat's documents show several. */
enum item_field { ITEM_TEMPLATE_ID, ITEM_MSG_ID, ITEM_ERROR_CODE, ITEM_ERROR_STATUS, ITEM_FIELDS };

struct field {
    size_t at, bytes;   /* of its text, in scratch */
    unsigned char seen; /* 0: not there (or null in JSON), 1, or 2: more than once; the text is that of the first */
    unsigned char is_wrong; /* it holds something else than a text or number */
};

struct event_fields {
    struct buf *scratch; /* texts go to its end */
    struct field of[FIELDS];
    struct field items[EVENT_RECEIPTS_MAX][ITEM_FIELDS];
    size_t item_count; /* that were there: may be more than EVENT_RECEIPTS_MAX, of which only the first are kept */
};

/* The element or member of that name; NULL when it is of no interest. */
struct field *event_field_named(struct event_fields *f, struct span name);

/* The same of the item that was begun last; NULL also when it is one too many. */
struct field *event_item_field_named(struct event_fields *f, struct span name);

static inline void event_item_begin(struct event_fields *f)
{
    f->item_count++;
}

/* Around the text of a field: event_field_text appends a part of it. Between the two no other field is begun. */
void event_field_begin(struct event_fields *f, struct field *field);
void event_field_text(struct event_fields *f, struct field *field, struct span part);

/* Fill in the fields (zeroed but for scratch). Return 0, or -1 with the reason appended to error. */
int event_fields_xml(struct event_fields *f, struct span body, struct buf *error);
int event_fields_json(struct event_fields *f, struct span body, struct buf *error);

#endif
