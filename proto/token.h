/* Messages between senders, or other programs of the house (DEALER), and the token keeper (ROUTER): who may know an access token.
 *
 *   get      sender -> keeper   {t, app}           wants the token of an account now and every change of it; repeated every
 *                                                  TOKEN_GET_EVERY_MS, since the keeper forgets who is silent for TOKEN_PEER_MS
 *   rejected sender -> keeper   {t, app, token}    WeChat rejected this token; it is replaced only if it is still the current one
 *   token    keeper -> sender   {t, app, token, ttl}        ttl in ms
 *   none     keeper -> sender   {t, app, message, retry}    why there is none, and when the keeper tries again, in ms
 *   status   watcher -> keeper  {t, ref}           how it stands with each account's token, without the token: answered with a struct
 *                                                  answer of proto/operator.h, whose data MESSAGES.md describes
 */
#ifndef PROTO_TOKEN_H
#define PROTO_TOKEN_H

#include <stdint.h>

#include "base/buf.h"

#define TOKEN_GET_EVERY_MS 5000
#define TOKEN_PEER_MS      60000
#define TOKEN_BYTES_MAX    2048 /* WeChat: store at least 512 characters */
#define TOKEN_TTL_MS_MAX   86400000 /* no token lives longer; WeChat's 2 h */

enum token_type { TOKEN_NONE_TYPE, TOKEN_GET, TOKEN_REJECTED, TOKEN_TOKEN, TOKEN_NONE, TOKEN_STATUS };

struct token_message {
    enum token_type type;
    struct span app;     /* all but status */
    struct span token;   /* rejected, token */
    int64_t ttl_ms;      /* token: still valid for; -TOKEN_TTL_MS_MAX to TOKEN_TTL_MS_MAX, so that it can be reckoned with */
    int64_t retry_ms;    /* none */
    struct span message; /* none */
    uint64_t ref;        /* status: comes back */
};

void token_pack(const struct token_message *m, struct buf *out);
int token_unpack(struct span packed, struct token_message *m); /* 0, or -1 when it is none */

#endif
