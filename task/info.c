/* A task as it is shown: one map, what is zero or empty left out. */
#include "task/task.h"

#include <math.h>

#include "proto/mp.h"
#include "proto/usage.h"

uint64_t info_failed(const struct task *t, int resends)
{
    const uint64_t *counts = t->facts.counts;
    uint64_t failed = resends & RESEND_FAILED ? counts[ROW_REFUSED] + counts[ROW_EXPIRED] + counts[ROW_DEAD] : 0;
    return failed + (resends & RESEND_CANCELLED ? counts[ROW_CANCELLED] : 0);
}

static size_t pack_counts(const struct task *t, struct buf *out)
{
    size_t count = 0;
    uint64_t rows = 0;
    for (enum row_state state = ROW_TODO; state < ROW_STATES; state++) {
        if (state != ROW_DROPPED)
            rows += t->facts.counts[state];
        if (state != ROW_TODO)
            count += mp_opt_u64(out, row_state_name(state), t->facts.counts[state]);
    }
    /* What has its result, but not on disk yet, counts as out. */
    uint64_t out_now = t->out - t->attaches + t->result_count, todo = t->facts.counts[ROW_TODO];
    count += mp_opt_u64(out, "rows", rows);
    count += mp_opt_u64(out, "todo", todo > out_now ? todo - out_now : 0);
    return count + mp_opt_u64(out, "out", out_now);
}

void info_pack(const struct task *t, int has_columns, struct buf *out)
{
    const struct facts *f = &t->facts;
    size_t place = mp_map_open(out), count = 2;
    mp_put_str(out, "name", f->name);
    mp_put_str(out, "state", task_state_name(f->state));
    count += mp_opt_span(out, "key", span_of(f->key));
    count += mp_opt_span(out, "app", span_of(f->app));
    if (f->lane >= 0)
        count += mp_opt_span(out, "lane", span_of(lane_name(f->lane)));
    count += mp_opt_u64(out, "rate", f->rate_per_s);
    count += mp_opt_i64(out, "at", f->at_ms);
    count += mp_opt_i64(out, "ttl", f->ttl_ms);
    count += mp_opt_span(out, "source", span_of(f->source));
    if (has_columns)
        count += mp_opt_raw(out, "columns", buf_span(&f->columns));
    count += mp_opt_u64(out, "bad", f->bad);
    count += mp_opt_u64(out, "round", f->round);
    count += pack_counts(t, out);
    count += mp_opt_i64(out, "created", f->created_ms);
    count += mp_opt_i64(out, "started", f->started_ms);
    count += mp_opt_i64(out, "ended", f->ended_ms);
    count += mp_opt_span(out, "note", span_of(t->note[0] || !t->doubt ? t->note : t->doubt));
    double per_s = task_state_is_final(f->state) ? 0 : round(feed_per_s_told(t) * 10) / 10;
    if (per_s > 0) {
        mp_str(out, "per_s");
        mp_double(out, per_s);
        count++;
    }
    mp_map_close(out, place, count);
}

/* --- the status of the runner ------------------------------------------------------------------------------------------ */

struct sums {
    uint64_t tasks[TASK_STATES];
    uint64_t rows[ROW_STATES];
    uint64_t out;
};

static void add_up(const struct runner *r, struct sums *sums)
{
    for (const struct task *t = r->tasks; t; t = t->hh.next) {
        if (t->is_making)
            continue;
        uint64_t out_now = t->out - t->attaches + t->result_count, todo = t->facts.counts[ROW_TODO];
        sums->tasks[t->facts.state]++;
        for (enum row_state state = ROW_TODO; state < ROW_STATES; state++)
            sums->rows[state] += t->facts.counts[state];
        sums->rows[ROW_TODO] -= out_now < todo ? out_now : todo;
        sums->out += out_now;
    }
}

void info_pack_status(const struct runner *r, struct buf *out)
{
    struct sums sums = {0};
    struct usage usage = usage_now();
    size_t place = mp_map_open(out), count = 4;
    add_up(r, &sums);
    mp_put_str(out, "version", MEGA_VERSION);
    mp_put_i64(out, "uptime_ms", r->mono_ms - r->began_ms);
    count += usage_pack(&usage, out);
    count += mp_opt_u64(out, "makings", r->makings);
    mp_str(out, "tasks");
    mp_map(out, TASK_STATES);
    for (int state = 0; state < TASK_STATES; state++)
        mp_put_u64(out, task_state_name((enum task_state)state), sums.tasks[state]);
    mp_str(out, "rows");
    mp_map(out, ROW_STATES + 1);
    for (enum row_state state = ROW_TODO; state < ROW_STATES; state++)
        mp_put_u64(out, row_state_name(state), sums.rows[state]);
    mp_put_u64(out, "out", sums.out);
    mp_map_close(out, place, count);
}
