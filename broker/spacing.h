/* Even spacing of what goes out at a rate: one at a time, the same time apart, no burst at a second's edge nor after quiet. Pure;
 * times are monotonic. Used for accounts (pace.c) and for templates (template_rates.c).
 *
 * Invariant: in any time T no more goes out than rate x (T + SPACING_LATE_US) + 1. What its user lets go early, he adds to that.
 */
#ifndef BROKER_SPACING_H
#define BROKER_SPACING_H

#include <stdint.h>

#define SPACING_LATE_US 10000 /* a loop that comes late may catch up with so much */

struct spacing {
    int64_t last_ns; /* the time of the last one by the rate; it may have gone out a little later */
    int is_tight;    /* 1: more was there to go since; 0: what was not used is not caught up with. A new one is all zero */
};

/* When the nth one from now on may go; per_s above 0. */
int64_t spacing_due_us(const struct spacing *s, double per_s, uint32_t n);

/* Microseconds until the next one may go; 0 = now. per_s: 0 = no limit. A new rate counts from the last one that went out. */
int64_t spacing_held_us(const struct spacing *s, double per_s, int64_t now_us);

/* One goes out. */
void spacing_take(struct spacing *s, double per_s, int64_t now_us);

/* It was looked, and nothing was there to go. */
void spacing_rest(struct spacing *s);

#endif
