/* What WeChat puts around a callback: the signature in the URL and, in encrypted mode, the encryption of the body.
 * Source: "消息推送" and "消息加解密说明" of WeChat's documentation (doc/service/guide/dev/push).
 *
 * Pure functions; the cryptography itself is base/crypto. Nothing here is an oracle for who guesses: comparisons with what is secret
 * take the same time whatever is wrong, and a caller checks the signature before it opens anything and gives one and the same HTTP
 * answer to every failure. The reasons are for the log: they hold neither key, token nor content.
 */
#ifndef LISTENER_ENVELOPE_H
#define LISTENER_ENVELOPE_H

#include "base/buf.h"

/* An encoding_aes_key: base64 of 32 bytes without the "=" behind it. */
#define ENVELOPE_KEY_CHARS 43

/* Random bytes before the message. */
#define ENVELOPE_RANDOM_BYTES 16

/* Longest timestamp and nonce of a URL, each. WeChat's have about ten digits. */
#define ENVELOPE_WORD_BYTES_MAX 128

#define ENVELOPE_SIGNATURE_CHARS 40

/* Longest message that envelope_seal takes: some are written by others (an owner's answers); WeChat takes far shorter ones. */
#define ENVELOPE_PLAIN_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* Writes the signature: SHA-1 in lower-case hexadecimal of token, timestamp, nonce and, unless it is empty, the encrypted text (base64 as
 * in <Encrypt>), sorted as bytes and put together. In plain mode (URL parameter `signature`) encrypted is {NULL, 0}; with the encrypted
 * text it is the URL's msg_signature, and the MsgSignature of an encrypted answer. A NUL stands behind it. */
void envelope_sign(struct span token, struct span timestamp, struct span nonce, struct span encrypted, char signature[ENVELOPE_SIGNATURE_CHARS + 1]);

/* 1 when `signature` is that of the others, compared in constant time; 0 otherwise. timestamp, nonce and signature are those of the URL
 * and may be NULL or of any length: absent, empty or longer than ENVELOPE_WORD_BYTES_MAX is 0. An empty token signs nothing: 0. */
int envelope_is_signed(struct span token, const char *timestamp, const char *nonce, struct span encrypted, const char *signature);

/* Decrypts: AES-256-CBC with IV = the key's first 16 bytes; 16 random bytes, length of the message (4 bytes, big-endian), message, appid;
 * PKCS#7 with blocks of 32.
 *   aes_key43  the account's encoding_aes_key
 *   app_id     what has to stand at the end, 1 byte and more (compared in constant time)
 *   encrypted  base64, as in <Encrypt>
 *   plain      is cleared and then holds the message (XML or JSON); empty on failure. It must not hold one of the other arguments
 * Returns 0, or -1 with the reason, for the log, appended to error. */
int envelope_open(struct span aes_key43, struct span app_id, struct span encrypted, struct buf *plain, struct buf *error);

/* The reverse: appends the base64 text of the encrypted message to encrypted. The random bytes are the caller's, from a cryptographic
 * source. Returns 0, or -1 with the reason appended to error: the key is none, app_id is empty, the message is longer than
 * ENVELOPE_PLAIN_BYTES_MAX. */
int envelope_seal(struct span aes_key43, struct span app_id, const unsigned char random[ENVELOPE_RANDOM_BYTES], struct span plain,
                  struct buf *encrypted, struct buf *error);

#endif
