/* mega-template check: a line for each template. The texts are gathered first, since a source can be asked
 * for a fallback only when it is not in the middle of a reading. */
#include <stdio.h>
#include <stdlib.h>

#include "templater/preview.h"

struct row {
    char *key, *text; /* owned */
    size_t key_bytes, text_bytes;
};

struct row_list {
    struct row *rows;
    size_t count, room;
};

static void rows_clear(void *to)
{
    struct row_list *list = to;
    for (size_t i = 0; i < list->count; i++) {
        free(list->rows[i].key);
        free(list->rows[i].text);
    }
    list->count = 0;
}

static void rows_add(void *to, const struct source_row *row)
{
    struct row_list *list = to;
    if (list->count == list->room) {
        list->room = list->room == 0 ? 64 : list->room * 2;
        list->rows = mem_resize(list->rows, list->room * sizeof *list->rows);
    }
    list->rows[list->count++] =
        (struct row){span_dup(row->key), span_dup(row->text), row->key.bytes, row->text.bytes};
}

/* A fallback that is not there is no error of this template: it is sent, but nothing is tried behind it. */
static void check_fallback(struct preview_facts *f, struct source *source)
{
    struct buf key = {0}, text = {0}, error = {0};
    if (f->template == NULL || f->template->mega.fallback.bytes == 0)
        return;
    struct span fallback = buf_span(&f->template->mega.fallback);
    if (source->type->load_one(source, fallback, &key, &text, &error) != 1)
        buf_printf(&f->warnings, "$mega.fallback: the source has no template \"%.*s\"%s%s\n",
                   (int)fallback.bytes, fallback.data, error.bytes > 0 ? ": " : "", buf_str(&error));
    buf_free(&key);
    buf_free(&text);
    buf_free(&error);
}

/* Prints its line. Returns 1 when it is good. */
static int finish(struct preview_facts *f, const struct preview_options *o, struct source *source)
{
    int good = f->error.bytes == 0;
    check_fallback(f, source);
    preview_print_line(f, o->json);
    preview_facts_free(f);
    return good;
}

static enum preview_status check_named(const struct preview_options *o, const struct conf *conf,
                                       struct source *source)
{
    int all_good = 1;
    for (int i = 0; i < o->key_count; i++) {
        struct preview_facts f = {0};
        preview_facts_load(&f, span_of(o->keys[i]), conf, source);
        all_good &= finish(&f, o, source);
    }
    return all_good ? PREVIEW_GOOD : PREVIEW_BAD;
}

static enum preview_status check_rows(const struct row_list *list, const struct preview_options *o,
                                      const struct conf *conf, struct source *source)
{
    int all_good = 1;
    uint32_t taken = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct row *row = &list->rows[i];
        struct preview_facts f = {0};
        buf_append(&f.key, row->key, row->key_bytes);
        buf_append(&f.text, row->text, row->text_bytes);
        preview_facts_compile(&f, conf);
        if (f.error.bytes == 0 && taken == conf->server.table_size)
            buf_printf(&f.error, "over table size: [server] table_size allows %u templates", taken);
        taken += f.error.bytes == 0;
        all_good &= finish(&f, o, source);
    }
    return all_good ? PREVIEW_GOOD : PREVIEW_BAD;
}

enum preview_status preview_check(const struct preview_options *o, const struct conf *conf,
                                  struct source *source)
{
    struct row_list list = {0};
    struct buf error = {0};
    const struct source_sink sink = {rows_clear, rows_add, &list};
    enum preview_status status = PREVIEW_BAD;
    if (o->key_count > 0)
        return check_named(o, conf, source);
    if (source->type->load_all(source, &sink, &error) == 0)
        status = check_rows(&list, o, conf, source);
    else
        fprintf(stderr, "mega-template: the source cannot be read: %s\n", buf_str(&error));
    rows_clear(&list);
    free(list.rows);
    buf_free(&error);
    return status;
}
