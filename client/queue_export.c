#include "client/queue_export.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/iso_time.h"
#include "client/output_file.h"
#include "client/queue_pages.h"
#include "proto/entry_csv.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

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
        entry_csv_row(entry, &e->file.lines);
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
        entry_csv_names(&e.file.lines);
    enum status status = queue_pages_read(l, &ask, &e.pages);
    progress_end(&e.progress);
    status = output_file_close(&e.file, status);
    if (status == STATUS_DONE)
        tell(&e);
    return status;
}
