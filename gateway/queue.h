/* An intrusive doubly linked list whose items carry a due time.
 *
 * Used for everything that the gateway waits for. All items of one queue wait equally long, so a new one is
 * always due last and belongs at the end: adding, removing and finding the first that is due are O(1),
 * whatever the number. An item may be freed only while it is in no queue.
 */
#ifndef GATEWAY_QUEUE_H
#define GATEWAY_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct queue_item {
    struct queue_item *prev, *next; /* NULL while in no queue */
    int64_t due_ms;                 /* monotonic; means nothing in a queue that is not about time */
};

struct queue {
    struct queue_item head; /* of a ring */
};

/* The struct that an item is a member of. */
#define QUEUE_OWNER(item, type, member) ((type *)(void *)((char *)(item) - offsetof(type, member)))

void queue_open(struct queue *q);

/* Appends the item; takes it out of the queue it is in first. */
void queue_add(struct queue *q, struct queue_item *item, int64_t due_ms);

/* Takes the item out of its queue; nothing happens when it is in none. */
void queue_remove(struct queue_item *item);

static inline int queue_has(const struct queue_item *item)
{
    return item->next != NULL;
}

/* The first item, or NULL when the queue is empty. */
struct queue_item *queue_first(const struct queue *q);

/* The item behind this one, or NULL. */
struct queue_item *queue_next(const struct queue *q, const struct queue_item *item);

/* The first item when it is due by now, else NULL. */
struct queue_item *queue_first_due(const struct queue *q, int64_t now_ms);

/* All items are due so much later (sooner, when it is negative): a time that they wait for has changed. Keeps their order. */
void queue_shift(struct queue *q, int64_t by_ms);

/* When the first item is due; INT64_MAX when the queue is empty. */
int64_t queue_due_ms(const struct queue *q);

#endif
