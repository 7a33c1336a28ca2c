/* One row on its way to the broker, and its result.
 *
 * A flight is at one of these:
 *   LOOK    of a row that is sent again: did its last message reach its recipient after all? Then it is not sent again
 *   ATTACH  of a row that may have been fed before a restart: what became of it? Unknown: it was not
 *   PUSH    handed to the broker
 *   WAIT    accepted; its result is waited for
 * Every one of these is a question that may be asked again. Results are gathered and written together (flight_flush).
 */
#include "task/task.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#define AGAIN_MS_FIRST 500
#define AGAIN_MS_MAX   30000
#define FLUSH_AGAIN_MS 1000

enum step { STEP_LOOK, STEP_ATTACH, STEP_PUSH, STEP_WAIT };

struct flight {
    UT_hash_handle hh; /* by row */
    struct flight *next; /* of those to be asked again */
    struct task *task;
    uint64_t row;
    struct mark mark;
    enum step step;
};

struct result_row {
    uint64_t row;
    struct mark mark; /* with the new state */
    int32_t code;
    int64_t errcode;
    int64_t settled_ms;
    char *message; /* owned; of a failure that is not written yet */
};

static void submit(struct flight *f);
static void log_ended(const struct flight *f, enum row_state state, int code, int64_t errcode);

int flight_is_out(const struct task *t, uint64_t row)
{
    struct flight *f = NULL;
    HASH_FIND(hh, t->flights, &row, sizeof row, f);
    return f != NULL;
}

static void forget(struct flight *f)
{
    struct task *t = f->task;
    HASH_DEL(t->flights, f);
    t->out--;
    t->pushes -= f->step == STEP_PUSH;
    t->attaches -= f->step == STEP_ATTACH;
    t->runner->flights--;
    free(f);
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static int is_failure(enum row_state state)
{
    return state != ROW_SENT && state != ROW_PENDING;
}

static void settle(struct flight *f, enum row_state state, int code, int64_t errcode, const char *message)
{
    struct task *t = f->task;
    if (t->result_count == t->result_room) {
        t->result_room = t->result_room ? t->result_room * 2 : 64;
        t->results = mem_resize(t->results, t->result_room * sizeof *t->results);
    }
    struct result_row *result = &t->results[t->result_count++];
    *result = (struct result_row){.row = f->row, .mark = f->mark, .code = code, .errcode = errcode};
    result->mark.state = state;
    result->mark.errcode = failure_errcode(errcode);
    result->settled_ms = t->runner->now_ms;
    result->message = is_failure(state) ? mem_dup(message) : NULL;
    log_ended(f, state, code, errcode);
    forget(f);
}

static int put_failures(struct task *t)
{
    struct failure *failures = mem_new((t->result_count + 1) * sizeof *failures);
    size_t count = 0;
    for (size_t i = 0; i < t->result_count; i++) {
        const struct result_row *r = &t->results[i];
        if (r->message)
            failures[count++] = (struct failure){.row = r->row,
                                                 .round = r->mark.round,
                                                 .state = r->mark.state,
                                                 .code = r->code,
                                                 .errcode = r->errcode,
                                                 .settled_ms = r->settled_ms,
                                                 .message = span_of(r->message)};
    }
    int wrong = count > 0 && spool_put_failures(t->spool, failures, count) != 0;
    free(failures);
    if (wrong)
        return -1;
    for (size_t i = 0; i < t->result_count; i++) { /* not a second time, should the marks not be written now */
        free(t->results[i].message);
        t->results[i].message = NULL;
    }
    return 0;
}

static int put_marks(struct task *t)
{
    for (size_t i = 0; i < t->result_count; i++)
        if (spool_put_mark(t->spool, t->results[i].row, &t->results[i].mark) != 0)
            return -1;
    return 0;
}

int flight_flush(struct task *t)
{
    if (t->result_count == 0)
        return 0;
    if (t->runner->mono_ms < t->flush_ms)
        return -1;
    if (put_failures(t) != 0 || put_marks(t) != 0) {
        snprintf(t->note, sizeof t->note, "results cannot be written: %s", strerror(errno));
        log_error("results of a task cannot be written", log_str("task", t->facts.name), log_str("error", strerror(errno)));
        t->flush_ms = t->runner->mono_ms + FLUSH_AGAIN_MS;
        return -1;
    }
    for (size_t i = 0; i < t->result_count; i++) {
        t->facts.counts[ROW_TODO]--;
        t->facts.counts[t->results[i].mark.state]++;
    }
    feed_count(t, t->result_count);
    t->grown = 0;
    t->result_count = 0;
    t->note[0] = '\0';
    return 0;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

void flight_id(const struct task *t, uint64_t row, unsigned round, char id[MEGA_ID_BYTES])
{
    snprintf(id, MEGA_ID_BYTES, "%s-%s:%u:%" PRIu64, t->facts.name, t->facts.uid, round, row);
}

/* The line of a row whose result has come. */
static void log_ended(const struct flight *f, enum row_state state, int code, int64_t errcode)
{
    char id[MEGA_ID_BYTES];
    if (log_messages_now() < (is_failure(state) ? MESSAGES_FAILED : MESSAGES_ALL))
        return;
    flight_id(f->task, f->row, f->step == STEP_LOOK ? f->mark.round - 1U : f->mark.round, id);
    log_trouble(LEVEL_INFO, "row ended", log_str("id", id), log_some("app", span_of(f->task->facts.app)),
                log_str("task", f->task->facts.name), log_u64("row", f->row), log_str("state", row_state_name(state)), log_i64("code", code), log_some_i64("errcode", errcode));
}

static void ask_later(struct flight *f, const char *why)
{
    struct task *t = f->task;
    if (t->again_first == NULL) {
        t->again_wait_ms = t->again_wait_ms ? t->again_wait_ms * 2 : AGAIN_MS_FIRST;
        if (t->again_wait_ms > AGAIN_MS_MAX)
            t->again_wait_ms = AGAIN_MS_MAX;
        t->again_ms = t->runner->mono_ms + t->again_wait_ms;
        t->again_first = f;
        snprintf(t->note, sizeof t->note, "%s", why);
        log_warn("task waits for the broker", log_str("task", t->facts.name), log_str("reason", why),
                 log_i64("wait_ms", t->again_wait_ms));
    } else
        t->again_last->next = f;
    t->again_last = f;
    f->next = NULL;
}

static void take_step(struct flight *f, enum step step)
{
    f->task->pushes -= f->step == STEP_PUSH;
    f->task->attaches -= f->step == STEP_ATTACH;
    f->task->pushes += step == STEP_PUSH;
    f->task->attaches += step == STEP_ATTACH;
    f->step = step;
    submit(f);
}

/* Of a message with a receipt the broker tells that instead of its result: it was sent all the same, and counts as such. */
static int has_receipt(const struct mega_result *r)
{
    return receipt_find(span_of(r->state)) != RECEIPT_NONE;
}

static enum row_state state_of(const struct mega_result *r)
{
    if (has_receipt(r))
        return ROW_SENT;
    switch (r->code) {
    case CODE_OK:
        return strcmp(r->state, "pending") == 0 ? ROW_PENDING : ROW_SENT;
    case CODE_REFUSED:
        return ROW_REFUSED;
    case CODE_EXPIRED:
        return ROW_EXPIRED;
    case CODE_CANCELLED:
        return ROW_CANCELLED;
    default:
        return ROW_DEAD;
    }
}

static void on_settled(struct flight *f, const struct mega_result *r)
{
    settle(f, state_of(r), has_receipt(r) ? CODE_OK : r->code, r->errcode, has_receipt(r) ? "" : r->message);
}

/* What the broker says of the message; of one that has not ended it says nothing yet. */
static void on_known(struct flight *f, const struct mega_result *r)
{
    int was_sent = r->code == CODE_OK || has_receipt(r), is_stopping = f->task->facts.state == TASK_STOPPING;
    f->task->is_found |= f->step == STEP_ATTACH && r->code != CODE_NOT_FOUND;
    if (f->step == STEP_LOOK && !was_sent) /* what is being stopped hands over nothing more, but may have before a restart */
        take_step(f, is_stopping ? STEP_ATTACH : STEP_PUSH);
    else if (r->code != CODE_NOT_FOUND)
        on_settled(f, r);
    else if (f->step == STEP_ATTACH)
        forget(f);
    else /* sending it again could be a second time */
        settle(f, ROW_DEAD, CODE_FAILED, 0, "the broker has accepted it and does not know it any more; whether it was sent is not known");
}

static void on_pushed(struct flight *f, const struct mega_result *r)
{
    if (r->code == CODE_OK)
        take_step(f, STEP_WAIT);
    else
        on_settled(f, r);
}

static void on_answer(void *argument, const struct mega_result *r)
{
    struct flight *f = argument;
    if (r->error)
        ask_later(f, "the broker does not answer");
    else if (f->step == STEP_ATTACH && r->code == CODE_QUEUED) {
        f->task->is_found = 1;
        take_step(f, STEP_WAIT);
    } else if (r->code == CODE_BUSY || r->code == CODE_QUEUED)
        ask_later(f, r->message[0] ? r->message : "the broker does not take it now");
    else {
        f->task->again_wait_ms = 0;
        if (f->step == STEP_PUSH)
            on_pushed(f, r);
        else
            on_known(f, r);
    }
}

static int push(struct flight *f, const char *id)
{
    struct task *t = f->task;
    struct task_row row;
    if (spool_row(t->spool, f->row, &f->mark, &t->runner->row, &row) != 0) {
        log_error("row of a task cannot be read", log_str("task", t->facts.name), log_u64("row", f->row));
        settle(f, ROW_DEAD, CODE_FAILED, 0, "the row cannot be read from disk: damaged");
        return 0;
    }
    char openid[OPENID_BYTES_MAX + 1];
    span_to_text(openid, sizeof openid, row.openid);
    struct mega_message message = {.openid = openid,
                                   .key = t->facts.key,
                                   .id = id,
                                   .app = t->facts.app[0] ? t->facts.app : NULL,
                                   .task = t->facts.name,
                                   .lane = lane_name(t->facts.lane),
                                   .ttl_ms = t->facts.ttl_ms,
                                   .packed_vars = row.vars.data,
                                   .packed_bytes = row.vars.bytes};
    return mega_push_async(t->runner->mega, &message, on_answer, f);
}

static void submit(struct flight *f)
{
    struct task *t = f->task;
    char id[MEGA_ID_BYTES];
    flight_id(t, f->row, f->step == STEP_LOOK ? f->mark.round - 1U : f->mark.round, id);
    const char *app = t->facts.app[0] ? t->facts.app : NULL;
    if (f->step == STEP_PUSH)
        log_step("row handed over", log_str("id", id), log_some("app", span_of(t->facts.app)), log_str("key", t->facts.key),
                 log_str("task", t->facts.name), log_u64("row", f->row));
    int wrong = f->step == STEP_PUSH     ? push(f, id)
                : f->step == STEP_ATTACH ? mega_status_async(t->runner->mega, app, id, on_answer, f)
                                         : mega_wait_async(t->runner->mega, app, id, on_answer, f);
    if (wrong == MEGA_INVALID)
        settle(f, ROW_REFUSED, CODE_REFUSED, 0, mega_last_error());
    else if (wrong)
        ask_later(f, mega_strerror(wrong));
}

void flight_begin(struct task *t, uint64_t row, const struct mark *mark, int is_look)
{
    struct flight *f = mem_new(sizeof *f);
    f->task = t;
    f->row = row;
    f->mark = *mark;
    f->step = is_look ? STEP_ATTACH : mark->round > 1 ? STEP_LOOK : STEP_PUSH;
    HASH_ADD(hh, t->flights, row, sizeof f->row, f);
    t->out++;
    t->pushes += f->step == STEP_PUSH;
    t->attaches += f->step == STEP_ATTACH;
    t->runner->flights++;
    submit(f);
}

void flight_tick(struct task *t)
{
    if (t->again_first == NULL || t->runner->mono_ms < t->again_ms)
        return;
    struct flight *f = t->again_first, *next;
    t->again_first = t->again_last = NULL;
    for (; f; f = next) {
        next = f->next;
        f->next = NULL;
        submit(f);
    }
}

void flight_drop_all(struct task *t)
{
    struct flight *f, *next;
    t->again_first = t->again_last = NULL;
    HASH_ITER(hh, t->flights, f, next)
    {
        forget(f);
    }
    for (size_t i = 0; i < t->result_count; i++)
        free(t->results[i].message);
    t->result_count = 0;
}
