/* An address that was left knows how long (left_ms) until it has answered: the next time is twice that.
 *
 * Only one failure a leave counts: of the calls that were under way when an address failed many fail with it,
 * and would make 5 s into 5 min at once.
 */
#include "sender/hosts.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

static uint64_t hash_addresses(const struct conf_account *account)
{
    return hash_64(account->api_base, strlen(account->api_base));
}

void hosts_open(struct hosts *h, const struct conf_account *account)
{
    *h = (struct hosts){.count = 1, .hash = hash_addresses(account)};
    while (h->count < CONF_BASES_MAX && conf_base(account, h->count).bytes)
        h->count++;
}

void hosts_change(struct hosts *h, const struct conf_account *account)
{
    uint32_t list = h->list + 1;
    if (h->hash == hash_addresses(account))
        return;
    hosts_open(h, account);
    h->list = list;
}

static int has_failed(const struct host_use *use, size_t i)
{
    return (use->not_sent >> i & 1) != 0;
}

static int may_be_tried(const struct host *host, int64_t now_ms)
{
    return host->left_ms && !host->is_tried && now_ms >= host->until_ms;
}

/* The one whose time comes first, of those at which the call has not failed. */
static size_t soonest(const struct hosts *h, const struct host_use *use)
{
    size_t found = h->count;
    for (size_t i = 0; i < h->count; i++)
        if (!has_failed(use, i) && (found == h->count || h->hosts[i].until_ms < h->hosts[found].until_ms))
            found = i;
    assert(found < h->count);
    return found;
}

void hosts_pick(struct hosts *h, struct host_use *use, int64_t now_ms)
{
    if (use->list != h->list)
        *use = (struct host_use){.list = h->list};
    use->is_try = 0;
    for (size_t i = 0; i < h->count; i++) {
        struct host *host = &h->hosts[i];
        if (has_failed(use, i) || (host->left_ms && !may_be_tried(host, now_ms)))
            continue;
        use->host = i;
        use->is_try = use->knew_left = host->is_tried = host->left_ms != 0;
        return;
    }
    use->host = soonest(h, use);
    use->knew_left = 1;
}

static enum host_news come_back(struct host *host)
{
    enum host_news news = host->left_ms ? HOST_BACK : HOST_SAME;
    *host = (struct host){0};
    return news;
}

static enum host_news leave(struct host *host, int64_t now_ms)
{
    enum host_news news = host->left_ms ? HOST_SAME : HOST_LEFT;
    host->left_ms = host->left_ms ? host->left_ms * 2 : HOSTS_LEAVE_MS;
    if (host->left_ms > HOSTS_LEAVE_MS_MAX)
        host->left_ms = HOSTS_LEAVE_MS_MAX;
    host->until_ms = now_ms + host->left_ms;
    host->misses = 0;
    return news;
}

enum host_news hosts_end(struct hosts *h, struct host_use *use, enum host_end end, int64_t now_ms)
{
    struct host *host = &h->hosts[use->host];
    int was_try = use->is_try;
    if (use->list != h->list)
        return HOST_SAME;
    use->is_try = 0;
    if (was_try)
        host->is_tried = 0;
    if (end == HOST_NOT_SENT)
        use->not_sent |= 1U << use->host;
    if (end == HOST_DROPPED || h->count == 1)
        return HOST_SAME;
    if (end == HOST_ANSWERED)
        return host->left_ms && !use->knew_left ? HOST_SAME : come_back(host);
    if (host->left_ms)
        return was_try ? leave(host, now_ms) : HOST_SAME;
    host->misses++;
    return end == HOST_NOT_SENT || host->misses >= HOSTS_MISSES_MAX ? leave(host, now_ms) : HOST_SAME;
}

int hosts_have_other(const struct hosts *h, const struct host_use *use)
{
    if (use->list != h->list)
        return 1;
    for (size_t i = 0; i < h->count; i++)
        if (!has_failed(use, i))
            return 1;
    return 0;
}

int64_t hosts_left_ms(const struct hosts *h, size_t i)
{
    return h->hosts[i].left_ms;
}
