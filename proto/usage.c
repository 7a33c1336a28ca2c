#include "proto/usage.h"

#include "proto/mp.h"

size_t usage_pack(const struct usage *usage, struct buf *out)
{
    size_t count = mp_opt_i64(out, "cpu", usage->cpu_us);
    return count + mp_opt_u64(out, "rss", usage->rss_bytes);
}
