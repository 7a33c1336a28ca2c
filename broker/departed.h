/* The stages that left since the broker's start and have not come back: whether they said goodbye tells who watches whether somebody
 * ended them or something did. In memory, bounded: of more the one that left first is forgotten. Pure. */
#ifndef BROKER_DEPARTED_H
#define BROKER_DEPARTED_H

#include <stdint.h>

#include "proto/control.h"

#define DEPARTED_MAX 64 /* as many as an installation restarts at once, and some */

struct departed_stage {
    char name[NAME_BYTES_MAX + 1];
    enum stage_kind kind;
    int said_goodbye;
    int64_t left_ms; /* monotonic */
};

struct departed {
    struct departed_stage list[DEPARTED_MAX]; /* in the order of leaving */
    size_t count;
};

/* It left. One of the same name takes the place of what was known. */
void departed_add(struct departed *d, const char *name, enum stage_kind kind, int said_goodbye, int64_t mono_ms);

/* It is (back) there. */
void departed_remove(struct departed *d, const char *name);

#endif
