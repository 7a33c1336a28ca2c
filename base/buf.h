/* A growable byte buffer.
 *
 * Used wherever bytes are gathered before they are sent or stored. The caller bounds what it appends; running out of
 * memory ends the process (house rule: a promise that cannot be kept), so no function here fails.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes owned by somebody else; valid as long as its owner says. Not NUL-terminated. */
struct span {
    const char *data;
    size_t bytes;
};

struct buf {
    char *data;    /* owned; NULL while nothing was ever appended */
    size_t bytes;  /* used */
    size_t room;   /* allocated */
};

/* Frees the bytes and leaves an empty, usable buffer. A zeroed struct buf is an empty one. */
void buf_free(struct buf *b);

/* Forgets the content and keeps the memory. */
static inline void buf_clear(struct buf *b)
{
    b->bytes = 0;
}

/* Makes room for `bytes` more and returns where they go; the caller adds what it wrote to b->bytes. */
char *buf_reserve(struct buf *b, size_t bytes);

/* Inline, as span_is below: both are most of what packing and reading messages does. */
static inline void buf_append(struct buf *b, const void *data, size_t bytes)
{
    if (bytes == 0)
        return;
    char *at = bytes <= b->room - b->bytes ? b->data + b->bytes : buf_reserve(b, bytes);
    memcpy(at, data, bytes);
    b->bytes += bytes;
}

void buf_append_str(struct buf *b, const char *text);
void buf_append_u32be(struct buf *b, uint32_t value);

/* The number that buf_append_u32be has written; four bytes are read. */
static inline uint32_t u32be_at(const char *at)
{
    const unsigned char *u = (const unsigned char *)at;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* printf onto the end. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Drops the first `bytes` (at most b->bytes) and moves the rest to the front. */
void buf_drop_front(struct buf *b, size_t bytes);

/* The content as a C string, owned by the buffer and valid until it changes. */
const char *buf_str(struct buf *b);

/* The content as a span, valid until the buffer changes. */
static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->data, b->bytes};
}

/* A span of a C string (not of its NUL). */
static inline struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* 1 when both hold the same bytes. */
int span_equal(struct span a, struct span b);

static inline int span_is(struct span a, const char *text)
{
    size_t bytes = strlen(text); /* of a constant the compiler knows it, and compares without a call */
    return a.bytes == bytes && (bytes == 0 || memcmp(a.data, text, bytes) == 0);
}

/* A copy with a NUL behind it in a field of `room` bytes (at least 1), cut to fit. */
void span_to_text(char *to, size_t room, struct span s);

/* A copy with a NUL behind it, to be freed by the caller. */
char *span_dup(struct span s);

/* 1 when the bytes are valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
int span_is_utf8(struct span s);

/* malloc, calloc and strdup that end the process when memory is out. */
void *mem_new(size_t bytes); /* zeroed; free with free() */
void *mem_resize(void *old, size_t bytes);
char *mem_dup(const char *text);

#endif
