/* The text of an ini file, by libinih.
 *
 * libinih reads lines of 200 bytes, takes a line with leading white space for the continuation of the one
 * before, and cuts values at " ;". So it is handed a short line in place of each: without leading white
 * space, and with "0" for the value, whose real text is kept here. libinih tells of one wrong line only; the
 * others are found here, as lines that came to nothing.
 */
#include "base/conf_ini.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <string.h>

#define KEY_BYTES_MAX 127 /* that libinih gets; with the sign, a value and a newline it stays below its 200  \
                           */

struct reading {
    FILE *file;
    const struct conf_ini_events *events;
    unsigned line;
    unsigned section_number;
    int section_wrong; /* 1: the last [section] line was none; its keys belong nowhere and are passed over */
    int pending;       /* 1: libinih has the line and has called nothing for it; it may be wrong */
    const char *value; /* into text */
    char text[CONF_LINE_BYTES_MAX];
};

static char *next_line(char *out, int out_bytes, void *stream);
static int take_key(void *user, const char *section, const char *key, const char *value);

/* Tells of the line before, when it looked like a key and libinih made nothing of it. */
static void finish_line(struct reading *r)
{
    if (r->pending)
        r->events->wrong(r->events->owner, r->line,
                         "is neither [section] nor key = value; correct it or begin it with ;");
    r->pending = 0;
}

int conf_ini_read(FILE *file, const struct conf_ini_events *events)
{
    struct reading r = {.file = file, .events = events};
    errno = 0;
    if (ini_parse_stream(next_line, &r, take_key, &r) ==
        -2) { /* its other results are lines, which finish_line tells of */
        errno = ENOMEM;
        return -1;
    }
    finish_line(&r);
    return ferror(file) ? -1 : 0;
}

/* Reads a line into r->text without its newline. Returns 0, 1 when it is to be left out, -1 at the end. */
static int read_line(struct reading *r)
{
    size_t bytes = 0;
    int too_long = 0, has_nul = 0, c;
    while ((c = getc(r->file)) != EOF && c != '\n') {
        has_nul |= c == '\0';
        too_long |= bytes == sizeof r->text - 1;
        if (!too_long)
            r->text[bytes++] = (char)c;
    }
    if (c == EOF && bytes == 0)
        return -1;
    r->text[bytes] = '\0';
    r->line++;
    if (too_long)
        r->events->wrong(r->events->owner, r->line, "the line is longer than 4095 bytes; shorten it");
    else if (has_nul)
        r->events->wrong(r->events->owner, r->line, "the line holds a NUL byte; remove it");
    return too_long || has_nul;
}

static const char *skip_space(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* Writes the short line that libinih gets for the key line at p. Returns 0 when there is no sign between key
 * and value. */
static int shorten_key(struct reading *r, const char *p, char *out, size_t out_bytes)
{
    size_t key_bytes = strcspn(p, "=:");
    if (p[key_bytes] == '\0')
        return 0;
    r->value = p + key_bytes + 1;
    if (key_bytes > KEY_BYTES_MAX)
        key_bytes = KEY_BYTES_MAX;
    return snprintf(out, out_bytes, "%.*s=0\n", (int)key_bytes, p) < (int)out_bytes;
}

/* The reader of libinih: like fgets, a line into `out`. */
static char *next_line(char *out, int out_bytes, void *stream)
{
    struct reading *r = stream;
    finish_line(r);
    int rc = read_line(r);
    if (rc < 0)
        return NULL;
    snprintf(out, (size_t)out_bytes, "\n");
    if (rc > 0)
        return out;

    const char *p = r->text;
    if (r->line == 1 && strncmp(p, "\xEF\xBB\xBF", 3) == 0)
        p += 3;
    p = skip_space(p);
    if (*p == '\0' || *p == ';' || *p == '#')
        return out;
    if (*p == '[') {
        size_t end = strcspn(p, "];");
        r->section_number++;
        r->section_wrong = p[end] != ']' || end >= KEY_BYTES_MAX;
        r->pending = r->section_wrong;
        snprintf(out, (size_t)out_bytes, "%.*s\n", KEY_BYTES_MAX, p);
        return out;
    }
    r->pending = 1;
    shorten_key(r, p, out, (size_t)out_bytes);
    return out;
}

static int take_key(void *user, const char *section, const char *key, const char *value)
{
    (void)value; /* the "0" of shorten_key */
    struct reading *r = user;
    if (!r->pending)
        return 1;
    r->pending = 0;
    if (r->section_wrong)
        return 1;
    struct conf_ini_line line = {r->line, r->section_number, section, key, r->value};
    r->events->key(r->events->owner, &line);
    return 1;
}

/* Copies the bytes before `end`. */
static const char *copy_value(const char *from, const char *end, char out[CONF_TEXT_BYTES_MAX])
{
    size_t bytes = (size_t)(end - from);
    if (bytes >= CONF_TEXT_BYTES_MAX)
        return "the value is longer than 511 bytes; shorten it";
    memcpy(out, from, bytes);
    out[bytes] = '\0';
    return NULL;
}

const char *conf_ini_value(const char *raw, char out[CONF_TEXT_BYTES_MAX])
{
    raw = skip_space(raw);
    if (*raw == '"' || *raw == '\'') {
        const char *end = strchr(raw + 1, *raw);
        if (end == NULL)
            return "the value has no closing quote; add it";
        const char *behind = skip_space(end + 1);
        if (*behind != '\0' && *behind != ';')
            return "something stands behind the closing quote; remove it (a quote inside is not possible, "
                   "use the other kind)";
        return copy_value(raw + 1, end, out);
    }
    const char *end = raw + strcspn(raw, ";");
    while (end > raw && isspace((unsigned char)end[-1]))
        end--;
    return copy_value(raw, end, out);
}
