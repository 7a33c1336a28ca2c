#include "client/task_bad.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/term.h"
#include "proto/entry_csv.h"

int task_bad_open(struct task_bad *b, const char *name, const char *source, struct progress *progress)
{
    *b = (struct task_bad){.source = source, .progress = progress};
    if (name == NULL)
        return 0;
    if (output_file_open(&b->file, name, progress))
        return -1;
    b->has_file = 1;
    buf_append_str(&b->file.lines, "line,reason\r\n");
    return 0;
}

static void show(struct task_bad *b, uint64_t line, struct span reason)
{
    struct buf text = {0};
    progress_end(b->progress);
    if (b->count <= TASK_BAD_SHOWN) {
        term_append(reason, &text);
        fprintf(stderr, "mega: %s: line %" PRIu64 ": %s\n", b->source, line, buf_str(&text));
    } else if (b->count == TASK_BAD_SHOWN + 1) {
        fprintf(stderr, "mega: %s: more bad lines follow; --bad FILE writes all of them\n", b->source);
    }
    buf_free(&text);
}

int task_bad_add(struct task_bad *b, uint64_t line, struct span reason)
{
    b->count++;
    if (!b->has_file) {
        show(b, line, reason);
        return 0;
    }
    buf_printf(&b->file.lines, "%" PRIu64 ",", line);
    entry_csv_field(reason, &b->file.lines);
    buf_append_str(&b->file.lines, "\r\n");
    return output_file_put(&b->file);
}

int task_bad_close(struct task_bad *b)
{
    if (!b->has_file)
        return 0;
    b->has_file = 0;
    return output_file_close(&b->file, STATUS_DONE) == STATUS_DONE ? 0 : -1;
}
