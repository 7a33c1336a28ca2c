#include "proto/histogram.h"

#include "proto/mp.h"

void histogram_pack_bounds(const struct histogram_bounds *bounds, struct buf *out)
{
    mp_array(out, bounds->count);
    for (size_t i = 0; i < bounds->count; i++)
        mp_i64(out, bounds->us[i]);
}

void histogram_pack_counts(const struct histogram *h, struct buf *out)
{
    mp_array(out, h->bounds->count + 1);
    for (size_t i = 0; i <= h->bounds->count; i++)
        mp_u64(out, h->counts[i]);
}

void histogram_pack(const struct histogram *h, struct buf *out)
{
    mp_map(out, 3);
    mp_str(out, "le");
    histogram_pack_bounds(h->bounds, out);
    mp_str(out, "n");
    histogram_pack_counts(h, out);
    mp_put_u64(out, "sum", h->sum_us);
}
