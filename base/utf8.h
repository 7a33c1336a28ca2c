/* Walks through text that may be anything: ids, openids and WeChat's messages come from outside.
 *
 * Used by whoever shows text to people or writes JSON. What is not UTF-8 becomes U+FFFD, a byte at a time.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdint.h>

#include "base/buf.h"

#define UTF8_REPLACEMENT 0xFFFD

/* Reads the character at `at` < text.bytes. Returns its bytes, 1 to 4, and the code point, which is UTF8_REPLACEMENT for a byte
 * that belongs to none. */
size_t utf8_read(struct span text, size_t at, uint32_t *c);

/* Appends the text with U+FFFD for every byte that is not UTF-8. */
void utf8_append(struct span text, struct buf *out);

/* A copy with a NUL behind it in a field of `room` bytes (at least 1); what is longer is cut between two characters. */
void utf8_to_text(char *to, size_t room, struct span text);

/* The bytes of the whole characters among the first `bytes_max`. */
size_t utf8_fit(struct span text, size_t bytes_max);

#endif
