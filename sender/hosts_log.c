/* A line when an address is left, and one when it is good again; how it goes on failing meanwhile is not told. */
#include "sender/hosts_log.h"

#include "base/log.h"

void hosts_log(const struct hosts *h, const struct conf_account *account, size_t host, enum host_news news,
               struct span reason)
{
    struct span address = conf_base(account, host);
    if (news == HOST_LEFT)
        log_warn("address of WeChat is left for a while", log_str("account", account->name),
                 log_span("address", address), log_span("reason", reason),
                 log_i64("for_ms", hosts_left_ms(h, host)));
    else if (news == HOST_BACK)
        log_info("address of WeChat is used again", log_str("account", account->name),
                 log_span("address", address));
}
