/* Tells in the log what hosts.h found out: that an address of WeChat is left for a while, or used again.
 *
 * Used by the sender and the token keeper. */
#ifndef SENDER_HOSTS_LOG_H
#define SENDER_HOSTS_LOG_H

#include "sender/hosts.h"

/* `reason`: what the call that ended said; no secret and no content in it. Writes nothing for HOST_SAME. */
void hosts_log(const struct hosts *h, const struct conf_account *account, size_t host, enum host_news news,
               struct span reason);

#endif
