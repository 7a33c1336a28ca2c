#include "broker/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "proto/mp.h"

#define COPY_GENERATIONS (1u << 20) /* that may have followed a backup until it was restored */

/* --- what the store remembers ------------------------------------------------------------------------------------- */

/* Generation and members: [generation, [[name, kind, epoch], …]]. */
static void save(struct ring *r)
{
    struct buf packed = {0};
    mp_array(&packed, 2);
    mp_u64(&packed, r->fence.generation);
    mp_array(&packed, r->stage_count);
    for (size_t i = 0; i < r->stage_count; i++) {
        mp_array(&packed, 3);
        mp_str(&packed, r->stages[i].name);
        mp_u64(&packed, (uint64_t)r->stages[i].kind);
        mp_u64(&packed, r->stages[i].epoch);
    }
    store_meta_write(r->store, "ring", buf_span(&packed));
    buf_free(&packed);
}

static int load(struct ring *r, int64_t mono_ms)
{
    struct span packed;
    struct mp_cursor c;
    enum store_answer answer = store_meta_read(r->store, "ring", &packed);
    if (answer != STORE_OK)
        return answer == STORE_NONE ? 0 : -1;
    mp_open(&c, packed);
    mp_read_array(&c);
    r->fence.generation = mp_read_u64(&c);
    uint32_t count = mp_read_array(&c);
    for (uint32_t i = 0; i < count && i < FENCE_MEMBERS_MAX; i++) {
        struct stage *s = &r->stages[r->stage_count];
        if (mp_read_array(&c) != 3)
            return -1;
        span_to_text(s->name, sizeof s->name, mp_read_str(&c));
        s->kind = (enum stage_kind)mp_read_u64(&c);
        s->epoch = mp_read_u64(&c);
        if (c.failed)
            return -1;
        r->stage_count++;
        fence_expect(&r->fence, s->epoch, mono_ms);
    }
    return c.failed ? -1 : 0;
}

int ring_init(struct ring *r, struct store *store, int64_t mono_ms)
{
    memset(r, 0, sizeof *r);
    r->store = store;
    fence_init(&r->fence, 1);
    if (load(r, mono_ms))
        return -1;
    if (store_is_copy(store))
        r->fence.generation += COPY_GENERATIONS;
    ring_raise(r);
    return 0;
}

static void free_stage(struct stage *s)
{
    buf_free(&s->stopped);
    buf_free(&s->latency);
}

void ring_free(struct ring *r)
{
    struct out *o, *next;
    HASH_ITER(hh, r->outs, o, next)
    {
        HASH_DEL(r->outs, o);
        free(o);
    }
    for (size_t i = 0; i < r->stage_count; i++)
        free_stage(&r->stages[i]);
}

void ring_raise(struct ring *r)
{
    fence_raise(&r->fence);
    save(r);
}

/* --- stages ------------------------------------------------------------------------------------------------------- */

struct stage *ring_find_name(struct ring *r, struct span name)
{
    for (size_t i = 0; i < r->stage_count; i++)
        if (span_is(name, r->stages[i].name))
            return &r->stages[i];
    return NULL;
}

struct stage *ring_find_epoch(struct ring *r, uint64_t epoch)
{
    for (size_t i = 0; i < r->stage_count; i++)
        if (r->stages[i].epoch == epoch)
            return &r->stages[i];
    return NULL;
}

static uint32_t count_outs(const struct ring *r, uint64_t sender)
{
    uint32_t count = 0;
    for (const struct out *o = r->outs; o; o = o->hh.next)
        count += o->sender == sender;
    return count;
}

struct stage *ring_join(struct ring *r, const struct control *hello, int64_t mono_ms)
{
    if (fence_join(&r->fence, hello->epoch, mono_ms))
        return NULL;
    struct stage *s = ring_find_epoch(r, hello->epoch);
    if (s == NULL) {
        s = &r->stages[r->stage_count++];
        memset(s, 0, sizeof *s);
    }
    span_to_text(s->name, sizeof s->name, hello->name);
    span_to_text(s->version, sizeof s->version, hello->version);
    span_to_text(s->endpoint, sizeof s->endpoint, hello->endpoint);
    s->kind = hello->kind;
    s->epoch = hello->epoch;
    s->slots = hello->slots;
    s->out = count_outs(r, hello->epoch);
    s->behind = hello->kind == STAGE_TEMPLATER; /* until a beat says otherwise */
    buf_clear(&s->stopped);
    save(r);
    return s;
}

void ring_leave(struct ring *r, uint64_t epoch)
{
    struct stage *s = ring_find_epoch(r, epoch);
    if (!fence_leave(&r->fence, epoch) || s == NULL)
        return;
    free_stage(s);
    *s = r->stages[--r->stage_count];
    ring_raise(r);
}

/* --- jobs that are out -------------------------------------------------------------------------------------------- */

struct out *ring_out_find(struct ring *r, uint64_t seq)
{
    struct out *o = NULL;
    HASH_FIND(hh, r->outs, &seq, sizeof seq, o);
    return o;
}

struct out *ring_out_add(struct ring *r, const struct mark *mark, size_t account, struct hash128 recipient, int64_t mono_ms)
{
    struct out *o = mem_new(sizeof *o);
    struct stage *s = ring_find_epoch(r, mark->sender);
    o->seq = mark->seq;
    o->turn = mark->turn;
    o->generation = mark->generation;
    o->sender = mark->sender;
    o->out_ms = mark->out_ms;
    o->begun = mark->begun;
    o->out_mono_ms = mono_ms;
    o->account = account;
    o->recipient = recipient;
    HASH_ADD(hh, r->outs, seq, sizeof o->seq, o);
    if (s)
        s->out++;
    return o;
}

void ring_out_remove(struct ring *r, struct out *o)
{
    struct stage *s = ring_find_epoch(r, o->sender);
    if (s && s->out)
        s->out--;
    HASH_DEL(r->outs, o);
    free(o);
}

/* --- who can do what ---------------------------------------------------------------------------------------------- */

static int is_living(const struct ring *r, const struct stage *s, enum stage_kind kind)
{
    return s->kind == kind && fence_is_living(&r->fence, s->epoch);
}

int ring_can_render(const struct ring *r)
{
    for (size_t i = 0; i < r->stage_count; i++)
        if (is_living(r, &r->stages[i], STAGE_TEMPLATER) && !r->stages[i].behind)
            return 1;
    return 0;
}

static int is_stopped(const struct stage *s, struct span account, struct span *reason)
{
    struct mp_cursor c;
    if (s->stopped.bytes == 0)
        return 0;
    mp_open(&c, buf_span(&s->stopped));
    uint32_t count = mp_read_map(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        struct span name = mp_read_str(&c);
        *reason = mp_read_str(&c);
        if (span_equal(name, account))
            return 1;
    }
    return 0;
}

struct stage *ring_find_sender(struct ring *r, struct span account)
{
    struct stage *best = NULL;
    struct span reason;
    for (size_t i = 0; i < r->stage_count; i++) {
        struct stage *s = &r->stages[i];
        if (!is_living(r, s, STAGE_SENDER) || s->behind || s->out >= s->slots || is_stopped(s, account, &reason))
            continue;
        if (best == NULL || s->slots - s->out > best->slots - best->out)
            best = s;
    }
    return best;
}

uint32_t ring_slots(const struct ring *r)
{
    uint32_t slots = 0;
    for (size_t i = 0; i < r->stage_count; i++) {
        const struct stage *s = &r->stages[i];
        if (is_living(r, s, STAGE_SENDER))
            slots += s->behind ? s->out : s->slots;
    }
    return slots;
}

int ring_account_stopped(const struct ring *r, struct span account, struct span *reason)
{
    int stopped = 0;
    for (size_t i = 0; i < r->stage_count; i++) {
        if (!is_living(r, &r->stages[i], STAGE_SENDER))
            continue;
        if (!is_stopped(&r->stages[i], account, reason))
            return 0;
        stopped = 1;
    }
    return stopped;
}
