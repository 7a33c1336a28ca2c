#include "client/task_failed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/iso_time.h"
#include "client/output_file.h"
#include "client/task_link.h"
#include "proto/entry_csv.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_COUNT, FIELD_TIME };

/* What became of a row, behind the variables. A FIELD_COUNT that is left out is 0, everything else that is
 * left out is empty. */
static const struct {
    const char *name;
    enum field_kind kind;
} results[] = {{"row", FIELD_COUNT},    {"line", FIELD_NUMBER},    {"state", FIELD_TEXT},
               {"code", FIELD_NUMBER},  {"errcode", FIELD_NUMBER}, {"message", FIELD_TEXT},
               {"round", FIELD_NUMBER}, {"id", FIELD_TEXT},        {"settled", FIELD_TIME}};

#define RESULTS (sizeof results / sizeof *results)

/* --- columns -------------------------------------------------------------------------------------------- */

static int has_name(const struct task_failed_columns *c, const char *name)
{
    for (size_t i = 1; i <= c->var_count; i++)
        if (strcmp(c->names[i], name) == 0)
            return 1;
    return 0;
}

/* With task_ in front as often as it takes. */
static char *name_of_ours(const struct task_failed_columns *c, const char *name)
{
    struct buf text = {0};
    buf_append_str(&text, name);
    while (has_name(c, buf_str(&text))) {
        char *shorter = mem_dup(buf_str(&text));
        buf_clear(&text);
        buf_printf(&text, "task_%s", shorter);
        free(shorter);
    }
    char *result = mem_dup(buf_str(&text));
    buf_free(&text);
    return result;
}

void task_failed_columns_make(struct span packed, struct task_failed_columns *c)
{
    struct mp_list list;
    struct span one;
    mp_list_open(&list, packed);
    *c = (struct task_failed_columns){0};
    c->names = mem_new((list.left + RESULTS + 1) * sizeof *c->names);
    while (mp_list_next(&list, &one))
        c->names[++c->var_count] = span_dup(mp_value_str(one));
    c->names[0] = name_of_ours(c, "openid");
    c->count = c->var_count + 1;
    for (size_t i = 0; i < RESULTS; i++)
        c->names[c->count++] = name_of_ours(c, results[i].name);
}

void task_failed_columns_free(struct task_failed_columns *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->names[i]);
    free(c->names);
    *c = (struct task_failed_columns){0};
}

/* --- lines ---------------------------------------------------------------------------------------------- */

void task_failed_names(const struct task_failed_columns *c, struct buf *out)
{
    for (size_t i = 0; i < c->count; i++) {
        entry_csv_field(span_of(c->names[i]), out);
        buf_append_str(out, i + 1 < c->count ? "," : "\r\n");
    }
}

/* A str as it is, anything else as JSON; what is missing or nil is empty. */
static void append_value(struct span packed, struct buf *out)
{
    struct mp_cursor c;
    struct buf json = {0};
    mp_open(&c, packed);
    enum mp_type type = packed.bytes ? mp_peek(&c) : MP_NIL;
    if (type == MP_STR || type == MP_BIN) {
        entry_csv_field(mp_value_str(packed), out);
    } else if (type != MP_NIL && mp_json(packed, &json) == 0) {
        entry_csv_field(buf_span(&json), out);
    }
    buf_free(&json);
}

static void append_result(struct span value, enum field_kind kind, struct buf *out)
{
    int64_t number = kind == FIELD_TEXT ? 0 : mp_value_i64(value);
    if (kind == FIELD_TEXT)
        entry_csv_field(mp_value_str(value), out);
    else if (kind == FIELD_TIME && number)
        iso_time_append(number, out);
    else if (kind == FIELD_COUNT || (kind == FIELD_NUMBER && number))
        buf_printf(out, "%" PRId64, number);
}

void task_failed_row(const struct task_failed_columns *c, struct span entry, struct buf *out)
{
    struct span vars = mp_view(entry, "vars");
    entry_csv_field(mp_view_str(entry, "openid"), out);
    for (size_t i = 1; i <= c->var_count; i++) {
        buf_append_str(out, ",");
        append_value(mp_view(vars, c->names[i]), out);
    }
    for (size_t i = 0; i < RESULTS; i++) {
        buf_append_str(out, ",");
        append_result(mp_view(entry, results[i].name), results[i].kind, out);
    }
    buf_append_str(out, "\r\n");
}

/* --- pages ---------------------------------------------------------------------------------------------- */

struct lister {
    struct queue_link *link;
    const struct task_options *o;
    struct task_failed_columns columns;
    struct output_file file;
    struct progress progress;
    uint64_t count;
};

static enum status take_entries(struct lister *l, struct span data)
{
    struct mp_list entries;
    struct span entry;
    if (data.bytes && mp_list_open(&entries, data))
        return queue_not_understood();
    while (data.bytes && mp_list_next(&entries, &entry)) {
        if (mp_view_str(entry, "state").bytes == 0) /* the recipient of a row that is damaged is not known */
            return queue_not_understood();
        if (!l->o->json)
            task_failed_row(&l->columns, entry, &l->file.lines);
        else if (mp_json(entry, &l->file.lines) == 0)
            buf_append_str(&l->file.lines, "\n");
        l->count++;
        if (output_file_put(&l->file))
            return STATUS_FAILED;
    }
    progress_show(&l->progress, l->count, &(struct answer){0});
    return STATUS_DONE;
}

/* Where the list goes on: eight bytes, big-endian. Returns 0, or -1 when that is no place further on. */
static int go_on(struct span next, uint64_t *from)
{
    if (next.bytes != 8)
        return -1;
    uint64_t place = (uint64_t)u32be_at(next.data) << 32 | u32be_at(next.data + 4);
    if (place <= *from)
        return -1;
    *from = place;
    return 0;
}

static enum status read_pages(struct lister *l)
{
    struct task_ask ask = {.op = TASK_FAILED, .name = span_of(l->o->name), .lane = -1};
    for (;;) {
        struct answer answer;
        enum status status = task_link_exchange(l->link, &ask, l->o->timeout_ms, &answer);
        if (status == STATUS_DONE)
            status = take_entries(l, answer.data);
        if (status != STATUS_DONE || answer.code == CODE_OK)
            return status;
        if (go_on(answer.next, &ask.from))
            return queue_not_understood();
    }
}

static enum status write_file(struct lister *l)
{
    const struct task_options *o = l->o;
    if (output_file_open(&l->file, o->output, &l->progress))
        return STATUS_FAILED;
    progress_begin(&l->progress, "written", !o->json && !isatty(l->file.fd));
    if (!o->json)
        task_failed_names(&l->columns, &l->file.lines);
    enum status status = read_pages(l);
    progress_end(&l->progress);
    status = output_file_close(&l->file, status);
    if (status == STATUS_DONE && o->output && !o->json)
        fprintf(stderr, "%" PRIu64 " written to %s\n", l->count, o->output);
    if (status == STATUS_DONE && !o->json && strcmp(l->columns.names[0], "openid") != 0)
        fprintf(stderr,
                "mega: the task has a variable openid; the recipient's column is %s (create --openid-column "
                "%s)\n",
                l->columns.names[0], l->columns.names[0]);
    return status;
}

enum status task_failed(struct queue_link *l, const struct task_options *o)
{
    const struct task_ask ask = {.op = TASK_SHOW, .name = span_of(o->name), .lane = -1};
    struct lister lister = {.link = l, .o = o};
    struct answer answer;
    enum status status = task_link_exchange(l, &ask, o->timeout_ms, &answer);
    if (status != STATUS_DONE)
        return status;
    task_failed_columns_make(mp_view(answer.data, "columns"), &lister.columns);
    status = write_file(&lister);
    task_failed_columns_free(&lister.columns);
    return status;
}
