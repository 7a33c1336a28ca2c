/* The two token calls of WeChat: how they are asked, what their answers mean.
 *
 * Used by the keeper. Pure. Sources: developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken
 * (stable) and doc/oplatform/developers/dev/AccessToken.html (classic).
 */
#ifndef SENDER_TOKEN_FETCH_H
#define SENDER_TOKEN_FETCH_H

#include <stdint.h>

#include "base/conf.h"
#include "sender/http.h"

/* Writes the URL and the body (empty for classic, which is a GET), for address number `host` (conf_base). Both
 * hold the secret; both are cleared first. */
void token_fetch_ask(const struct conf_account *account, size_t host, int is_forced, struct buf *url,
                     struct buf *body);

enum fetch_end {
    FETCH_TOKEN,  /* got one */
    FETCH_FAILED, /* may work soon: network, WeChat busy */
    FETCH_WRONG,  /* a person has to put something right */
    FETCH_QUOTA   /* the allowance of token calls is used up */
};

struct fetched {
    enum fetch_end end;
    struct buf token;   /* FETCH_TOKEN; owned by the caller, cleared first */
    int64_t ttl_ms;     /* FETCH_TOKEN */
    int64_t errcode;    /* 0 when WeChat gave none */
    struct buf reason;  /* the others: why, and what to do; no secret in it. Owned by the caller likewise */
};

void token_fetch_read(const struct conf_account *account, const struct http_answer *answer,
                      struct fetched *fetched);

#endif
