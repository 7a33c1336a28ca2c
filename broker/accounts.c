#include "broker/accounts.h"

#include <string.h>

#include "base/log.h"
#include "proto/limits.h"
#include "proto/mp.h"

#define UNANSWERED_MAX 8 /* calls in a row without an answer: from then on the account counts as silent */

void accounts_init(struct accounts *a, const struct conf *conf)
{
    memset(a, 0, sizeof *a);
    a->conf = conf;
    a->count = conf->account_count;
    for (size_t i = 0; i < a->count; i++)
        pace_init(&a->list[i].pace, conf->accounts[i].rate_per_s);
}

void accounts_configure(struct accounts *a)
{
    for (size_t i = 0; i < a->count; i++)
        pace_configure(&a->list[i].pace, a->conf->accounts[i].rate_per_s);
    accounts_wake_all(a);
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

static void log_change(const struct accounts *a, size_t account, enum pace_change change, const char *why)
{
    double limit_per_s = a->list[account].pace.limit_per_s;
    if (change == PACE_SLOWER)
        log_warn("account is slowed down", log_span("account", accounts_name(a, account)), log_str("why", why),
                 log_u64("messages_per_s", (uint64_t)(limit_per_s + 0.5)));
    else if (change == PACE_RECOVERED)
        log_info("account goes at its own rate again", log_span("account", accounts_name(a, account)),
                 log_u64("messages_per_s", pace_set_per_s(&a->list[account].pace)));
}

void accounts_begin(struct accounts *a, size_t account, int64_t now_us)
{
    a->list[account].out++;
    log_change(a, account, pace_take(&a->list[account].pace, now_us), "");
}

void accounts_end(struct accounts *a, size_t account)
{
    if (a->list[account].out)
        a->list[account].out--;
    accounts_wake(a, account, 0);
}

void accounts_rest(struct accounts *a, size_t account)
{
    pace_rest(&a->list[account].pace);
}

void accounts_on_report(struct accounts *a, size_t account, const struct outcome_report *report, int64_t now_us)
{
    struct pace *pace = &a->list[account].pace;
    int was_answered = report->calls > 0 && report->cause != CAUSE_NETWORK;
    if (report->cause == CAUSE_PACE)
        log_change(a, account, pace_slow_down(pace, now_us), "WeChat says that it calls too fast");
    if (report->cause == CAUSE_NETWORK)
        a->list[account].unanswered++;
    else if (was_answered)
        a->list[account].unanswered = 0;
    if (was_answered)
        log_change(a, account, pace_answer(pace, now_us, report->cause == CAUSE_BUSY), "WeChat is overloaded");
}

int64_t accounts_held_us(const struct accounts *a, size_t account, int64_t now_us)
{
    const struct account *one = &a->list[account];
    int64_t brake_us = one->brake_ms * 1000 - now_us;
    int64_t rate_us = pace_held_us(&one->pace, now_us);
    int64_t held_us = brake_us > rate_us ? brake_us : rate_us;
    return held_us > 0 ? held_us : 0;
}

static int is_silent(const struct account *one)
{
    return one->unanswered >= UNANSWERED_MAX;
}

/* 1 when it holds slots, or could use some. */
static int is_busy(const struct account *one, int64_t mono_ms)
{
    return one->out > 0 || (one->wake_ms <= mono_ms && !one->stopped && !one->paused && !one->halted);
}

static uint32_t at_least_one(uint32_t slots)
{
    return slots ? slots : 1;
}

struct account_shares accounts_shares(const struct accounts *a, uint32_t slots, int64_t mono_ms)
{
    uint32_t busy = 0, silent = 0, eighth = at_least_one(slots / 8);
    if (a->count <= 1)
        return (struct account_shares){.answered = slots, .silent = slots};
    for (size_t i = 0; i < a->count; i++) {
        if (!is_busy(&a->list[i], mono_ms))
            continue;
        if (is_silent(&a->list[i]))
            silent++;
        else
            busy++;
    }
    /* What the silent ones hold is not there for the others, but half of all is, however many they are. */
    uint32_t each = silent > 0 && silent * eighth > slots / 2 ? at_least_one(slots / 2 / silent) : eighth;
    uint32_t lost = silent * each < slots / 2 ? silent * each : slots / 2, room = slots - lost;
    if (busy > 1)
        room = (room + busy - 1) / busy;
    else if (lost == 0 && room > eighth)
        room -= eighth;
    return (struct account_shares){.answered = at_least_one(room), .silent = each};
}

uint32_t accounts_share_of(const struct accounts *a, size_t account, const struct account_shares *shares)
{
    return is_silent(&a->list[account]) ? shares->silent : shares->answered;
}

/* --- rates that operators have set: a map account -> messages a second -------------------------------------------- */

void accounts_load_rates(struct accounts *a, struct store *store)
{
    struct span packed;
    struct mp_cursor c;
    if (store_meta_read(store, "rates", &packed) != STORE_OK)
        return;
    mp_open(&c, packed);
    uint32_t count = mp_read_map(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        struct span name = mp_read_str(&c);
        uint64_t per_s = mp_read_u64(&c);
        int account = c.failed || per_s > RATE_MAX ? -1 : accounts_find(a, name);
        if (account >= 0)
            pace_override(&a->list[account].pace, (int64_t)per_s);
        c.failed |= per_s > RATE_MAX;
    }
    if (c.failed)
        log_error("rates in the store are damaged; those of the configuration are used");
}

/* An account that is not configured any more is forgotten here. */
static void save_rates(const struct accounts *a, struct store *store)
{
    struct buf packed = {0};
    size_t place = mp_map_open(&packed), count = 0;
    for (size_t i = 0; i < a->count; i++) {
        if (a->list[i].pace.override_per_s == PACE_NO_OVERRIDE)
            continue;
        mp_span(&packed, accounts_name(a, i));
        mp_u64(&packed, (uint64_t)a->list[i].pace.override_per_s);
        count++;
    }
    mp_map_close(&packed, place, count);
    store_meta_write(store, "rates", buf_span(&packed));
    buf_free(&packed);
}

void accounts_set_rate(struct accounts *a, struct store *store, size_t account, int64_t per_s)
{
    pace_override(&a->list[account].pace, per_s);
    save_rates(a, store);
    accounts_wake(a, account, 0);
}
