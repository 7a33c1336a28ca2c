/* Hashes (libxxhash) and random bytes (the kernel's). None of the hashes withstands somebody who searches for collisions
 * of the 64-bit ones; where a collision could mix up two messages, the 128-bit one is used. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t high, low;
};

uint64_t hash_64(const void *data, size_t bytes);
struct hash128 hash_128(const void *data, size_t bytes);

/* Writes 32 lower-case hexadecimal digits, without a NUL. */
void hash_hex(struct hash128 h, char out[32]);

/* Fills with random bytes of the kernel; ends the process when there are none. */
void hash_random(void *out, size_t bytes);

/* A random number that is never 0: epochs of processes. */
uint64_t hash_random_u64(void);

struct hash128 hash_random_128(void);

#endif
