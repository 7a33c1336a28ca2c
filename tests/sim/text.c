/*
 * text.c - growing text and JSON strings; see text.h.
 */
#include "tests/sim/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/memory.h"

#define TEXT_ROOM_MIN 128 /* bytes; most answers fit, so they cost one allocation */

static size_t utf8_bytes(const unsigned char *at, size_t left);
static void text_escape(struct text *text, unsigned char byte);

static void text_reserve(struct text *text, size_t count)
{
    size_t wanted = text->used + count;
    if (wanted <= text->room)
        return;
    size_t room = text->room < TEXT_ROOM_MIN ? TEXT_ROOM_MIN : text->room * 2;
    while (room < wanted)
        room *= 2;
    text->bytes = memory_resize(text->bytes, room);
    text->room = room;
}

void text_add(struct text *text, const void *bytes, size_t count)
{
    if (count == 0)
        return;
    text_reserve(text, count);
    memcpy(text->bytes + text->used, bytes, count);
    text->used += count;
}

void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (count < 0)
        return;
    text_add(text, line, (size_t)count < sizeof line ? (size_t)count : sizeof line - 1);
}

void text_json(struct text *text, const char *bytes, size_t count)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t begin = 0; /* of the run that can be copied as it is */
    size_t end = 0;
    text_reserve(text, count + 2);
    text_add(text, "\"", 1);
    while (end < count) {
        size_t length = at[end] == '"' || at[end] == '\\' ? 0 : utf8_bytes(at + end, count - end);
        if (length > 0) {
            end += length;
            continue;
        }
        text_add(text, bytes + begin, end - begin);
        text_escape(text, at[end]);
        begin = ++end;
    }
    text_add(text, bytes + begin, end - begin);
    text_add(text, "\"", 1);
}

void text_clear(struct text *text)
{
    free(text->bytes);
    memset(text, 0, sizeof *text);
}

size_t text_fit(const char *bytes, size_t count, size_t max)
{
    if (count <= max)
        return count;
    while (max > 0 && ((unsigned char)bytes[max] & 0xc0) == 0x80)
        max--;
    return max;
}

/* Adds the escape of a byte that may not stand in a JSON string as it is. */
static void text_escape(struct text *text, unsigned char byte)
{
    if (byte == '"' || byte == '\\') {
        char escape[2] = {'\\', (char)byte};
        text_add(text, escape, 2);
    } else if (byte == '\n') {
        text_add(text, "\\n", 2);
    } else if (byte < 0x20) {
        text_printf(text, "\\u%04x", byte);
    } else {
        text_puts(text, "\xef\xbf\xbd");
    }
}

static bool utf8_trails(const unsigned char *at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((at[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* Length of the character at `at` if it is well-formed UTF-8 and no control character, else 0. */
static size_t utf8_bytes(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    if (lead < 0x80)
        return lead >= 0x20;
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || left < length || !utf8_trails(at + 1, length - 1))
        return 0;
    bool overlong = (lead == 0xe0 && at[1] < 0xa0) || (lead == 0xf0 && at[1] < 0x90);
    bool surrogate = lead == 0xed && at[1] > 0x9f;
    bool too_large = lead == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || too_large ? 0 : length;
}
