#include "broker/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "broker/broker.h"
#include "broker/audit_log.h"
#include "broker/entry.h"
#include "broker/message_log.h"

#define CHANGES_A_TURN  1000  /* bounds the commit */
#define LOOKS_A_TURN    10000 /* bounds the time */
#define INDEX_A_TURN    4000
#define TURN_US_MAX     10000 /* likewise: pages that are not in memory take their time */
#define PROGRESS_MS     200

struct sweep {
    enum sweep_kind kind;
    struct sweep_asker asker;
    struct buf texts; /* what the filter's spans point into */
    struct search search;
    int64_t ttl_ms;
    uint64_t done, left, looked;
    int64_t told_ms; /* monotonic */
};

static const char *kind_name(enum sweep_kind kind)
{
    static const char *const names[] = {"cancel", "requeue", "discard"};
    return names[kind];
}

/* --- beginning and ending ----------------------------------------------------------------------------------------- */

/* Texts are copied behind each other; the buffer is large enough before, so that it does not move. */
static struct span keep(struct buf *texts, struct span text)
{
    size_t at = texts->bytes;
    if (text.bytes)
        buf_append(texts, text.data, text.bytes);
    return (struct span){texts->data + at, text.bytes};
}

static void copy_filter(struct sweep *w, const struct filter *f, struct filter *copy)
{
    *copy = *f;
    buf_reserve(&w->texts, f->app.bytes + f->id.bytes + f->openid.bytes + f->key.bytes + f->task.bytes + 1);
    copy->app = keep(&w->texts, f->app);
    copy->id = keep(&w->texts, f->id);
    copy->openid = keep(&w->texts, f->openid);
    copy->key = keep(&w->texts, f->key);
    copy->task = keep(&w->texts, f->task);
    copy->states = w->kind == SWEEP_CANCEL ? ENTRY_LIVE : ENTRY_DEAD;
    if (f->states & ENTRY_WAITING)
        copy->states = f->states & ENTRY_WAITING;
}

/* Along the dead ones, those that die again after they were put back are not met a second time: their end is later than the last one
 * now. On the other walks each message is met once anyway. */
static void bound_search(struct broker *b, struct search *s)
{
    if (s->walk.path == WALK_DEAD && s->filter.id.bytes == 0 && s->filter.until_ms == 0)
        s->filter.until_ms = store_last_dead_ms(b->store) + 1;
}

static int is_same_asker(const struct sweep_asker *a, const struct sweep_asker *c)
{
    const struct caller *x = &a->caller, *y = &c->caller;
    if (a->name[0] || c->name[0])
        return strcmp(a->name, c->name) == 0 && a->ref == c->ref;
    return x->peer_bytes == y->peer_bytes && memcmp(x->peer, y->peer, x->peer_bytes) == 0 && x->ref_bytes == y->ref_bytes &&
           memcmp(x->ref, y->ref, x->ref_bytes) == 0;
}

static int has_room(const struct sweeps *s, const struct sweep_asker *asker)
{
    size_t callers = 0;
    for (size_t i = 0; i < s->count; i++)
        callers += s->list[i]->asker.name[0] == 0;
    return s->count < SWEEPS_MAX && (asker->name[0] || callers < SWEEPS_CALLERS_MAX);
}

static const struct sweep_end *find_ended(const struct sweeps *s, const struct sweep_asker *asker)
{
    for (size_t i = 0; i < SWEEPS_REMEMBERED; i++)
        if (asker->name[0] && strcmp(s->ended[i].name, asker->name) == 0 && s->ended[i].ref == asker->ref)
            return &s->ended[i];
    return NULL;
}

static void remember(struct sweeps *s, const struct sweep *w)
{
    struct sweep_end *e = &s->ended[s->ended_next];
    if (w->asker.name[0] == 0)
        return;
    memcpy(e->name, w->asker.name, sizeof e->name);
    e->ref = w->asker.ref;
    e->done = w->done;
    e->left = w->left;
    e->looked = w->looked;
    s->ended_next = (s->ended_next + 1) % SWEEPS_REMEMBERED;
}

int sweep_begin(struct broker *b, enum sweep_kind kind, const struct filter *filter, int64_t ttl_ms, const struct sweep_asker *asker)
{
    struct sweeps *s = &b->sweeps;
    struct filter copy;
    for (size_t i = 0; i < s->count; i++)
        if (is_same_asker(&s->list[i]->asker, asker))
            return 0;
    const struct sweep_end *ended = find_ended(s, asker);
    if (ended) {
        struct answer a = {
            .ref = asker->ref, .code = CODE_OK, .done = ended->done, .left = ended->left, .looked = ended->looked};
        outbox_operator(b->outbox, asker->name, &a);
        return 0;
    }
    if (!has_room(s, asker))
        return -1;
    struct sweep *w = mem_new(sizeof *w);
    w->kind = kind;
    w->asker = *asker;
    w->ttl_ms = ttl_ms;
    w->told_ms = b->mono_ms;
    copy_filter(w, filter, &copy);
    search_begin(&w->search, b->store, &copy);
    bound_search(b, &w->search);
    s->list[s->count++] = w;
    audit_log_sweep(b, kind_name(kind), &asker->who, &copy, ttl_ms, &(struct answer){.code = CODE_QUEUED});
    log_info("operation on messages begun", log_str("what", kind_name(kind)), log_span("account", copy.app),
             log_span("template", copy.key), log_span("task", copy.task));
    return 0;
}

static void sweep_free(struct sweep *w)
{
    buf_free(&w->texts);
    free(w);
}

void sweeps_free(struct sweeps *s)
{
    for (size_t i = 0; i < s->count; i++)
        sweep_free(s->list[i]);
    s->count = 0;
}

/* --- telling ------------------------------------------------------------------------------------------------------ */

static void tell_operator(struct broker *b, const struct sweep *w, int is_done)
{
    struct answer a = {.ref = w->asker.ref,
                       .code = is_done ? CODE_OK : CODE_QUEUED,
                       .done = w->done,
                       .left = w->left,
                       .looked = w->looked,
                       .indexing = is_done ? 0 : search_waits_for(&w->search, b->store)};
    outbox_operator(b->outbox, w->asker.name, &a);
}

static void tell_caller(struct broker *b, const struct sweep *w)
{
    struct result r = {.code = CODE_OK, .state = span_of("cancelled"), .count = w->done, .epoch = b->epoch};
    if (w->left) {
        buf_clear(&b->scratch);
        buf_printf(&b->scratch, "%llu were just being sent and are not cancelled", (unsigned long long)w->left);
        r.message = span_of(buf_str(&b->scratch));
    }
    outbox_answer(b->outbox, &w->asker.caller, &r);
}

static void tell(struct broker *b, struct sweep *w, int is_done)
{
    if (w->asker.name[0] && (is_done || b->mono_ms - w->told_ms >= PROGRESS_MS)) {
        tell_operator(b, w, is_done);
        w->told_ms = b->mono_ms;
    } else if (is_done && w->asker.name[0] == 0) {
        tell_caller(b, w);
    }
}

/* --- working ------------------------------------------------------------------------------------------------------ */

static void purge(struct broker *b, const struct found *found)
{
    message_log_purged(&found->f); /* whose spans are gone after the write */
    store_discard_dead(b->store, found->f.seq);
}

static void change(struct broker *b, struct sweep *w, const struct found *found)
{
    if (w->kind == SWEEP_CANCEL && found->state == STATE_OUT) {
        w->left++;
        return;
    }
    w->done++;
    if (w->kind == SWEEP_CANCEL)
        life_settle(b, &found->m, STATE_CANCELLED, CODE_CANCELLED, span_of("cancelled"));
    else if (w->kind == SWEEP_REQUEUE)
        life_requeue(b, &found->m, w->ttl_ms);
    else
        purge(b, found);
}

/* A turn's worth, shared with the others. Returns 1 when it is done. */
static int work(struct broker *b, struct sweep *w)
{
    uint64_t changes = 0, changes_max = CHANGES_A_TURN / b->sweeps.count, looks_max = LOOKS_A_TURN / b->sweeps.count;
    int64_t until_us = clock_mono_us() + TURN_US_MAX / (int64_t)b->sweeps.count;
    if (search_waits_for(&w->search, b->store))
        return 0;
    for (uint64_t i = 0; i < looks_max && changes < changes_max; i++) {
        struct found found;
        enum store_answer answer = search_next(&w->search, b->store, b->now_ms, b->order_ms, &found);
        if (answer == STORE_NONE)
            return 1;
        if (++w->looked % 64 == 0 && clock_mono_us() >= until_us)
            changes = changes_max; /* the last one of this turn */
        if (answer != STORE_OK || !found.has_message)
            continue;
        change(b, w, &found);
        changes++;
    }
    return 0;
}

/* One step for all of them: they wait for the same index. */
static void index_for_all(struct broker *b)
{
    for (size_t i = 0; i < b->sweeps.count; i++) {
        if (!b->may_index || search_waits_for(&b->sweeps.list[i]->search, b->store) == 0)
            continue;
        indexing_hurry(b, INDEX_A_TURN);
        return;
    }
}

void sweep_tick(struct broker *b)
{
    struct sweeps *s = &b->sweeps;
    index_for_all(b);
    for (size_t i = 0; i < s->count;) {
        struct sweep *w = s->list[i];
        int is_done = work(b, w);
        tell(b, w, is_done);
        if (!is_done) {
            i++;
            continue;
        }
        log_info("operation on messages done", log_str("what", kind_name(w->kind)), log_u64("changed", w->done),
                 log_u64("left", w->left), log_u64("looked_at", w->looked));
        audit_log_sweep(b, kind_name(w->kind), &w->asker.who, &w->search.filter, w->ttl_ms,
                        &(struct answer){.code = CODE_OK, .done = w->done, .left = w->left});
        remember(s, w);
        s->list[i] = s->list[--s->count];
        sweep_free(w);
    }
}

int sweep_is_busy(const struct sweeps *s)
{
    return s->count > 0;
}
