/*
 * reply.h - whether what a callback was answered with is what WeChat takes: "success", nothing, or a message to the user who
 * did it (doc/service/guide/product/message/Passive_user_reply_message.html), which must be encrypted as the callback was.
 *
 * Pure. Any bytes are allowed.
 */
#ifndef SIM_REPLY_H
#define SIM_REPLY_H

#include <stddef.h>

#include "tests/sim/hook.h"

#define REPLY_WHY_BYTES_MAX 100

enum reply {
    REPLY_SUCCESS,
    REPLY_EMPTY,
    REPLY_MESSAGE,
    REPLY_WRONG,
};

/* Judges the body of an answer with status 200. REPLY_WRONG: `why` says what is wrong with it; "" else. */
enum reply reply_read(const struct hook *hook, const char *openid, const char *bytes, size_t count,
                      char why[REPLY_WHY_BYTES_MAX]);

#endif
