/* The list of queue.h: a ring around its head. Invariant: an item is in exactly one ring, or both its
 * pointers are NULL. */
#include "gateway/queue.h"

void queue_open(struct queue *q)
{
    q->head.prev = &q->head;
    q->head.next = &q->head;
}

void queue_add(struct queue *q, struct queue_item *item, int64_t due_ms)
{
    queue_remove(item);
    item->due_ms = due_ms;
    item->prev = q->head.prev;
    item->next = &q->head;
    item->prev->next = item;
    q->head.prev = item;
}

void queue_remove(struct queue_item *item)
{
    if (!queue_has(item))
        return;
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->prev = NULL;
    item->next = NULL;
}

struct queue_item *queue_first(const struct queue *q)
{
    return queue_next(q, &q->head);
}

struct queue_item *queue_next(const struct queue *q, const struct queue_item *item)
{
    return item->next == &q->head ? NULL : item->next;
}

struct queue_item *queue_first_due(const struct queue *q, int64_t now_ms)
{
    struct queue_item *first = queue_first(q);
    return first != NULL && first->due_ms <= now_ms ? first : NULL;
}

int64_t queue_due_ms(const struct queue *q)
{
    const struct queue_item *first = queue_first(q);
    return first != NULL ? first->due_ms : INT64_MAX;
}

void queue_shift(struct queue *q, int64_t by_ms)
{
    for (struct queue_item *item = queue_first(q); item != NULL; item = queue_next(q, item))
        item->due_ms += by_ms;
}
