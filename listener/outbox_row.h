/* A row of the outbox, as it is written, read and sent. */
#ifndef LISTENER_OUTBOX_ROW_H
#define LISTENER_OUTBOX_ROW_H

#include "base/buf.h"

/* Kept in the file: a number never gets another meaning. */
enum outbox_kind { OUTBOX_PUSH = 1, OUTBOX_CANCEL = 2, OUTBOX_RECEIPT = 3, OUTBOX_WINDOW = 4 };

/* Spans whose data is NULL are left out. */
struct outbox_row {
    enum outbox_kind kind;
    struct span app, openid;
    int64_t added_ms;    /* wall time */
    int64_t at_ms;       /* push: send then; receipt, window: when it was */
    int64_t msgid;       /* receipt */
    struct span word;    /* receipt: outcome; window: action */
    struct span message; /* receipt: WeChat's reason */
    struct span id, key, task; /* push, cancel */
    struct span lane;    /* push */
    int64_t ttl_ms;      /* push */
    struct span vars;    /* push: packed map */
};

#endif
