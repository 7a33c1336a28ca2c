/* The one file that includes OpenSSL's libcrypto. What it is asked here cannot fail but for lack of memory. */
#include "base/crypto.h"

#include <assert.h>
#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static int digit_value(unsigned char c);
static void aes_cbc(int encrypt, const unsigned char *key, const unsigned char *iv, struct span data, struct buf *out);

void sha1(struct span data, unsigned char out[SHA1_BYTES])
{
    int done = EVP_Digest(data.data ? data.data : "", data.bytes, out, NULL, EVP_sha1(), NULL);
    assert(done == 1);
}

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

/* Not by OpenSSL, whose reader skips white space and takes padding in other places. */
int base64_read(struct span text, struct buf *out)
{
    size_t before = out->bytes, digits = text.bytes;
    while (digits > 0 && text.bytes - digits < 2 && text.data[digits - 1] == '=')
        digits--;
    if (text.bytes % 4 != 0)
        return -1;
    char *at = buf_reserve(out, text.bytes / 4 * 3 + 1);
    uint32_t bits = 0;
    for (size_t i = 0; i < digits; i++) {
        int value = digit_value((unsigned char)text.data[i]);
        if (value < 0) {
            out->bytes = before;
            return -1;
        }
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 == 0) /* six bits of the byte that the next digit ends */
            continue;
        *at++ = (char)(unsigned char)(bits >> (6 - 2 * (i % 4)) & 0xff);
        out->bytes++;
    }
    return 0;
}

void aes_cbc_encrypt(const unsigned char key[AES_KEY_BYTES], const unsigned char iv[AES_BLOCK_BYTES], struct span data, struct buf *out)
{
    aes_cbc(1, key, iv, data, out);
}

void aes_cbc_decrypt(const unsigned char key[AES_KEY_BYTES], const unsigned char iv[AES_BLOCK_BYTES], struct span data, struct buf *out)
{
    aes_cbc(0, key, iv, data, out);
}

int crypto_equal(struct span a, struct span b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || CRYPTO_memcmp(a.data, b.data, a.bytes) == 0);
}

/* Of a digit of base64; -1 for what is none. */
static int digit_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void aes_cbc(int encrypt, const unsigned char *key, const unsigned char *iv, struct span data, struct buf *out)
{
    assert(data.bytes % AES_BLOCK_BYTES == 0 && data.bytes <= INT_MAX);
    if (data.bytes == 0)
        return;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    assert(context != NULL);
    int began = EVP_CipherInit_ex(context, EVP_aes_256_cbc(), NULL, key, iv, encrypt);
    assert(began == 1);
    EVP_CIPHER_CTX_set_padding(context, 0);
    int made = 0;
    unsigned char *to = (unsigned char *)buf_reserve(out, data.bytes);
    int done = EVP_CipherUpdate(context, to, &made, (const unsigned char *)data.data, (int)data.bytes);
    assert(done == 1 && (size_t)made == data.bytes); /* without padding nothing is left for EVP_CipherFinal */
    out->bytes += data.bytes;
    EVP_CIPHER_CTX_free(context); /* wipes the key */
}
