#include "client/task_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/term.h"
#include "client/rows/rows.h"

static int is_standard_input(const struct task_options *o)
{
    return o->file == NULL || strcmp(o->file, "-") == 0;
}

void task_source_name(const struct task_options *o, struct buf *out)
{
    if (o->source == SOURCE_FOLLOWERS)
        buf_append_str(out, "followers");
    else if (o->source == SOURCE_SQL)
        term_append(span_of(o->sql), out);
    else if (is_standard_input(o))
        buf_append_str(out, "standard input");
    else
        term_append(span_of(o->file), out);
}

enum status task_source_read(const struct task_options *o, struct task_intake *in)
{
    if (o->source == SOURCE_SQL)
        return task_source_sql(o, in);
    return o->source == SOURCE_FOLLOWERS ? task_source_followers(o, in) : task_source_file(o, in);
}

/* --- files ---------------------------------------------------------------------------------------------- */

static enum status cannot_be_read(struct task_intake *in, const char *why)
{
    progress_end(&in->progress);
    fprintf(stderr, "mega: %s: %s\n", in->source, why);
    return STATUS_FAILED;
}

/* What was found, or given: known for certain when all rows have been read. */
static void tell_form(const struct rows *rows, struct buf *out)
{
    char delimiter = rows_delimiter(rows);
    enum encoding encoding = rows_encoding(rows);
    buf_printf(out, "%s, %s", encoding == ENCODING_AUTO ? "ascii" : encoding_name(encoding), delimiter == ',' ? "comma" : delimiter == ';' ? "semicolon" : "tab");
}

static enum status read_rows(struct rows *rows, struct task_intake *in)
{
    size_t count;
    struct row row;
    const struct span *names = rows_columns(rows, &count);
    enum status status = task_intake_columns(in, names, count, rows_openid_at(rows));
    while (status == STATUS_DONE) {
        enum rows_answer answer = rows_next(rows, &row);
        if (answer == ROWS_END)
            break;
        if (answer == ROWS_FAILED)
            return cannot_be_read(in, rows_error(rows));
        status = task_intake_row(in, &row);
    }
    tell_form(rows, &in->read_as);
    return status;
}

enum status task_source_file(const struct task_options *o, struct task_intake *in)
{
    const struct rows_options options = {.encoding = o->encoding,
                                         .delimiter = o->delimiter,
                                         .openid_column = o->openid_column,
                                         .columns = o->columns};
    struct buf error = {0};
    int fd = is_standard_input(o) ? STDIN_FILENO : open(o->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cannot_be_read(in, strerror(errno));
    struct rows *rows = rows_new(&options, fd, &error);
    enum status status = rows ? read_rows(rows, in) : cannot_be_read(in, buf_str(&error));
    rows_destroy(&rows);
    if (fd != STDIN_FILENO)
        close(fd);
    buf_free(&error);
    return status;
}
