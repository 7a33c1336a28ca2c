/* Hashes and random bytes. The only file that includes xxhash.h.
 *
 * The hashes are XXH3 with seed 0, whose values are the same on every machine and in every later release of
 * libxxhash, so they may be stored. A kernel without random bytes ends the process: an epoch that is used
 * twice breaks the fence.
 */
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/log.h"

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

void hash_random(void *out, size_t bytes)
{
    char *at = out;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            log_fatal("no random bytes", log_str("error", strerror(errno)));
            exit(1);
        }
        at += got;
        bytes -= (size_t)got;
    }
}

uint64_t hash_random_u64(void)
{
    uint64_t number = 0;
    while (number == 0)
        hash_random(&number, sizeof number);
    return number;
}
