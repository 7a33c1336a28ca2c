#include "broker/stops.h"

#include <stdlib.h>
#include <string.h>

#include "proto/mp.h"

#define MEMBERS      7
#define DAY_MS       86400000
#define BEIJING_MS   (8 * 3600000) /* WeChat's days begin at midnight in Beijing, as far as is known */
#define MIDNIGHT_MS  5000          /* behind it, for clocks that differ */
#define WINDOW_MS    500           /* likewise behind the beginning of a minute */
#define AGAIN_MS     1000          /* after a probe that WeChat has said nothing to: its sender came and went */

struct stops {
    struct stops_rules rules;
    size_t count;
    int has_changed;
    struct stop list[];
};

struct stops *stops_new(size_t accounts, const struct stops_rules *rules)
{
    struct stops *s = mem_new(sizeof *s + accounts * sizeof *s->list);
    s->rules = *rules;
    s->count = accounts;
    return s;
}

void stops_configure(struct stops *s, const struct stops_rules *rules)
{
    s->rules = *rules;
}

void stops_destroy(struct stops **self)
{
    free(*self);
    *self = NULL;
}

/* A waiting account runs when its time is over, without anybody doing anything about it. */
static int is_running(const struct stop *stop, int64_t order_ms)
{
    return stop->state == STOP_RUNNING || (stop->state == STOP_WAITING && order_ms >= stop->next_ms);
}

int64_t stops_wait_ms(const struct stops *s, size_t account, int64_t order_ms)
{
    const struct stop *stop = &s->list[account];
    if (is_running(stop, order_ms))
        return 0;
    if (stop->state == STOP_PROBING)
        return INT64_MAX;
    return stop->next_ms > order_ms ? stop->next_ms - order_ms : 0;
}

void stops_begin(struct stops *s, size_t account, uint64_t seq)
{
    struct stop *stop = &s->list[account];
    if (stop->state != STOP_STOPPED)
        return;
    stop->state = STOP_PROBING;
    stop->probe_seq = seq;
}

static int64_t until_window_ms(const struct stops *s, int64_t wall_ms)
{
    int64_t window_ms = s->rules.window_ms;
    return window_ms - wall_ms % window_ms + WINDOW_MS;
}

static int64_t until_midnight_ms(int64_t wall_ms)
{
    return DAY_MS - (wall_ms + BEIJING_MS) % DAY_MS + MIDNIGHT_MS;
}

/* How long to wait after a probe that has told nothing of the account. */
static int64_t again_ms(const struct stops *s)
{
    return s->rules.probe_first_ms < AGAIN_MS ? s->rules.probe_first_ms : AGAIN_MS;
}

/* How long to wait for the next probe. An allowance of a day may be back at midnight. */
static int64_t probe_wait_ms(const struct stops *s, const struct stop *stop, int64_t wall_ms)
{
    int64_t wait_ms = s->rules.probe_first_ms;
    for (uint32_t i = 0; i < stop->probes && wait_ms < s->rules.probe_max_ms; i++)
        wait_ms *= 2;
    if (wait_ms > s->rules.probe_max_ms)
        wait_ms = s->rules.probe_max_ms;
    int64_t midnight_ms = until_midnight_ms(wall_ms);
    return stop->cause == CAUSE_QUOTA && midnight_ms < wait_ms ? midnight_ms : wait_ms;
}

static void take_reason(struct stop *stop, const struct outcome_report *report)
{
    size_t bytes = report->message.bytes < STOP_REASON_BYTES_MAX ? report->message.bytes : STOP_REASON_BYTES_MAX;
    while (bytes && bytes < report->message.bytes && ((unsigned char)report->message.data[bytes] & 0xc0) == 0x80)
        bytes--;
    stop->cause = report->cause;
    stop->errcode = report->errcode;
    if (bytes)
        memcpy(stop->reason, report->message.data, bytes);
    stop->reason[bytes] = 0;
}

static void set_state(struct stops *s, struct stop *stop, enum stop_state state)
{
    stop->state = state;
    stop->probe_seq = 0;
    s->has_changed = 1;
}

static int stops_account(enum cause cause)
{
    return cause == CAUSE_QUOTA || cause == CAUSE_ACCOUNT;
}

static void stop_for(struct stops *s, struct stop *stop, const struct outcome_report *report, int64_t order_ms, int64_t wall_ms)
{
    take_reason(stop, report);
    stop->next_ms = order_ms + probe_wait_ms(s, stop, wall_ms);
    set_state(s, stop, STOP_STOPPED);
}

/* 1 when the report says that the account works, 0 when it does not tell. */
static int got_through(const struct outcome_report *report)
{
    if (report->outcome == OUTCOME_SENT || report->outcome == OUTCOME_PENDING || report->outcome == OUTCOME_REFUSED)
        return 1;
    return report->outcome == OUTCOME_RETRY && (report->cause == CAUSE_RECIPIENT || report->cause == CAUSE_TEMPLATE);
}

static int probe_on_report(struct stops *s, struct stop *stop, const struct outcome_report *report, int64_t order_ms, int64_t wall_ms)
{
    if (stops_account(report->cause)) {
        stop->probes++;
        stop_for(s, stop, report, order_ms, wall_ms);
        return 1;
    }
    if (got_through(report)) {
        set_state(s, stop, STOP_RUNNING);
        return 0;
    }
    stop->next_ms = order_ms + (report->outcome == OUTCOME_RETURNED ? again_ms(s)
                                : report->cause == CAUSE_PACE       ? until_window_ms(s, wall_ms)
                                                                    : s->rules.probe_first_ms);
    set_state(s, stop, STOP_STOPPED);
    return 0;
}

int stops_on_report(struct stops *s, size_t account, uint64_t seq, const struct outcome_report *report, int64_t order_ms,
                    int64_t wall_ms)
{
    struct stop *stop = &s->list[account];
    if (stop->state == STOP_PROBING && stop->probe_seq == seq)
        return probe_on_report(s, stop, report, order_ms, wall_ms);
    if (stop->state == STOP_PROBING || stop->state == STOP_STOPPED)
        return 0;
    if (stops_account(report->cause)) {
        stop->since_ms = wall_ms;
        stop->probes = 0;
        stop_for(s, stop, report, order_ms, wall_ms);
        return 1;
    }
    if (report->cause == CAUSE_PACE && is_running(stop, order_ms)) {
        take_reason(stop, report);
        stop->since_ms = wall_ms;
        stop->next_ms = order_ms + until_window_ms(s, wall_ms);
        set_state(s, stop, STOP_WAITING);
    }
    return 0;
}

void stops_on_lost(struct stops *s, size_t account, uint64_t seq, int64_t order_ms)
{
    struct stop *stop = &s->list[account];
    if (stop->state != STOP_PROBING || stop->probe_seq != seq)
        return;
    stop->next_ms = order_ms + again_ms(s);
    set_state(s, stop, STOP_STOPPED);
}

int stops_resume(struct stops *s, size_t account, int64_t order_ms)
{
    struct stop *stop = &s->list[account];
    if (is_running(stop, order_ms))
        return -1;
    stop->probes = 0;
    stop->next_ms = order_ms;
    if (stop->state == STOP_WAITING)
        set_state(s, stop, STOP_RUNNING);
    s->has_changed = 1;
    return 0;
}

const struct stop *stops_find(const struct stops *s, size_t account, int64_t order_ms)
{
    return is_running(&s->list[account], order_ms) ? NULL : &s->list[account];
}

int stops_refuses(const struct stops *s, size_t account, int64_t order_ms)
{
    const struct stop *stop = &s->list[account];
    return stop->state == STOP_PROBING || (stop->state == STOP_STOPPED && order_ms < stop->next_ms);
}

/* --- kept over a restart ------------------------------------------------------------------------------------------ */

int stops_has_changed(struct stops *s)
{
    int has_changed = s->has_changed;
    s->has_changed = 0;
    return has_changed;
}

void stops_pack(const struct stops *s, const struct conf *conf, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += s->list[i].state != STOP_RUNNING;
    mp_array(out, count);
    for (size_t i = 0; i < s->count; i++) {
        const struct stop *stop = &s->list[i];
        if (stop->state == STOP_RUNNING)
            continue;
        mp_array(out, MEMBERS);
        mp_str(out, conf->accounts[i].name);
        mp_str(out, cause_name(stop->cause));
        mp_i64(out, stop->errcode);
        mp_i64(out, stop->since_ms);
        mp_i64(out, stop->next_ms);
        mp_u64(out, stop->probes);
        mp_str(out, stop->reason);
    }
}

/* A probe that was out counts as stopped: what became of it, its own report may not tell any more. */
static void restore_one(struct stops *s, const struct conf *conf, struct mp_cursor *c)
{
    struct stop stop = {.state = STOP_STOPPED};
    struct span name = mp_read_str(c);
    stop.cause = cause_find(mp_read_str(c));
    stop.errcode = mp_read_i64(c);
    stop.since_ms = mp_read_i64(c);
    stop.next_ms = mp_read_i64(c);
    stop.probes = (uint32_t)mp_read_u64(c);
    span_to_text(stop.reason, sizeof stop.reason, mp_read_str(c));
    if (stop.cause == CAUSE_PACE)
        stop.state = STOP_WAITING;
    else if (!stops_account(stop.cause))
        return;
    for (size_t i = 0; i < s->count && !c->failed; i++)
        if (span_is(name, conf->accounts[i].name))
            s->list[i] = stop;
}

void stops_restore(struct stops *s, const struct conf *conf, struct span packed)
{
    struct mp_cursor c;
    mp_open(&c, packed);
    uint32_t count = mp_read_array(&c);
    for (uint32_t i = 0; i < count && !c.failed && mp_read_array(&c) == MEMBERS; i++)
        restore_one(s, conf, &c);
}
