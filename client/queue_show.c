#include "client/queue_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/term.h"
#include "client/progress.h"
#include "client/queue_pages.h"
#include "client/queue_print.h"
#include "client/queue_status.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

/* Where lines on standard output are cut: on a terminal only, so that a pipe gets everything. */
static size_t line_columns(void)
{
    size_t columns, rows;
    term_size(STDOUT_FILENO, &columns, &rows);
    return columns;
}

static enum status print_out(struct buf *text)
{
    fwrite(text->data, 1, text->bytes, stdout);
    buf_clear(text);
    if (fflush(stdout) == 0)
        return STATUS_DONE;
    perror("mega: standard output");
    return STATUS_FAILED;
}

static int is_type(struct span packed, enum mp_type type)
{
    struct mp_cursor c;
    mp_open(&c, packed);
    return mp_peek(&c) == type;
}

/* --- one document ------------------------------------------------------------------------------------------------- */

/* Prints data of the type by `text`, or as JSON. */
static enum status print_data(struct span data, enum mp_type type, const struct queue_options *o,
                              void (*text)(struct span data, size_t columns, struct buf *out))
{
    struct buf out = {0};
    enum status status = STATUS_DONE;
    if (!is_type(data, type) || (o->json && mp_json(data, &out)))
        status = queue_not_understood();
    else if (o->json)
        buf_append_str(&out, "\n");
    else
        text(data, line_columns(), &out);
    if (status == STATUS_DONE)
        status = print_out(&out);
    buf_free(&out);
    return status;
}

enum status queue_show_status(struct queue_link *l, const struct queue_options *o)
{
    struct answer answer;
    enum status status = queue_exchange(l, &(struct ask){.op = ASK_STATUS}, &answer);
    return status == STATUS_DONE ? print_data(answer.data, MP_MAP, o, queue_status_text) : status;
}

enum status queue_show_these_pauses(struct span pauses, const struct queue_options *o)
{
    return print_data(pauses, MP_ARRAY, o, queue_status_pauses);
}

enum status queue_show_pauses(struct queue_link *l, const struct queue_options *o)
{
    struct answer answer;
    enum status status = queue_exchange(l, &(struct ask){.op = ASK_PAUSES}, &answer);
    return status == STATUS_DONE ? queue_show_these_pauses(answer.data, o) : status;
}

static void entry_text(struct span entry, size_t columns, struct buf *out)
{
    (void)columns; /* nothing is cut where everything is to be seen */
    queue_print_entry(entry, out);
}

enum status queue_show_entry(struct queue_link *l, const struct queue_options *o)
{
    struct ask ask = {.op = ASK_SHOW, .filter = {.id = span_of(o->ids[0]), .app = o->filter.app}};
    struct answer answer;
    enum status status = queue_exchange(l, &ask, &answer);
    return status == STATUS_DONE ? print_data(answer.data, MP_MAP, o, entry_text) : status;
}

static void windows_text(struct span windows, size_t columns, struct buf *out)
{
    struct mp_list list;
    struct span one;
    struct table *table = queue_print_windows_new();
    mp_list_open(&list, windows);
    while (mp_list_next(&list, &one))
        queue_print_windows_row(table, one);
    table_write(table, columns, out);
    table_destroy(&table);
}

enum status queue_show_windows(struct queue_link *l, const struct queue_options *o)
{
    struct ask ask = {.op = ASK_WINDOWS, .filter = {.openid = span_of(o->ids[0]), .app = o->filter.app}};
    struct answer answer;
    enum status status = queue_exchange(l, &ask, &answer);
    return status == STATUS_DONE ? print_data(answer.data, MP_ARRAY, o, windows_text) : status;
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

struct list {
    const struct queue_options *o;
    struct queue_pages pages;
    struct progress progress;
    struct table *table; /* NULL for JSON lines */
    void (*row)(struct table *t, struct span entry);
    struct buf out;
    enum status status; /* of the output */
};

static int on_entry(void *self, struct span entry)
{
    struct list *list = self;
    if (list->table) {
        list->row(list->table, entry);
        return 0;
    }
    if (mp_json(entry, &list->out)) {
        queue_not_understood();
        return -1;
    }
    buf_append_str(&list->out, "\n");
    return 0;
}

static void on_page(void *self, const struct answer *so_far)
{
    struct list *list = self;
    progress_end(&list->progress);
    if (list->table && list->pages.count)
        table_write(list->table, line_columns(), &list->out);
    if (list->out.bytes)
        list->status = print_out(&list->out);
    progress_show(&list->progress, list->pages.count, so_far);
}

static enum status show_list(struct queue_link *l, const struct queue_options *o, struct table *table,
                             void (*row)(struct table *t, struct span entry))
{
    struct list list = {.o = o, .table = table, .row = row};
    struct ask ask = {.op = ASK_LIST, .filter = o->filter};
    list.pages = (struct queue_pages){.limit = o->limit, .self = &list, .entry = on_entry, .page = on_page};
    progress_begin(&list.progress, "found", !o->json);
    enum status status = queue_pages_read(l, &ask, &list.pages);
    progress_end(&list.progress);
    if (status == STATUS_DONE && list.pages.has_more)
        fprintf(stderr, "mega: there are more than these %" PRIu64 "; --limit N shows N, --limit 0 all\n",
                o->limit);
    buf_free(&list.out);
    return status == STATUS_DONE ? list.status : status;
}

enum status queue_show_list(struct queue_link *l, const struct queue_options *o)
{
    struct table *table = o->json ? NULL : queue_print_list_new();
    enum status status = show_list(l, o, table, queue_print_list_row);
    table_destroy(&table);
    return status;
}

enum status queue_show_dead(struct queue_link *l, const struct queue_options *o)
{
    struct table *table = o->json ? NULL : queue_print_dead_new();
    enum status status = show_list(l, o, table, queue_print_dead_row);
    table_destroy(&table);
    return status;
}
