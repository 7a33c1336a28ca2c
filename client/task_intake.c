#include "client/task_intake.h"

#include <stdio.h>

#include "base/term.h"
#include "proto/mp.h"

#define PIECE_BYTES   (256 * 1024)
#define PROGRESS_ROWS 4096 /* between two looks at the clock */

enum status task_intake_open(struct task_intake *in, const struct task_options *o, const char *source,
                             struct task_upload *upload, const volatile sig_atomic_t *is_stopped)
{
    *in = (struct task_intake){.o = o, .source = source, .upload = upload, .is_stopped = is_stopped};
    progress_begin(&in->progress, "rows", !o->json);
    in->repeats = duplicates_new(&(struct duplicates_options){.examples_max = TASK_EXAMPLES});
    in->status = task_bad_open(&in->bad, o->bad, source, &in->progress) ? STATUS_FAILED : STATUS_DONE;
    return in->status;
}

void task_intake_close(struct task_intake *in)
{
    progress_end(&in->progress);
    task_bad_close(&in->bad);
    duplicates_destroy(&in->repeats);
    task_samples_free(&in->samples);
    buf_free(&in->checked.message);
    buf_free(&in->names);
    buf_free(&in->openid_column);
    buf_free(&in->read_as);
    buf_free(&in->piece);
    buf_free(&in->vars);
}

int task_intake_is_spoilt(const struct task_intake *in)
{
    return in->bad.count > 0 && !in->o->skip_bad;
}

static int is_uploading(const struct task_intake *in)
{
    return in->upload != NULL && !task_intake_is_spoilt(in);
}

static enum status fail(struct task_intake *in, enum status status, const char *what, const char *why)
{
    progress_end(&in->progress);
    fprintf(stderr, "mega: %s: %s\n", what, why);
    in->status = status;
    return status;
}

/* --- columns -------------------------------------------------------------------------------------------- */

/* 1 when --var names it. */
static int is_constant(const struct task_options *o, struct span name)
{
    struct mp_cursor c;
    mp_open(&c, buf_span(&o->var_names));
    for (size_t i = 0; i < o->var_count; i++)
        if (span_equal(mp_read_str(&c), name))
            return 1;
    return 0;
}

static enum status open_task(struct task_intake *in)
{
    const struct task_options *o = in->o;
    struct buf source = {0};
    struct task_ask ask = {.op = TASK_OPEN,
                           .name = span_of(o->name),
                           .key = o->key,
                           .app = o->app,
                           .columns = buf_span(&in->names),
                           .lane = o->lane,
                           .rate_per_s = o->rate_per_s,
                           .at_ms = o->at_ms,
                           .ttl_ms = o->ttl_ms};
    if (!is_uploading(in))
        return STATUS_DONE;
    term_cut(span_of(in->source), TASK_SOURCE_BYTES_MAX / 4, &source); /* a character has 4 bytes at most */
    ask.source = buf_span(&source);
    in->is_open = 1;
    in->status = task_upload_ask(in->upload, &ask, 0);
    if (in->status == STATUS_DONE)
        in->status = task_upload_wait(in->upload);
    buf_free(&source);
    return in->status;
}

enum status task_intake_columns(struct task_intake *in, const struct span *names, size_t count,
                                size_t openid_at)
{
    const struct task_options *o = in->o;
    buf_append(&in->openid_column, names[openid_at].data, names[openid_at].bytes);
    if (count - 1 + o->var_count > VARS_MAX)
        return fail(in, STATUS_USAGE, "--var", "more than 1024 variables with those of the columns");
    mp_array(&in->names, count - 1 + o->var_count);
    for (size_t i = 0; i < count; i++) {
        if (i == openid_at)
            continue;
        if (is_constant(o, names[i])) {
            struct buf text = {0};
            buf_append_str(&text, "--var ");
            term_append(names[i], &text);
            fail(in, STATUS_USAGE, buf_str(&text), "there is a column of this name; leave one of them out");
            buf_free(&text);
            return in->status;
        }
        mp_span(&in->names, names[i]);
    }
    mp_raw(&in->names, buf_span(&o->var_names));
    return open_task(in);
}

/* --- rows ----------------------------------------------------------------------------------------------- */

/* The row's variables and the constant ones: in->vars, empty when there are none. */
static void join_vars(struct task_intake *in, struct span vars)
{
    const struct task_options *o = in->o;
    struct mp_cursor c, names, values;
    buf_clear(&in->vars);
    mp_open(&c, vars);
    uint32_t count = vars.bytes ? mp_read_map(&c) : 0;
    if (count + o->var_count == 0)
        return;
    mp_map(&in->vars, count + o->var_count);
    if (count)
        mp_raw(&in->vars, (struct span){c.at, (size_t)(c.end - c.at)});
    mp_open(&names, buf_span(&o->var_names));
    mp_open(&values, buf_span(&o->var_values));
    for (size_t i = 0; i < o->var_count; i++) {
        mp_raw(&in->vars, mp_skip(&names));
        mp_raw(&in->vars, mp_skip(&values));
    }
}

static enum status flush(struct task_intake *in)
{
    const struct task_ask ask = {.op = TASK_ROWS,
                                 .name = span_of(in->o->name),
                                 .lane = -1,
                                 .row = in->rows - in->piece_rows,
                                 .data = buf_span(&in->piece)};
    if (in->piece_rows && is_uploading(in))
        in->status = task_upload_ask(in->upload, &ask, in->rows);
    buf_clear(&in->piece);
    in->piece_rows = 0;
    return in->status;
}

/* The broker looks at the first row, before any is sent. */
static enum status check_first(struct task_intake *in)
{
    progress_end(&in->progress);
    task_check_first(in->o, &in->samples, &in->checked);
    if (in->upload == NULL || in->checked.verdict == VERDICT_GOOD)
        return STATUS_DONE;
    if (in->checked.verdict == VERDICT_UNKNOWN) {
        fprintf(stderr, "mega: the first row was not checked: %s\n",
                in->checked.code ? buf_str(&in->checked.message) : "the broker does not answer");
        return STATUS_DONE;
    }
    struct buf text = {0};
    term_append(buf_span(&in->checked.message), &text);
    fprintf(stderr, "mega: the first row would be refused: %d %s\n", in->checked.code, buf_str(&text));
    buf_free(&text);
    in->status = STATUS_REFUSED;
    return in->status;
}

static enum status take_bad(struct task_intake *in, uint64_t line, struct span reason)
{
    if (task_bad_add(&in->bad, line, reason))
        in->status = STATUS_FAILED;
    return in->status;
}

static enum status take_good(struct task_intake *in, const struct row *row)
{
    struct task_row packed = {.line = row->line, .openid = row->openid};
    join_vars(in, row->vars);
    packed.vars = buf_span(&in->vars);
    if (in->vars.bytes + row->openid.bytes + 32 > TASK_ROW_BYTES_MAX) /* 32: line and headers */
        return take_bad(in, row->line, span_of("more than 320 KiB with the names of its variables"));
    if (in->rows == TASK_ROWS_MAX)
        return fail(in, STATUS_REFUSED, in->source, "more than 100000000 rows; make several tasks of it");
    if (duplicates_add(in->repeats, row->openid, row->line))
        return fail(in, STATUS_FAILED, "repeated recipients", duplicates_error(in->repeats));
    task_samples_add(&in->samples, row->openid, packed.vars);
    if (in->rows == 0 && check_first(in) != STATUS_DONE)
        return in->status;
    if (in->piece.bytes && in->piece.bytes + in->vars.bytes + row->openid.bytes + 32 > PIECE_BYTES &&
        flush(in) != STATUS_DONE)
        return in->status;
    if (is_uploading(in)) {
        task_row_pack(&packed, &in->piece);
        in->piece_rows++;
    }
    in->rows++;
    return STATUS_DONE;
}

enum status task_intake_row(struct task_intake *in, const struct row *row)
{
    if (*in->is_stopped)
        return in->status = STATUS_REFUSED; /* task_create says it */
    if ((in->rows + in->bad.count) % PROGRESS_ROWS == 0)
        progress_show(&in->progress, in->rows, &(struct answer){0});
    return row->fault == ROW_GOOD ? take_good(in, row) : take_bad(in, row->line, row->reason);
}

/* --- the end -------------------------------------------------------------------------------------------- */

static enum status drop_repeats(struct task_intake *in)
{
    uint64_t left = duplicates_count(in->repeats), number = 0;
    while (left && in->status == STATUS_DONE) {
        uint64_t count = left < TASK_DROPS_MAX ? left : TASK_DROPS_MAX;
        struct task_ask ask = {.op = TASK_DROP, .name = span_of(in->o->name), .lane = -1};
        buf_clear(&in->piece);
        mp_array(&in->piece, count);
        for (uint64_t i = 0; i < count; i++) {
            number = duplicates_next(in->repeats, number);
            mp_u64(&in->piece, number - 1); /* rows of a task count from 0 */
        }
        ask.drops = buf_span(&in->piece);
        in->status = task_upload_ask(in->upload, &ask, 0);
        if (in->status == STATUS_DONE)
            in->status = task_upload_wait(in->upload);
        left -= count;
    }
    return in->status;
}

enum status task_intake_finish(struct task_intake *in)
{
    if (flush(in) != STATUS_DONE)
        return in->status;
    if (is_uploading(in) && (in->status = task_upload_wait(in->upload)) != STATUS_DONE)
        return in->status;
    if (duplicates_finish(in->repeats))
        return fail(in, STATUS_FAILED, "repeated recipients", duplicates_error(in->repeats));
    return in->o->unique && is_uploading(in) ? drop_repeats(in) : STATUS_DONE;
}
