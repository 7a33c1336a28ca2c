#include "client/lib/pending.h"

#include <stdlib.h>

/* The broker keeps who waits, so these are asked again only because an answer may have got lost, which is rare. */
#define WAITER_AGAIN_MS 30000

struct list {
    struct call *first, *last;
};

struct pending {
    struct call **table; /* chains by the ref's lower bits; refs are given in order, so they spread evenly */
    size_t mask, count;
    struct list by_age, unasked, asked[PATIENCES], by_deadline[PATIENCES];
    int64_t again_ms[PATIENCES];
};

static void append(struct list *l, enum call_list which, struct call *c)
{
    c->before[which] = l->last;
    c->after[which] = NULL;
    if (l->last)
        l->last->after[which] = c;
    else
        l->first = c;
    l->last = c;
}

static void take_out(struct list *l, enum call_list which, struct call *c)
{
    struct call *before = c->before[which], *after = c->after[which];
    if (before)
        before->after[which] = after;
    else
        l->first = after;
    if (after)
        after->before[which] = before;
    else
        l->last = before;
}

static struct list *asking_list(struct pending *p, const struct call *c)
{
    return c->asked ? &p->asked[c->patience] : &p->unasked;
}

struct pending *pending_new(size_t count_max, int64_t ask_again_ms)
{
    size_t rooms = 64;
    while (rooms < count_max)
        rooms *= 2;
    struct pending *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->table = calloc(rooms, sizeof(struct call *));
    if (p->table == NULL) {
        free(p);
        return NULL;
    }
    p->mask = rooms - 1;
    p->again_ms[PATIENCE_QUICK] = ask_again_ms;
    p->again_ms[PATIENCE_SEND] = p->again_ms[PATIENCE_WAIT] = ask_again_ms > WAITER_AGAIN_MS ? ask_again_ms : WAITER_AGAIN_MS;
    return p;
}

void pending_destroy(struct pending **self)
{
    if (*self == NULL)
        return;
    free((*self)->table);
    free(*self);
    *self = NULL;
}

void pending_add(struct pending *p, struct call *c)
{
    struct call **chain = &p->table[c->ref & p->mask];
    c->next = *chain;
    *chain = c;
    c->asked = 0;
    append(&p->by_age, BY_AGE, c);
    append(&p->unasked, BY_ASKING, c);
    if (c->deadline_ms != INT64_MAX)
        append(&p->by_deadline[c->patience], BY_DEADLINE, c);
    p->count++;
}

void pending_remove(struct pending *p, struct call *c)
{
    struct call **at = &p->table[c->ref & p->mask];
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->next = NULL;
    take_out(&p->by_age, BY_AGE, c);
    take_out(asking_list(p, c), BY_ASKING, c);
    if (c->deadline_ms != INT64_MAX)
        take_out(&p->by_deadline[c->patience], BY_DEADLINE, c);
    p->count--;
}

struct call *pending_find(const struct pending *p, uint64_t ref)
{
    struct call *c = p->table[ref & p->mask];
    while (c && c->ref != ref)
        c = c->next;
    return c;
}

size_t pending_count(const struct pending *p)
{
    return p->count;
}

struct call *pending_first(const struct pending *p)
{
    return p->by_age.first;
}

struct call *pending_unasked(const struct pending *p)
{
    return p->unasked.first;
}

static void move(struct pending *p, struct call *c, int asked)
{
    take_out(asking_list(p, c), BY_ASKING, c);
    c->asked = asked;
    append(asking_list(p, c), BY_ASKING, c);
}

void pending_asked(struct pending *p, struct call *c, uint32_t ping, int64_t now_ms)
{
    c->ping = ping;
    c->asked_ms = now_ms;
    move(p, c, 1);
}

void pending_ask_all_again(struct pending *p)
{
    for (struct call *c = p->by_age.first; c; c = c->after[BY_AGE])
        move(p, c, 0);
}

static int64_t overdue_ms(const struct pending *p, const struct call *c, uint32_t answered_ping)
{
    return c && c->ping < answered_ping ? c->asked_ms + p->again_ms[c->patience] : INT64_MAX;
}

void pending_ask_overdue(struct pending *p, uint32_t answered_ping, int64_t now_ms)
{
    for (int kind = 0; kind < PATIENCES; kind++)
        while (overdue_ms(p, p->asked[kind].first, answered_ping) <= now_ms)
            move(p, p->asked[kind].first, 0);
}

struct call *pending_expired(const struct pending *p, int64_t now_ms)
{
    for (int kind = 0; kind < PATIENCES; kind++)
        if (p->by_deadline[kind].first && p->by_deadline[kind].first->deadline_ms <= now_ms)
            return p->by_deadline[kind].first;
    return NULL;
}

int64_t pending_due_ms(const struct pending *p, uint32_t answered_ping)
{
    int64_t due_ms = INT64_MAX;
    for (int kind = 0; kind < PATIENCES; kind++) {
        const struct call *c = p->by_deadline[kind].first;
        int64_t again_ms = overdue_ms(p, p->asked[kind].first, answered_ping);
        if (c && c->deadline_ms < due_ms)
            due_ms = c->deadline_ms;
        if (again_ms < due_ms)
            due_ms = again_ms;
    }
    return due_ms;
}
