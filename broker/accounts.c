#include "broker/accounts.h"

#include <string.h>

void accounts_init(struct accounts *a, const struct conf *conf)
{
    memset(a, 0, sizeof *a);
    a->conf = conf;
    a->count = conf->account_count;
}

int accounts_find(const struct accounts *a, struct span name)
{
    struct span wanted = name.bytes ? name : span_of(CONF_ACCOUNT_DEFAULT);
    const struct conf_account *found = conf_account_find(a->conf, wanted);
    return found ? (int)(found - a->conf->accounts) : -1;
}

struct span accounts_name(const struct accounts *a, size_t account)
{
    return span_of(a->conf->accounts[account].name);
}

void accounts_wake(struct accounts *a, size_t account, int64_t at_ms)
{
    if (at_ms < a->list[account].wake_ms)
        a->list[account].wake_ms = at_ms;
}

void accounts_wake_all(struct accounts *a)
{
    for (size_t i = 0; i < a->count; i++)
        a->list[i].wake_ms = 0;
}

void accounts_brake(struct accounts *a, size_t account, int64_t until_ms)
{
    a->list[account].brake_ms = until_ms;
}

/* Evenly, with no burst after a quiet time. */
static void count_rate(struct accounts *a, size_t account, int64_t now_us)
{
    uint32_t rate = a->conf->accounts[account].rate_per_s;
    struct account *one = &a->list[account];
    if (rate == 0)
        return;
    int64_t every_us = 1000000 / rate;
    one->next_us = (one->next_us > now_us - every_us ? one->next_us : now_us) + every_us;
}

void accounts_begin(struct accounts *a, size_t account, int64_t now_us)
{
    a->list[account].out++;
    count_rate(a, account, now_us);
}

void accounts_end(struct accounts *a, size_t account)
{
    if (a->list[account].out)
        a->list[account].out--;
    accounts_wake(a, account, 0);
}

int64_t accounts_held_us(const struct accounts *a, size_t account, int64_t now_us)
{
    const struct account *one = &a->list[account];
    int64_t brake_us = one->brake_ms * 1000 - now_us;
    int64_t rate_us = a->conf->accounts[account].rate_per_s ? one->next_us - now_us : 0;
    int64_t held_us = brake_us > rate_us ? brake_us : rate_us;
    return held_us > 0 ? held_us : 0;
}

uint32_t accounts_share(const struct accounts *a, uint32_t slots, int64_t mono_ms)
{
    uint32_t busy = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct account *one = &a->list[i];
        busy += one->out > 0 || (one->wake_ms <= mono_ms && !one->stopped && !one->paused && !one->halted);
    }
    return busy > 1 ? (slots + busy - 1) / busy : slots;
}
