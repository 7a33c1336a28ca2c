/* The broker of the small world, as broker/control.c, ring.c and life.c use broker/fence.c. What is begun and
 * lost is dead (on_unknown). */
#ifndef TESTS_UNIT_FENCE_BROKER_H
#define TESTS_UNIT_FENCE_BROKER_H

#include "tests/unit/fence_stages.h"

static inline void broker_say(struct world *w, int i, struct packet p)
{
    if (!w->is_mute)
        world_trouble(w, i, line_send(w, &w->from_broker[i], &p));
}

static inline int broker_count_living(const struct world *w, int first, int end)
{
    int living = 0;
    for (int i = first; i < end; i++)
        living += fence_is_living(&w->fence, w->members[i]);
    return living;
}

/* --- the fence ------------------------------------------------------------------------------------------ */

static inline void broker_raise(struct world *w)
{
    if (w->fence.open)
        world_saw(w, FENCE_IN_FENCE);
    if (w->outbox.count > 0)
        world_saw(w, OUTBOX_DROPPED);
    fence_raise(&w->fence);
    w->raised_ms = w->now_ms;
    for (int i = 0; i < STAGES; i++)
        if (fence_is_living(&w->fence, w->members[i]))
            broker_say(w, i, (struct packet){.type = CONTROL_FENCE, .generation = w->fence.generation});
    w->outbox.count = 0;
}

static inline void broker_leave(struct world *w, int i)
{
    HOLDS(w, fence_leave(&w->fence, w->members[i]));
    w->members[i] = 0;
    broker_raise(w);
}

/* Whoever is judged silent has no lease any more, and the reason is not the broker's own stall. */
static inline void broker_judge_silent(struct world *w, uint64_t epoch)
{
    int i = 0;
    while (w->members[i] != epoch)
        HOLDS(w, ++i < STAGES);
    if (w->stages[i].epoch == epoch) {
        HOLDS(w, !stage_may_begin(w, &w->stages[i]));
        HOLDS(w, w->now_ms - w->trouble_ms[i] <= HEARD_AGAIN_MS);
    }
    w->lost_epochs[i] = epoch;
    world_saw(w, LEFT_SILENT);
    broker_leave(w, i);
}

/* What is begun and lost is dead; what was not begun goes again, of whatever kind it is. */
static inline void broker_end_turn(struct world *w, struct message *m, int is_unknown)
{
    if (is_unknown && m->begun) {
        HOLDS(w, m->leave_turn == m->turn);
        m->is_settled = 1;
    }
    message_end_turn(m);
}

static inline void broker_close(struct world *w)
{
    for (int n = 0; n < MESSAGES; n++) {
        struct message *m = &w->messages[n];
        if (!m->is_out)
            continue;
        enum fence_fate fate = fence_fate(&w->fence, m->generation, m->sender, m->held);
        if (fate == FATE_STAYS && m->generation < w->fence.generation) {
            world_saw(w, m->keyless ? STAYS_HELD_KEYLESS : STAYS_HELD);
            for (int i = 0; i < STAGES; i++) /* it has it, or has died in the meantime */
                HOLDS(w, w->stages[i].epoch != m->sender || work_find(&w->stages[i], m->seq) != NULL);
        }
        if (fate == FATE_STAYS)
            continue;
        message_fated(w, m, fate);
        broker_end_turn(w, m, fate == FATE_UNKNOWN);
    }
}

/* --- what the stages say -------------------------------------------------------------------------------- */

static inline void broker_on_hello(struct world *w, int i, const struct packet *p)
{
    if (w->members[i] && w->members[i] != p->epoch) {
        world_saw(w, LEFT_NEW_EPOCH);
        broker_leave(w, i);
    }
    if (w->members[i] == 0 && w->lost_epochs[i] == p->epoch)
        world_saw(w, BACK_SAME_EPOCH);
    if (w->members[i] == 0 && w->fence.open)
        world_saw(w, JOINED_IN_FENCE);
    HOLDS(w, fence_join(&w->fence, p->epoch, w->now_ms) == 0);
    w->members[i] = p->epoch;
    broker_say(w, i,
               (struct packet){.type = CONTROL_WELCOME,
                               .epoch = p->epoch,
                               .generation = w->fence.generation,
                               .clock_ms = p->clock_ms});
}

static inline void broker_on_beat(struct world *w, int i, const struct packet *p)
{
    struct packet answer = {.epoch = p->epoch, .generation = w->fence.generation, .clock_ms = p->clock_ms};
    if (fence_owes(&w->fence, p->epoch)) { /* its answer was lost with a connection */
        world_saw(w, FENCE_REPEATED);
        answer.type = CONTROL_FENCE;
        broker_say(w, i, answer);
    }
    answer.type = CONTROL_BEAT;
    broker_say(w, i, answer);
}

static inline void broker_on_held(struct world *w, const struct packet *p)
{
    if (!fence_answer(&w->fence, p->epoch, p->generation)) {
        world_saw(w, ANSWER_LATE);
        return;
    }
    for (size_t n = 0; n < p->held_count; n++) {
        struct message *m = world_message(w, p->held[n].seq);
        if (m && m->is_out && m->sender == p->epoch && m->turn == p->held[n].turn)
            m->held = p->generation;
    }
}

/* May the call of a kind without a key begin? */
static inline int broker_may_begin(struct world *w, const struct packet *p)
{
    struct message *m = world_message(w, p->job.seq);
    enum situation refused = SITUATIONS;
    if (m == NULL || !m->is_out || m->is_settled || m->turn != p->job.turn || m->sender != p->epoch)
        refused = BEGIN_REFUSED;
    else if (m->begun)
        world_saw(w, BEGIN_REPEATED);
    else if (m->generation != w->fence.generation)
        refused = BEGIN_REFUSED_OLDER;
    if (refused != SITUATIONS) {
        world_saw(w, refused);
        return 0;
    }
    m->begun = 1;
    m->leave_turn = m->turn;
    return 1;
}

static inline void broker_on_begin(struct world *w, int i, const struct packet *p)
{
    if (broker_may_begin(w, p))
        broker_say(w, i, (struct packet){.type = CONTROL_BEGUN, .job = p->job});
}

/* The first final result settles it, of whatever turn; a turn goes on until it ends itself. */
static inline void broker_on_result(struct world *w, int i, const struct packet *p)
{
    struct message *m = world_message(w, p->job.seq);
    broker_say(w, i, (struct packet){.type = CONTROL_CONFIRM, .job = p->job});
    if (m == NULL)
        return;
    int is_final = outcome_is_final(p->outcome);
    if (m->is_out && m->turn == p->job.turn) {
        if (m->generation < w->fence.generation)
            world_saw(w, RESULT_OLDER_GENERATION);
        m->is_settled |= is_final;
        broker_end_turn(w, m, p->outcome == OUTCOME_UNKNOWN);
        return;
    }
    world_saw(w, is_final && !m->is_settled ? RESULT_LATE_SETTLES : RESULT_LATE_IGNORED);
    m->is_settled |= is_final;
}

static inline void broker_hear(struct world *w, int i, const struct packet *p)
{
    if (p->type == CONTROL_HELLO) {
        broker_on_hello(w, i, p);
    } else if (w->members[i] != p->epoch || fence_hear(&w->fence, p->epoch, w->now_ms)) {
        broker_say(w, i, (struct packet){.type = CONTROL_WHO});
    } else if (p->type == CONTROL_BEAT) {
        broker_on_beat(w, i, p);
    } else if (p->type == CONTROL_HELD) {
        broker_on_held(w, p);
    } else if (p->type == CONTROL_BEGIN) {
        broker_on_begin(w, i, p);
    } else if (p->type == CONTROL_RESULTS) {
        broker_on_result(w, i, p);
    } else if (p->type == CONTROL_LOST) {
        broker_raise(w);
    } else if (p->type == CONTROL_BYE) {
        world_saw(w, LEFT_GOODBYE);
        broker_leave(w, i);
    }
}

/* --- giving out ----------------------------------------------------------------------------------------- */

static inline uint64_t broker_find_sender(struct world *w)
{
    int i = TEMPLATERS + (int)world_pick(w, STAGES - TEMPLATERS), out = 0;
    for (int n = 0; n < MESSAGES; n++)
        out += w->messages[n].is_out && w->messages[n].sender == w->members[i];
    return out < SLOTS && fence_is_living(&w->fence, w->members[i]) ? w->members[i] : 0;
}

static inline void broker_give_out(struct world *w, struct message *m)
{
    if (m->is_settled || m->is_out || world_pick(w, 8) > 0)
        return;
    uint64_t sender = broker_find_sender(w);
    int templaters = broker_count_living(w, 0, TEMPLATERS);
    if (sender == 0 || templaters == 0 || w->outbox.count == LINE_MAX)
        return;
    if (templaters < TEMPLATERS)
        world_saw(w, LAST_TEMPLATER_OF_TWO);
    HOLDS(w, ++m->turn < TURNS_MAX);
    m->is_out = 1;
    m->begun = 0;
    m->generation = w->fence.generation;
    m->sender = sender;
    m->held = 0;
    m->out_ms = w->now_ms;
    w->outbox.packets[(w->outbox.first + w->outbox.count++) % LINE_MAX] = (struct packet){
        .job = {m->seq, m->turn}, .generation = m->generation, .sender = sender, .keyless = m->keyless};
}

/* To any templater whose line is open; whether it is a member does not matter to the socket. */
static inline void broker_flush(struct world *w)
{
    struct packet p;
    int to = (int)world_pick(w, TEMPLATERS);
    if (!w->stages[to].is_open)
        to = 1 - to;
    if (w->is_mute || !w->stages[to].is_open || !line_take(w, &w->outbox, &p))
        return;
    if (!fence_is_living(&w->fence, w->members[to]))
        world_saw(w, JOB_TO_STRANGER);
    line_send(w, &w->jobs[to][0], &p);
}

/* --- its turn ------------------------------------------------------------------------------------------- */

/* While it stood still it could hear nobody. */
static inline void broker_take_time(struct world *w)
{
    int64_t since_ms = w->now_ms - w->last_turn_ms;
    int standstill = 1;
    w->last_turn_ms = w->now_ms;
    if (since_ms <= STALL_MS)
        return;
    fence_excuse(&w->fence, since_ms);
    for (int i = 0; i < STAGES; i++) {
        w->trouble_ms[i] += since_ms;
        standstill &= w->to_broker[i].count == 0;
    }
    world_saw(w, standstill ? STANDSTILL_EXCUSED : STALL_EXCUSED);
}

static inline void broker_find_overdue(struct world *w)
{
    for (int n = 0; n < MESSAGES && !w->fence.open; n++) {
        struct message *m = &w->messages[n];
        if (!m->is_out || w->now_ms - m->out_ms < OUT_MAX_MS)
            continue;
        m->out_ms = w->now_ms;
        world_saw(w, FENCE_OVERDUE);
        broker_raise(w);
    }
}

static inline void broker_look_at_lines(struct world *w)
{
    if (w->data_lost) {
        w->data_lost = 0;
        w->fence_again_ms = w->now_ms + FENCE_AGAIN_MS;
        broker_raise(w);
    } else if (is_due(w, w->fence_again_ms) && !w->fence.open) {
        w->fence_again_ms = 0;
        world_saw(w, FENCE_DATA_AGAIN);
        broker_raise(w);
    }
}

/* Whatever is out is with a living sender, or a fence is about to find out; and no fence stays open without a
 * reason. */
static inline void broker_check(const struct world *w)
{
    int64_t since_ms = w->raised_ms > w->stalled_until_ms ? w->raised_ms : w->stalled_until_ms;
    for (int i = 0; i < STAGES; i++)
        since_ms = w->trouble_ms[i] > since_ms ? w->trouble_ms[i] : since_ms;
    HOLDS(w, !w->fence.open || w->now_ms - since_ms <= CLOSED_MS);
    for (int n = 0; n < MESSAGES; n++) {
        const struct message *m = &w->messages[n];
        HOLDS(w, !m->is_out || w->fence.open || fence_is_living(&w->fence, m->sender));
    }
}

static inline void broker_turn(struct world *w)
{
    struct packet p;
    uint64_t silent;
    if (w->now_ms < w->stalled_until_ms)
        return;
    broker_take_time(w);
    for (int i = 0; i < STAGES; i++)
        while (line_take(w, &w->to_broker[i], &p))
            broker_hear(w, i, &p);
    while ((silent = fence_find_silent(&w->fence, w->now_ms, SILENCE_MS)) != 0)
        broker_judge_silent(w, silent);
    broker_look_at_lines(w);
    broker_find_overdue(w);
    if (fence_try_close(&w->fence))
        broker_close(w);
    for (int n = 0; n < MESSAGES; n++)
        broker_give_out(w, &w->messages[n]);
    for (int n = 0; n < MESSAGES; n++)
        broker_flush(w);
    broker_check(w);
}

/* The mark of a message goes with its result, so one that an earlier turn has settled is not out any more. */
static inline void broker_restore(struct world *w, struct message *m)
{
    if (m->is_out)
        world_saw(w, RESTART_WITH_OUT);
    if (m->is_out && m->is_settled) {
        m->is_kept = 1;
        m->is_out = 0;
    }
    m->held = 0;
    m->out_ms = w->now_ms;
}

/* What is in memory is gone, and every connection with it. */
static inline void broker_restart(struct world *w)
{
    if (w->fence.open)
        world_saw(w, RESTART_IN_FENCE);
    if (w->is_mute)
        world_saw(w, RESTART_UNSAID);
    fence_init(&w->fence, w->fence.generation);
    w->outbox.count = 0;
    w->fence_again_ms = w->data_lost = w->is_mute = 0;
    w->last_turn_ms = w->now_ms;
    for (int i = 0; i < STAGES; i++) {
        w->to_broker[i].count = 0;
        line_cut(w, &w->from_broker[i]);
        if (world_pick(w, 4))
            w->stages[i].control_lost_ms = w->now_ms + (int64_t)world_pick(w, BEAT_MS);
        world_trouble(w, i, BEAT_MS);
        if (w->members[i])
            fence_expect(&w->fence, w->members[i], w->now_ms);
    }
    for (int to = 0; to < TEMPLATERS; to++)
        line_cut(w, &w->jobs[to][0]);
    for (int n = 0; n < MESSAGES; n++)
        broker_restore(w, &w->messages[n]);
    broker_raise(w);
}

#endif
