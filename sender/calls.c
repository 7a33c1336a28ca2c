/* A slab of calls, a list for each state, and a hash by seq (uthash, which only this file knows). */
#include "sender/calls.h"

#include <assert.h>
#include <stdlib.h>

#include <uthash.h>

#define FRAME_KEPT_BYTES 65536 /* the buffers of a larger message are given back */

struct call_link {
    uint64_t seq;
    struct call *call;
    UT_hash_handle hh;
};

struct list {
    struct call *first, *last;
    size_t count;
};

struct calls {
    struct list lists[CALL_STATES];
    struct call_link *by_seq;
    struct call *slab;
    struct call_link *links;
    size_t total; /* 2 x slots */
};

static void list_append(struct list *list, struct call *call);
static void list_remove(struct list *list, struct call *call);
static void release(struct calls *c, struct call *call);

struct calls *calls_new(uint32_t slots, void *owner)
{
    struct calls *c = mem_new(sizeof *c);
    assert(slots > 0);
    c->total = (size_t)slots * 2;
    c->slab = mem_new(c->total * sizeof *c->slab);
    c->links = mem_new(c->total * sizeof *c->links);
    for (size_t i = 0; i < c->total; i++) {
        struct call *call = &c->slab[i];
        call->owner = owner;
        call->link = &c->links[i];
        call->link->call = call;
        list_append(&c->lists[CALL_FREE], call);
    }
    return c;
}

void calls_destroy(struct calls **self)
{
    struct calls *c = *self;
    if (c == NULL)
        return;
    HASH_CLEAR(hh, c->by_seq);
    for (size_t i = 0; i < c->total; i++) {
        buf_free(&c->slab[i].frame);
        buf_free(&c->slab[i].text);
        buf_free(&c->slab[i].token);
    }
    free(c->slab);
    free(c->links);
    free(c);
    *self = NULL;
}

int calls_are_full(const struct calls *c)
{
    return c->lists[CALL_FREE].count == 0;
}

size_t calls_count(const struct calls *c, enum call_state state)
{
    return c->lists[state].count;
}

struct call *calls_first(const struct calls *c, enum call_state state)
{
    return c->lists[state].first;
}

static struct call *find(const struct calls *c, uint64_t seq)
{
    struct call_link *link;
    HASH_FIND(hh, c->by_seq, &seq, sizeof seq, link);
    return link ? link->call : NULL;
}

/* A new call with the job's bytes in it. */
static struct call *add(struct calls *c, const struct rendered *job, struct span packed, int64_t now_ms)
{
    struct call *call = c->lists[CALL_FREE].first;
    assert(call);
    buf_clear(&call->frame);
    buf_append(&call->frame, packed.data, packed.bytes);
    int failed = rendered_unpack(buf_span(&call->frame), &call->job);
    assert(!failed); /* the same bytes gave `job` */
    call->kind = kind_find(call->job.kind);
    call->result = (struct outcome_report){.seq = job->seq, .turn = job->turn};
    call->host_use = (struct host_use){0};
    call->begun_ms = 0;
    call->was_rejected = 0;
    call->link->seq = job->seq;
    struct call_link *link = call->link;
    HASH_ADD(hh, c->by_seq, seq, sizeof link->seq, link);
    calls_move(c, call, CALL_QUEUED, now_ms);
    return call;
}

/* 1 when nothing has been begun for the call. */
static int is_idle(const struct call *call)
{
    return call->state == CALL_QUEUED || call->state == CALL_WANTING || call->state == CALL_ASKED;
}

/* 1 when nothing would be gained by calling again: WeChat has it, or no sender can make the call. A refusal is none: the broker may have
 * answered it with another template, before its confirmation arrived here. */
static int is_for_ever(enum outcome o)
{
    return outcome_is_final(o) && o != OUTCOME_REFUSED;
}

/* A job whose seq is here already. Returns 1 when the call was let go and the job is to be taken anew. */
static int take_again(struct calls *c, struct call *call, uint32_t turn, int64_t now_ms)
{
    int is_done = call->state == CALL_DONE || call->state == CALL_OFFERED;
    if (turn <= call->result.turn)
        return 0;
    if (is_idle(call) || (is_done && !is_for_ever(call->result.outcome))) {
        release(c, call);
        return 1;
    }
    call->result.turn = turn;
    if (is_done)
        calls_move(c, call, CALL_DONE, now_ms);
    return 0;
}

struct call *calls_take(struct calls *c, const struct rendered *job, struct span packed, int64_t now_ms)
{
    struct call *known = find(c, job->seq);
    if (known && !take_again(c, known, job->turn, now_ms))
        return NULL;
    return add(c, job, packed, now_ms);
}

void calls_move(struct calls *c, struct call *call, enum call_state state, int64_t now_ms)
{
    list_remove(&c->lists[call->state], call);
    call->state = state;
    call->since_ms = now_ms;
    list_append(&c->lists[state], call);
    if (state != CALL_DONE)
        return;
    call->job = (struct rendered){.seq = call->job.seq};
    if (call->frame.room > FRAME_KEPT_BYTES)
        buf_free(&call->frame);
}

void calls_end(struct calls *c, struct call *call, enum outcome outcome, int64_t now_ms,
               const char *format, ...)
{
    va_list args;
    buf_clear(&call->text);
    va_start(args, format);
    buf_vprintf(&call->text, format, args);
    va_end(args);
    call->result.outcome = outcome;
    call->result.message = buf_span(&call->text);
    calls_move(c, call, CALL_DONE, now_ms);
}

/* Forgets a call whatever its state. */
static void release(struct calls *c, struct call *call)
{
    HASH_DELETE(hh, c->by_seq, call->link);
    calls_move(c, call, CALL_FREE, 0);
}

size_t calls_ask(struct calls *c, size_t count_max, int64_t now_ms, struct buf *out)
{
    size_t count = 0;
    struct call *call;
    while (count < count_max && (call = c->lists[CALL_WANTING].first) != NULL) {
        control_holding_pack(&(struct holding){call->result.seq, call->result.turn}, out);
        calls_move(c, call, CALL_ASKED, now_ms);
        count++;
    }
    return count;
}

void calls_ask_again(struct calls *c, int64_t before_ms, int64_t now_ms)
{
    struct call *call;
    while ((call = c->lists[CALL_ASKED].first) != NULL && call->since_ms < before_ms)
        calls_move(c, call, CALL_WANTING, now_ms);
}

struct call *calls_find_asked(const struct calls *c, const struct holding *h)
{
    struct call *call = find(c, h->seq);
    int waits = call && call->result.turn == h->turn
                && (call->state == CALL_WANTING || call->state == CALL_ASKED);
    return waits ? call : NULL;
}

static void drop_older(struct calls *c, enum call_state state, uint64_t generation)
{
    struct call *next;
    for (struct call *call = c->lists[state].first; call; call = next) {
        next = call->next;
        if (call->job.generation < generation)
            release(c, call);
    }
}

static size_t hold_of(struct calls *c, enum call_state state, struct buf *holdings)
{
    for (struct call *call = c->lists[state].first; call; call = call->next)
        control_holding_pack(&(struct holding){call->result.seq, call->result.turn}, holdings);
    return c->lists[state].count;
}

size_t calls_hold(struct calls *c, uint64_t generation, struct buf *holdings)
{
    size_t count = 0;
    for (int state = CALL_QUEUED; state <= CALL_ASKED; state++)
        drop_older(c, (enum call_state)state, generation);
    count += hold_of(c, CALL_QUEUED, holdings);
    for (int state = CALL_RUNNING; state < CALL_STATES; state++)
        count += hold_of(c, (enum call_state)state, holdings);
    return count;
}

void calls_confirm(struct calls *c, const struct holding *h)
{
    struct call *call = find(c, h->seq);
    if (call && call->result.turn == h->turn && (call->state == CALL_DONE || call->state == CALL_OFFERED))
        release(c, call);
}

void calls_offer_again(struct calls *c, int64_t now_ms)
{
    struct call *call;
    while ((call = c->lists[CALL_OFFERED].first) != NULL)
        calls_move(c, call, CALL_DONE, now_ms);
}

void calls_offer_late(struct calls *c, int64_t before_ms, int64_t now_ms)
{
    struct call *call;
    while ((call = c->lists[CALL_OFFERED].first) != NULL && call->since_ms < before_ms)
        calls_move(c, call, CALL_DONE, now_ms);
}

size_t calls_offer(struct calls *c, size_t count_max, size_t bytes_max, int64_t now_ms, struct buf *out)
{
    size_t count = 0, start = out->bytes;
    struct call *call;
    while (count < count_max && out->bytes - start < bytes_max) {
        if ((call = c->lists[CALL_DONE].first) == NULL)
            break;
        outcome_pack(&call->result, out);
        calls_move(c, call, CALL_OFFERED, now_ms);
        count++;
    }
    return count;
}

static void list_append(struct list *list, struct call *call)
{
    call->next = NULL;
    call->previous = list->last;
    if (list->last)
        list->last->next = call;
    else
        list->first = call;
    list->last = call;
    list->count++;
}

static void list_remove(struct list *list, struct call *call)
{
    if (call->previous)
        call->previous->next = call->next;
    else
        list->first = call->next;
    if (call->next)
        call->next->previous = call->previous;
    else
        list->last = call->previous;
    list->count--;
}
