/*
 * seal.c - signatures and encryption of callbacks, with libcrypto; see seal.h.
 */
#include "tests/sim/seal.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/memory.h"

#define KEY_BYTES    32
#define BLOCK_BYTES  32 /* of the padding; that of AES is 16 */
#define LENGTH_BYTES 4
#define DIGEST_BYTES 20

static int seal_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void seal_sign(const char **parts, size_t count, char hex[SEAL_HEX_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct text all = {0};
    assert(count > 0 && count <= SEAL_PARTS_MAX);
    qsort(parts, count, sizeof parts[0], seal_compare);
    for (size_t i = 0; i < count; i++)
        text_puts(&all, parts[i]);
    int done = EVP_Digest(all.used > 0 ? all.bytes : "", all.used, digest, NULL, EVP_sha1(), NULL);
    assert(done == 1);
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    text_clear(&all);
}

/* The 32 bytes of a key. 0 or -1. */
static int seal_key(const char *key, unsigned char bytes[KEY_BYTES])
{
    unsigned char base64[SEAL_KEY_CHARS + 2];
    unsigned char out[KEY_BYTES + 1]; /* EVP_DecodeBlock() writes what the "=" stands for, too */
    if (strlen(key) != SEAL_KEY_CHARS)
        return -1;
    for (const char *at = key; *at != '\0'; at++)
        if (!((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9')))
            return -1;
    memcpy(base64, key, SEAL_KEY_CHARS);
    memcpy(base64 + SEAL_KEY_CHARS, "=", 2);
    if (EVP_DecodeBlock(out, base64, SEAL_KEY_CHARS + 1) != KEY_BYTES + 1)
        return -1;
    memcpy(bytes, out, KEY_BYTES);
    return 0;
}

int seal_check_key(const char *key)
{
    unsigned char bytes[KEY_BYTES];
    return seal_key(key, bytes);
}

/* AES-256-CBC without padding, in place; `count` is a multiple of 16. */
static void seal_crypt(const char *key, unsigned char *bytes, size_t count, int encrypt)
{
    unsigned char key_bytes[KEY_BYTES];
    int valid = seal_key(key, key_bytes);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int used = 0;
    assert(valid == 0 && cipher != NULL && count <= INT32_MAX);
    int done = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key_bytes, key_bytes, encrypt) == 1 &&
               EVP_CIPHER_CTX_set_padding(cipher, 0) == 1 &&
               EVP_CipherUpdate(cipher, bytes, &used, bytes, (int)count) == 1;
    assert(done && (size_t)used == count);
    EVP_CIPHER_CTX_free(cipher);
}

void seal_close(const char *key, const char *appid, const unsigned char random[SEAL_RANDOM_BYTES], const char *bytes,
                size_t count, struct text *base64)
{
    unsigned char length[LENGTH_BYTES] = {(unsigned char)(count >> 24), (unsigned char)(count >> 16),
                                          (unsigned char)(count >> 8), (unsigned char)count};
    struct text sealed = {0};
    text_add(&sealed, random, SEAL_RANDOM_BYTES);
    text_add(&sealed, length, sizeof length);
    text_add(&sealed, bytes, count);
    text_puts(&sealed, appid);
    unsigned char padding[BLOCK_BYTES];
    size_t left = BLOCK_BYTES - sealed.used % BLOCK_BYTES;
    memset(padding, (int)left, left);
    text_add(&sealed, padding, left);
    seal_crypt(key, (unsigned char *)sealed.bytes, sealed.used, 1);
    unsigned char *out = memory_new(4 * ((sealed.used + 2) / 3) + 1);
    int written = EVP_EncodeBlock(out, (unsigned char *)sealed.bytes, (int)sealed.used);
    text_add(base64, out, (size_t)written);
    free(out);
    text_clear(&sealed);
}

/* Reads what stands in the decrypted bytes. 0 or -1. */
static int seal_read(const unsigned char *bytes, size_t count, struct text *plain, char *appid)
{
    size_t padding = bytes[count - 1];
    if (padding < 1 || padding > BLOCK_BYTES || padding + SEAL_RANDOM_BYTES + LENGTH_BYTES > count)
        return -1;
    for (size_t i = 1; i <= padding; i++)
        if (bytes[count - i] != padding)
            return -1;
    const unsigned char *at = bytes + SEAL_RANDOM_BYTES;
    size_t left = count - padding - SEAL_RANDOM_BYTES - LENGTH_BYTES;
    size_t length = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    if (length > left || left - length > SEAL_APPID_BYTES_MAX)
        return -1;
    text_add(plain, at + LENGTH_BYTES, length);
    memcpy(appid, at + LENGTH_BYTES + length, left - length);
    appid[left - length] = '\0';
    return 0;
}

int seal_open(const char *key, const char *base64, size_t count, struct text *plain,
              char appid[SEAL_APPID_BYTES_MAX + 1])
{
    int result = -1;
    if (count == 0 || count % 4 != 0 || count > INT32_MAX)
        return -1;
    unsigned char *bytes = memory_new(count / 4 * 3);
    int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)count);
    size_t sealed = decoded > 0 ? (size_t)decoded : 0;
    for (size_t i = count; sealed > 0 && i > count - 2 && base64[i - 1] == '='; i--)
        sealed--;
    if (sealed > 0 && sealed % BLOCK_BYTES == 0) {
        seal_crypt(key, bytes, sealed, 0);
        result = seal_read(bytes, sealed, plain, appid);
    }
    free(bytes);
    return result;
}
