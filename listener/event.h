/* What WeChat tells in a callback's body: messages of users, events, receipts. XML (listener/xml) or JSON, by its first byte.
 *
 * Pure; used behind the check of the signature, and for bodies that anybody can send. Bounded: bodies of 64 KiB, XML without DOCTYPE,
 * entities and processing instructions, 8 elements deep, 200 elements in all. What is not known is skipped: WeChat adds fields and
 * events as it likes. Fields that are read must be right and stand there once.
 */
#ifndef LISTENER_EVENT_H
#define LISTENER_EVENT_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/limits.h"

/* Of a body as it came, and of a decrypted one. WeChat's longest are texts of some 2 KiB. */
#define EVENT_BODY_BYTES_MAX ((size_t)64 * 1024)

/* Of one subscribe_msg_sent_event. WeChat sends one for each message. */
#define EVENT_RECEIPTS_MAX 16

enum event_kind {
    EVENT_OTHER,    /* an event that means nothing here; it may still be passed on */
    EVENT_MESSAGE,  /* any message of the user, text or not: MsgType is not `event` */
    EVENT_FOLLOW,   /* subscribe */
    EVENT_UNFOLLOW, /* unsubscribe */
    EVENT_SCAN,     /* of a QR code by somebody who follows already */
    EVENT_CLICK,    /* CLICK, scancode_push, scancode_waitmsg: the menu keys that let customer-service messages through */
    EVENT_RECEIPT,  /* TEMPLATESENDJOBFINISH: receipt_count is 1 */
    EVENT_RECEIPTS  /* subscribe_msg_sent_event: receipt_count is 1 and more */
};

enum receipt_outcome {
    RECEIPT_DELIVERED,
    RECEIPT_BLOCKED, /* by the recipient */
    RECEIPT_FAILED   /* by WeChat */
};

struct event_receipt {
    int64_t msgid;           /* 0: WeChat told none */
    struct span template_id; /* of a subscribe_msg_sent_event; empty otherwise */
    enum receipt_outcome outcome;
    struct span reason; /* WeChat's own words without `failed:` ("user block", "system failed"), or "errcode N" where it gave none; empty
                         * when delivered */
};

/* All texts are UTF-8 without NUL; those that WeChat did not send are empty. */
struct event {
    enum event_kind kind;
    struct span to_user; /* ToUserName: the account's original id */
    struct span openid;  /* FromUserName: 1 to OPENID_BYTES_MAX bytes, no control characters */
    struct span type;    /* MsgType: event, text, image, … */
    struct span name;    /* Event, as it came; empty of a message */
    struct span key;     /* EventKey of a follow (by QR code, without its `qrscene_`), a scan, a click and a VIEW; empty of all others */
    struct span content; /* of a text message */
    int64_t created_s;   /* CreateTime, seconds since 1970; 0 and more */
    int64_t msg_id;      /* MsgId of a message; 0 of events: a receipt's is in `receipts` */
    struct event_receipt receipts[EVENT_RECEIPTS_MAX];
    size_t receipt_count;
};

/* Reads a body. The spans in `out` point into scratch, which is cleared first and must be kept, unchanged, as long as they are used; body
 * must not lie in it. Returns 0, or -1 with the reason (which field and limit; no content) appended to error. */
int event_read(struct span body, struct event *out, struct buf *scratch, struct buf *error);

/* Reads the body of encrypted mode, XML or JSON: only its Encrypt (base64, for envelope_open). The other fields, which stand in readable
 * form beside it when the account is in compatible mode, are not looked at: nothing signs them. `encrypt` points into scratch, as above.
 * Returns 0, or -1 with the reason appended to error: also when there is no Encrypt, or an empty one. */
int event_read_encrypted(struct span body, struct span *encrypt, struct buf *scratch, struct buf *error);

#endif
