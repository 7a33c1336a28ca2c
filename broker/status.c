/* The state of everything as operators see it: packed for the answers to status and pauses (MESSAGES.md). Counts that cannot be had
 * at once are bounded, and say so. */
#include "broker/broker.h"

#include "base/clock.h"
#include "proto/mp.h"
#include "proto/usage.h"

#define LATENCY_BYTES_IN_ALL (4u * 1024 * 1024) /* of all senders in one answer; the others' are left out */
#define HELD_COUNTED        10000 /* of one pause */
#define HELD_COUNTED_IN_ALL 50000
#define DUE_COUNTED         10000

/* --- what is paused ----------------------------------------------------------------------------------------------- */

/* Counts what is set aside, until all that may be counted for one answer is. */
static size_t put_held(struct broker *b, const struct pause *one, uint64_t *budget, struct buf *out)
{
    if (one->kind != PAUSE_TEMPLATE && one->kind != PAUSE_TASK)
        return 0;
    uint64_t most = *budget < HELD_COUNTED ? *budget : HELD_COUNTED;
    uint64_t held = store_count_held(b->store, one->hold, most);
    size_t count = 1;
    *budget -= held;
    mp_put_u64(out, "held", held);
    if (held >= most) {
        mp_put_i64(out, "held_more", 1);
        count++;
    }
    return count;
}

static void pack_pause(struct broker *b, const struct pause *one, uint64_t *budget, struct buf *out)
{
    size_t place = mp_map_open(out), count = 2;
    int64_t left_ms = one->until_ms == INT64_MAX ? 0 : one->until_ms - b->order_ms;
    mp_put_str(out, "kind", pause_kind_name(one->kind));
    mp_put_i64(out, "since", one->since_ms);
    count += mp_opt_span(out, "app", span_of(one->account));
    count += mp_opt_span(out, "name", span_of(one->name));
    count += mp_opt_span(out, "by", span_of(one->by));
    count += mp_opt_i64(out, "for_ms", left_ms > 0 ? left_ms : 0);
    count += mp_opt_i64(out, "releasing", one->releasing);
    count += put_held(b, one, budget, out);
    mp_map_close(out, place, count);
}

void status_pack_pauses(struct broker *b, struct buf *out)
{
    size_t count = 0;
    uint64_t budget = HELD_COUNTED_IN_ALL;
    for (const struct pause *one = pauses_next(b->pauses, NULL); one; one = pauses_next(b->pauses, one))
        count++;
    mp_array(out, count);
    for (const struct pause *one = pauses_next(b->pauses, NULL); one; one = pauses_next(b->pauses, one))
        pack_pause(b, one, &budget, out);
}

/* --- everything --------------------------------------------------------------------------------------------------- */

static size_t put_figures(const struct figures *f, int account, struct buf *out)
{
    for (int i = 0; i < FIGURES; i++)
        mp_put_u64(out, figure_name((enum figure)i),
                   account < 0 ? figures_total(f, (enum figure)i) : figures_get(f, (size_t)account, (enum figure)i));
    return FIGURES;
}

/* Messages that the rates of their templates hold back. Where nothing else is set aside they need not be counted. */
static uint64_t count_paced(struct broker *b, uint64_t held, int *more)
{
    for (const struct pause *one = pauses_next(b->pauses, NULL); one; one = pauses_next(b->pauses, one)) {
        if (one->kind != PAUSE_TEMPLATE && one->kind != PAUSE_TASK)
            continue;
        uint64_t count = template_rates_count(b->template_rates, HELD_COUNTED_IN_ALL);
        *more |= count >= HELD_COUNTED_IN_ALL;
        return count;
    }
    return held;
}

static void put_depth(struct broker *b, struct buf *out)
{
    struct store_counts c = store_counts(b->store);
    uint64_t wall = store_count_due(b->store, TIMED_WALL, b->now_ms, DUE_COUNTED);
    uint64_t order = store_count_due(b->store, TIMED_ORDER, b->order_ms, DUE_COUNTED);
    int more = wall >= DUE_COUNTED || order >= DUE_COUNTED;
    uint64_t paced = count_paced(b, c.held, &more);
    mp_map(out, 10);
    mp_put_u64(out, "ready", c.queued[TIMED_NOW] + wall + order + paced);
    mp_put_i64(out, "ready_more", more);
    mp_put_u64(out, "scheduled", c.queued[TIMED_WALL] + c.queued[TIMED_ORDER] - wall - order);
    mp_put_u64(out, "parked", c.parked);
    mp_put_u64(out, "paused", c.held - paced);
    mp_put_u64(out, "paced", paced);
    mp_put_u64(out, "out", c.out);
    mp_put_u64(out, "dead", c.dead);
    mp_put_u64(out, "settled", c.settled - c.dead);
    mp_put_u64(out, "damaged", c.damaged);
}

static void put_store(struct broker *b, struct buf *out)
{
    mp_map(out, 7);
    mp_put_u64(out, "bytes", store_bytes_used(b->store));
    mp_put_u64(out, "bytes_max", b->conf->broker.store_bytes_max);
    mp_put_u64(out, "disk_free", store_disk_free(b->store));
    mp_put_u64(out, "disk_min", b->conf->broker.free_bytes_min);
    mp_put_u64(out, "index_left", store_index_left(b->store));
    mp_put_u64(out, "generation", b->ring.fence.generation);
    mp_put_i64(out, "commit_us", b->commit_us);
}

static void put_rates(const struct figures *f, struct buf *out)
{
    static const enum figure settled[] = {FIGURE_SENT,    FIGURE_PENDING,   FIGURE_REFUSED,
                                          FIGURE_EXPIRED, FIGURE_CANCELLED, FIGURE_DEAD};
    double all = 0;
    for (size_t i = 0; i < sizeof settled / sizeof *settled; i++)
        all += figures_rate(f, settled[i]);
    mp_map(out, 4);
    mp_str(out, "accepted");
    mp_double(out, figures_rate(f, FIGURE_ACCEPTED));
    mp_str(out, "sent");
    mp_double(out, figures_rate(f, FIGURE_SENT));
    mp_str(out, "failed");
    mp_double(out, figures_rate(f, FIGURE_FAILED));
    mp_str(out, "settled");
    mp_double(out, all);
}

/* When the pause that holds an account back ends; 0 = when it is resumed. */
static int64_t paused_for_ms(struct broker *b, size_t account)
{
    int64_t until_ms = 0;
    for (const struct pause *one = pauses_next(b->pauses, NULL); one; one = pauses_next(b->pauses, one)) {
        int is_it = one->kind == PAUSE_ALL ||
                    (one->kind == PAUSE_ACCOUNT && span_is(accounts_name(&b->accounts, account), one->account));
        if (is_it && one->until_ms > until_ms)
            until_ms = one->until_ms;
    }
    return until_ms == INT64_MAX || until_ms == 0 ? 0 : until_ms - b->order_ms;
}

/* What WeChat has stopped the account for. */
static size_t put_stop(const struct broker *b, const struct stop *stop, struct buf *out)
{
    int64_t left_ms = stop->next_ms - b->order_ms;
    size_t count = 3;
    mp_put_str(out, "stopped", stop->reason);
    mp_put_str(out, "cause", cause_name(stop->cause));
    mp_put_i64(out, "stopped_since", stop->since_ms);
    count += mp_opt_i64(out, "errcode", stop->errcode);
    return count + mp_opt_i64(out, "next_try_ms", stop->state != STOP_PROBING && left_ms > 0 ? left_ms : 0);
}

static size_t put_double(struct buf *out, const char *name, double value)
{
    mp_str(out, name);
    mp_double(out, value);
    return 1;
}

static size_t put_rate(const struct pace *p, struct buf *out)
{
    size_t count = 1;
    mp_put_u64(out, "rate", pace_set_per_s(p));
    if (p->override_per_s != PACE_NO_OVERRIDE) {
        mp_put_u64(out, "rate_conf", p->conf_per_s);
        count++;
    }
    if (p->limit_per_s > 0)
        count += put_double(out, "rate_limit", p->limit_per_s);
    return count + put_double(out, "per_s", pace_measured_per_s(p, clock_mono_us()));
}

void status_pack_account(struct broker *b, size_t account, struct buf *out)
{
    const struct account *a = &b->accounts.list[account];
    size_t place = mp_map_open(out), count = 3;
    uint64_t live = figures_live(b->figures, account);
    struct span reason;
    mp_put_span(out, "name", accounts_name(&b->accounts, account));
    mp_put_u64(out, "waiting", live > a->out ? live - a->out : 0);
    mp_put_u64(out, "out", a->out);
    count += put_rate(&a->pace, out);
    count += mp_opt_i64(out, "paused", a->paused);
    count += mp_opt_i64(out, "paused_for_ms", a->paused ? paused_for_ms(b, account) : 0);
    const struct stop *stop = stops_find(b->stops, account, b->order_ms);
    if (stop)
        count += put_stop(b, stop, out);
    else if (ring_account_stopped(&b->ring, accounts_name(&b->accounts, account), &reason))
        count += mp_opt_span(out, "stopped", reason);
    count += put_figures(b->figures, (int)account, out);
    mp_str(out, "reasons");
    reasons_pack(b->reasons, account, out);
    mp_str(out, "delivery");
    delivery_pack(b->delivery, account, out);
    count += 2;
    mp_map_close(out, place, count);
}

static const char *stage_state(const struct broker *b, const struct stage *s)
{
    if (!fence_is_living(&b->ring.fence, s->epoch))
        return "expected";
    if (fence_owes(&b->ring.fence, s->epoch))
        return "fence";
    return s->behind ? "behind" : "ok";
}

/* Figures as of the last beat that had some. */
static size_t put_stage_figures(const struct stage *s, size_t *budget, struct buf *out)
{
    size_t count = mp_opt_i64(out, "cpu", s->cpu_us) + mp_opt_u64(out, "rss", s->rss_bytes);
    if (s->latency.bytes > *budget)
        return count;
    *budget -= s->latency.bytes;
    return count + mp_opt_raw(out, "latency", buf_span(&s->latency));
}

static void put_stage(struct broker *b, const struct stage *s, size_t *budget, struct buf *out)
{
    size_t place = mp_map_open(out), count = 4;
    mp_put_str(out, "name", s->name);
    mp_put_str(out, "kind", stage_kind_name(s->kind));
    mp_put_str(out, "state", stage_state(b, s));
    mp_put_i64(out, "heard_ms", fence_silence_ms(&b->ring.fence, s->epoch, b->mono_ms));
    count += mp_opt_span(out, "version", span_of(s->version));
    count += mp_opt_u64(out, "slots", s->slots);
    count += mp_opt_u64(out, "out", s->out);
    count += mp_opt_raw(out, "stopped", buf_span(&s->stopped));
    count += put_stage_figures(s, budget, out);
    mp_map_close(out, place, count);
}

static void put_departed(struct broker *b, struct buf *out)
{
    mp_array(out, b->departed.count);
    for (size_t i = 0; i < b->departed.count; i++) {
        const struct departed_stage *s = &b->departed.list[i];
        size_t place = mp_map_open(out), count = 3;
        mp_put_str(out, "name", s->name);
        mp_put_str(out, "kind", stage_kind_name(s->kind));
        mp_put_i64(out, "ago_ms", b->mono_ms - s->left_ms);
        count += mp_opt_flag(out, "bye", s->said_goodbye);
        mp_map_close(out, place, count);
    }
}

static void put_clock(struct broker *b, struct buf *out)
{
    mp_map(out, 3);
    mp_put_u64(out, "steps", b->clock.steps);
    mp_put_i64(out, "step_ms", b->clock.step_ms);
    mp_put_i64(out, "ago_ms", b->clock.steps ? b->mono_ms - b->clock.stepped_ms : 0);
}

static size_t put_lists(struct broker *b, struct buf *out)
{
    mp_str(out, "accounts");
    mp_array(out, b->accounts.count);
    for (size_t i = 0; i < b->accounts.count; i++)
        status_pack_account(b, i, out);
    size_t budget = LATENCY_BYTES_IN_ALL;
    mp_str(out, "stages");
    mp_array(out, b->ring.stage_count);
    for (size_t i = 0; i < b->ring.stage_count; i++)
        put_stage(b, &b->ring.stages[i], &budget, out);
    mp_str(out, "left");
    put_departed(b, out);
    mp_str(out, "pauses");
    status_pack_pauses(b, out);
    return 4;
}

/* What is of this process: it begins anew with each start. */
static size_t put_process(struct broker *b, struct buf *out)
{
    struct usage usage = usage_now();
    mp_str(out, "lag");
    histogram_pack(&b->lag, out);
    mp_str(out, "commits");
    histogram_pack(&b->commits, out);
    return 2 + refusals_pack(&b->refusals, out) + usage_pack(&usage, out);
}

void status_pack(struct broker *b, struct buf *out)
{
    const char *unready = frontend_unready(b);
    size_t place = mp_map_open(out), count = 12;
    mp_put_str(out, "version", MEGA_VERSION);
    mp_put_u64(out, "epoch", b->epoch);
    mp_put_i64(out, "uptime_ms", b->mono_ms - b->began_ms);
    mp_put_i64(out, "now", b->now_ms);
    mp_str(out, "accepting");
    mp_bool(out, b->closed == NULL);
    mp_str(out, "ready");
    mp_bool(out, unready == NULL);
    count += mp_opt_span(out, "closed", span_of(b->closed ? b->closed : ""));
    count += mp_opt_span(out, "unready", span_of(unready ? unready : ""));
    mp_str(out, "depth");
    put_depth(b, out);
    mp_put_i64(out, "oldest_ms", dispatch_oldest_ms(b));
    mp_str(out, "rates");
    put_rates(b->figures, out);
    mp_str(out, "totals");
    mp_map(out, FIGURES);
    put_figures(b->figures, -1, out);
    mp_str(out, "store");
    put_store(b, out);
    mp_str(out, "clock");
    put_clock(b, out);
    count += put_lists(b, out) + put_process(b, out);
    mp_map_close(out, place, count);
}
