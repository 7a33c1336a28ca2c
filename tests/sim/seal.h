/*
 * seal.h - how WeChat signs and encrypts callbacks: SHA-1 over sorted parts, AES-256-CBC under the EncodingAESKey.
 * doc/service/guide/dev/push on developers.weixin.qq.com. The only pair that knows libcrypto.
 *
 * What is encrypted: 16 random bytes, the length (4 bytes, big-endian), the text, the appid; padded to a multiple of
 * 32 bytes, each byte of the padding being its length. The key is the base64 of EncodingAESKey and "=", its first 16
 * bytes are the IV.
 */
#ifndef SIM_SEAL_H
#define SIM_SEAL_H

#include <stddef.h>

#include "tests/sim/text.h"

#define SEAL_HEX_BYTES       41 /* a signature with its NUL */
#define SEAL_KEY_CHARS       43
#define SEAL_RANDOM_BYTES    16
#define SEAL_APPID_BYTES_MAX 64
#define SEAL_PARTS_MAX       4

/* The signature of 1 to SEAL_PARTS_MAX strings, in lower-case hexadecimal. Sorts `parts`. */
void seal_sign(const char **parts, size_t count, char hex[SEAL_HEX_BYTES]);

/* Whether this is an EncodingAESKey. 0 or -1. */
int seal_check_key(const char *key);

/* Adds the base64 of the encrypted text. `key` has passed seal_check_key(). */
void seal_close(const char *key, const char *appid, const unsigned char random[SEAL_RANDOM_BYTES], const char *bytes,
                size_t count, struct text *base64);

/* The reverse: adds the text, and copies the appid. 0, or -1 and nothing is added: not encrypted under this key. */
int seal_open(const char *key, const char *base64, size_t count, struct text *plain,
              char appid[SEAL_APPID_BYTES_MAX + 1]);

#endif
