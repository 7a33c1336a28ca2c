/* How long something takes, counted by buckets: of this process, for figures.
 *
 * Packed it is a map: `le` array of the buckets' upper bounds in microseconds, ascending; `n` array of how many fell into each, those above
 * the last bound at the end; `sum` microseconds of all together. So a reader needs to know no bounds.
 */
#ifndef PROTO_HISTOGRAM_H
#define PROTO_HISTOGRAM_H

#include <stdint.h>

#include "base/buf.h"

#define HISTOGRAM_BOUNDS_MAX 16

struct histogram_bounds {
    size_t count; /* 1 to HISTOGRAM_BOUNDS_MAX */
    int64_t us[HISTOGRAM_BOUNDS_MAX];
};

struct histogram {
    const struct histogram_bounds *bounds; /* constant */
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
    uint64_t sum_us;
};

/* Counts one; below 0 counts as 0. */
static inline void histogram_note(struct histogram *h, int64_t us)
{
    size_t i = 0;
    if (us < 0)
        us = 0;
    while (i < h->bounds->count && us > h->bounds->us[i])
        i++;
    h->counts[i]++;
    h->sum_us += (uint64_t)us;
}

void histogram_pack(const struct histogram *h, struct buf *out);

/* The arrays alone, for several histograms of the same bounds. */
void histogram_pack_bounds(const struct histogram_bounds *bounds, struct buf *out);
void histogram_pack_counts(const struct histogram *h, struct buf *out);

#endif
