/*
 * event.c - the words of callbacks; see event.h.
 */
#include "tests/sim/event.h"

#include <inttypes.h>
#include <string.h>

/* What stands in the text of an event: how a member is written down. */
struct event_writer {
    struct text *out;
    bool json;
};

static const struct {
    const char *name;
    const char *wechat; /* Event, or MsgType of a message */
} NAMES[EVENT_KINDS] = {
    [EVENT_FOLLOW] = {"follow", "subscribe"},
    [EVENT_UNFOLLOW] = {"unfollow", "unsubscribe"},
    [EVENT_SCAN] = {"scan", "SCAN"},
    [EVENT_CLICK] = {"click", "CLICK"},
    [EVENT_VIEW] = {"view", "VIEW"},
    [EVENT_TEXT] = {"text", "text"},
    [EVENT_IMAGE] = {"image", "image"},
    [EVENT_RECEIPT] = {"receipt", "TEMPLATESENDJOBFINISH"},
    [EVENT_SENT] = {"sent", "subscribe_msg_sent_event"},
    [EVENT_RAW] = {"raw", ""},
};

const char *event_name(enum event_kind kind)
{
    return NAMES[kind].name;
}

int event_find(const char *name, enum event_kind *kind)
{
    for (int i = 0; i < EVENT_KINDS; i++) {
        if (strcmp(name, NAMES[i].name) != 0)
            continue;
        *kind = (enum event_kind)i;
        return 0;
    }
    return -1;
}

bool event_opens(enum event_kind kind, enum user_window *window)
{
    switch (kind) {
    case EVENT_FOLLOW:
        *window = USER_FOLLOW;
        return true;
    case EVENT_SCAN:
        *window = USER_SCAN;
        return true;
    case EVENT_CLICK:
        *window = USER_MENU;
        return true;
    case EVENT_TEXT:
    case EVENT_IMAGE:
        *window = USER_MESSAGE;
        return true;
    default:
        return false;
    }
}

/* XML has no way to write most control characters, so they are left out; "]]>" would end the section. */
static void event_cdata(struct text *out, const char *value)
{
    text_puts(out, "<![CDATA[");
    for (const char *at = value; *at != '\0'; at++) {
        if (strncmp(at, "]]>", 3) == 0) {
            text_puts(out, "]]]]><![CDATA[");
            at++; /* the ">" follows in the next section */
        } else if ((unsigned char)*at >= 0x20 || strchr("\t\n\r", *at) != NULL) {
            text_add(out, at, 1);
        }
    }
    text_puts(out, "]]>");
}

static void event_string(const struct event_writer *writer, const char *name, const char *value)
{
    const char *string = value != NULL ? value : "";
    if (writer->json) {
        text_printf(writer->out, ",\"%s\":", name);
        text_json(writer->out, string, strlen(string));
    } else {
        text_printf(writer->out, "<%s>", name);
        event_cdata(writer->out, string);
        text_printf(writer->out, "</%s>", name);
    }
}

static void event_number(const struct event_writer *writer, const char *name, int64_t value)
{
    if (writer->json)
        text_printf(writer->out, ",\"%s\":%" PRId64, name, value);
    else
        text_printf(writer->out, "<%s>%" PRId64 "</%s>", name, value, name);
}

/* WeChat writes the numbers of this event as strings in JSON, and a List of one item as that item. */
static void event_write_sent(const struct event_writer *writer, const struct event *event)
{
    struct text *out = writer->out;
    if (!writer->json) {
        text_puts(out, "<SubscribeMsgSentEvent><List>");
        event_string(writer, "TemplateId", event->template_id);
        event_number(writer, "MsgID", event->msgid);
        event_number(writer, "ErrorCode", event->errcode);
        event_string(writer, "ErrorStatus", event->content);
        text_puts(out, "</List></SubscribeMsgSentEvent>");
        return;
    }
    const char *template_id = event->template_id != NULL ? event->template_id : "";
    text_puts(out, ",\"List\":{\"TemplateId\":");
    text_json(out, template_id, strlen(template_id));
    text_printf(out, ",\"MsgID\":\"%" PRId64 "\",\"ErrorCode\":\"%d\"", event->msgid, event->errcode);
    event_string(writer, "ErrorStatus", event->content);
    text_puts(out, "}");
}

/* The scene of a first follow is told with "qrscene_" before it. A code's ticket is made up of its scene. */
static void event_write_key(const struct event_writer *writer, const struct event *event)
{
    struct text key = {0};
    const char *scene = event->key != NULL ? event->key : "";
    bool by_code = scene[0] != '\0' && (event->kind == EVENT_FOLLOW || event->kind == EVENT_SCAN);
    if (by_code && event->kind == EVENT_FOLLOW)
        text_puts(&key, "qrscene_");
    text_add(&key, scene, strlen(scene) + 1);
    event_string(writer, "EventKey", key.bytes);
    text_clear(&key);
    if (!by_code)
        return;
    text_puts(&key, "gQ-");
    text_add(&key, scene, strlen(scene) + 1);
    event_string(writer, "Ticket", key.bytes);
    text_clear(&key);
}

static void event_write_message(const struct event_writer *writer, const struct event *event)
{
    event_string(writer, "MsgType", NAMES[event->kind].wechat);
    if (event->kind == EVENT_TEXT) {
        event_string(writer, "Content", event->content);
    } else {
        event_string(writer, "PicUrl", "http://mmbiz.qpic.cn/mmbiz_jpg/0");
        event_string(writer, "MediaId", event->content);
    }
    event_number(writer, "MsgId", event->msgid);
}

void event_write(const struct event *event, const char *to, bool json, struct text *out)
{
    const struct event_writer writer = {.out = out, .json = json};
    if (event->kind == EVENT_RAW) {
        text_puts(out, event->content != NULL ? event->content : "");
        return;
    }
    text_puts(out, json ? "{\"ToUserName\":" : "<xml>");
    if (json)
        text_json(out, to, strlen(to));
    else
        event_string(&writer, "ToUserName", to);
    event_string(&writer, "FromUserName", event->openid);
    event_number(&writer, "CreateTime", event->created_s);
    if (event->kind == EVENT_TEXT || event->kind == EVENT_IMAGE) {
        event_write_message(&writer, event);
    } else {
        event_string(&writer, "MsgType", "event");
        event_string(&writer, "Event", NAMES[event->kind].wechat);
        if (event->kind == EVENT_RECEIPT) {
            event_number(&writer, "MsgID", event->msgid);
            event_string(&writer, "Status", event->content);
        } else if (event->kind == EVENT_SENT) {
            event_write_sent(&writer, event);
        } else {
            event_write_key(&writer, event);
        }
    }
    text_puts(out, json ? "}" : "</xml>");
}
