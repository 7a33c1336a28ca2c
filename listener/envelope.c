/* Signatures and encryption of WeChat's callbacks, as envelope.h says. */
#include "listener/envelope.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "base/crypto.h"

#define LENGTH_BYTES   4
#define PAD_BLOCK_BYTES 32
#define WORDS_MAX      4

static int word_is_usable(const char *word);
static int compare_words(const void *a, const void *b);
static int read_key(struct span aes_key43, unsigned char key[AES_KEY_BYTES], struct buf *error);
static size_t without_padding(struct span padded);
static int find_message(struct span unpadded, struct span app_id, struct span *message, struct buf *error);
static int refuse(struct buf *error, const char *reason);

void envelope_sign(struct span token, struct span timestamp, struct span nonce, struct span encrypted, char signature[ENVELOPE_SIGNATURE_CHARS + 1])
{
    struct span words[WORDS_MAX] = {token, timestamp, nonce, encrypted};
    size_t count = encrypted.bytes ? WORDS_MAX : WORDS_MAX - 1;
    qsort(words, count, sizeof *words, compare_words);
    struct buf together = {0};
    for (size_t i = 0; i < count; i++)
        buf_append(&together, words[i].data, words[i].bytes);
    unsigned char hash[SHA1_BYTES];
    sha1(buf_span(&together), hash);
    if (together.bytes)
        explicit_bzero(together.data, together.bytes); /* the token is in it */
    buf_free(&together);
    for (size_t i = 0; i < SHA1_BYTES; i++) {
        signature[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        signature[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
    }
    signature[ENVELOPE_SIGNATURE_CHARS] = '\0';
}

int envelope_is_signed(struct span token, const char *timestamp, const char *nonce, struct span encrypted, const char *signature)
{
    if (token.bytes == 0 || !word_is_usable(timestamp) || !word_is_usable(nonce) || !word_is_usable(signature))
        return 0;
    char expected[ENVELOPE_SIGNATURE_CHARS + 1];
    envelope_sign(token, span_of(timestamp), span_of(nonce), encrypted, expected);
    return crypto_equal(span_of(signature), (struct span){expected, ENVELOPE_SIGNATURE_CHARS});
}

int envelope_open(struct span aes_key43, struct span app_id, struct span encrypted, struct buf *plain, struct buf *error)
{
    buf_clear(plain);
    unsigned char key[AES_KEY_BYTES];
    if (app_id.bytes == 0)
        return refuse(error, "app_id: empty; nothing can be compared with it");
    if (read_key(aes_key43, key, error) != 0)
        return -1;
    struct buf blocks = {0}, padded = {0};
    struct span message = {0};
    int result = -1;
    if (base64_read(encrypted, &blocks) != 0)
        refuse(error, "Encrypt: no base64");
    else if (blocks.bytes == 0 || blocks.bytes % AES_BLOCK_BYTES != 0 || blocks.bytes > INT_MAX)
        refuse(error, "Encrypt: not made of blocks of 16 bytes");
    else {
        aes_cbc_decrypt(key, key, buf_span(&blocks), &padded);
        result = find_message((struct span){padded.data, without_padding(buf_span(&padded))}, app_id, &message, error);
    }
    buf_append(plain, message.data, message.bytes);
    explicit_bzero(key, sizeof key);
    buf_free(&blocks);
    buf_free(&padded);
    return result;
}

int envelope_seal(struct span aes_key43, struct span app_id, const unsigned char random[ENVELOPE_RANDOM_BYTES], struct span plain,
                  struct buf *encrypted, struct buf *error)
{
    unsigned char key[AES_KEY_BYTES];
    if (app_id.bytes == 0)
        return refuse(error, "app_id: empty; nobody could tell whose message it is");
    if (plain.bytes > ENVELOPE_PLAIN_BYTES_MAX)
        return refuse(error, "message: over 16 MiB");
    if (read_key(aes_key43, key, error) != 0)
        return -1;
    struct buf padded = {0}, blocks = {0};
    buf_append(&padded, random, ENVELOPE_RANDOM_BYTES);
    buf_append_u32be(&padded, (uint32_t)plain.bytes);
    buf_append(&padded, plain.data, plain.bytes);
    buf_append(&padded, app_id.data, app_id.bytes);
    size_t pad = PAD_BLOCK_BYTES - padded.bytes % PAD_BLOCK_BYTES;
    memset(buf_reserve(&padded, pad), (int)pad, pad);
    padded.bytes += pad;
    aes_cbc_encrypt(key, key, buf_span(&padded), &blocks);
    base64_append(buf_span(&blocks), encrypted);
    explicit_bzero(key, sizeof key);
    buf_free(&padded);
    buf_free(&blocks);
    return 0;
}

static int word_is_usable(const char *word)
{
    if (word == NULL)
        return 0;
    size_t bytes = strnlen(word, ENVELOPE_WORD_BYTES_MAX + 1);
    return bytes > 0 && bytes <= ENVELOPE_WORD_BYTES_MAX;
}

/* As strcmp would, of bytes. */
static int compare_words(const void *a, const void *b)
{
    const struct span *left = a, *right = b;
    size_t both = left->bytes < right->bytes ? left->bytes : right->bytes;
    int order = both ? memcmp(left->data, right->data, both) : 0;
    return order ? order : (left->bytes > right->bytes) - (left->bytes < right->bytes);
}

/* 43 digits have 258 bits: the last two are none of the key's, and set in keys that WeChat makes. */
static int read_key(struct span aes_key43, unsigned char key[AES_KEY_BYTES], struct buf *error)
{
    struct buf text = {0}, bytes = {0};
    buf_append(&text, aes_key43.data, aes_key43.bytes);
    buf_append_str(&text, "=");
    int result = aes_key43.bytes == ENVELOPE_KEY_CHARS ? base64_read(buf_span(&text), &bytes) : -1;
    if (result == 0 && bytes.bytes == AES_KEY_BYTES)
        memcpy(key, bytes.data, AES_KEY_BYTES);
    else
        result = refuse(error, "encoding_aes_key: not the 43 characters of A-Z, a-z and 0-9 that WeChat shows");
    explicit_bzero(text.data, text.bytes);
    if (bytes.bytes)
        explicit_bzero(bytes.data, bytes.bytes);
    buf_free(&text);
    buf_free(&bytes);
    return result;
}

/* How many bytes stand before the padding; 0 when it is none. Looks at all bytes that could be padding, whatever is in them. WeChat pads to
 * 32; what was padded to 16 is taken as well. */
static size_t without_padding(struct span padded)
{
    assert(padded.bytes > 0);
    unsigned pad = (unsigned char)padded.data[padded.bytes - 1];
    unsigned is_wrong = pad == 0 || pad > PAD_BLOCK_BYTES || pad > padded.bytes;
    for (unsigned i = 0; i < PAD_BLOCK_BYTES && i < padded.bytes; i++)
        is_wrong |= (i < pad) & ((unsigned char)padded.data[padded.bytes - 1 - i] != pad);
    return is_wrong ? 0 : padded.bytes - pad;
}

static int find_message(struct span unpadded, struct span app_id, struct span *message, struct buf *error)
{
    const size_t head = ENVELOPE_RANDOM_BYTES + LENGTH_BYTES;
    size_t has = unpadded.bytes < head ? 0 : unpadded.bytes - head; /* message and appid */
    uint32_t says = unpadded.bytes < head ? UINT32_MAX : u32be_at(unpadded.data + ENVELOPE_RANDOM_BYTES);
    if (says > has)
        return refuse(error, "Encrypt: does not open with this encoding_aes_key: another key, or damaged");
    if (!crypto_equal((struct span){unpadded.data + head + says, has - says}, app_id))
        return refuse(error, "Encrypt: was made for another appid");
    *message = (struct span){unpadded.data + head, says};
    return 0;
}

static int refuse(struct buf *error, const char *reason)
{
    buf_append_str(error, reason);
    return -1;
}
