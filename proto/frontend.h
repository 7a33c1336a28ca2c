/* Requests of callers and their results: what travels between clients (the gateway, mega, other programs) and the broker's
 * frontend. proto/MESSAGES.md describes both for people; tests/data holds golden bytes.
 */
#ifndef PROTO_FRONTEND_H
#define PROTO_FRONTEND_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/limits.h"

enum op { OP_NONE, OP_PUSH, OP_SEND, OP_TSET, OP_CANCEL, OP_STATUS, OP_PING, OP_CHECK, OP_RECEIPT, OP_WINDOW, OPS };

enum lane { LANE_EXPRESS, LANE_BULK, LANES }; /* in the order in which they are served */
#define LANE_EXPRESS_RUN 16 /* express messages in a row before one of bulk, so that bulk does not starve */

/* What WeChat's callback tells of a message that it took: it reached the recipient's phone, the recipient has blocked such messages, or
 * WeChat could not deliver it. */
enum receipt { RECEIPT_NONE, RECEIPT_REACHED, RECEIPT_REJECTED, RECEIPT_LOST, RECEIPTS };

/* Codes of results; they read as in HTTP. */
enum code {
    CODE_QUEUED = 100,
    CODE_OK = 200,
    CODE_REFUSED = 400,
    CODE_NOT_FOUND = 404,
    CODE_EXPIRED = 408,
    CODE_CANCELLED = 409,
    CODE_FAILED = 500,
    CODE_BUSY = 503
};

/* One request. Every span points into the bytes it was unpacked from. */
struct request {
    enum op op;
    struct span ref;    /* packed scalar, echoed; empty = nil */
    struct span id;     /* empty = none given */
    struct span app;    /* account; empty = the default one */
    struct span openid;
    struct span key;
    struct span vars;   /* packed map, checked: names are str, values scalars; empty = no variables */
    struct span task;
    int64_t at_ms;      /* wall time; 0 = now */
    int64_t in_ms;      /* from now; 0 = now */
    int64_t ttl_ms;     /* 0 = none given */
    int lane;           /* enum lane, or -1 when none was given */
    int wait;           /* of a status: 1: answered when the message is settled */
    int64_t msgid;      /* of a receipt: WeChat's; 0 = it named none. at_ms: when the receipt was made, 0 = now */
    enum receipt outcome; /* of a receipt */
    struct span message;  /* of a receipt: WeChat's reason; at most RECEIPT_TEXT_BYTES_MAX; may be empty */
    struct span action; /* of a window: a name of base/window.h. at_ms: when it was, 0 = now */
};

/* One result. Strings are owned by whoever filled it in. */
struct result {
    struct span ref;     /* packed scalar; empty = nil */
    struct span id;
    enum code code;
    struct span message;
    int64_t errcode;     /* WeChat's; 0 is left out */
    int64_t msgid;       /* WeChat's; 0 is left out */
    struct span state;   /* empty is left out: waiting, out, sent, pending, delivered, blocked, failed, refused, expired, cancelled,
                            dead; of a ping: ready, or unready with the reasons in message */
    uint64_t count;      /* of a cancel by recipient or task: messages cancelled; 0 is left out */
    uint64_t epoch;      /* the broker's; changes with each of its starts */
    int packs;           /* of a ping, 1: the broker takes several requests in a frame; 0 is left out */
};

/* Appends the request as one map. */
void request_pack(const struct request *r, struct buf *out);

/* Reads one request and checks everything that can be checked without knowing templates and accounts. Returns 0, or -1 with
 * a message in `error` (cleared first) that names the field and the limit; r->ref is set even then when it could be read.
 * *used becomes the bytes of the request, behind which the next one may begin; all of them when it is no map, or so damaged that
 * its end cannot be found. With `used` NULL nothing may stand behind it. */
int request_unpack(struct span packed, size_t *used, struct request *r, struct buf *error);

void result_pack(const struct result *r, struct buf *out);

/* Returns 0, or -1 when it is no result. Members it does not know are skipped. *used (may be NULL) becomes its bytes, behind which
 * the next one may begin. */
int result_unpack(struct span packed, size_t *used, struct result *r);

/* "push", "send", ...; NULL for OP_NONE. */
const char *op_name(enum op op);

/* "delivered", "blocked", "failed"; NULL for RECEIPT_NONE. And back: RECEIPT_NONE of any other text. */
const char *receipt_name(enum receipt outcome);
enum receipt receipt_find(struct span name);

/* The enum lane of "express" or "bulk", -1 of any other text; and back, NULL of -1. */
int lane_find(struct span name);
const char *lane_name(int lane);

/* 1 when the text is 1 to bytes_max bytes of UTF-8 without control characters and spaces: ids, accounts, tasks. */
int name_is_plain(struct span text, size_t bytes_max);

#endif
