/* A growable byte buffer, spans and memory that never fails.
 *
 * Used by everything. Invariant: bytes <= room, and data is NULL exactly while room is 0. Running out of
 * memory ends the process with one line on standard error: the logger itself needs memory, so it isn't asked.
 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUF_ROOM_MIN 64

static _Noreturn void mem_out(void);

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

char *buf_reserve(struct buf *b, size_t bytes)
{
    if (bytes > SIZE_MAX / 4 || b->bytes > SIZE_MAX / 4)
        mem_out();
    size_t need = b->bytes + bytes;
    if (need > b->room || b->data == NULL) {
        size_t room = b->room < BUF_ROOM_MIN ? BUF_ROOM_MIN : b->room * 2;
        if (room < need)
            room = need;
        b->data = mem_resize(b->data, room);
        b->room = room;
    }
    return b->data + b->bytes;
}

void buf_append_str(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void buf_append_u32be(struct buf *b, uint32_t value)
{
    unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                              (unsigned char)(value >> 8), (unsigned char)value};
    buf_append(b, bytes, sizeof bytes);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = 128;
    int length = vsnprintf(buf_reserve(b, room), room, format, args);
    if (length >= 0 && (size_t)length >= room) {
        room = (size_t)length + 1;
        length = vsnprintf(buf_reserve(b, room), room, format, again);
    }
    va_end(again);
    if (length > 0)
        b->bytes += (size_t)length;
}

void buf_drop_front(struct buf *b, size_t bytes)
{
    if (bytes == 0)
        return;
    if (bytes >= b->bytes) {
        b->bytes = 0;
        return;
    }
    memmove(b->data, b->data + bytes, b->bytes - bytes);
    b->bytes -= bytes;
}

const char *buf_str(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return b->data;
}

int span_equal(struct span a, struct span b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

void span_to_text(char *to, size_t room, struct span s)
{
    size_t bytes = s.bytes < room ? s.bytes : room - 1;
    if (bytes)
        memcpy(to, s.data, bytes);
    to[bytes] = 0;
}

char *span_dup(struct span s)
{
    char *copy = mem_new(s.bytes + 1);
    if (s.bytes > 0)
        memcpy(copy, s.data, s.bytes);
    return copy;
}

/* The length of the character that begins at p, which has `left` > 0 bytes before its end, or 0 when it isn't
 * one. Table 3-7 of the Unicode standard: only the second byte's range depends on the first. */
static size_t utf8_char_bytes(const unsigned char *p, size_t left)
{
    unsigned char first = p[0], low = 0x80, high = 0xBF;
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    size_t bytes = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (first == 0xE0)
        low = 0xA0; /* shorter ones are overlong */
    else if (first == 0xED)
        high = 0x9F; /* above lie the surrogates */
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F; /* above U+10FFFF */
    if (left < bytes || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < bytes; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return bytes;
}

int span_is_utf8(struct span s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    size_t left = s.bytes;
    while (left > 0) {
        uint64_t eight;
        if (left >= sizeof eight) { /* most text is ASCII: eight bytes at a time */
            memcpy(&eight, p, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                p += sizeof eight;
                left -= sizeof eight;
                continue;
            }
        }
        size_t bytes = utf8_char_bytes(p, left);
        if (bytes == 0)
            return 0;
        p += bytes;
        left -= bytes;
    }
    return 1;
}

void *mem_new(size_t bytes)
{
    void *memory = calloc(1, bytes > 0 ? bytes : 1);
    if (memory == NULL)
        mem_out();
    return memory;
}

void *mem_resize(void *old, size_t bytes)
{
    void *memory = realloc(old, bytes > 0 ? bytes : 1);
    if (memory == NULL)
        mem_out();
    return memory;
}

char *mem_dup(const char *text)
{
    return span_dup(span_of(text));
}

static _Noreturn void mem_out(void)
{
    static const char text[] = "level=fatal event=\"out of memory\"\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written; /* there is nobody left to tell */
    _exit(70);     /* EX_SOFTWARE of sysexits.h: the supervisor starts it again */
}
