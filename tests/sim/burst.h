/*
 * burst.h - very many events in a short time, made one by one as they can go: they take no memory before.
 */
#ifndef SIM_BURST_H
#define SIM_BURST_H

#include <stdbool.h>

#include "tests/sim/event.h"
#include "tests/sim/sim.h"

#define BURSTS_MAX               16 /* at the same time */
#define BURST_EVENTS_MAX         100000000
#define BURST_PER_SECOND_MAX     1000000
#define BURST_PREFIX_BYTES_MAX   100

/* Says in error texts what burst_read_kinds() takes. */
#define BURST_KINDS_SYNTAX "kinds like follow@0.5,text@0.5: follow, unfollow, scan, click, view, text, image"

struct burst_plan {
    unsigned account;
    int64_t count;
    int64_t openids;    /* how many different recipients, in turn */
    int64_t per_second; /* 0: as fast as they are answered */
    bool remember;      /* changes what is known of the recipients */
    const char *prefix; /* of the openids. They are copied, as the next two are */
    const char *key;
    const char *content;
    double shares[EVENT_KINDS];
};

struct bursts;

struct bursts *bursts_new(struct sim *sim);
void bursts_destroy(struct bursts **self);

/* Reads shares of kinds; one without @SHARE has 1. They need not add up to 1. 0 or -1. */
int burst_read_kinds(const char *spec, double shares[EVENT_KINDS]);

/* Begins a burst. 0, or -1: BURSTS_MAX are going on. */
int bursts_add(struct bursts *self, const struct burst_plan *plan);

#endif
