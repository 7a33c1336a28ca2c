/* What is put around a callback, four ways, told apart by the first byte: a text that is said to be encrypted; bytes that come out of the
 * decryption, as they would from who knows the key or has changed a block; a message there and back; and a signed URL.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "listener/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY43  "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
#define APP_ID "wx5823bf96d3bd56c7"

/* Nothing comes out of what is refused, and no part of the key is told. */
static void open_text(struct span text)
{
    struct buf plain = {0}, error = {0};
    if (envelope_open(span_of(KEY43), span_of(APP_ID), text, &plain, &error) == 0)
        assert(error.bytes == 0 && plain.bytes + ENVELOPE_RANDOM_BYTES + 4 + strlen(APP_ID) < text.bytes);
    else
        assert(error.bytes > 0 && plain.bytes == 0 && strstr(buf_str(&error), "abcd") == NULL);
    buf_free(&plain);
    buf_free(&error);
}

static void open_inside(struct span inside)
{
    struct buf key = {0}, blocks = {0}, text = {0};
    int read = base64_read(span_of(KEY43 "="), &key);
    assert(read == 0 && key.bytes == AES_KEY_BYTES);
    inside.bytes -= inside.bytes % AES_BLOCK_BYTES;
    aes_cbc_encrypt((const unsigned char *)key.data, (const unsigned char *)key.data, inside, &blocks);
    base64_append(buf_span(&blocks), &text);
    open_text(buf_span(&text));
    buf_free(&key);
    buf_free(&blocks);
    buf_free(&text);
}

static void there_and_back(struct span message)
{
    static const unsigned char RANDOM[ENVELOPE_RANDOM_BYTES] = {1, 2, 3};
    struct buf text = {0}, plain = {0}, error = {0};
    int sealed = envelope_seal(span_of(KEY43), span_of(APP_ID), RANDOM, message, &text, &error);
    int opened = envelope_open(span_of(KEY43), span_of(APP_ID), buf_span(&text), &plain, &error);
    assert(sealed == 0 && opened == 0 && error.bytes == 0 && span_equal(buf_span(&plain), message));
    buf_free(&text);
    buf_free(&plain);
}

/* timestamp NUL nonce NUL signature NUL: only the right signature is one. */
static void check_url(struct span url)
{
    char *words = span_dup(url), *end = words + url.bytes;
    const char *nonce = words + strlen(words) + 1, *signature = nonce < end ? nonce + strlen(nonce) + 1 : NULL;
    if (signature && signature < end) {
        char made[ENVELOPE_SIGNATURE_CHARS + 1];
        envelope_sign(span_of("token"), span_of(words), span_of(nonce), (struct span){NULL, 0}, made);
        int is_signed = envelope_is_signed(span_of("token"), words, nonce, (struct span){NULL, 0}, signature);
        assert(!is_signed || strcmp(made, signature) == 0);
        int is_usable = *words && *nonce && strlen(words) <= ENVELOPE_WORD_BYTES_MAX && strlen(nonce) <= ENVELOPE_WORD_BYTES_MAX;
        assert(envelope_is_signed(span_of("token"), words, nonce, (struct span){NULL, 0}, made) == is_usable);
    }
    free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const WAYS[])(struct span) = {open_text, open_inside, there_and_back, check_url};
    if (size == 0)
        return 0;
    char *copy = malloc(size > 1 ? size - 1 : 1); /* ends where the bytes end */
    memcpy(copy, data + 1, size - 1);
    WAYS[data[0] % 4]((struct span){copy, size - 1});
    free(copy);
    return 0;
}
