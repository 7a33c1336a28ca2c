/*
 * text.h - a growing piece of text, and how text becomes a JSON string. Used for answers and for the journal.
 *
 * A zeroed struct text is empty and ready. The bytes are not NUL-terminated.
 */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include <stddef.h>

struct text {
    char *bytes; /* owned; NULL while nothing was added */
    size_t used;
    size_t room;
};

void text_add(struct text *text, const void *bytes, size_t count);
void text_puts(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds `bytes` as a JSON string with its quotes. Each byte that is not UTF-8 becomes U+FFFD. */
void text_json(struct text *text, const char *bytes, size_t count);

/* Frees the bytes; the text is empty and may be used again. */
void text_clear(struct text *text);

/* The longest beginning of `bytes` that is at most `max` bytes long and does not cut a UTF-8 character. */
size_t text_fit(const char *bytes, size_t count, size_t max);

#endif
