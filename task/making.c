/* A task that is being made: opened, filled with rows, committed. Nobody sees it before; what is not committed is forgotten
 * when nobody has gone on with it for a while. It outlives a restart of this process: whoever makes it goes on.
 */
#include "task/task.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "proto/mp.h"

#define FORGET_MS (10 * 60 * 1000)

static void refuse(struct runner *r, struct answer *answer, enum code code, const char *message)
{
    buf_clear(&r->scratch);
    buf_append_str(&r->scratch, message);
    answer->code = code;
    answer->message = buf_span(&r->scratch);
}

static void put_text(char *to, size_t room, struct span text)
{
    span_to_text(to, room, text);
}

static void fill_facts(struct task *t, const struct task_ask *a)
{
    struct facts *f = &t->facts;
    put_text(f->upload, sizeof f->upload, a->upload);
    put_text(f->key, sizeof f->key, a->key);
    put_text(f->app, sizeof f->app, a->app);
    put_text(f->source, sizeof f->source, a->source);
    buf_append(&f->columns, a->columns.data, a->columns.bytes);
    f->lane = a->lane;
    f->rate_per_s = (uint64_t)a->rate_per_s;
    f->at_ms = a->at_ms;
    f->ttl_ms = a->ttl_ms;
    f->round = 1;
}

/* 1 when there is too little room for more rows: the broker needs what is left. */
static int is_disk_low(const struct runner *r)
{
    struct statvfs fs;
    return statvfs(r->conf->task.dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < r->conf->broker.free_bytes_min;
}

static void on_open(struct runner *r, const struct task_ask *a, struct answer *answer)
{
    struct task *t = tasks_find(r, a->name);
    if (t && span_is(a->upload, t->facts.upload))
        return; /* asked again */
    if (t) {
        refuse(r, answer, CODE_REFUSED, "name: there is a task of this name, or one is being made; choose another, or delete it");
        return;
    }
    if (a->app.bytes && conf_account_find(r->conf, a->app) == NULL) {
        refuse(r, answer, CODE_REFUSED, "app: no such account");
        return;
    }
    struct buf error = {0};
    t = tasks_add(r, a->name, &error);
    if (t) {
        fill_facts(t, a);
        if (tasks_keep(t) != 0) {
            buf_append_str(&error, t->note);
            tasks_delete(t);
            t = NULL;
        }
    }
    if (t == NULL)
        refuse(r, answer, CODE_BUSY, buf_str(&error));
    buf_free(&error);
}

static void on_rows(struct runner *r, struct task *t, const struct task_ask *a, struct answer *answer)
{
    if (is_disk_low(r)) {
        refuse(r, answer, CODE_BUSY, "disk: less than min_free_space is free; make room, or lower it");
        return;
    }
    int wrong = spool_rows(t->spool) > TASK_ROWS_MAX ? -2 : spool_put_rows(t->spool, a->row, a->data);
    if (wrong == -1)
        refuse(r, answer, CODE_BUSY, strerror(errno));
    else if (wrong)
        refuse(r, answer, CODE_REFUSED, "data: rows that do not follow those that are there, or are none; at most 100000000");
    answer->done = spool_rows(t->spool);
}

static void on_drop(struct runner *r, struct task *t, const struct task_ask *a, struct answer *answer)
{
    struct mp_cursor c;
    struct mark mark;
    mp_open(&c, a->drops);
    uint32_t count = a->drops.bytes ? mp_read_array(&c) : 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t row = mp_read_u64(&c);
        if (row >= spool_rows(t->spool)) {
            refuse(r, answer, CODE_REFUSED, "drops: a row that is not there");
            return;
        }
        if (spool_marks(t->spool, row, 1, &mark) == 0) {
            mark.state = ROW_DROPPED;
            if (spool_put_mark(t->spool, row, &mark) == 0)
                continue;
        }
        refuse(r, answer, CODE_BUSY, strerror(errno));
        return;
    }
}

static void start_committed(struct task *t)
{
    struct buf error = {0};
    if (life_start(t, &error) != CODE_OK)
        snprintf(t->note, sizeof t->note, "it could not be started; start it");
    buf_free(&error);
}

static void commit(struct runner *r, struct task *t, const struct task_ask *a, struct answer *answer)
{
    struct buf making = {0};
    t->facts.bad = a->bad;
    t->facts.created_ms = r->now_ms;
    t->facts.state = t->facts.at_ms > r->now_ms && !a->start ? TASK_SCHEDULED : TASK_READY;
    t->is_making = 0;
    if (tasks_recount(t) != 0 || spool_sync(t->spool) != 0 || tasks_keep(t) != 0) {
        t->is_making = 1;
        refuse(r, answer, CODE_BUSY, strerror(errno));
        return;
    }
    r->makings--;
    buf_printf(&making, "%s/making", t->folder);
    unlink(buf_str(&making));
    buf_free(&making);
    log_info("task made", log_str("task", t->facts.name), log_u64("rows", a->rows), log_str("source", t->facts.source),
             log_span("by", a->by));
    if (a->start)
        start_committed(t);
}

static void on_commit(struct runner *r, struct task *t, const struct task_ask *a, struct answer *answer)
{
    if (spool_rows(t->spool) != a->rows) {
        answer->done = spool_rows(t->spool);
        refuse(r, answer, CODE_REFUSED, "rows: not as many as have arrived");
        return;
    }
    if (a->rows == 0) {
        refuse(r, answer, CODE_REFUSED, "rows: there are none");
        return;
    }
    commit(r, t, a, answer);
}

void making_on_ask(struct runner *r, const struct task_ask *a, struct answer *answer)
{
    answer->code = CODE_OK;
    if (a->op == TASK_OPEN) {
        on_open(r, a, answer);
        return;
    }
    struct task *t = tasks_find(r, a->name);
    int is_ours = t && span_is(a->upload, t->facts.upload);
    if (a->op == TASK_ABORT && !is_ours)
        return; /* it is gone already */
    if (!is_ours) {
        refuse(r, answer, CODE_NOT_FOUND, "upload: unknown; open it again");
        return;
    }
    if (!t->is_making) {
        if (a->op != TASK_COMMIT)
            refuse(r, answer, CODE_REFUSED, "name: this task is there already");
        else if (a->start && (t->facts.state == TASK_READY || t->facts.state == TASK_SCHEDULED))
            start_committed(t); /* asked again: the process may have ended between the commit and the start */
        return;
    }
    t->touched_ms = r->mono_ms;
    if (a->op == TASK_ROWS)
        on_rows(r, t, a, answer);
    else if (a->op == TASK_DROP)
        on_drop(r, t, a, answer);
    else if (a->op == TASK_COMMIT)
        on_commit(r, t, a, answer);
    else if (tasks_delete(t) != 0)
        refuse(r, answer, CODE_BUSY, t->note);
}

void making_tick(struct runner *r)
{
    struct task *t, *next;
    if (r->makings == 0)
        return;
    HASH_ITER(hh, r->tasks, t, next)
    {
        if (t->is_making && r->mono_ms - t->touched_ms > FORGET_MS) {
            log_info("a task that was being made is forgotten, nobody went on with it", log_str("task", t->facts.name));
            t->touched_ms = r->mono_ms; /* tried again only then, should it not go */
            tasks_delete(t);
        }
    }
}
