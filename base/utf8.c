#include "base/utf8.h"

static size_t bytes_of(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

size_t utf8_read(struct span text, size_t at, uint32_t *c)
{
    static const unsigned char lead_bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const char *p = text.data + at;
    unsigned char first = (unsigned char)*p;
    size_t bytes = bytes_of(first);
    if (bytes > text.bytes - at || !span_is_utf8((struct span){p, bytes})) {
        *c = UTF8_REPLACEMENT;
        return 1;
    }
    *c = first & lead_bits[bytes];
    for (size_t i = 1; i < bytes; i++)
        *c = *c << 6 | ((unsigned char)p[i] & 0x3F);
    return bytes;
}

void utf8_append(struct span text, struct buf *out)
{
    if (span_is_utf8(text)) {
        buf_append(out, text.data, text.bytes);
        return;
    }
    for (size_t at = 0; at < text.bytes;) {
        uint32_t c;
        size_t bytes = utf8_read(text, at, &c);
        if (c == UTF8_REPLACEMENT)
            buf_append_str(out, "\xEF\xBF\xBD");
        else
            buf_append(out, text.data + at, bytes);
        at += bytes;
    }
}

size_t utf8_fit(struct span text, size_t bytes_max)
{
    if (text.bytes <= bytes_max)
        return text.bytes;
    size_t bytes = bytes_max;
    while (bytes > 0 && ((unsigned char)text.data[bytes] & 0xc0) == 0x80)
        bytes--;
    return bytes;
}

void utf8_to_text(char *to, size_t room, struct span text)
{
    span_to_text(to, room, (struct span){text.data, utf8_fit(text, room - 1)});
}
