/* SHA-256 (FIPS 180-4), HMAC with it (RFC 2104) and base64 (RFC 4648), by OpenSSL: what a robot's signature and mail need of
 * cryptography. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/buf.h"

#define SHA256_BYTES 32

void sha256(struct span data, unsigned char out[SHA256_BYTES]);

void sha256_hmac(struct span key, struct span data, unsigned char out[SHA256_BYTES]);

/* Appends the bytes as base64 with padding, without line breaks. */
void base64_append(struct span data, struct buf *out);

#endif
