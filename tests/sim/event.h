/*
 * event.h - what WeChat tells by callbacks, and its words, XML or JSON. doc/service/guide/product/message on
 * developers.weixin.qq.com; TEMPLATESENDJOBFINISH and subscribe_msg_sent_event on the pages of the messages.
 *
 * Pure: an event in, its text out.
 */
#ifndef SIM_EVENT_H
#define SIM_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/text.h"
#include "tests/sim/users.h"

#define EVENT_TEXT_BYTES_MAX 65536 /* of a key or a content */

enum event_kind {
    EVENT_FOLLOW,   /* subscribe; with a key: by a QR code of that scene */
    EVENT_UNFOLLOW, /* unsubscribe */
    EVENT_SCAN,     /* a QR code, by somebody who follows */
    EVENT_CLICK,    /* a menu key */
    EVENT_VIEW,     /* a link in the menu; opens no window */
    EVENT_TEXT,     /* a message */
    EVENT_IMAGE,    /* another message */
    EVENT_RECEIPT,  /* TEMPLATESENDJOBFINISH */
    EVENT_SENT,     /* subscribe_msg_sent_event */
    EVENT_RAW,      /* any text at all, signed as the real ones are */
    EVENT_KINDS,
};

/* Strings may be NULL where the kind does not need them; then they are empty. */
struct event {
    enum event_kind kind;
    const char *openid;
    const char *key;         /* FOLLOW, SCAN: the scene; CLICK: the menu key; VIEW: the link */
    const char *content;     /* TEXT, RAW; RECEIPT: Status; SENT: ErrorStatus; IMAGE: the media id */
    const char *template_id; /* SENT */
    int64_t created_s;       /* since 1970 */
    int64_t msgid;           /* TEXT, IMAGE: its own; RECEIPT, SENT: that of the message sent */
    int errcode;             /* SENT */
};

/* "follow", "scan", …; what POST /sim/event and the journal call the kind. */
const char *event_name(enum event_kind kind);

/* 0 and *kind, or -1: no kind has this name. */
int event_find(const char *name, enum event_kind *kind);

/* Whether the event opens a window, and which. */
bool event_opens(enum event_kind kind, enum user_window *window);

/* Adds the text. `to` is the account's own name, like gh_1234567890ab. */
void event_write(const struct event *event, const char *to, bool json, struct text *out);

#endif
