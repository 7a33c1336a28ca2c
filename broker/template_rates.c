#include "broker/template_rates.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#define AHEAD_MAX      128    /* messages of a template that are back in the queue and not met yet */
#define RELEASE_A_TICK 2000   /* messages that go back when a template has no rate any more */
#define LOOK_AGAIN_US  100000 /* a rate that was changed is noticed after so long, and what has left the queue unmet */
#define TIDY_US        1000000

/* One template in one account. */
struct entry {
    UT_hash_handle hh;
    uint64_t name;         /* its hold of the bulk lane: what it is found by */
    uint64_t holds[LANES]; /* by enum lane */
    int has_held[LANES];   /* 1: something is set aside, as far as is known */
    uint32_t express_run;  /* express ones that went back since the last bulk one */
    char account[ACCOUNT_BYTES_MAX + 1];
    char key[KEY_TEXT_BYTES_MAX + 1];
    struct spacing spacing;
    uint64_t ahead[AHEAD_MAX]; /* seqs that are back in the queue and not met yet */
    size_t ahead_count;
    int64_t looked_us; /* at them, or one of them was met */
};

struct template_rates {
    struct store *store;
    const struct keys *keys;
    struct pauses *pauses;
    struct entry *table;
    int64_t next_us; /* the next tick that has something to do */
    int is_waiting;  /* 1: something is set aside */
};

/* --- entries ------------------------------------------------------------------------------------------------------ */

static struct entry *find(const struct template_rates *r, struct span account, struct span key)
{
    struct entry *e = NULL;
    if (r->table == NULL)
        return NULL;
    uint64_t name = store_hold_name(HOLD_RATE, account, key);
    HASH_FIND(hh, r->table, &name, sizeof name, e);
    return e;
}

static struct entry *find_or_add(struct template_rates *r, struct span account, struct span key)
{
    struct entry *e = find(r, account, key);
    if (e)
        return e;
    e = mem_new(sizeof *e);
    e->name = e->holds[LANE_BULK] = store_hold_name(HOLD_RATE, account, key);
    e->holds[LANE_EXPRESS] = store_hold_name(HOLD_RATE_EXPRESS, account, key);
    span_to_text(e->account, sizeof e->account, account);
    span_to_text(e->key, sizeof e->key, key);
    HASH_ADD(hh, r->table, name, sizeof e->name, e);
    return e;
}

static void drop(struct template_rates *r, struct entry *e)
{
    HASH_DEL(r->table, e);
    free(e);
}

static int has_held(const struct entry *e)
{
    return e->has_held[LANE_EXPRESS] || e->has_held[LANE_BULK];
}

static uint32_t rate_of(const struct template_rates *r, struct span key)
{
    const struct key_info *info = keys_find(r->keys, key);
    return info ? info->rate_per_s : 0;
}

/* Something of the entry may be to be done at that time. */
static void plan(struct template_rates *r, int64_t at_us)
{
    if (at_us < r->next_us)
        r->next_us = at_us;
}

/* --- at the start ------------------------------------------------------------------------------------------------- */

/* What stands first and cannot be read hides whose hold it is: releasing it sets it aside as damaged. */
static void drop_damaged(struct store *s, uint64_t hold)
{
    struct place place;
    struct message m;
    while (store_first_held(s, hold, &place) == STORE_OK && store_read(s, place.seq, &m) != STORE_OK)
        store_release(s, hold, 1);
}

static void restore(struct template_rates *r)
{
    uint64_t hold, from = 0;
    while (store_next_hold(r->store, from, &hold) == STORE_OK) {
        struct message first;
        drop_damaged(r->store, hold);
        if (store_is_rate_hold(r->store, hold, &first)) {
            struct entry *e = find_or_add(r, first.account, message_template(&first));
            e->has_held[first.lane == LANE_EXPRESS ? LANE_EXPRESS : LANE_BULK] = 1;
            r->is_waiting = 1;
        }
        if (hold == UINT64_MAX)
            return;
        from = hold + 1;
    }
}

struct template_rates *template_rates_new(struct store *store, const struct keys *keys, struct pauses *pauses)
{
    struct template_rates *r = mem_new(sizeof *r);
    r->store = store;
    r->keys = keys;
    r->pauses = pauses;
    restore(r);
    return r;
}

void template_rates_destroy(struct template_rates **self)
{
    struct entry *e, *next;
    if (*self == NULL)
        return;
    HASH_ITER(hh, (*self)->table, e, next)
    {
        drop(*self, e);
    }
    free(*self);
    *self = NULL;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

/* 1 when something of its lane that is set aside stands before the message. */
static int is_behind(struct template_rates *r, struct entry *e, int lane, const struct message *m)
{
    struct place first;
    if (!e->has_held[lane])
        return 0;
    e->has_held[lane] = store_first_held(r->store, e->holds[lane], &first) == STORE_OK;
    return e->has_held[lane] && (first.due_ms < m->due_ms || (first.due_ms == m->due_ms && first.seq < m->seq));
}

uint64_t template_rates_hold_of(struct template_rates *r, const struct message *m, int64_t now_us)
{
    struct span key = message_template(m);
    struct entry *e = find(r, m->account, key);
    int lane = m->lane == LANE_EXPRESS ? LANE_EXPRESS : LANE_BULK;
    if (e == NULL)
        return 0; /* nothing of it went out of late */
    uint32_t per_s = rate_of(r, key);
    int is_early = per_s && spacing_due_us(&e->spacing, per_s, 1) > now_us + TEMPLATE_RATE_AHEAD_US;
    if (!is_early && !is_behind(r, e, lane, m))
        return 0;
    e->has_held[lane] = r->is_waiting = 1;
    plan(r, per_s ? spacing_due_us(&e->spacing, per_s, 1) - TEMPLATE_RATE_AHEAD_US : now_us);
    return e->holds[lane];
}

void template_rates_met(struct template_rates *r, const struct message *m)
{
    struct entry *e = find(r, m->account, message_template(m));
    for (size_t i = 0; e && i < e->ahead_count; i++) {
        if (e->ahead[i] != m->seq)
            continue;
        memmove(e->ahead + i, e->ahead + i + 1, (e->ahead_count - i - 1) * sizeof *e->ahead);
        e->ahead_count--;
        r->next_us = 0; /* the next one may go back */
        return;
    }
}

void template_rates_begin(struct template_rates *r, const struct message *m, int64_t now_us)
{
    struct span key = message_template(m);
    uint32_t per_s = rate_of(r, key);
    if (per_s == 0)
        return;
    struct entry *e = find_or_add(r, m->account, key);
    if (!has_held(e) && e->ahead_count == 0)
        spacing_rest(&e->spacing); /* nothing waited for its time: there is nothing to catch up with */
    spacing_take(&e->spacing, per_s, now_us);
    plan(r, now_us + TIDY_US);
}

/* --- bringing back ------------------------------------------------------------------------------------------------ */

/* Express ones first, and one of bulk after so many of them. */
static int next_lane(const struct entry *e)
{
    int is_bulk = e->has_held[LANE_BULK] && (!e->has_held[LANE_EXPRESS] || e->express_run >= LANE_EXPRESS_RUN);
    return is_bulk ? LANE_BULK : LANE_EXPRESS;
}

/* The first one that is set aside goes back. Returns 0 when there is none. */
static int release_one(struct template_rates *r, struct entry *e)
{
    struct place first;
    while (has_held(e)) {
        int lane = next_lane(e);
        if (store_first_held(r->store, e->holds[lane], &first) != STORE_OK) {
            e->has_held[lane] = 0;
            continue;
        }
        e->express_run = lane == LANE_EXPRESS ? e->express_run + 1 : 0;
        e->ahead[e->ahead_count++] = first.seq;
        store_release(r->store, e->holds[lane], 1);
        return 1;
    }
    return 0;
}

/* Those that left the queue without having been met (cancelled, expired, set aside by a pause) make room for others, and so do those
 * that the wall clock, which was set back, keeps waiting. */
static void look_at_ahead(struct template_rates *r, struct entry *e, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->ahead_count; i++) {
        struct found found;
        if (store_look(r->store, e->ahead[i], &found) != STORE_OK || found.standing != STANDS_QUEUED)
            continue;
        if (found.m.timed != TIMED_WALL || found.m.due_ms <= now_ms)
            e->ahead[kept++] = e->ahead[i];
    }
    e->ahead_count = kept;
}

/* No more than may go soon: an account that cannot send for now would get everything back, to set it aside again. */
static size_t ahead_max(uint32_t per_s)
{
    uint64_t most = (uint64_t)per_s * (TEMPLATE_RATE_AHEAD_US + SPACING_LATE_US) / 1000000 + 1;
    return most < AHEAD_MAX ? (size_t)most : AHEAD_MAX;
}

/* Brings back what may go next. Returns 1 when that was something. */
static int release_due(struct template_rates *r, struct entry *e, uint32_t per_s, int64_t now_ms, int64_t now_us)
{
    size_t most = ahead_max(per_s), before;
    if (e->ahead_count && now_us - e->looked_us >= LOOK_AGAIN_US) {
        look_at_ahead(r, e, now_ms);
        e->looked_us = now_us;
    }
    before = e->ahead_count;
    int64_t due_us = spacing_due_us(&e->spacing, per_s, (uint32_t)before + 1) - TEMPLATE_RATE_AHEAD_US;
    while (due_us <= now_us && e->ahead_count < most && release_one(r, e))
        due_us = spacing_due_us(&e->spacing, per_s, (uint32_t)e->ahead_count + 1) - TEMPLATE_RATE_AHEAD_US;
    if (has_held(e))
        plan(r, e->ahead_count < most && due_us < now_us + LOOK_AGAIN_US ? due_us : now_us + LOOK_AGAIN_US);
    if (e->ahead_count > before)
        e->looked_us = now_us;
    return e->ahead_count > before;
}

/* Brings back everything, a tick's worth at a time. Returns how many were looked at. */
static size_t release_all(struct template_rates *r, struct entry *e, size_t budget)
{
    size_t looked = 0;
    for (int lane = 0; lane < LANES; lane++) {
        if (!e->has_held[lane])
            continue;
        size_t here = store_release(r->store, e->holds[lane], budget - looked);
        e->has_held[lane] = looked + here >= budget;
        looked += here;
    }
    return looked;
}

static int is_paused(const struct template_rates *r, const struct entry *e)
{
    struct message any = {.account = span_of(e->account), .key = span_of(e->key), .due_ms = INT64_MIN};
    return pauses_hold_of(r->pauses, &any) != 0;
}

void template_rates_tick(struct template_rates *r, int64_t now_ms, int64_t now_us, void (*wake)(void *self, struct span account),
                         void *self)
{
    struct entry *e, *next;
    size_t budget = RELEASE_A_TICK;
    if (now_us < r->next_us)
        return;
    r->next_us = now_us + TIDY_US;
    r->is_waiting = 0;
    HASH_ITER(hh, r->table, e, next)
    {
        uint32_t per_s = rate_of(r, span_of(e->key));
        int is_free = per_s == 0 || is_paused(r, e), is_back = 0;
        if (!has_held(e) && (per_s == 0 || spacing_held_us(&e->spacing, per_s, now_us) == 0)) {
            drop(r, e); /* a new one would say the same */
            continue;
        }
        if (has_held(e) && is_free) {
            size_t looked = release_all(r, e, budget);
            budget -= looked;
            is_back = looked > 0;
            plan(r, now_us);
        } else if (has_held(e)) {
            is_back = release_due(r, e, per_s, now_ms, now_us);
        }
        if (is_back)
            wake(self, span_of(e->account));
        r->is_waiting |= has_held(e);
    }
}

int64_t template_rates_wait_us(const struct template_rates *r, int64_t now_us)
{
    if (!r->is_waiting)
        return INT64_MAX / 2;
    return r->next_us > now_us ? r->next_us - now_us : 0;
}

uint64_t template_rates_count(const struct template_rates *r, uint64_t limit)
{
    uint64_t count = 0;
    for (const struct entry *e = r->table; e; e = e->hh.next)
        for (int lane = 0; lane < LANES && count < limit; lane++)
            if (e->has_held[lane])
                count += store_count_held(r->store, e->holds[lane], limit - count);
    return count;
}
