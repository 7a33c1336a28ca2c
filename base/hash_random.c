/* Random bytes, apart from the hashes, which a library can use that has no log and ends no process. A kernel without random bytes ends the
 * process: an epoch that is used twice breaks the fence.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/log.h"

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

struct hash128 hash_random_128(void)
{
    struct hash128 random;
    hash_random(&random, sizeof random);
    return random;
}
