#include "client/queue_export.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "client/iso_time.h"
#include "client/output_file.h"
#include "client/queue_pages.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_COUNT, FIELD_TIME };

/* The columns, in their order. A FIELD_COUNT that is left out is 0, everything else that is left out is empty. */
static const struct {
    const char *name;
    enum field_kind kind;
} fields[] = {{"app", FIELD_TEXT},      {"id", FIELD_TEXT},     {"state", FIELD_TEXT},
              {"openid", FIELD_TEXT},   {"key", FIELD_TEXT},    {"task", FIELD_TEXT},
              {"lane", FIELD_TEXT},     {"code", FIELD_NUMBER}, {"errcode", FIELD_NUMBER},
              {"msgid", FIELD_NUMBER},  {"calls", FIELD_COUNT}, {"failures", FIELD_COUNT},
              {"accepted", FIELD_TIME}, {"due", FIELD_TIME},    {"settled", FIELD_TIME},
              {"expires", FIELD_TIME},  {"seq", FIELD_NUMBER},  {"message", FIELD_TEXT}};

#define FIELDS (sizeof fields / sizeof *fields)

/* --- CSV ---------------------------------------------------------------------------------------------------------- */

static int needs_quotes(struct span text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (text.data[i] == ',' || text.data[i] == '"' || text.data[i] == '\r' || text.data[i] == '\n')
            return 1;
    return 0;
}

void queue_export_field(struct span text, struct buf *out)
{
    if (!needs_quotes(text)) {
        buf_append(out, text.data, text.bytes);
        return;
    }
    buf_append_str(out, "\"");
    for (size_t i = 0; i < text.bytes; i++)
        buf_append(out, text.data[i] == '"' ? "\"\"" : text.data + i, text.data[i] == '"' ? 2 : 1);
    buf_append_str(out, "\"");
}

void queue_export_names(struct buf *out)
{
    for (size_t i = 0; i < FIELDS; i++)
        buf_printf(out, "%s%s", fields[i].name, i + 1 < FIELDS ? "," : "\r\n");
}

/* Finds the columns in the entry, in one pass: members come in the order of the columns as a rule. */
static void find_fields(struct span entry, struct span values[FIELDS])
{
    struct mp_list members;
    struct span name, value;
    size_t next = 0;
    mp_list_open_map(&members, entry);
    while (mp_list_next(&members, &name) && mp_list_next(&members, &value)) {
        struct span text = mp_value_str(name);
        for (size_t i = 0; i < FIELDS; i++) {
            size_t k = (next + i) % FIELDS;
            if (!span_is(text, fields[k].name))
                continue;
            values[k] = value;
            next = k + 1;
            break;
        }
    }
}

static void append_field(struct span value, enum field_kind kind, struct buf *out)
{
    int64_t number = kind == FIELD_TEXT ? 0 : mp_value_i64(value);
    switch (kind) {
    case FIELD_TEXT:
        queue_export_field(mp_value_str(value), out);
        break;
    case FIELD_TIME:
        if (number)
            iso_time_append(number, out);
        break;
    default:
        if (number || kind == FIELD_COUNT)
            buf_printf(out, "%" PRId64, number);
    }
}

void queue_export_row(struct span entry, struct buf *out)
{
    struct span values[FIELDS] = {{0}};
    find_fields(entry, values);
    for (size_t i = 0; i < FIELDS; i++) {
        append_field(values[i], fields[i].kind, out);
        buf_append_str(out, i + 1 < FIELDS ? "," : "\r\n");
    }
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

struct exporter {
    const struct queue_options *o;
    struct output_file file;
    struct progress progress;
    struct queue_pages pages;
};

static int on_entry(void *self, struct span entry)
{
    struct exporter *e = self;
    if (e->o->format == EXPORT_CSV) {
        queue_export_row(entry, &e->file.lines);
    } else if (mp_json(entry, &e->file.lines) == 0) {
        buf_append_str(&e->file.lines, "\n");
    } else {
        queue_not_understood();
        return -1;
    }
    return output_file_put(&e->file);
}

static void on_page(void *self, const struct answer *so_far)
{
    struct exporter *e = self;
    progress_show(&e->progress, e->pages.count, so_far);
}

static void tell(const struct exporter *e)
{
    if (e->o->output && !e->o->json)
        fprintf(stderr, "%" PRIu64 " written to %s\n", e->pages.count, e->o->output);
}

enum status queue_export(struct queue_link *l, const struct queue_options *o)
{
    struct exporter e = {.o = o};
    struct ask ask = {.op = ASK_LIST, .filter = o->filter};
    e.pages = (struct queue_pages){.self = &e, .entry = on_entry, .page = on_page};
    if (output_file_open(&e.file, o->output, &e.progress))
        return STATUS_FAILED;
    progress_begin(&e.progress, "written", !o->json && !isatty(e.file.fd));
    if (o->format == EXPORT_CSV)
        queue_export_names(&e.file.lines);
    enum status status = queue_pages_read(l, &ask, &e.pages);
    progress_end(&e.progress);
    status = output_file_close(&e.file, status);
    if (status == STATUS_DONE)
        tell(&e);
    return status;
}
