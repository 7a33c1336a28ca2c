/* The table of value types. */
#include "templater/template_value.h"

#include <string.h>

static const struct {
    const char *type;
    uint32_t chars_max;
    int han_counts_two;
} types[] = {
    {"thing", 20, 0},        {"character_string", 32, 0}, {"phrase", 5, 0},
    {"phone_number", 17, 0}, {"car_number", 8, 0},        {"const", 20, 0},
    {"number", 32, 0},       {"letter", 32, 0},           {"symbol", 5, 0},
    {"name", 20, 1},   /* 20 letters, or 10 Han */
    {"amount", 17, 0}, /* a sign, 12 digits, a point, 2 digits, and the word for the currency */
};

#define ONETIME_CONTENT_CHARS_MAX 200

/* 1 when the name is this type with at least one digit behind it. */
static int is_of_type(struct span name, const char *type)
{
    size_t bytes = strlen(type);
    if (name.bytes <= bytes || memcmp(name.data, type, bytes) != 0)
        return 0;
    for (size_t i = bytes; i < name.bytes; i++)
        if (name.data[i] < '0' || name.data[i] > '9')
            return 0;
    return 1;
}

int template_value_rules(const char *kind, struct span member, struct template_limit *limit)
{
    *limit = (struct template_limit){.member = member};
    if (strcmp(kind, "onetime") == 0) {
        limit->chars_max = span_is(member, "content") ? ONETIME_CONTENT_CHARS_MAX : 0;
        return limit->chars_max > 0;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!is_of_type(member, types[i].type))
            continue;
        limit->chars_max = types[i].chars_max;
        limit->han_counts_two = types[i].han_counts_two;
    }
    limit->one_line = strcmp(kind, "template") == 0;
    return limit->chars_max > 0 || limit->one_line;
}

uint32_t template_value_chars(const struct template_limit *limit, struct span text)
{
    size_t chars = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c & 0xC0) != 0x80) /* the first byte of a character */
            chars += c >= 0x80 && limit->han_counts_two ? 2 : 1;
    }
    return chars > UINT32_MAX ? UINT32_MAX : (uint32_t)chars;
}

int template_value_has_lines(struct span text)
{
    return text.bytes > 0 &&
           (memchr(text.data, '\n', text.bytes) != NULL || memchr(text.data, '\r', text.bytes) != NULL);
}
