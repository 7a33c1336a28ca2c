#include "client/queue_export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/iso_time.h"
#include "client/mp_json.h"
#include "client/mp_view.h"
#include "client/progress.h"
#include "client/queue_pages.h"

#define WRITE_BYTES (1024 * 1024) /* gathered before they are written */

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
    int fd;
    char *path;       /* owned; of the unfinished file; NULL = standard output */
    struct buf lines; /* not written yet */
    struct progress progress;
    struct queue_pages pages;
};

static int write_failed(const struct exporter *e, const char *what)
{
    fprintf(stderr, "mega: %s: %s: %s\n", e->path ? e->path : "standard output", what, strerror(errno));
    return -1;
}

static int write_lines(struct exporter *e)
{
    struct span left = buf_span(&e->lines);
    while (left.bytes) {
        ssize_t written = write(e->fd, left.data, left.bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            progress_end(&e->progress);
            return write_failed(e, "cannot be written");
        }
        left = (struct span){left.data + written, left.bytes - (size_t)written};
    }
    buf_clear(&e->lines);
    return 0;
}

static int on_entry(void *self, struct span entry)
{
    struct exporter *e = self;
    if (e->o->format == EXPORT_CSV) {
        queue_export_row(entry, &e->lines);
    } else if (mp_json(entry, &e->lines) == 0) {
        buf_append_str(&e->lines, "\n");
    } else {
        queue_not_understood();
        return -1;
    }
    return e->lines.bytes < WRITE_BYTES ? 0 : write_lines(e);
}

static void on_page(void *self, const struct answer *so_far)
{
    struct exporter *e = self;
    progress_show(&e->progress, e->pages.count, so_far);
}

static int open_file(struct exporter *e)
{
    struct buf path = {0};
    e->fd = STDOUT_FILENO;
    if (e->o->output == NULL)
        return 0;
    buf_printf(&path, "%s.tmp", e->o->output);
    e->path = mem_dup(buf_str(&path));
    buf_free(&path);
    e->fd =
        open(e->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600); /* it names recipients */
    return e->fd < 0 ? write_failed(e, "cannot be made") : 0;
}

/* Makes the file complete, or takes it away. */
static enum status close_file(struct exporter *e, enum status status)
{
    if (status == STATUS_DONE && write_lines(e))
        status = STATUS_FAILED;
    if (e->path == NULL)
        return status;
    if (status == STATUS_DONE && fsync(e->fd)) {
        write_failed(e, "cannot be written");
        status = STATUS_FAILED;
    }
    if (close(e->fd) && status == STATUS_DONE) {
        write_failed(e, "cannot be written");
        status = STATUS_FAILED;
    }
    if (status == STATUS_DONE && rename(e->path, e->o->output)) {
        write_failed(e, "cannot be renamed");
        status = STATUS_FAILED;
    }
    if (status != STATUS_DONE)
        unlink(e->path);
    return status;
}

static void tell(const struct exporter *e)
{
    if (e->path && !e->o->json)
        fprintf(stderr, "%" PRIu64 " written to %s\n", e->pages.count, e->o->output);
}

enum status queue_export(struct queue_link *l, const struct queue_options *o)
{
    struct exporter e = {.o = o};
    struct ask ask = {.op = ASK_LIST, .filter = o->filter};
    enum status status = STATUS_FAILED;
    e.pages = (struct queue_pages){.self = &e, .entry = on_entry, .page = on_page};
    if (open_file(&e) == 0) {
        progress_begin(&e.progress, "written", !o->json && !isatty(e.fd));
        if (o->format == EXPORT_CSV)
            queue_export_names(&e.lines);
        status = queue_pages_read(l, &ask, &e.pages);
        progress_end(&e.progress);
        status = close_file(&e, status);
    }
    if (status == STATUS_DONE)
        tell(&e);
    buf_free(&e.lines);
    free(e.path);
    return status;
}
