#include "base/table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/term.h"

#define GAP              2  /* spaces between columns */
#define LAST_COLUMNS_MIN 16 /* the last column keeps so much, even if the line then breaks */

struct table {
    const struct column *columns;
    size_t count;
    size_t *widths;  /* of each column, so far */
    struct buf text; /* the cells, one after the other */
    size_t *ends;    /* of each cell in `text` */
    size_t cells, room;
    int has_titles;
};

struct table *table_new(const struct column *columns, size_t count)
{
    struct table *t = mem_new(sizeof *t);
    t->columns = columns;
    t->count = count;
    t->widths = mem_new(count * sizeof *t->widths);
    for (size_t i = 0; i < count; i++)
        t->widths[i] = term_columns(span_of(columns[i].title));
    return t;
}

void table_destroy(struct table **self)
{
    struct table *t = *self;
    if (t == NULL)
        return;
    free(t->widths);
    free(t->ends);
    buf_free(&t->text);
    free(t);
    *self = NULL;
}

/* What was appended to `text` since the last cell is one. */
static void end_cell(struct table *t)
{
    if (t->cells == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->ends = mem_resize(t->ends, t->room * sizeof *t->ends);
    }
    t->ends[t->cells++] = t->text.bytes;
}

void table_cell(struct table *t, struct span text)
{
    buf_append(&t->text, text.data, text.bytes);
    end_cell(t);
}

void table_printf(struct table *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(&t->text, format, args);
    va_end(args);
    end_cell(t);
}

static struct span cell_at(const struct table *t, size_t index)
{
    size_t from = index ? t->ends[index - 1] : 0;
    return (struct span){t->text.data + from, t->ends[index] - from};
}

static void widen(struct table *t)
{
    for (size_t i = 0; i < t->cells; i++) {
        const struct column *column = &t->columns[i % t->count];
        size_t *width = &t->widths[i % t->count], columns = term_columns(cell_at(t, i));
        if (column->columns_max && columns > column->columns_max)
            columns = column->columns_max;
        if (columns > *width)
            *width = columns;
    }
}

/* What is left of the line for the last column. */
static size_t last_columns(const struct table *t, size_t line_columns)
{
    size_t before = 0, last = t->count - 1;
    if (line_columns == 0)
        return t->widths[last];
    for (size_t i = 0; i < last; i++)
        before += t->widths[i] + GAP;
    size_t left = line_columns > before + LAST_COLUMNS_MIN ? line_columns - before : LAST_COLUMNS_MIN;
    return left < t->widths[last] ? left : t->widths[last];
}

static void write_cell(const struct table *t, size_t column, struct span text, size_t width, struct buf *out)
{
    size_t columns = term_columns(text);
    if (t->columns[column].is_number && columns < width)
        term_blank(width - columns, out);
    size_t written = term_cut(text, width, out);
    if (column + 1 == t->count) {
        while (out->bytes && out->data[out->bytes - 1] == ' ')
            out->bytes--;
        buf_append_str(out, "\n");
        return;
    }
    term_blank(t->columns[column].is_number ? GAP : width - written + GAP, out);
}

void table_write(struct table *t, size_t line_columns, struct buf *out)
{
    assert(t->cells % t->count == 0);
    widen(t);
    size_t last = last_columns(t, line_columns);
    for (size_t i = 0; i < t->count && !t->has_titles; i++)
        write_cell(t, i, span_of(t->columns[i].title), i + 1 == t->count ? last : t->widths[i], out);
    t->has_titles = 1;
    for (size_t i = 0; i < t->cells; i++) {
        size_t column = i % t->count;
        write_cell(t, column, cell_at(t, i), column + 1 == t->count ? last : t->widths[column], out);
    }
    t->cells = 0;
    buf_clear(&t->text);
}
