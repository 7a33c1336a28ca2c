/* The table of pending.h. Slots are made in blocks that never move, for their entries are linked into queues;
 * a slot that is free is used again, the last one first. Memory goes with the largest number of requests that
 * was ever unanswered, which the bounds keep; the packed bytes go with each request.
 */
#include "gateway/pending.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ENTRIES 1024

struct pending {
    struct pending_options options;
    struct pending_entry **blocks; /* of BLOCK_ENTRIES each */
    size_t block_count, block_room;
    uint32_t *free_slots; /* a stack */
    size_t free_count;
    struct queue by_age, unasked, asked, asked_sends, expiry;
    size_t pushes, sends, bytes, unasked_count;
};

static void add_block(struct pending *p);
static int is_due(const struct queue_item *item, uint32_t answered_ping);

void pending_change(struct pending *p, int64_t again_ms)
{
    queue_shift(&p->asked, again_ms - p->options.again_ms);
    p->options.again_ms = again_ms;
}

struct pending *pending_new(const struct pending_options *options)
{
    struct pending *p = mem_new(sizeof *p);
    p->options = *options;
    queue_open(&p->by_age);
    queue_open(&p->unasked);
    queue_open(&p->asked);
    queue_open(&p->asked_sends);
    queue_open(&p->expiry);
    return p;
}

void pending_destroy(struct pending **self)
{
    struct pending *p = *self;
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->block_count; i++) {
        for (size_t j = 0; j < BLOCK_ENTRIES; j++)
            free(p->blocks[i][j].packed);
        free(p->blocks[i]);
    }
    free(p->blocks);
    free(p->free_slots);
    free(p);
    *self = NULL;
}

int pending_has_room(const struct pending *p, enum op op)
{
    if (p->bytes >= p->options.bytes_max)
        return 0;
    return op == OP_SEND ? p->sends < p->options.sends_max : p->pushes < p->options.pushes_max;
}

struct pending_entry *pending_add(struct pending *p, enum op op, uint32_t opaque, void *owner, int64_t now_ms)
{
    assert(pending_has_room(p, op));
    if (p->free_count == 0)
        add_block(p);
    uint32_t slot = p->free_slots[--p->free_count];
    struct pending_entry *e = &p->blocks[slot / BLOCK_ENTRIES][slot % BLOCK_ENTRIES];
    e->use++;
    e->op = op;
    e->opaque = opaque;
    e->owner = owner;
    e->asked = 0;
    queue_add(&p->by_age, &e->age, 0);
    if (op == OP_SEND) {
        p->sends++;
    } else {
        p->pushes++;
        queue_add(&p->expiry, &e->expiry, now_ms + p->options.give_up_ms);
    }
    return e;
}

uint64_t pending_ref(const struct pending_entry *e)
{
    return (uint64_t)e->use << 32 | e->slot;
}

void pending_keep(struct pending *p, struct pending_entry *e, struct span packed)
{
    assert(e->packed == NULL);
    e->packed = mem_resize(NULL, packed.bytes);
    memcpy(e->packed, packed.data, packed.bytes);
    e->bytes = packed.bytes;
    p->bytes += packed.bytes;
    p->unasked_count++;
    queue_add(&p->unasked, &e->place, 0);
}

struct pending_entry *pending_find(struct pending *p, uint64_t ref)
{
    uint32_t slot = (uint32_t)ref, use = (uint32_t)(ref >> 32);
    if (slot / BLOCK_ENTRIES >= p->block_count)
        return NULL;
    struct pending_entry *e = &p->blocks[slot / BLOCK_ENTRIES][slot % BLOCK_ENTRIES];
    return e->packed != NULL && e->use == use ? e : NULL;
}

void pending_remove(struct pending *p, struct pending_entry *e)
{
    if (e->packed != NULL && !e->asked)
        p->unasked_count--;
    queue_remove(&e->age);
    queue_remove(&e->place);
    queue_remove(&e->expiry);
    free(e->packed);
    e->packed = NULL;
    p->bytes -= e->bytes;
    e->bytes = 0;
    e->owner = NULL;
    if (e->op == OP_SEND)
        p->sends--;
    else
        p->pushes--;
    p->free_slots[p->free_count++] = e->slot;
}

size_t pending_unasked(struct pending *p, struct pending_entry **out, size_t count_max, size_t bytes_max)
{
    size_t count = 0, bytes = 0;
    struct queue_item *item = queue_first(&p->unasked);
    for (; item != NULL && count < count_max && bytes < bytes_max; item = queue_next(&p->unasked, item)) {
        out[count] = QUEUE_OWNER(item, struct pending_entry, place);
        bytes += out[count++]->bytes;
    }
    return count;
}

void pending_asked(struct pending *p, struct pending_entry *e, uint32_t ping, int64_t now_ms)
{
    assert(!e->asked);
    e->asked = 1;
    e->ping = ping;
    p->unasked_count--;
    if (e->op == OP_SEND)
        queue_add(&p->asked_sends, &e->place, now_ms + p->options.send_again_ms);
    else
        queue_add(&p->asked, &e->place, now_ms + p->options.again_ms);
}

struct pending_entry *pending_overdue(struct pending *p, uint32_t answered_ping, int64_t now_ms)
{
    struct queue_item *item = queue_first_due(&p->asked, now_ms);
    if (item == NULL || !is_due(item, answered_ping))
        item = queue_first_due(&p->asked_sends, now_ms);
    if (item == NULL || !is_due(item, answered_ping))
        return NULL;
    return QUEUE_OWNER(item, struct pending_entry, place);
}

void pending_ask_again(struct pending *p, struct pending_entry *e)
{
    assert(e->asked);
    e->asked = 0;
    p->unasked_count++;
    queue_add(&p->unasked, &e->place, 0);
}

size_t pending_ask_all_again(struct pending *p)
{
    size_t count = 0;
    struct queue_item *item = queue_first(&p->by_age);
    for (; item != NULL; item = queue_next(&p->by_age, item)) {
        struct pending_entry *e = QUEUE_OWNER(item, struct pending_entry, age);
        if (e->packed == NULL)
            continue;
        count += (size_t)e->asked;
        if (e->asked)
            pending_ask_again(p, e);
        else
            queue_add(&p->unasked, &e->place, 0);
    }
    return count;
}

struct pending_entry *pending_given_up(struct pending *p, int64_t now_ms)
{
    struct queue_item *item = queue_first_due(&p->expiry, now_ms);
    return item == NULL ? NULL : QUEUE_OWNER(item, struct pending_entry, expiry);
}

int64_t pending_due_ms(const struct pending *p, uint32_t answered_ping)
{
    int64_t due_ms = queue_due_ms(&p->expiry);
    const struct queue *waits[] = {&p->asked, &p->asked_sends};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        const struct queue_item *first = queue_first(waits[i]);
        if (first != NULL && is_due(first, answered_ping) && first->due_ms < due_ms)
            due_ms = first->due_ms;
    }
    return due_ms;
}

size_t pending_pushes(const struct pending *p)
{
    return p->pushes;
}

size_t pending_sends(const struct pending *p)
{
    return p->sends;
}

size_t pending_unasked_count(const struct pending *p)
{
    return p->unasked_count;
}

static void add_block(struct pending *p)
{
    if (p->block_count == p->block_room) {
        p->block_room = p->block_room == 0 ? 16 : p->block_room * 2;
        p->blocks = mem_resize(p->blocks, p->block_room * sizeof *p->blocks);
    }
    struct pending_entry *block = mem_new(BLOCK_ENTRIES * sizeof *block);
    p->free_slots = mem_resize(p->free_slots, (p->block_count + 1) * BLOCK_ENTRIES * sizeof *p->free_slots);
    for (uint32_t i = BLOCK_ENTRIES; i-- > 0;) {
        block[i].slot = (uint32_t)(p->block_count * BLOCK_ENTRIES) + i;
        p->free_slots[p->free_count++] = block[i].slot;
    }
    p->blocks[p->block_count++] = block;
}

/* A ping that went out behind the request was answered, so the broker has read the request. */
static int is_due(const struct queue_item *item, uint32_t answered_ping)
{
    return QUEUE_OWNER(item, const struct pending_entry, place)->ping < answered_ping;
}
