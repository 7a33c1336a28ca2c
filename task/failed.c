/* Who did not get it, and why: pages of the failures of a task whose rows have not been sent since, then the rows that were
 * never handed to the broker because the task was stopped.
 */
#include "task/task.h"

#include "proto/mp.h"

#define PAGE_BYTES   (512 * 1024)
#define LOOKED_MAX   65536             /* of a page; an empty page is no end */
#define FROM_UNFED   (UINT64_C(1) << 62) /* `from` of those that were never handed over: this and their row */

struct page {
    struct task *task;
    struct buf *data; /* entries */
    struct buf bytes; /* of a row */
    struct buf told;  /* of a failure */
    uint32_t limit, count, looked;
};

static int is_full(const struct page *p)
{
    return p->count >= p->limit || p->looked >= LOOKED_MAX || p->data->bytes >= PAGE_BYTES;
}

static void pack_entry(struct page *p, const struct failure *f, const struct mark *mark)
{
    struct task_row row = {0};
    struct buf *out = p->data;
    char id[MEGA_ID_BYTES];
    int is_whole = spool_row(p->task->spool, f->row, mark, &p->bytes, &row) == 0;
    size_t place = mp_map_open(out), count = 4;
    mp_put_u64(out, "row", f->row);
    mp_put_str(out, "state", row_state_name(f->state));
    mp_put_u64(out, "round", f->round);
    flight_id(p->task, f->row, f->round, id);
    mp_put_str(out, "id", id);
    if (is_whole) {
        count += mp_opt_u64(out, "line", row.line);
        count += mp_opt_span(out, "openid", row.openid);
        count += mp_opt_raw(out, "vars", row.vars);
    }
    count += mp_opt_i64(out, "code", f->code);
    count += mp_opt_i64(out, "errcode", f->errcode);
    count += mp_opt_i64(out, "settled", f->settled_ms);
    count += mp_opt_span(out, "message", f->message);
    mp_map_close(out, place, count);
    p->count++;
}

/* Returns where the next page begins, 0 at the end of these; -1 in *wrong when they cannot be read. */
static uint64_t add_failures(struct page *p, uint64_t at, int *wrong)
{
    struct failure f;
    struct mark mark;
    int found = 0;
    while (!is_full(p) && (found = spool_next_failure(p->task->spool, &at, &p->told, &f)) == 1) {
        p->looked++;
        if (f.row >= spool_rows(p->task->spool) || spool_marks(p->task->spool, f.row, 1, &mark) != 0)
            continue;
        if (mark.round == f.round && mark.state == f.state)
            pack_entry(p, &f, &mark);
    }
    *wrong = found < 0;
    return found == 1 || is_full(p) ? at : 0;
}

/* Rows that were never handed over have no failure. */
static uint64_t add_unfed(struct page *p, uint64_t row, int *wrong)
{
    struct mark mark;
    uint64_t rows = spool_rows(p->task->spool);
    for (; row < rows && !is_full(p); row++, p->looked++) {
        if (spool_marks(p->task->spool, row, 1, &mark) != 0) {
            *wrong = 1;
            return 0;
        }
        if (mark.state == ROW_CANCELLED && mark.is_unfed) {
            struct failure f = {.row = row, .round = mark.round, .state = ROW_CANCELLED, .code = CODE_CANCELLED};
            f.message = span_of("the task was stopped before it was its turn");
            pack_entry(p, &f, &mark);
        }
    }
    return row < rows ? FROM_UNFED + row : 0;
}

void failed_on_ask(struct runner *r, struct task *t, const struct task_ask *a, struct answer *answer)
{
    struct page p = {.task = t, .data = &r->scratch, .limit = a->limit ? a->limit : TASK_FAILED_MAX};
    struct buf error = {0};
    int wrong = 0;
    buf_clear(&r->scratch);
    if (tasks_open_spool(t, &error) != 0) {
        buf_append(&r->scratch, error.data, error.bytes);
        answer->code = CODE_FAILED;
        answer->message = buf_span(&r->scratch);
        buf_free(&error);
        return;
    }
    t->touched_ms = r->mono_ms; /* it stays open for the next page: opening goes through all failures */
    uint64_t next = a->from;
    if (next < FROM_UNFED) {
        next = add_failures(&p, next, &wrong);
        next = next ? next : FROM_UNFED;
    }
    if (next >= FROM_UNFED && !wrong)
        next = t->facts.counts[ROW_CANCELLED] ? add_unfed(&p, next - FROM_UNFED, &wrong) : 0;
    struct buf array = {0};
    mp_array(&array, p.count);
    buf_append(&array, r->scratch.data, r->scratch.bytes);
    buf_clear(&r->scratch);
    size_t head = array.bytes;
    buf_append(&r->scratch, array.data, array.bytes);
    for (int i = 0; i < 8; i++) {
        char byte = (char)(next >> (56 - 8 * i));
        buf_append(&r->scratch, &byte, 1);
    }
    answer->data = (struct span){r->scratch.data, head};
    if (next)
        answer->next = (struct span){r->scratch.data + head, 8};
    answer->code = wrong ? CODE_FAILED : next ? CODE_QUEUED : CODE_OK;
    if (wrong)
        answer->message = span_of("failures cannot be read; look at the log of mega-task");
    buf_free(&array);
    buf_free(&p.bytes);
    buf_free(&p.told);
}
