#include "client/task_create.h"

#include <signal.h>
#include <stdio.h>

#include "client/task_report.h"
#include "client/task_source.h"
#include "client/task_watch.h"

/* Ctrl-C takes back what is being made. A second one ends the program where it stands. */
static volatile sig_atomic_t is_stopped;

static void on_signal(int number)
{
    is_stopped = number;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static void release_signals(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

static enum status commit(struct task_intake *in)
{
    const struct task_ask ask = {.op = TASK_COMMIT,
                                 .name = span_of(in->o->name),
                                 .lane = -1,
                                 .rows = in->rows,
                                 .bad = in->bad.count,
                                 .start = in->o->start};
    enum status status = task_upload_ask(in->upload, &ask, 0);
    return status == STATUS_DONE ? task_upload_wait(in->upload) : status;
}

/* After the last row. */
static enum status conclude(struct task_intake *in)
{
    enum status status = task_intake_finish(in);
    progress_end(&in->progress);
    if (task_bad_close(&in->bad) && status == STATUS_DONE)
        status = STATUS_FAILED;
    if (status != STATUS_DONE)
        return status;
    if (in->upload == NULL)
        return task_report_dry_run(in);
    if (in->rows == 0 || task_intake_is_spoilt(in)) {
        task_report_spoilt(in);
        return STATUS_REFUSED;
    }
    status = commit(in);
    if (status == STATUS_DONE)
        task_report_made(in, task_upload_answer(in->upload)->data);
    return status;
}

/* Reads the source and makes the task. */
static enum status make(const struct task_options *o, const char *source, struct task_upload *upload)
{
    struct task_intake in;
    enum status status = task_intake_open(&in, o, source, upload, &is_stopped);
    if (status == STATUS_DONE)
        status = task_source_read(o, &in);
    if (status == STATUS_DONE)
        status = conclude(&in);
    progress_end(&in.progress);
    if (status != STATUS_DONE && in.is_open)
        task_upload_abort(upload, o->name);
    if (is_stopped)
        fputs("mega: interrupted; nothing was made\n", stderr);
    task_intake_close(&in);
    return status;
}

enum status task_create(const struct task_options *o)
{
    struct buf source = {0};
    struct task_upload *upload = NULL;
    enum status status = STATUS_USAGE;
    task_source_name(o, &source);
    if (!o->dry_run)
        upload = task_upload_new(&o->access, o->endpoint, o->timeout_ms, &is_stopped);
    catch_signals(); /* behind the making of the socket, which sets them as it likes */
    if (upload || o->dry_run)
        status = make(o, buf_str(&source), upload);
    task_upload_destroy(&upload);
    buf_free(&source);
    release_signals();
    return status == STATUS_DONE && o->watch ? task_watch(o) : status;
}
