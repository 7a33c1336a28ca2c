/* Stages of the small world, by the rules of proto/member.c, templater/jobs.c and sender/calls.c. */
#ifndef TESTS_UNIT_FENCE_STAGES_H
#define TESTS_UNIT_FENCE_STAGES_H

#include "tests/unit/fence_world.h"

static inline void stage_start(struct world *w, int i)
{
    w->stages[i] = (struct stage){.epoch = ++w->last_epoch,
                                  .clock_ahead_ms = (int64_t)world_pick(w, 100000),
                                  .frozen_until_ms = w->now_ms + (int64_t)world_pick(w, 8)};
    world_trouble(w, i, w->stages[i].frozen_until_ms - w->now_ms);
}

/* A line from a templater to a sender broke. What nobody notices is asked for after out_max. */
static inline void stage_notice_data_lost(struct world *w, int templater)
{
    if (world_pick(w, 4) == 0)
        world_saw(w, CUT_UNNOTICED);
    else
        w->stages[templater].data_lost_ms = w->now_ms + SWALLOW_MS;
}

/* The process ends, with all that it has, and a new one takes its place. What is at its lines' other ends is
 * left to the caller. */
static inline void stage_end(struct world *w, int i)
{
    w->from_broker[i].count = 0;
    for (int from = 0; from < TEMPLATERS; from++)
        w->jobs[i][from].count = 0;
    if (world_is_templater(i))
        w->data_lost |= world_pick(w, 4) != 0;
    else
        for (int from = 0; from < TEMPLATERS; from++)
            stage_notice_data_lost(w, from);
    stage_start(w, i);
}

/* --- what it says --------------------------------------------------------------------------------------- */

static inline int64_t stage_clock(const struct world *w, const struct stage *s)
{
    return w->now_ms + s->clock_ahead_ms;
}

static inline void stage_say(struct world *w, int i, struct packet p)
{
    p.epoch = w->stages[i].epoch;
    p.clock_ms = stage_clock(w, &w->stages[i]);
    world_trouble(w, i, line_send(w, &w->to_broker[i], &p));
}

static inline int stage_may_begin(const struct world *w, const struct stage *s)
{
    return s->welcome && stage_clock(w, s) - s->granted_ms < LEASE_MS;
}

/* --- what it has ---------------------------------------------------------------------------------------- */

static inline struct work *work_find(struct stage *s, uint64_t seq)
{
    for (size_t n = 0; n < s->count; n++)
        if (s->works[n].job.seq == seq)
            return &s->works[n];
    return NULL;
}

static inline void work_remove(struct stage *s, struct work *work)
{
    *work = s->works[--s->count];
}

static inline void work_end(const struct world *w, struct work *work, enum outcome outcome)
{
    work->state = DONE;
    work->outcome = outcome;
    work->next_ms = w->now_ms;
}

static inline void work_dropped(struct world *w, const struct work *work)
{
    world_saw(w, work->state == QUEUED  ? DROPPED_QUEUED
                 : work->state == ASKED ? DROPPED_ASKED
                                        : DROPPED_ALLOWED);
}

/* --- what it hears -------------------------------------------------------------------------------------- */

/* Drops what is older and was not begun, and says what it holds. A job that waits for leave is not held. */
static inline void stage_answer_fence(struct world *w, int i, uint64_t generation)
{
    struct stage *s = &w->stages[i];
    struct packet held = {.type = CONTROL_HELD, .generation = generation};
    s->generation = generation;
    for (size_t n = 0; n < s->count;) {
        struct work *work = &s->works[n];
        if (work->state >= STARTED) {
            held.held[held.held_count++] = work->job;
        } else if (work->generation < generation) {
            work_dropped(w, work);
            work_remove(s, work);
            continue;
        }
        n++;
    }
    stage_say(w, i, held);
}

static inline void stage_hear_welcome(struct world *w, int i, const struct packet *p)
{
    struct stage *s = &w->stages[i];
    s->welcome = s->is_open = 1;
    s->granted_ms = p->clock_ms;
    stage_answer_fence(w, i, p->generation);
    for (size_t n = 0; n < s->count; n++)
        if (s->works[n].state == DONE || s->works[n].state == ASKED)
            s->works[n].next_ms = w->now_ms;
}

static inline void stage_hear_beat(struct world *w, int i, const struct packet *p)
{
    struct stage *s = &w->stages[i];
    if (p->clock_ms > s->granted_ms)
        s->granted_ms = p->clock_ms;
    if (p->generation > s->generation)
        stage_answer_fence(w, i, p->generation);
}

/* Leave to begin, or the confirmation of a result. */
static inline void stage_hear_of_work(struct world *w, struct stage *s, const struct packet *p)
{
    struct work *work = work_find(s, p->job.seq);
    enum work_state state = p->type == CONTROL_BEGUN ? ASKED : DONE;
    if (work != NULL && work->job.turn == p->job.turn && work->state == state) {
        if (state == ASKED)
            work->state = ALLOWED;
        else
            work_remove(s, work);
    } else if (p->type == CONTROL_BEGUN) {
        world_saw(w, BEGUN_TOO_LATE);
    }
}

static inline void stage_hear(struct world *w, int i, const struct packet *p)
{
    struct stage *s = &w->stages[i];
    if (p->type == CONTROL_WELCOME && p->epoch == s->epoch) {
        stage_hear_welcome(w, i, p);
    } else if (p->type == CONTROL_BEAT && p->epoch == s->epoch && s->welcome) {
        stage_hear_beat(w, i, p);
    } else if (p->type == CONTROL_FENCE && s->welcome && p->generation >= s->generation) {
        stage_answer_fence(w, i, p->generation);
    } else if (p->type == CONTROL_WHO) {
        s->welcome = 0;
        stage_say(w, i, (struct packet){.type = CONTROL_HELLO});
    } else if (p->type == CONTROL_BEGUN || p->type == CONTROL_CONFIRM) {
        stage_hear_of_work(w, s, p);
    }
}

/* --- time ----------------------------------------------------------------------------------------------- */

static inline int is_due(const struct world *w, int64_t at_ms)
{
    return at_ms != 0 && w->now_ms >= at_ms;
}

static inline void stage_tick(struct world *w, int i)
{
    struct stage *s = &w->stages[i];
    if (is_due(w, s->data_lost_ms)) {
        s->data_lost_ms = 0;
        stage_say(w, i, (struct packet){.type = CONTROL_LOST});
    }
    if (is_due(w, s->control_lost_ms)) {
        s->control_lost_ms = 0;
        s->welcome = 0;
        s->next_beat_ms = w->now_ms;
    }
    if (s->welcome && !stage_may_begin(w, s))
        s->welcome = 0;
    if (w->now_ms < s->next_beat_ms)
        return;
    s->next_beat_ms = w->now_ms + BEAT_MS;
    stage_say(w, i, (struct packet){.type = s->welcome ? CONTROL_BEAT : CONTROL_HELLO});
}

/* --- a templater ---------------------------------------------------------------------------------------- */

static inline void templater_hand_on(struct world *w, int i, const struct packet *p)
{
    for (int to = TEMPLATERS; to < STAGES; to++)
        if (w->stages[to].epoch == p->sender) {
            line_send(w, &w->jobs[to][i], p);
            return;
        }
    world_saw(w, SENDER_GONE); /* the line to it is a dead end */
}

/* Most jobs go on to their sender; some do not render, or come back. */
static inline void templater_take(struct world *w, int i, const struct packet *p)
{
    struct stage *s = &w->stages[i];
    uint64_t chance = world_pick(w, 40);
    if (p->generation < s->generation) {
        world_saw(w, JOB_OLDER);
        return;
    }
    if (chance > 1) {
        templater_hand_on(w, i, p);
        return;
    }
    struct work *known = work_find(s, p->job.seq);
    struct work *work = known ? known : &s->works[s->count++];
    *work = (struct work){.job = p->job, .generation = p->generation};
    work_end(w, work, chance == 0 ? OUTCOME_DEAD : OUTCOME_RETURNED);
}

/* --- a sender ------------------------------------------------------------------------------------------- */

/* A job whose message is here already, as in sender/calls.c; nothing is refused in this world. Returns 1 when it is to be taken anew. */
static inline int sender_take_again(struct world *w, struct stage *s, struct work *known,
                                    const struct packet *p)
{
    if (p->job.turn <= known->job.turn)
        return 0;
    if (known->state < STARTED || (known->state == DONE && !outcome_is_final(known->outcome))) {
        work_remove(s, known);
        return 1;
    }
    world_saw(w, known->state < DONE ? CALL_TOOK_TURN : RESULT_TOOK_TURN);
    known->job.turn = p->job.turn;
    if (known->state == DONE)
        known->next_ms = w->now_ms;
    return 0;
}

/* How long a job waits for a token: mostly there is one. */
static inline int64_t sender_token_ms(struct world *w)
{
    return world_pick(w, 4) ? 0 : (int64_t)world_pick(w, LEASE_MS * 2);
}

static inline void sender_take(struct world *w, int i, const struct packet *p)
{
    struct stage *s = &w->stages[i];
    struct work *known = work_find(s, p->job.seq);
    if (p->generation < s->generation)
        world_saw(w, JOB_OLDER);
    else if (known == NULL || sender_take_again(w, s, known, p))
        s->works[s->count++] = (struct work){.job = p->job,
                                             .generation = p->generation,
                                             .keyless = p->keyless,
                                             .next_ms = w->now_ms + sender_token_ms(w)};
}

/* The first byte is about to be written: the lease is looked at again. And if a fence was answered since the
 * job was given out, the broker may have found in between that we were lost: then it is somebody else's. */
static inline void sender_write(struct world *w, const struct stage *s, struct work *work)
{
    int is_ours = work->generation >= s->generation;
    if (!stage_may_begin(w, s) || !is_ours) {
        world_saw(w, is_ours ? LEASE_KEPT_BACK : FENCE_KEPT_BACK);
        work_end(w, work, OUTCOME_RETURNED);
        return;
    }
    message_call(w, work);
    work->state = RUNNING;
    work->next_ms = w->now_ms + 1 + (int64_t)world_pick(w, world_pick(w, 8) ? 30 : OUT_MAX_MS * 2);
}

/* Mostly a connection is open; else it is made, or another token is waited for. */
static inline void sender_begin(struct world *w, struct work *work)
{
    work->state = STARTED;
    work->next_ms = w->now_ms + (world_pick(w, 4) ? 0 : (int64_t)world_pick(w, SILENCE_MS * 2));
}

static inline void sender_end_call(struct world *w, struct work *work)
{
    uint64_t chance = world_pick(w, 20);
    work_end(w, work, chance == 0 ? OUTCOME_RETRY : chance == 1 ? OUTCOME_UNKNOWN : OUTCOME_SENT);
    if (work->outcome == OUTCOME_RETRY)
        message_call_failed(w, work);
}

static inline void sender_ask(struct world *w, int i, struct work *work)
{
    work->state = ASKED;
    work->next_ms = w->now_ms + LEASE_MS;
    stage_say(w, i, (struct packet){.type = CONTROL_BEGIN, .job = work->job});
}

/* A job that waits for its call, or for leave to it. The lease is looked at just before each call. */
static inline void sender_go_on(struct world *w, int i, struct work *work)
{
    struct stage *s = &w->stages[i];
    if (s->stop_by_ms != 0 || world_pick(w, 3) != 0 || (work->state == QUEUED && !is_due(w, work->next_ms)))
        return;
    if (!stage_may_begin(w, s)) {
        if (s->welcome)
            world_saw(w, LEASE_KEPT_BACK);
        return;
    }
    uint64_t chance = world_pick(w, 100);
    if (work->state != ASKED && chance < 6)
        work_end(w, work, chance < 3 ? OUTCOME_DEAD : OUTCOME_RETURNED);
    else if (work->state == ALLOWED || (work->state == QUEUED && !work->keyless))
        sender_begin(w, work);
    else if (work->state == QUEUED || is_due(w, work->next_ms))
        sender_ask(w, i, work);
}

/* --- the turn of both ----------------------------------------------------------------------------------- */

static inline void stage_work(struct world *w, int i)
{
    struct stage *s = &w->stages[i];
    for (size_t n = 0; n < s->count; n++) {
        struct work *work = &s->works[n];
        if (work->state < STARTED)
            sender_go_on(w, i, work);
        if (work->state == STARTED && is_due(w, work->next_ms))
            sender_write(w, s, work);
        if (work->state == RUNNING && is_due(w, work->next_ms))
            sender_end_call(w, work);
        if (work->state != DONE || !s->welcome || !is_due(w, work->next_ms))
            continue;
        work->next_ms = w->now_ms + LEASE_MS * 2;
        stage_say(w, i, (struct packet){.type = CONTROL_RESULTS, .job = work->job, .outcome = work->outcome});
    }
}

static inline void stage_take_jobs(struct world *w, int i)
{
    struct stage *s = &w->stages[i];
    struct packet p;
    for (int from = 0; from < (world_is_templater(i) ? 1 : TEMPLATERS); from++)
        while (s->welcome && !s->stop_by_ms && s->count < WORKS_MAX && line_take(w, &w->jobs[i][from], &p)) {
            if (world_is_templater(i))
                templater_take(w, i, &p);
            else
                sender_take(w, i, &p);
        }
}

/* Stopping: gives back what was not begun, waits for the rest to be confirmed, says goodbye and makes room
 * for a new process. */
static inline void stage_stop(struct world *w, int i)
{
    struct stage *s = &w->stages[i];
    for (size_t n = 0; n < s->count && s->welcome; n++)
        if (s->works[n].state < STARTED)
            work_end(w, &s->works[n], OUTCOME_RETURNED);
    if (s->count > 0 && w->now_ms < s->stop_by_ms)
        return;
    stage_say(w, i, (struct packet){.type = CONTROL_BYE});
    stage_end(w, i);
}

static inline void stage_turn(struct world *w, int i)
{
    struct stage *s = &w->stages[i];
    struct packet p;
    if (w->now_ms < s->frozen_until_ms)
        return;
    if (world_pick(w, 4) == 0)
        stage_work(w, i); /* it was stopped in the middle of a turn: it begins before it reads anything */
    while (line_take(w, &w->from_broker[i], &p))
        stage_hear(w, i, &p);
    stage_tick(w, i);
    stage_take_jobs(w, i);
    stage_work(w, i);
    if (s->stop_by_ms != 0)
        stage_stop(w, i);
}

#endif
