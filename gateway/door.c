#include "gateway/door.h"

#include <assert.h>
#include <stdlib.h>

#include <uthash.h>

#include "base/buf.h"

struct guest {
    UT_hash_handle hh;
    struct ip_address address;
    size_t connections;
};

struct door {
    struct networks allowed;
    size_t each_max;
    struct guest *guests; /* addresses that have connections */
    uint64_t turned_away[DOOR_TOO_MANY + 1];
};

struct door *door_new(void)
{
    return mem_new(sizeof(struct door));
}

void door_destroy(struct door **self)
{
    struct guest *g, *next;
    if (*self == NULL)
        return;
    HASH_ITER(hh, (*self)->guests, g, next)
    {
        HASH_DEL((*self)->guests, g);
        free(g);
    }
    free(*self);
    *self = NULL;
}

void door_change(struct door *d, const char *allow, size_t each_max)
{
    networks_parse(allow, &d->allowed);
    d->each_max = each_max;
}

enum door_answer door_enter(struct door *d, const struct ip_address *address)
{
    struct guest *g;
    if (!networks_have(&d->allowed, address)) {
        d->turned_away[DOOR_NOT_ALLOWED]++;
        return DOOR_NOT_ALLOWED;
    }
    HASH_FIND(hh, d->guests, address, sizeof *address, g);
    if (g && g->connections >= d->each_max) {
        d->turned_away[DOOR_TOO_MANY]++;
        return DOOR_TOO_MANY;
    }
    if (g == NULL) {
        g = mem_new(sizeof *g);
        g->address = *address;
        HASH_ADD(hh, d->guests, address, sizeof g->address, g);
    }
    g->connections++;
    return DOOR_OPEN;
}

void door_leave(struct door *d, const struct ip_address *address)
{
    struct guest *g;
    HASH_FIND(hh, d->guests, address, sizeof *address, g);
    assert(g);
    if (--g->connections)
        return;
    HASH_DEL(d->guests, g);
    free(g);
}

uint64_t door_turned_away(const struct door *d, enum door_answer why)
{
    return d->turned_away[why];
}
