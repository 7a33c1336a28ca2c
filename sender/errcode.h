/* WeChat's errcodes and what each of them means for a message: the one table.
 *
 * Used for answers to messages (judge) and to token fetches (token_fetch). Pure.
 *
 * Source: the return-code lists of WeChat's documentation (developers.weixin.qq.com:
 * doc/channels/API/basics/commErrCode.html and the errcode tables of the single calls). WeChat publishes no
 * classes; they follow from the documented meaning.
 */
#ifndef SENDER_ERRCODE_H
#define SENDER_ERRCODE_H

#include <stdint.h>

enum errcode_class {
    ERRCODE_SENT,          /* taken */
    ERRCODE_PENDING,       /* taken, the platform reviews it; it is delivered by itself if it passes */
    ERRCODE_RETRY,         /* did nothing; may work later */
    ERRCODE_TOKEN,         /* did nothing; may work with another access token */
    ERRCODE_RECIPIENT,     /* refused until the recipient acts */
    ERRCODE_REQUEST,       /* refused: the message itself is wrong */
    ERRCODE_DUPLICATE,     /* refused: WeChat says it has this message already */
    ERRCODE_TEMPLATE_STOP, /* did nothing; the template is banned or disabled for now */
    ERRCODE_QUOTA,         /* did nothing; a day's or month's allowance is used up */
    ERRCODE_CONFIG         /* did nothing; the account or this host must be put right by a person */
};

struct errcode {
    int64_t code;
    enum errcode_class class;
    const char *meaning; /* a few words for people */
};

/* The row of a code, or NULL when it is not known. */
const struct errcode *errcode_find(int64_t code);

/* The class of any code. A code that is not known is ERRCODE_REQUEST: it is kept with WeChat's answer and
 * never tried again behind the caller's back. */
enum errcode_class errcode_class(int64_t code);

/* What a person has to do about a code of the token calls ("add the IP address of this host to the whitelist
 * ..."), or NULL where there is nothing more to say than its meaning. Source: doc/service/guide/dev/api and
 * doc/oplatform/developers/dev/AccessToken.html on developers.weixin.qq.com. */
const char *errcode_advice(int64_t code);

#endif
