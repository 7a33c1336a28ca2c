/* WeChat's answer to a call: read strictly, and written again for the caller.
 *
 * Used by judge (messages) and token_fetch (tokens). Pure: bytes in, a struct or bytes out; any bytes are
 * allowed.
 *
 * Source of the form {"errcode":0,"errmsg":"ok","msgid":N}:
 * developers.weixin.qq.com/doc/service/api/notify/template/api_sendtemplatemessage. msgid needs more than
 * the 53 bits of a double and is read as an integer only.
 */
#ifndef SENDER_ANSWER_H
#define SENDER_ANSWER_H

#include <stdint.h>

#include "base/buf.h"

/* The members that anybody here asks for. A member that is given twice counts as its last one, as in PHP. */
struct answer {
    int has_errcode;
    int64_t errcode;
    int64_t msgid;        /* 0 when there is none, or none that is a 64-bit integer */
    int64_t expires_in_s; /* of a token; 0 when there is none */
    struct span errmsg;   /* JSON string as it is written, with its quotes; empty when there is none */
    struct span token;    /* access_token, likewise */
};

/* Reads a JSON object. Returns 0, or -1 when the bytes are no JSON object or errcode is there but no 64-bit
 * integer: no sensible answer. Spans point into `body`. */
int answer_parse(struct span body, struct answer *a);

/* The text that a caller gets for a refusal: WeChat's object without white space, "openid" as its last member
 * (one of WeChat's own is left out). Strings stay as they are written; integers beyond 64 bits become what
 * the original service's PHP made of them, a double with 14 digits. A text over MESSAGE_TEXT_BYTES_MAX is
 * replaced by errcode, a shortened errmsg and openid. `body` must have been taken by answer_parse. Appends to
 * `out`. */
void answer_refusal(struct span body, struct span openid, struct buf *out);

#endif
