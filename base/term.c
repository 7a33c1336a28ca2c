#include "base/term.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"

#define ELLIPSIS    "\xE2\x80\xA6"
#define REPLACEMENT "\xEF\xBF\xBD"

struct range {
    uint32_t first, last;
};

/* What a terminal obeys instead of showing it: C0, DEL, C1, line and paragraph separators, marks of direction. */
static const struct range harmful[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200E, 0x200F},
                                       {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFFF9, 0xFFFB}};

/* Unicode Standard Annex 11, wide and fullwidth, by blocks. */
static const struct range wide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},  {0xA960, 0xA97C}, {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},  {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

/* Combining marks, joiners and variation selectors of the scripts that are met here. */
static const struct range narrow[] = {{0x0300, 0x036F}, {0x200B, 0x200D}, {0x20D0, 0x20FF},
                                      {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}};

static int is_in(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return 1;
    return 0;
}

#define IS_IN(c, ranges) is_in((c), (ranges), sizeof(ranges) / sizeof *(ranges))

static size_t width_of(uint32_t c)
{
    if (c < 0x300 || IS_IN(c, harmful)) /* what is harmful is replaced */
        return 1;
    return IS_IN(c, narrow) ? 0 : IS_IN(c, wide) ? 2 : 1;
}

int term_size(int fd, size_t *columns, size_t *rows)
{
    struct winsize size = {0};
    *columns = *rows = 0;
    if (!isatty(fd))
        return -1;
    ioctl(fd, TIOCGWINSZ, &size);
    *columns = size.ws_col ? size.ws_col : 80;
    *rows = size.ws_row ? size.ws_row : 24;
    return 0;
}

static void append_one(struct span text, size_t at, size_t bytes, uint32_t c, struct buf *out)
{
    if (c == UTF8_REPLACEMENT || IS_IN(c, harmful))
        buf_append_str(out, REPLACEMENT);
    else
        buf_append(out, text.data + at, bytes);
}

void term_append(struct span text, struct buf *out)
{
    for (size_t at = 0; at < text.bytes;) {
        uint32_t c;
        size_t bytes = utf8_read(text, at, &c);
        append_one(text, at, bytes, c, out);
        at += bytes;
    }
}

size_t term_columns(struct span text)
{
    size_t columns = 0;
    for (size_t at = 0; at < text.bytes;) {
        uint32_t c;
        at += utf8_read(text, at, &c);
        columns += width_of(c);
    }
    return columns;
}

size_t term_cut(struct span text, size_t columns_max, struct buf *out)
{
    size_t columns = term_columns(text), written = 0;
    if (columns <= columns_max) {
        term_append(text, out);
        return columns;
    }
    for (size_t at = 0; at < text.bytes;) {
        uint32_t c;
        size_t bytes = utf8_read(text, at, &c);
        if (written + width_of(c) + 1 > columns_max)
            break;
        append_one(text, at, bytes, c, out);
        written += width_of(c);
        at += bytes;
    }
    if (columns_max == 0)
        return 0;
    buf_append_str(out, ELLIPSIS);
    return written + 1;
}

void term_blank(size_t columns, struct buf *out)
{
    memset(buf_reserve(out, columns), ' ', columns);
    out->bytes += columns;
}

void term_duration(int64_t ms, struct buf *out)
{
    int64_t s = ms / 1000;
    if (ms < 1000)
        buf_printf(out, "%" PRId64 "ms", ms);
    else if (s < 60)
        buf_printf(out, "%" PRId64 ".%" PRId64 "s", s, ms % 1000 / 100);
    else if (s < 3600)
        buf_printf(out, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else if (s < 86400)
        buf_printf(out, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    else
        buf_printf(out, "%" PRId64 "d%02" PRId64 "h", s / 86400, s / 3600 % 24);
}

int term_end(const char *program)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    const char *reason = errno ? strerror(errno) : "not all of it could be written"; /* an earlier write's errno is gone */
    fprintf(stderr, "%s: standard output: %s\n", program, reason);
    return -1;
}

void term_bytes(uint64_t bytes, struct buf *out)
{
    static const char units[] = "KMGTPE";
    double value = (double)bytes;
    size_t unit = 0;
    if (bytes < 1024) {
        buf_printf(out, "%" PRIu64, bytes);
        return;
    }
    for (value /= 1024; value >= 1023.95 && units[unit + 1]; unit++)
        value /= 1024;
    buf_printf(out, "%.1f%c", value, units[unit]);
}
