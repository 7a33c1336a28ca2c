/* A plain table that says what a store has to say: the model of test_store_model.c. Slow and simple: every
 * answer is found by looking at all rows.
 */
#ifndef TESTS_UNIT_STORE_MODEL_H
#define TESTS_UNIT_STORE_MODEL_H

#include "broker/store.h"

#define MODEL_ACCOUNTS 3
#define MODEL_OPENIDS  5
#define MODEL_TASKS    3 /* the first one is none */
#define MODEL_KEYS     2 /* templates: the one that was asked for, and its fallback */
#define MODEL_HOLDS    5 /* its template in any account, in its own, its rate, the same of the express lane, its task */
#define MODEL_HOLD_RATE 2
#define MODEL_ROWS_MAX 10000

enum where { GONE, QUEUED, PARKED_BEHIND, HELD_BACK, GIVEN_OUT, SETTLED };

struct row {
    enum where where;
    enum store_state state; /* of a settled one */
    int account, openid, task, id, lane, timed;
    int hold;         /* of one that is held: which of its holds */
    int is_discarded; /* dead, and its message is gone */
    int64_t due_ms, settled_ms;
    int64_t over_ms[2]; /* by enum over; 0 = never */
    int forgotten[2];   /* by that index */
    uint32_t turn;
    int key;            /* by which it goes now */
    size_t tries_bytes; /* of its earlier calls */
};

/* The row of a message is its seq. */
struct model {
    struct row rows[MODEL_ROWS_MAX + 1];
    uint64_t last; /* seq */
};

static inline const char *model_account(int account)
{
    static const char *const names[MODEL_ACCOUNTS] = {"a", "aa", "b"};
    return names[account];
}

static inline const char *model_openid(int openid)
{
    static const char *const names[MODEL_OPENIDS] = {"o", "oo", "p", "\xe4\xbd\xa0", "a"};
    return names[openid];
}

static inline const char *model_task(int task)
{
    static const char *const names[MODEL_TASKS] = {"", "sale", "a"};
    return names[task];
}

static inline int model_is_live(const struct row *r)
{
    return r->where != GONE && r->where != SETTLED;
}

static inline int model_is_dead(const struct row *r)
{
    return r->where == SETTLED && r->state == STATE_DEAD && !r->is_discarded;
}

static inline enum store_state model_state(const struct row *r)
{
    if (r->where == SETTLED)
        return r->state;
    return r->where == GIVEN_OUT ? STATE_OUT : r->where == GONE ? STATE_NONE : STATE_WAITING;
}

static inline const char *model_key(int key)
{
    static const char *const names[MODEL_KEYS] = {"paid", "plain"};
    return names[key];
}

static inline uint64_t model_hold_name(int account, int task, int key, int hold)
{
    const struct span name = span_of(model_account(account));
    if (hold == 0)
        return store_hold_name(HOLD_TEMPLATE, span_of(""), span_of(model_key(key)));
    if (hold == MODEL_HOLDS - 1)
        return store_hold_name(HOLD_TASK, name, span_of(model_task(task)));
    static const enum hold_kind kinds[] = {HOLD_TEMPLATE, HOLD_TEMPLATE, HOLD_RATE, HOLD_RATE_EXPRESS};
    return store_hold_name(kinds[hold], name, span_of(model_key(key)));
}

/* 1 when a message is under the hold that this account, task, template and kind of hold make. */
static inline int model_is_held(const struct row *r, int account, int task, int key, int hold)
{
    if (r->where != HELD_BACK || r->hold != hold || (hold > 0 && r->account != account))
        return 0;
    return hold == MODEL_HOLDS - 1 ? r->task == task : r->key == key;
}

static inline int model_is_before(const struct model *m, uint64_t a, uint64_t b)
{
    int64_t a_ms = m->rows[a].due_ms, b_ms = m->rows[b].due_ms;
    return a_ms < b_ms || (a_ms == b_ms && a < b);
}

static inline uint64_t model_first(const struct model *m, int account, int lane, int timed)
{
    uint64_t best = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        const struct row *r = &m->rows[seq];
        if (r->where == QUEUED && r->account == account && r->lane == lane && r->timed == timed &&
            (best == 0 || model_is_before(m, seq, best)))
            best = seq;
    }
    return best;
}

static inline uint64_t model_first_parked(const struct model *m, int account, int openid)
{
    uint64_t best = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        const struct row *r = &m->rows[seq], *b = &m->rows[best];
        if (r->where != PARKED_BEHIND || r->account != account || r->openid != openid)
            continue;
        if (best == 0 || r->lane < b->lane || (r->lane == b->lane && model_is_before(m, seq, best)))
            best = seq;
    }
    return best;
}

/* Where a held message goes when it is released: it joins those of its recipient and lane that are parked and stand behind it. */
static inline enum where model_release_to(const struct model *m, uint64_t seq)
{
    const struct row *r = &m->rows[seq];
    for (uint64_t other = 1; other <= m->last; other++) {
        const struct row *o = &m->rows[other];
        int is_same = o->account == r->account && o->openid == r->openid && o->lane == r->lane;
        if (o->where == PARKED_BEHIND && is_same && model_is_before(m, seq, other))
            return PARKED_BEHIND;
    }
    return QUEUED;
}

static inline uint64_t model_first_held(const struct model *m, int account, int task, int key, int hold)
{
    uint64_t best = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++)
        if (model_is_held(&m->rows[seq], account, task, key, hold) && (best == 0 || model_is_before(m, seq, best)))
            best = seq;
    return best;
}

static inline uint64_t model_find(const struct model *m, int account, int id)
{
    for (uint64_t seq = m->last; seq > 0; seq--)
        if (m->rows[seq].where != GONE && m->rows[seq].account == account && m->rows[seq].id == id)
            return seq;
    return 0;
}

/* Of several that are over at the same moment the first accepted one comes first. */
static inline uint64_t model_first_over(const struct model *m, enum over clock, int64_t now_ms)
{
    uint64_t best = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        const struct row *r = &m->rows[seq];
        int64_t over_ms = r->over_ms[clock];
        if (model_is_live(r) && over_ms > 0 && !r->forgotten[clock] && over_ms <= now_ms &&
            (best == 0 || over_ms < m->rows[best].over_ms[clock]))
            best = seq;
    }
    return best;
}

static inline uint64_t model_count(const struct model *m, enum where where)
{
    uint64_t count = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++)
        count += m->rows[seq].where == where;
    return count;
}

static inline uint64_t model_count_due(const struct model *m, int timed, int64_t now_ms)
{
    uint64_t count = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        const struct row *r = &m->rows[seq];
        count += r->where == QUEUED && r->timed == timed && r->due_ms <= now_ms;
    }
    return count;
}

/* 1 when a walk has to meet a message, once the index is up to date. */
static inline int model_is_on_walk(const struct row *r, enum walk_path path, int account, int other)
{
    switch (path) {
    case WALK_LIVE:
        return model_is_live(r) || model_is_dead(r);
    case WALK_RECIPIENT:
        return r->where != GONE && r->account == account && r->openid == other;
    case WALK_TASK:
        return r->where != GONE && r->account == account && r->task == other && other > 0;
    case WALK_DEAD:
        return model_is_dead(r);
    case WALK_SETTLED:
        return r->where == SETTLED && !model_is_dead(r);
    }
    return 0;
}

#endif
