/* WeChat's errcodes, what each of them means for a message, and what happens then: the one table.
 *
 * Used for answers to messages (judge), to token fetches (token_fetch) and for people (wechat_errors;
 * docs/wechat-errors.md is made from it; a row that is added or changes its class is added or changed in docs/wechat-errors.zh-CN.md
 * by hand, to which tests/process/test_docs.py holds it). Pure.
 *
 * Source: the return-code lists of WeChat's documentation (developers.weixin.qq.com:
 * doc/channels/API/basics/commErrCode.html and the errcode tables of the single calls). WeChat publishes no
 * classes; they follow from the documented meaning.
 */
#ifndef SENDER_ERRCODE_H
#define SENDER_ERRCODE_H

#include <stdint.h>

#include "proto/job.h"

enum errcode_class {
    ERRCODE_SENT,            /* taken */
    ERRCODE_PENDING,         /* taken, the platform reviews it */
    ERRCODE_RETRY,           /* did nothing; may work later */
    ERRCODE_RECIPIENT_LATER, /* did nothing; may work later, and nothing goes to this recipient before */
    ERRCODE_TOKEN,           /* did nothing; may work with another access token */
    ERRCODE_RECIPIENT,       /* refused until the recipient acts */
    ERRCODE_REQUEST,         /* refused: the message itself is wrong */
    ERRCODE_DOUBTFUL,        /* the same, but WeChat is known to say so by mistake */
    ERRCODE_DUPLICATE,       /* refused: WeChat says it has this message already */
    ERRCODE_TEMPLATE_STOP,   /* did nothing; nothing of this template goes, for now */
    ERRCODE_PACE,            /* did nothing; the account calls too fast */
    ERRCODE_QUOTA,           /* did nothing; an allowance of the account is used up */
    ERRCODE_CONFIG           /* did nothing; the account or this host must be put right by a person */
};
#define ERRCODE_CLASSES (ERRCODE_CONFIG + 1)

struct errcode {
    int64_t code;
    enum errcode_class class;
    const char *meaning; /* a few words for people */
    const char *advice;  /* what a person has to do; NULL where there is nothing more to say */
};

/* What a class means. */
struct errcode_rule {
    const char *name;     /* for people */
    enum outcome outcome; /* of the call, as it is reported to the broker */
    enum cause cause;
    const char *happens;  /* whole sentences, for people */
};

/* The row of a code, or NULL when it is not known. */
const struct errcode *errcode_find(int64_t code);

/* All rows in the order of the codes: NULL begins, NULL ends. */
const struct errcode *errcode_next(const struct errcode *before);

/* The class of any code. A code that is not known is ERRCODE_REQUEST: it is kept with WeChat's answer (whose errmsg holds the rid)
 * and never tried again behind the caller's back. */
enum errcode_class errcode_class(int64_t code);

const struct errcode_rule *errcode_rule(enum errcode_class class);

/* What a person has to do about a code, or NULL. Source: doc/service/guide/dev/api and
 * doc/oplatform/developers/dev/AccessToken.html on developers.weixin.qq.com. */
const char *errcode_advice(int64_t code);

#endif
