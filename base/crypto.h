/* What is needed of cryptography, by OpenSSL: SHA-256 and SHA-1 (FIPS 180-4), HMAC (RFC 2104), base64 (RFC 4648), AES-256-CBC (FIPS 197,
 * SP 800-38A). A robot's signature and mail need the first ones, WeChat's callbacks the others. SHA-1 is there only because WeChat
 * signs with it.
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/buf.h"

#define SHA1_BYTES      20
#define SHA256_BYTES    32
#define AES_KEY_BYTES   32
#define AES_BLOCK_BYTES 16

void sha1(struct span data, unsigned char out[SHA1_BYTES]);

void sha256(struct span data, unsigned char out[SHA256_BYTES]);

void sha256_hmac(struct span key, struct span data, unsigned char out[SHA256_BYTES]);

/* Appends the bytes as base64 with padding, without line breaks. */
void base64_append(struct span data, struct buf *out);

/* Appends the bytes that the text stands for; text must not lie in out. Strict: nothing but the alphabet, no white space, padded to fours.
 * Bits behind the last byte may be set: keys that WeChat makes have such. Returns 0; -1 when the text is none, and out as it was. */
int base64_read(struct span text, struct buf *out);

/* Appends the data encrypted, or decrypted, without padding. Its length must be a multiple of AES_BLOCK_BYTES, at most INT_MAX; it must
 * not lie in out. */
void aes_cbc_encrypt(const unsigned char key[AES_KEY_BYTES], const unsigned char iv[AES_BLOCK_BYTES], struct span data, struct buf *out);
void aes_cbc_decrypt(const unsigned char key[AES_KEY_BYTES], const unsigned char iv[AES_BLOCK_BYTES], struct span data, struct buf *out);

/* 1 when both hold the same bytes; how long it takes tells only the lengths. */
int crypto_equal(struct span a, struct span b);

#endif
