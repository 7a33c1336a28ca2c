/* The kinds of messages that can be sent, and the call of WeChat for each: the one table.
 *
 * Used by the sender and its table of calls. Pure. The names are those of $mega.kind in a template.
 *
 * A kind has a key when WeChat de-duplicates its messages by `client_msg_id` (10 minutes): then a call that
 * was lost can be made again. A call of a kind without key is begun only with the broker's leave, so that the
 * broker knows of each one that is lost whether its message may have been sent.
 *
 * Source: developers.weixin.qq.com: doc/service/api/notify/template/api_sendtemplatemessage (client_msg_id).
 * These know no key: doc/service/api/customer/message/api_sendcustommessage,
 * doc/service/api/notify/notify/api_sendnewsubscribemsg,
 * minigame/dev/api-backend/open-api/subscribe-message/subscribeMessage.send,
 * doc/service/api/notify/subscribe/api_templatesubscribe.
 */
#ifndef SENDER_KIND_H
#define SENDER_KIND_H

#include "base/buf.h"

struct kind {
    const char *name;
    const char *path; /* of the call, behind api_base */
    int has_key;
};

/* The kind of that name, or NULL when nothing can be sent that way. */
const struct kind *kind_find(struct span name);

#endif
