#include "broker/pauses.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "proto/mp.h"

#define PAUSE_MEMBERS  7

struct pauses {
    struct store *store;
    struct pause *table; /* uthash by hold */
    int looks_for_orphans;
    uint64_t orphans_from; /* the hold at which looking goes on */
};

const char *pause_kind_name(enum pause_kind kind)
{
    static const char *const names[PAUSE_KINDS] = {"all", "account", "template", "task"};
    return names[kind];
}

static uint64_t name_of(enum pause_kind kind, struct span account, struct span name)
{
    if (kind == PAUSE_TEMPLATE)
        return store_hold_name(HOLD_TEMPLATE, account, name);
    if (kind == PAUSE_TASK)
        return store_hold_name(HOLD_TASK, account, name);
    /* Accounts and all are never a message's hold; they need a number all the same. */
    return hash_64(account.data, account.bytes) ^ (uint64_t)kind << 1;
}

static struct pause *find(const struct pauses *p, uint64_t hold)
{
    struct pause *one = NULL;
    HASH_FIND(hh, p->table, &hold, sizeof hold, one);
    return one;
}

/* --- on disk ------------------------------------------------------------------------------------------------------ */

/* [[kind, account, name, by, since, until, releasing], …] */
static void save(const struct pauses *p)
{
    struct buf packed = {0};
    mp_array(&packed, HASH_COUNT(p->table));
    for (const struct pause *one = p->table; one; one = one->hh.next) {
        mp_array(&packed, PAUSE_MEMBERS);
        mp_u64(&packed, (uint64_t)one->kind);
        mp_str(&packed, one->account);
        mp_str(&packed, one->name);
        mp_str(&packed, one->by);
        mp_i64(&packed, one->since_ms);
        mp_i64(&packed, one->until_ms);
        mp_i64(&packed, one->releasing);
    }
    store_meta_write(p->store, "pauses", buf_span(&packed));
    buf_free(&packed);
}

static void load_one(struct pauses *p, struct mp_cursor *c)
{
    struct pause *one = mem_new(sizeof *one);
    uint64_t kind = mp_read_u64(c);
    span_to_text(one->account, sizeof one->account, mp_read_str(c));
    span_to_text(one->name, sizeof one->name, mp_read_str(c));
    span_to_text(one->by, sizeof one->by, mp_read_str(c));
    one->since_ms = mp_read_i64(c);
    one->until_ms = mp_read_i64(c);
    one->releasing = (int)mp_read_i64(c);
    one->kind = (enum pause_kind)kind;
    one->hold = c->failed || kind >= PAUSE_KINDS ? 0 : name_of(one->kind, span_of(one->account), span_of(one->name));
    if (c->failed || kind >= PAUSE_KINDS || find(p, one->hold)) {
        free(one);
        return;
    }
    HASH_ADD(hh, p->table, hold, sizeof one->hold, one);
}

/* Nobody knows any more what was to be held back, so everything is until somebody has looked. */
static void pause_everything(struct pauses *p)
{
    struct pause all = {.kind = PAUSE_ALL, .until_ms = INT64_MAX, .by = "damaged store"};
    log_error("what was paused cannot be read: everything is paused", log_str("hint", "mega queue pauses; mega queue resume --all"));
    pauses_add(p, &all);
}

struct pauses *pauses_new(struct store *store)
{
    struct pauses *p = mem_new(sizeof *p);
    struct span packed;
    struct mp_cursor c;
    p->store = store;
    p->looks_for_orphans = 1;
    enum store_answer answer = store_meta_read(store, "pauses", &packed);
    if (answer == STORE_NONE)
        return p;
    int is_damaged = answer != STORE_OK;
    if (!is_damaged) {
        mp_open(&c, packed);
        uint32_t count = mp_read_array(&c);
        for (uint32_t i = 0; i < count && !c.failed && mp_read_array(&c) == PAUSE_MEMBERS; i++)
            load_one(p, &c);
        is_damaged = c.failed;
    }
    if (is_damaged)
        pause_everything(p);
    return p;
}

void pauses_destroy(struct pauses **self)
{
    struct pause *one, *next;
    if (*self == NULL)
        return;
    HASH_ITER(hh, (*self)->table, one, next)
    {
        HASH_DEL((*self)->table, one);
        free(one);
    }
    free(*self);
    *self = NULL;
}

/* --- pausing ------------------------------------------------------------------------------------------------------ */

int pauses_add(struct pauses *p, const struct pause *wanted)
{
    uint64_t hold = name_of(wanted->kind, span_of(wanted->account), span_of(wanted->name));
    struct pause *one = find(p, hold);
    if (one == NULL && HASH_COUNT(p->table) >= PAUSES_MAX)
        return -1;
    if (one == NULL) {
        one = mem_new(sizeof *one);
        one->hold = hold;
        HASH_ADD(hh, p->table, hold, sizeof one->hold, one);
    }
    one->kind = wanted->kind;
    memcpy(one->account, wanted->account, sizeof one->account);
    memcpy(one->name, wanted->name, sizeof one->name);
    memcpy(one->by, wanted->by, sizeof one->by);
    one->since_ms = wanted->since_ms;
    one->until_ms = wanted->until_ms;
    one->releasing = 0;
    save(p);
    return 0;
}

static int sets_aside(const struct pause *one)
{
    return one->kind == PAUSE_TEMPLATE || one->kind == PAUSE_TASK;
}

static void forget(struct pauses *p, struct pause *one)
{
    HASH_DEL(p->table, one);
    free(one);
    save(p);
}

static void end(struct pauses *p, struct pause *one)
{
    log_info("pause ended", log_str("what", pause_kind_name(one->kind)), log_str("account", one->account),
             log_str("name", one->name));
    if (!sets_aside(one)) {
        forget(p, one);
        return;
    }
    one->releasing = 1;
    one->until_ms = INT64_MAX;
    save(p);
}

int pauses_end(struct pauses *p, enum pause_kind kind, struct span account, struct span name)
{
    struct pause *one = find(p, name_of(kind, account, name));
    if (one == NULL || one->releasing)
        return -1;
    end(p, one);
    return 0;
}

int pauses_has(const struct pauses *p, enum pause_kind kind, struct span account, struct span name)
{
    const struct pause *one = find(p, name_of(kind, account, name));
    return one != NULL && !one->releasing;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

/* 1 when a pause that ends still has something set aside that stands before the message. */
static int is_behind(struct pauses *p, const struct pause *one, const struct message *m)
{
    struct place first;
    if (store_first_held(p->store, one->hold, &first) != STORE_OK)
        return 0;
    return first.due_ms < m->due_ms || (first.due_ms == m->due_ms && first.seq < m->seq);
}

/* 1 when there is a pause that sets messages aside: else nobody has to make the names of holds. */
static int has_one_that_sets_aside(const struct pauses *p)
{
    for (const struct pause *one = p->table; one; one = one->hh.next)
        if (sets_aside(one))
            return 1;
    return 0;
}

uint64_t pauses_hold_of(struct pauses *p, const struct message *m)
{
    uint64_t holds[STORE_HOLDS_MAX];
    if (!has_one_that_sets_aside(p))
        return 0;
    store_holds_of(m, holds);
    for (size_t i = 0; i < STORE_HOLDS_MAX; i++) {
        const struct pause *one = find(p, holds[i]);
        if (one && sets_aside(one) && (!one->releasing || is_behind(p, one, m)))
            return one->hold;
    }
    return 0;
}

int pauses_has_account(const struct pauses *p, struct span account)
{
    for (const struct pause *one = p->table; one; one = one->hh.next)
        if (one->kind == PAUSE_ALL || (one->kind == PAUSE_ACCOUNT && span_is(account, one->account)))
            return 1;
    return 0;
}

/* Holds that no pause names and that are none of template_rates.c: what is left when the record of the pauses was damaged. Returns 1 when something was released. */
static int release_orphans(struct pauses *p, size_t budget)
{
    struct message first;
    uint64_t hold;
    while (p->looks_for_orphans) {
        if (store_next_hold(p->store, p->orphans_from, &hold) != STORE_OK) {
            p->looks_for_orphans = 0;
            return 0;
        }
        if (find(p, hold) == NULL && !store_is_rate_hold(p->store, hold, &first) && store_release(p->store, hold, budget) == budget)
            return 1;
        p->looks_for_orphans = hold != UINT64_MAX;
        p->orphans_from = hold + 1;
    }
    return 0;
}

static size_t count_releasing(const struct pauses *p)
{
    size_t count = 0;
    for (const struct pause *one = p->table; one; one = one->hh.next)
        count += one->releasing != 0;
    return count;
}

int pauses_tick(struct pauses *p, int64_t order_ms, size_t budget)
{
    struct pause *one, *next;
    size_t releasing = count_releasing(p), share = releasing ? budget / releasing + 1 : 0;
    int changed = release_orphans(p, budget);
    HASH_ITER(hh, p->table, one, next)
    {
        if (one->until_ms <= order_ms) {
            end(p, one); /* it may be gone then */
            changed = 1;
        } else if (one->releasing) {
            changed = 1;
            if (store_release(p->store, one->hold, share) < share)
                forget(p, one);
        }
    }
    return changed;
}

int pauses_is_releasing(const struct pauses *p)
{
    for (const struct pause *one = p->table; one; one = one->hh.next)
        if (one->releasing)
            return 1;
    return 0;
}

const struct pause *pauses_next(const struct pauses *p, const struct pause *before)
{
    return before ? before->hh.next : p->table;
}
