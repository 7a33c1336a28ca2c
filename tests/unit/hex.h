/* Bytes for tests: written as hexadecimal digits, cut off at every place, copied to where a look behind their
 * end is seen. */
#ifndef TESTS_UNIT_HEX_H
#define TESTS_UNIT_HEX_H

#include "tests/unit/test.h"

static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Appends the bytes of one line: pairs of lower-case digits, spaces anywhere between them, a comment from #
 * on. Returns how many characters it took, the line's end included. */
static inline size_t hex_read_line(const char *text, struct buf *out)
{
    size_t i = 0;
    while (text[i] != '\0' && text[i] != '\n' && text[i] != '#') {
        if (text[i] == ' ') {
            i++;
            continue;
        }
        int high = hex_digit(text[i]), low = high < 0 ? -1 : hex_digit(text[i + 1]);
        CHECK(high >= 0 && low >= 0);
        buf_append(out, &(char){(char)(high << 4 | low)}, 1);
        i += 2;
    }
    i += strcspn(text + i, "\n");
    return text[i] == '\n' ? i + 1 : i;
}

/* To be freed by the caller with buf_free. */
static inline struct buf hex_bytes(const char *text)
{
    struct buf out = {0};
    while (*text != '\0')
        text += hex_read_line(text, &out);
    return out;
}

/* A copy on the heap that ends where the bytes end, so that the sanitizer sees any look behind them. Freed by
 * the caller: free((char *)copy.data). */
static inline struct span hex_exact_copy(struct span s)
{
    char *copy = malloc(s.bytes > 0 ? s.bytes : 1);
    CHECK(copy != NULL);
    if (s.bytes > 0)
        memcpy(copy, s.data, s.bytes);
    return (struct span){copy, s.bytes};
}

/* The next number of a sequence that is the same at each run (splitmix64). */
static inline uint64_t hex_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

#endif
