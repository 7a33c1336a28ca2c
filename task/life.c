/* What a task does next.
 *
 *   READY      start → RUNNING          SCHEDULED  its time comes, or start → RUNNING
 *   RUNNING    pause → PAUSED, stop → STOPPING, no row without a result → DONE
 *   PAUSED     resume → RUNNING (SCHEDULED if it never began), stop → STOPPING, no row without a result → DONE
 *   STOPPING   what waits is cancelled, what is out has ended; the rest will never be sent → STOPPED
 *   STOPPED, DONE   resend → RUNNING
 *
 * A change is on disk before anything is done about it, so that a restart goes on with it.
 */
#include "task/task.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"

/* --- changes ------------------------------------------------------------------------------------------------------ */

static enum code refuse(struct buf *error, const struct task *t, const char *why)
{
    buf_printf(error, "%s: it is %s; %s", t->facts.name, task_state_name(t->facts.state), why);
    return CODE_REFUSED;
}

/* Writes the changed facts; puts the old state back when that fails. */
static enum code change(struct task *t, enum task_state state, struct buf *error)
{
    enum task_state before = t->facts.state;
    int held_before = t->facts.is_held;
    t->facts.state = state;
    t->facts.is_held |= state == TASK_PAUSED;
    if (tasks_keep(t) != 0) {
        t->facts.state = before;
        t->facts.is_held = held_before;
        buf_printf(error, "%s: %s", t->facts.name, t->note);
        return CODE_BUSY;
    }
    t->is_paused_there = 0;
    t->note[0] = '\0';
    t->doubt = NULL;
    t->began_ms = t->grown_ms = t->runner->mono_ms;
    t->grown = 0;
    log_info("task changes", log_str("task", t->facts.name), log_str("from", task_state_name(before)),
             log_str("to", task_state_name(state)));
    return CODE_OK;
}

enum code life_start(struct task *t, struct buf *error)
{
    if (t->facts.state == TASK_RUNNING)
        return CODE_OK;
    if (t->facts.state == TASK_PAUSED)
        return refuse(error, t, "resume it");
    if (t->facts.state != TASK_READY && t->facts.state != TASK_SCHEDULED)
        return refuse(error, t, "it has been started before; resend sends to those again who did not get it");
    if (tasks_open_spool(t, error) != 0)
        return CODE_BUSY;
    int64_t before_ms = t->facts.started_ms;
    t->facts.started_ms = t->runner->now_ms;
    feed_rewind(t);
    if (change(t, TASK_RUNNING, error) == CODE_OK)
        return CODE_OK;
    t->facts.started_ms = before_ms;
    return CODE_BUSY;
}

/* Rows that were on their way when the process ended before, and have not been fed since, have results too. */
static void look_again(struct task *t)
{
    if (!t->is_loaded)
        return;
    t->looks = LOOK_ROWS;
    feed_rewind(t);
}

enum code life_pause(struct task *t, struct buf *error)
{
    if (t->facts.state == TASK_PAUSED)
        return CODE_OK;
    if (t->facts.state != TASK_RUNNING && t->facts.state != TASK_SCHEDULED)
        return refuse(error, t, "only what runs or is scheduled can be paused");
    if (change(t, TASK_PAUSED, error) != CODE_OK)
        return CODE_BUSY;
    look_again(t);
    return CODE_OK;
}

enum code life_resume(struct task *t, struct buf *error)
{
    if (t->facts.state == TASK_RUNNING || t->facts.state == TASK_SCHEDULED)
        return CODE_OK;
    if (t->facts.state != TASK_PAUSED)
        return refuse(error, t, "only what is paused can be resumed");
    feed_rewind(t);
    return change(t, t->facts.started_ms == 0 ? TASK_SCHEDULED : TASK_RUNNING, error);
}

enum code life_stop(struct task *t, struct buf *error)
{
    if (t->facts.state == TASK_STOPPING || t->facts.state == TASK_STOPPED)
        return CODE_OK;
    if (t->facts.state == TASK_DONE)
        return refuse(error, t, "there is nothing left to stop");
    if (tasks_open_spool(t, error) != 0)
        return CODE_BUSY;
    int resends = t->facts.resends;
    t->facts.resends = 0; /* what has not been put back stays as it is */
    if (change(t, TASK_STOPPING, error) != CODE_OK) {
        t->facts.resends = resends;
        return CODE_BUSY;
    }
    t->is_cancelled_there = t->facts.started_ms == 0; /* nothing of it was ever handed over */
    look_again(t);
    return CODE_OK;
}

enum code life_resend(struct task *t, int resends, struct buf *error)
{
    if (t->facts.resends)
        return CODE_OK;
    if (!task_state_is_final(t->facts.state))
        return refuse(error, t, "wait until it has ended, or stop it");
    if (info_failed(t, resends) == 0) {
        buf_printf(error, "%s: nobody to send to again%s", t->facts.name,
                   resends & RESEND_CANCELLED ? "" : "; what was cancelled or never sent is sent with --cancelled too");
        return CODE_REFUSED;
    }
    if (tasks_open_spool(t, error) != 0)
        return CODE_BUSY;
    int64_t started_ms = t->facts.started_ms, ended_ms = t->facts.ended_ms;
    t->facts.resends = resends;
    t->facts.started_ms = started_ms ? started_ms : t->runner->now_ms; /* it may have been stopped before it began */
    t->facts.ended_ms = 0;
    t->is_discarded_there = t->facts.counts[ROW_DEAD] == 0;
    if (change(t, TASK_RUNNING, error) == CODE_OK)
        return CODE_OK;
    t->facts.resends = 0;
    t->facts.started_ms = started_ms;
    t->facts.ended_ms = ended_ms;
    return CODE_BUSY;
}

/* --- what follows by itself --------------------------------------------------------------------------------------- */

static int is_selected(enum row_state state, int resends)
{
    if (state == ROW_CANCELLED)
        return (resends & RESEND_CANCELLED) != 0;
    return (resends & RESEND_FAILED) && (state == ROW_REFUSED || state == ROW_EXPIRED || state == ROW_DEAD);
}

static int put_back(void *self, uint64_t row, struct mark *mark)
{
    struct task *t = self;
    (void)row;
    if (!is_selected(mark->state, t->facts.resends) || mark->round == UINT16_MAX)
        return 0;
    t->facts.counts[mark->state]--;
    t->facts.counts[ROW_TODO]++;
    mark->state = ROW_TODO;
    mark->errcode = 0;
    if (!mark->is_unfed) /* else its last message is that of the round before, which has to be asked about */
        mark->round++;
    mark->is_unfed = 0;
    if (mark->round > t->facts.round)
        t->facts.round = mark->round;
    return 1;
}

static int give_up(void *self, uint64_t row, struct mark *mark)
{
    struct task *t = self;
    (void)row;
    if (mark->state != ROW_TODO)
        return 0;
    t->facts.counts[ROW_TODO]--;
    t->facts.counts[ROW_CANCELLED]++;
    mark->state = ROW_CANCELLED;
    mark->is_unfed = 1;
    return 1;
}

/* Goes through all marks; what was cut off by a failure is counted anew and done again later. Returns 0 or -1. */
static int go_through(struct task *t, int (*visit)(void *self, uint64_t row, struct mark *mark))
{
    if (spool_visit(t->spool, visit, t) == 0 && spool_sync(t->spool) == 0)
        return 0;
    snprintf(t->note, sizeof t->note, "its marks cannot be written: %s", strerror(errno));
    log_error("marks of a task cannot be written", log_str("task", t->facts.name), log_str("error", strerror(errno)));
    tasks_recount(t);
    t->flush_ms = t->runner->mono_ms + 1000;
    return -1;
}

/* Dead messages are discarded first, unless it is not for them. */
static int is_ready_to_put_back(const struct task *t)
{
    return t->is_discarded_there || !(t->facts.resends & RESEND_FAILED);
}

static void put_rows_back(struct task *t)
{
    if (go_through(t, put_back) != 0)
        return;
    int resends = t->facts.resends;
    t->facts.resends = 0;
    if (tasks_keep(t) != 0) { /* rows that were put back are not put back twice: they have no result any more */
        t->facts.resends = resends;
        t->flush_ms = t->runner->mono_ms + 1000;
        return;
    }
    feed_rewind(t);
    log_info("rows are sent again", log_str("task", t->facts.name), log_u64("rows", t->facts.counts[ROW_TODO]),
             log_u64("round", t->facts.round));
}

static void end(struct task *t, enum task_state state)
{
    struct buf error = {0};
    if (spool_sync(t->spool) != 0) {
        snprintf(t->note, sizeof t->note, "its marks cannot be synced: %s", strerror(errno));
        t->flush_ms = t->runner->mono_ms + 1000;
        return;
    }
    t->facts.ended_ms = t->runner->now_ms;
    if (change(t, state, &error) == CODE_OK) {
        spool_close(&t->spool);
        log_info("task has ended", log_str("task", t->facts.name), log_u64("sent", t->facts.counts[ROW_SENT]),
                 log_u64("pending", t->facts.counts[ROW_PENDING]), log_u64("refused", t->facts.counts[ROW_REFUSED]),
                 log_u64("expired", t->facts.counts[ROW_EXPIRED]), log_u64("dead", t->facts.counts[ROW_DEAD]),
                 log_u64("cancelled", t->facts.counts[ROW_CANCELLED]));
    } else
        t->flush_ms = t->runner->mono_ms + 1000;
    buf_free(&error);
}

static void finish_stopping(struct task *t)
{
    if (t->out > 0 && t->is_cancelled_there && t->runner->mono_ms - t->cancelled_ms >= CANCEL_AGAIN_MS)
        t->is_cancelled_there = 0; /* what was being sent then may wait for its next attempt now, for hours */
    if (t->out > 0 || t->looks > 0 || !t->is_cancelled_there)
        return;
    if (t->is_found) { /* a power cut may have taken away the marks of more rows than are looked at together */
        t->is_found = 0;
        look_again(t);
        return;
    }
    if (t->facts.counts[ROW_TODO] > 0 && go_through(t, give_up) != 0)
        return;
    end(t, TASK_STOPPED);
}

/* Of one that has ended, opened for pages of failures. */
static void close_unused(struct task *t)
{
    if (t->spool && !t->is_making && task_state_is_final(t->facts.state) && t->runner->mono_ms - t->touched_ms > SPOOL_KEPT_MS)
        spool_close(&t->spool);
}

void life_tick(struct task *t)
{
    struct buf error = {0};
    close_unused(t);
    if (t->is_making || flight_flush(t) != 0 || t->runner->mono_ms < t->flush_ms)
        return;
    if (t->facts.state == TASK_SCHEDULED && t->facts.at_ms <= t->runner->now_ms)
        life_start(t, &error);
    else if (t->facts.state == TASK_RUNNING && t->facts.resends && is_ready_to_put_back(t))
        put_rows_back(t);
    else if ((t->facts.state == TASK_RUNNING || t->facts.state == TASK_PAUSED) && !t->facts.resends &&
             t->facts.counts[ROW_TODO] == 0)
        end(t, TASK_DONE);
    else if (t->facts.state == TASK_STOPPING)
        finish_stopping(t);
    if (error.bytes > 0)
        t->flush_ms = t->runner->mono_ms + 1000; /* told by change */
    buf_free(&error);
}

int life_is_done(const struct task *t, enum task_op op)
{
    switch (op) {
    case TASK_PAUSE:
        return t->facts.state != TASK_PAUSED || t->is_paused_there;
    case TASK_RESUME:
    case TASK_START:
        return !t->facts.is_held;
    case TASK_STOP:
        return t->facts.state == TASK_STOPPED;
    case TASK_RESEND:
        return t->facts.resends == 0;
    default:
        return 1;
    }
}
