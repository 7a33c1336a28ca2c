/* Hashes. The only file that includes xxhash.h.
 *
 * The hashes are XXH3 with seed 0, whose values are the same on every machine and in every later release of
 * libxxhash, so they may be stored.
 */
#include "base/hash.h"

#include <xxhash.h>

uint64_t hash_64(const void *data, size_t bytes)
{
    return XXH3_64bits(data, bytes);
}

struct hash128 hash_128(const void *data, size_t bytes)
{
    XXH128_hash_t h = XXH3_128bits(data, bytes);
    return (struct hash128){h.high64, h.low64};
}

static void hex_u64(uint64_t value, char out[16])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 15; i >= 0; i--) {
        out[i] = digits[value & 15];
        value >>= 4;
    }
}

void hash_hex(struct hash128 h, char out[32])
{
    hex_u64(h.high, out);
    hex_u64(h.low, out + 16);
}
