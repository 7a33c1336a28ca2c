#include "client/task.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/term.h"
#include "client/confirm.h"
#include "client/task_create.h"
#include "client/task_failed.h"
#include "client/task_link.h"
#include "client/task_print.h"
#include "client/task_watch.h"
#include "proto/mp_json.h"

static struct task_ask ask_of(const struct task_options *o)
{
    static const enum task_op ops[] = {
        [COMMAND_START] = TASK_START, [COMMAND_PAUSE] = TASK_PAUSE, [COMMAND_RESUME] = TASK_RESUME,
        [COMMAND_STOP] = TASK_STOP,   [COMMAND_RATE] = TASK_RATE,   [COMMAND_DELETE] = TASK_DELETE,
        [COMMAND_LIST] = TASK_LIST,   [COMMAND_SHOW] = TASK_SHOW,   [COMMAND_RESEND] = TASK_RESEND};
    return (struct task_ask){.op = ops[o->command],
                             .name = span_of(o->name),
                             .lane = -1,
                             .rate_per_s = o->rate_per_s,
                             .failed = o->failed,
                             .cancelled = o->cancelled};
}

/* Prints what was gathered. */
static enum status print(struct buf *out)
{
    if (out->bytes)
        fwrite(out->data, 1, out->bytes, stdout);
    buf_free(out);
    return STATUS_DONE;
}

static enum status print_json(struct span data)
{
    struct buf out = {0};
    if (mp_json(data, &out))
        return queue_not_understood();
    buf_append_str(&out, "\n");
    return print(&out);
}

/* One task after a change, or everything about it. */
static enum status print_one(const struct task_options *o, struct span data)
{
    struct task_view v;
    struct buf out = {0};
    if (task_view_read(data, &v))
        return queue_not_understood();
    if (o->json)
        return print_json(data);
    if (o->command == COMMAND_SHOW) {
        task_print_all(&v, &out);
        return print(&out);
    }
    task_print_line(&v, 0, &out);
    buf_append_str(&out, "\n");
    return print(&out);
}

static enum status print_list(const struct task_options *o, struct span data)
{
    struct mp_list list;
    struct span one;
    struct task_view v;
    struct buf out = {0};
    size_t columns, rows, count = 0;
    struct table *t = task_print_list_new();
    enum status status = data.bytes && mp_list_open(&list, data) ? queue_not_understood() : STATUS_DONE;
    while (status == STATUS_DONE && data.bytes && mp_list_next(&list, &one)) {
        count++;
        if (task_view_read(one, &v))
            status = queue_not_understood();
        else if (o->json)
            status = print_json(one);
        else
            task_print_list_row(t, &v);
    }
    term_size(STDOUT_FILENO, &columns, &rows);
    if (status == STATUS_DONE && !o->json && count)
        table_write(t, columns, &out);
    if (status == STATUS_DONE && !o->json && count == 0)
        buf_append_str(&out, "there are no tasks\n");
    table_destroy(&t);
    print(&out);
    return status;
}

static enum status print_deleted(const struct task_options *o)
{
    if (o->json)
        printf("{\"name\":\"%s\",\"deleted\":true}\n", o->name);
    else
        printf("%s is deleted\n", o->name);
    return STATUS_DONE;
}

/* --- what cannot be taken back -------------------------------------------------------------------------- */

static enum status confirm_command(const struct task_options *o)
{
    struct buf question = {0};
    if (o->yes)
        return STATUS_DONE;
    if (o->command == COMMAND_STOP)
        buf_printf(&question, "Stop %s: cancel what waits of it at the broker, and send nothing more",
                   o->name);
    else if (o->command == COMMAND_DELETE)
        buf_printf(&question, "Delete %s, its recipients and who did not get it", o->name);
    else if (o->command == COMMAND_RESEND)
        buf_printf(&question, "Send %s again to those %s", o->name,
                   o->failed && o->cancelled ? "to whom it was not sent, failed or cancelled"
                   : o->failed               ? "for whom it failed"
                                             : "for whom it was cancelled or not sent");
    else
        return STATUS_DONE;
    enum status status = confirm("task", o->verb, &question);
    buf_free(&question);
    return status;
}

/* --- commands ------------------------------------------------------------------------------------------- */

static enum status exchange(struct queue_link *l, const struct task_options *o)
{
    const struct task_ask ask = ask_of(o);
    struct answer answer;
    enum status status = task_link_exchange(l, &ask, o->timeout_ms, &answer);
    if (status != STATUS_DONE)
        return status;
    if (o->command == COMMAND_LIST)
        return print_list(o, answer.data);
    return o->command == COMMAND_DELETE ? print_deleted(o) : print_one(o, answer.data);
}

static enum status run(const struct task_options *o)
{
    if (o->command == COMMAND_CREATE)
        return task_create(o);
    if (o->command == COMMAND_WATCH)
        return task_watch(o);
    enum status status = confirm_command(o);
    if (status != STATUS_DONE)
        return status;
    struct queue_link *link = queue_link_new(&o->access, o->endpoint, o->timeout_ms);
    if (link == NULL)
        return STATUS_USAGE;
    status = o->command == COMMAND_FAILED ? task_failed(link, o) : exchange(link, o);
    queue_link_destroy(&link);
    return status;
}

int task_main(int argc, char **argv)
{
    struct task_options options;
    int status = task_options_read(&options, argc, argv, clock_wall_ms());
    if (status == STATUS_DONE)
        status = (int)run(&options);
    if (term_end("mega") != 0 && status == STATUS_DONE)
        status = STATUS_FAILED;
    task_options_free(&options);
    return status < 0 ? STATUS_DONE : status;
}
