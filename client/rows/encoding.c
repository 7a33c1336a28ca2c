#include "client/rows/encoding.h"

#include <iconv.h>
#include <stdlib.h>
#include <strings.h>

const char *encoding_name(enum encoding e)
{
    static const char *const names[] = {"auto", "utf-8", "gbk", "utf-16", "utf-16"};
    return names[e];
}

int encoding_read(const char *text, enum encoding *e)
{
    static const struct {
        const char *name;
        enum encoding e;
    } names[] = {{"auto", ENCODING_AUTO}, {"utf-8", ENCODING_UTF8},  {"utf8", ENCODING_UTF8},
                 {"gbk", ENCODING_GBK},   {"gb18030", ENCODING_GBK}, {"gb2312", ENCODING_GBK}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(text, names[i].name) == 0) {
            *e = names[i].e;
            return 0;
        }
    return -1;
}

enum encoding encoding_of_mark(struct span text, size_t *bytes)
{
    static const struct {
        const char *mark;
        size_t bytes;
        enum encoding e;
    } marks[] = {{"\xEF\xBB\xBF", 3, ENCODING_UTF8}, {"\xFF\xFE", 2, ENCODING_UTF16LE}, {"\xFE\xFF", 2, ENCODING_UTF16BE}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (text.bytes >= marks[i].bytes && memcmp(text.data, marks[i].mark, marks[i].bytes) == 0) {
            *bytes = marks[i].bytes;
            return marks[i].e;
        }
    *bytes = 0;
    return ENCODING_AUTO;
}

int encoding_is_ascii(struct span text)
{
    uint64_t eight;
    size_t i = 0;
    for (; i + sizeof eight <= text.bytes; i += sizeof eight) {
        memcpy(&eight, text.data + i, sizeof eight);
        if (eight & 0x8080808080808080u)
            return 0;
    }
    for (; i < text.bytes; i++)
        if ((unsigned char)text.data[i] > 0x7F)
            return 0;
    return 1;
}

/* --- GBK ---------------------------------------------------------------------------------------------------------- */

struct gbk {
    iconv_t table;
};

struct gbk *gbk_new(struct buf *error)
{
    iconv_t table = iconv_open("UTF-8", "GB18030");
    if (table == (iconv_t)-1) {
        buf_append_str(error, "this system cannot read GBK (its C library has no GB18030): give the file as UTF-8");
        return NULL;
    }
    struct gbk *g = mem_new(sizeof *g);
    g->table = table;
    return g;
}

void gbk_destroy(struct gbk **g)
{
    if (*g == NULL)
        return;
    iconv_close((*g)->table);
    free(*g);
    *g = NULL;
}

int gbk_decode(struct gbk *g, struct span text, char *to, size_t *bytes)
{
    char *from = (char *)(uintptr_t)text.data; /* iconv takes it without const and leaves it as it is */
    char *out = to;
    size_t left = text.bytes, room = text.bytes * 2;
    if (iconv(g->table, &from, &left, &out, &room) == (size_t)-1 || left > 0) {
        iconv(g->table, NULL, NULL, NULL, NULL); /* the next text begins anew, as POSIX has it */
        return -1;
    }
    *bytes = (size_t)(out - to);
    return 0;
}

static size_t line_bytes(struct span text)
{
    const char *end = memchr(text.data, '\n', text.bytes);
    const char *cr = memchr(text.data, '\r', end ? (size_t)(end - text.data) : text.bytes);
    end = cr ? cr : end;
    return end ? (size_t)(end - text.data) : text.bytes;
}

enum encoding encoding_guess(struct gbk *g, struct span text)
{
    struct buf decoded = {0};
    size_t lines = 0, utf8_lines = 0, gbk_lines = 0, at = 0;
    while (at < text.bytes && g) {
        struct span line = {text.data + at, 0};
        line.bytes = line_bytes((struct span){line.data, text.bytes - at});
        at += line.bytes + 1;
        size_t bytes;
        if (encoding_is_ascii(line) || (at > text.bytes && lines > 0))
            continue;
        lines++;
        utf8_lines += span_is_utf8(line) ? 1 : 0;
        buf_clear(&decoded);
        gbk_lines += gbk_decode(g, line, buf_reserve(&decoded, line.bytes * 2), &bytes) == 0 ? 1 : 0;
    }
    buf_free(&decoded);
    return gbk_lines > utf8_lines && utf8_lines * 2 < lines ? ENCODING_GBK : ENCODING_UTF8;
}

/* --- UTF-16 ------------------------------------------------------------------------------------------------------- */

/* Of a lone surrogate too: what comes out then is no UTF-8. */
static size_t put_utf8(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xC0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xE0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 0x3F));
        to[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 0x3F));
    to[2] = (char)(0x80 | (c >> 6 & 0x3F));
    to[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

static size_t put_unit(struct utf16 *u, uint32_t unit, char *to)
{
    size_t bytes = 0;
    if (u->high && unit >= 0xDC00 && unit <= 0xDFFF) {
        bytes = put_utf8(0x10000 + ((u->high - 0xD800) << 10) + (unit - 0xDC00), to);
        u->high = 0;
        return bytes;
    }
    if (u->high)
        bytes = put_utf8(u->high, to);
    u->high = 0;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        u->high = unit;
        return bytes;
    }
    return bytes + put_utf8(unit, to + bytes);
}

size_t utf16_decode(struct utf16 *u, struct span text, char *to)
{
    size_t bytes = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        u->half[u->half_bytes++] = (unsigned char)text.data[i];
        if (u->half_bytes < 2)
            continue;
        u->half_bytes = 0;
        uint32_t first = u->half[0], second = u->half[1];
        bytes += put_unit(u, u->is_big ? first << 8 | second : second << 8 | first, to + bytes);
    }
    return bytes;
}

size_t utf16_end(struct utf16 *u, char *to)
{
    size_t bytes = u->high ? put_utf8(u->high, to) : 0;
    if (u->half_bytes)
        to[bytes++] = '\xFF';
    *u = (struct utf16){.is_big = u->is_big};
    return bytes;
}
