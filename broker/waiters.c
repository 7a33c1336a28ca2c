#include "broker/waiters.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "broker/clients.h"

struct waiter {
    struct waiter *next; /* of the same message */
    struct caller caller;
};

struct slot {
    UT_hash_handle hh;
    uint64_t seq;
    struct waiter *first;
};

struct waiters {
    struct slot *table;
    size_t count;
};

struct waiters *waiters_new(void)
{
    return mem_new(sizeof(struct waiters));
}

void waiters_destroy(struct waiters **self)
{
    struct slot *s, *next;
    struct caller ignored;
    if (*self == NULL)
        return;
    HASH_ITER(hh, (*self)->table, s, next)
    {
        uint64_t seq = s->seq;
        while (waiters_take(*self, seq, &ignored))
            continue;
    }
    free(*self);
    *self = NULL;
}

/* One of a client's callers waits more, or less. */
static void count(struct waiters *w, const struct caller *caller, int more)
{
    w->count += (size_t)more;
    if (caller->client)
        caller->client->waiting += (uint32_t)more;
}

static int same_caller(const struct caller *a, const struct caller *b)
{
    return a->peer_bytes == b->peer_bytes && a->ref_bytes == b->ref_bytes &&
           memcmp(a->peer, b->peer, a->peer_bytes) == 0 && memcmp(a->ref, b->ref, a->ref_bytes) == 0;
}

int waiters_have_room(const struct waiters *w)
{
    return w->count < WAITERS_MAX;
}

static void forget_longest(struct waiters *w, struct slot *s)
{
    struct waiter **at = &s->first;
    while ((*at)->next) /* the latest ones stand in front */
        at = &(*at)->next;
    count(w, &(*at)->caller, -1);
    free(*at);
    *at = NULL;
}

int waiters_add(struct waiters *w, uint64_t seq, const struct caller *caller)
{
    struct slot *s = NULL;
    HASH_FIND(hh, w->table, &seq, sizeof seq, s);
    size_t of_message = 0;
    for (struct waiter *other = s ? s->first : NULL; other; other = other->next, of_message++)
        if (same_caller(&other->caller, caller))
            return 0;
    if (w->count == WAITERS_MAX)
        return -1;
    if (of_message == WAITERS_A_MESSAGE_MAX)
        forget_longest(w, s);
    if (s == NULL) {
        s = mem_new(sizeof *s);
        s->seq = seq;
        HASH_ADD(hh, w->table, seq, sizeof s->seq, s);
    }
    struct waiter *fresh = mem_new(sizeof *fresh);
    fresh->caller = *caller;
    fresh->next = s->first;
    s->first = fresh;
    count(w, caller, 1);
    return 0;
}

int waiters_take(struct waiters *w, uint64_t seq, struct caller *caller)
{
    struct slot *s = NULL;
    HASH_FIND(hh, w->table, &seq, sizeof seq, s);
    if (s == NULL)
        return 0;
    struct waiter *first = s->first;
    *caller = first->caller;
    s->first = first->next;
    free(first);
    count(w, caller, -1);
    if (s->first == NULL) {
        HASH_DEL(w->table, s);
        free(s);
    }
    return 1;
}
