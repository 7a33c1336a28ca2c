/* msgpack written by hand in tests, apart from the packers under test:
 *
 *   pack("{op push  ref 7  vars {name 'two words'  raw <c40161>}}")
 *
 * A map is { name value ... }, an array [ value ... ]; numbers, nil, true and false are themselves; other
 * words and what stands in single quotes are str; <...> is bytes that are msgpack already, in hexadecimal
 * digits. Small forms only: up to 15 members, str up to 65,535 bytes.
 */
#ifndef TESTS_UNIT_PACK_H
#define TESTS_UNIT_PACK_H

#include <errno.h>

#include "proto/mp.h"
#include "tests/unit/hex.h"

static inline const char *pack_value(const char *at, struct buf *out);

static inline const char *pack_blanks(const char *at)
{
    return at + strspn(at, " \n");
}

static inline const char *pack_container(const char *at, char end, struct buf *out)
{
    size_t head = out->bytes, count = 0;
    mp_nil(out); /* the header's place */
    at = pack_blanks(at + 1);
    while (*at != end) {
        CHECK(*at != '\0');
        at = pack_blanks(pack_value(at, out));
        count++;
    }
    size_t counted = end == '}' ? count / 2 : count;
    CHECK(counted <= 15 && (end == ']' || count % 2 == 0));
    out->data[head] = (char)((end == '}' ? 0x80 : 0x90) | counted);
    return at + 1;
}

static inline void pack_word(struct span word, struct buf *out)
{
    char *text = span_dup(word), *end = text;
    long long number = strtoll(text, &end, 10);
    if (*end == '\0' && end != text) {
        mp_i64(out, number);
    } else if (strpbrk(text, ".") != NULL && (strtod(text, &end), *end == '\0')) {
        mp_double(out, strtod(text, NULL));
    } else if (span_is(word, "nil")) {
        mp_nil(out);
    } else if (span_is(word, "true") || span_is(word, "false")) {
        mp_bool(out, span_is(word, "true"));
    } else {
        mp_span(out, word);
    }
    free(text);
}

/* Appends one value and returns where its text ends. */
static inline const char *pack_value(const char *at, struct buf *out)
{
    at = pack_blanks(at);
    if (*at == '{' || *at == '[')
        return pack_container(at, *at == '{' ? '}' : ']', out);
    if (*at == '<') {
        char *hex = span_dup((struct span){at + 1, strcspn(at, ">") - 1});
        hex_read_line(hex, out);
        free(hex);
        return at + strcspn(at, ">") + 1;
    }
    if (*at == '\'') {
        size_t bytes = strcspn(at + 1, "'");
        mp_span(out, (struct span){at + 1, bytes});
        return at + bytes + 2;
    }
    size_t bytes = strcspn(at, " \n{}[]");
    CHECK(bytes > 0);
    pack_word((struct span){at, bytes}, out);
    return at + bytes;
}

/* One value; to be freed by the caller with buf_free. */
static inline struct buf pack(const char *text)
{
    struct buf out = {0};
    CHECK(*pack_blanks(pack_value(text, &out)) == '\0');
    return out;
}

#endif
