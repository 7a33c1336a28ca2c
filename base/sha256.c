/* SHA-256 as FIPS 180-4 describes it, of a whole text at once. */
#include "base/sha256.h"

#define BLOCK_BYTES 64
#define INNER_PAD   0x36 /* of RFC 2104 */
#define OUTER_PAD   0x5c

/* FIPS 180-4, 4.2.2. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value >> bits | value << (32 - bits);
}

static void schedule(const unsigned char *block, uint32_t w[64])
{
    for (size_t i = 0; i < 16; i++)
        w[i] = u32be_at((const char *)block + 4 * i);
    for (size_t i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

static void take_block(uint32_t hash[8], const unsigned char *block)
{
    uint32_t w[64], v[8];
    schedule(block, w);
    memcpy(v, hash, sizeof v);
    for (size_t i = 0; i < 64; i++) {
        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t first = v[7] + s1 + choice + constants[i] + w[i];
        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + s0 + majority;
    }
    for (size_t i = 0; i < 8; i++)
        hash[i] += v[i];
}

void sha256(struct span data, unsigned char out[SHA256_BYTES])
{
    uint32_t hash[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const unsigned char *at = (const unsigned char *)data.data;
    size_t left = data.bytes;
    for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, at += BLOCK_BYTES)
        take_block(hash, at);
    unsigned char last[2 * BLOCK_BYTES] = {0};
    if (left > 0)
        memcpy(last, at, left);
    last[left] = 0x80;
    size_t end = left + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    uint64_t bits = (uint64_t)data.bytes * 8;
    for (size_t i = 0; i < 8; i++)
        last[end - 1 - i] = (unsigned char)(bits >> (8 * i));
    for (size_t i = 0; i < end; i += BLOCK_BYTES)
        take_block(hash, last + i);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        out[i] = (unsigned char)(hash[i / 4] >> (24 - 8 * (i % 4)));
    explicit_bzero(last, sizeof last); /* may hold a key */
}

void sha256_hmac(struct span key, struct span data, unsigned char out[SHA256_BYTES])
{
    unsigned char padded[BLOCK_BYTES] = {0};
    struct buf text = {0};
    if (key.bytes > BLOCK_BYTES)
        sha256(key, padded);
    else if (key.bytes > 0)
        memcpy(padded, key.data, key.bytes);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        padded[i] ^= INNER_PAD;
    buf_append(&text, padded, sizeof padded);
    buf_append(&text, data.data, data.bytes);
    sha256(buf_span(&text), out);
    explicit_bzero(text.data, text.bytes);
    buf_clear(&text);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        padded[i] ^= INNER_PAD ^ OUTER_PAD;
    buf_append(&text, padded, sizeof padded);
    buf_append(&text, out, SHA256_BYTES);
    sha256(buf_span(&text), out);
    explicit_bzero(text.data, text.bytes);
    explicit_bzero(padded, sizeof padded);
    buf_free(&text);
}

void base64_append(struct span data, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = (const unsigned char *)data.data;
    for (size_t i = 0; i < data.bytes; i += 3) {
        size_t has = data.bytes - i < 3 ? data.bytes - i : 3;
        uint32_t group = (uint32_t)at[i] << 16;
        group |= has > 1 ? (uint32_t)at[i + 1] << 8 : 0;
        group |= has > 2 ? (uint32_t)at[i + 2] : 0;
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], digits[group >> 6 & 63], digits[group & 63]};
        if (has < 3)
            four[3] = '=';
        if (has < 2)
            four[2] = '=';
        buf_append(out, four, sizeof four);
    }
}
