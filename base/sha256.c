/* The one file that includes OpenSSL's libcrypto. What it is asked here cannot fail but for lack of memory. */
#include "base/sha256.h"

#include <assert.h>
#include <limits.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

void sha256(struct span data, unsigned char out[SHA256_BYTES])
{
    int done = EVP_Digest(data.data ? data.data : "", data.bytes, out, NULL, EVP_sha256(), NULL);
    assert(done == 1);
}

void sha256_hmac(struct span key, struct span data, unsigned char out[SHA256_BYTES])
{
    assert(key.bytes <= INT_MAX);
    const unsigned char *done = HMAC(EVP_sha256(), key.data ? key.data : "", (int)key.bytes,
                                     (const unsigned char *)(data.data ? data.data : ""), data.bytes, out, NULL);
    assert(done != NULL);
}

void base64_append(struct span data, struct buf *out)
{
    unsigned char four[5]; /* and the NUL that OpenSSL puts behind it */
    for (size_t i = 0; i < data.bytes; i += 3) {
        size_t has = data.bytes - i < 3 ? data.bytes - i : 3;
        int made = EVP_EncodeBlock(four, (const unsigned char *)data.data + i, (int)has);
        buf_append(out, four, (size_t)made);
    }
}
