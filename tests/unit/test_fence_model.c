/* The fence in a small world: a broker, a templater and senders that keep the rules of proto/member.h, joined
 * by lines that delay and lose messages. Stages and the broker are killed, stopped and restarted at random.
 * Everything is a simulation in one process: its clock is a counter, its seeds are fixed.
 *
 * What must hold, whatever happens:
 *   - a giving-out that was called BACK or UNKNOWN is never begun afterwards,
 *   - one that was called BACK has never been begun,
 *   - none is begun twice,
 *   - when the faults stop, every job ends.
 */
#include "broker/fence.h"

#include "tests/unit/hex.h"

#define WORLDS     400
#define STEPS      2500  /* a step is a millisecond of the simulation */
#define STEPS_MORE 20000 /* without faults, in which everything has to end */
#define STAGES     4     /* the first is the templater */
#define JOBS       16
#define TURNS_MAX  400
#define SLOTS      3
#define LEASE_MS   60
#define SILENCE_MS (LEASE_MS + LEASE_MS / 4)
#define BEAT_MS    (LEASE_MS / 5)
#define OUT_MAX_MS 300
#define STALL_MS   40
#define LINE_MAX   512
#define HELD_MAX   64

enum kind { HELLO, BEAT, HELD, RESULT, BYE, WELCOME, FENCE, CONFIRM, WHO, LOST, JOB };

struct holding {
    int job;
    uint32_t turn;
};

struct packet {
    enum kind kind;
    int64_t arrives_ms;
    uint64_t epoch, generation;
    int64_t clock_ms;
    struct holding job; /* JOB, RESULT, CONFIRM */
    uint64_t sender;    /* JOB: epoch of whom it is for */
    struct holding held[HELD_MAX];
    size_t held_count;
};

/* First in, first out. */
struct line {
    struct packet packets[LINE_MAX];
    size_t first, count;
};

enum work_state { QUEUED, RUNNING, DONE };

struct work {
    struct holding job;
    uint64_t generation, sender;
    enum work_state state;
    int64_t ends_ms, offered_ms;
};

struct stage {
    uint64_t epoch, generation;
    int64_t granted_ms, next_beat_ms, frozen_until_ms;
    int welcome;
    struct work works[HELD_MAX];
    size_t count;
    struct line to_broker, from_broker; /* control */
    struct line jobs;                   /* data */
};

struct job {
    int is_out, is_settled;
    uint32_t turn;
    uint64_t generation, sender, held;
    int64_t out_ms;
    char began[TURNS_MAX], fated[TURNS_MAX];
};

struct world {
    uint64_t random;
    int64_t now_ms, stalled_until_ms, last_turn_ms;
    int faults;
    uint64_t next_epoch;
    struct stage stages[STAGES];
    /* the broker: fence and jobs; what a restart keeps is in `members` (by stage, 0 = none) and the jobs'
     * marks */
    struct fence fence;
    uint64_t members[STAGES];
    struct job jobs[JOBS];
    uint64_t fates[3];
};

static uint64_t pick(struct world *w, uint64_t below)
{
    return hex_random(&w->random) % below;
}

/* 1 in `often`, while faults are on. */
static int strikes(struct world *w, uint64_t often)
{
    return w->faults && pick(w, often) == 0;
}

/* --- lines
 * -------------------------------------------------------------------------------------------------------- */

static void line_send(struct world *w, struct line *l, const struct packet *p)
{
    if (l->count == LINE_MAX)
        return; /* lost: the rules have to stand that as well */
    struct packet *slot = &l->packets[(l->first + l->count++) % LINE_MAX];
    *slot = *p;
    slot->arrives_ms = w->now_ms + (int64_t)pick(w, 4) + (strikes(w, 40) ? (int64_t)pick(w, LEASE_MS) : 0);
}

static int line_take(struct world *w, struct line *l, struct packet *p)
{
    if (l->count == 0 || l->packets[l->first].arrives_ms > w->now_ms)
        return 0;
    *p = l->packets[l->first];
    l->first = (l->first + 1) % LINE_MAX;
    l->count--;
    return 1;
}

static void line_cut(struct line *l)
{
    l->count = 0;
}

/* --- a stage, by the rules of proto/member.h
 * ---------------------------------------------------------------------- */

static void stage_say(struct world *w, struct stage *s, struct packet p)
{
    p.epoch = s->epoch;
    line_send(w, &s->to_broker, &p);
}

static void stage_start(struct world *w, struct stage *s)
{
    *s = (struct stage){.epoch = ++w->next_epoch};
}

static void remove_work(struct stage *s, size_t i)
{
    s->works[i] = s->works[--s->count];
}

/* Drops what is older and was not begun, and says what is held. */
static void answer_fence(struct world *w, struct stage *s, uint64_t generation)
{
    struct packet held = {.kind = HELD, .generation = generation};
    s->generation = generation;
    for (size_t i = 0; i < s->count;) {
        if (s->works[i].state == QUEUED && s->works[i].generation < generation)
            remove_work(s, i);
        else
            held.held[held.held_count++] = s->works[i++].job;
    }
    stage_say(w, s, held);
}

static void confirm_work(struct stage *s, struct holding job)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->works[i].state == DONE && s->works[i].job.job == job.job && s->works[i].job.turn == job.turn) {
            remove_work(s, i);
            return;
        }
}

static void stage_hear(struct world *w, struct stage *s, const struct packet *p)
{
    int mine = p->epoch == s->epoch;
    if (p->kind == WELCOME && mine) {
        s->welcome = 1;
        s->granted_ms = p->clock_ms;
        answer_fence(w, s, p->generation);
    } else if (p->kind == BEAT && mine && s->welcome) {
        s->granted_ms = p->clock_ms > s->granted_ms ? p->clock_ms : s->granted_ms;
        if (p->generation > s->generation)
            answer_fence(w, s, p->generation);
    } else if (p->kind == FENCE && s->welcome && p->generation >= s->generation) {
        answer_fence(w, s, p->generation);
    } else if (p->kind == WHO) {
        s->welcome = 0;
        stage_say(w, s, (struct packet){.kind = HELLO, .clock_ms = w->now_ms});
    } else if (p->kind == CONFIRM) {
        confirm_work(s, p->job);
    }
}

static void stage_tick(struct world *w, struct stage *s)
{
    if (s->welcome && w->now_ms - s->granted_ms >= LEASE_MS)
        s->welcome = 0;
    if (w->now_ms < s->next_beat_ms)
        return;
    s->next_beat_ms = w->now_ms + BEAT_MS;
    stage_say(w, s, (struct packet){.kind = s->welcome ? BEAT : HELLO, .clock_ms = w->now_ms});
}

static void stage_take_jobs(struct world *w, struct stage *s)
{
    struct packet p;
    while (s->welcome && s->count < HELD_MAX && line_take(w, &s->jobs, &p))
        if (p.generation >= s->generation)
            s->works[s->count++] = (struct work){p.job, p.generation, p.sender, QUEUED, 0, 0};
}

static void begin(struct world *w, struct work *work)
{
    struct job *j = &w->jobs[work->job.job];
    CHECK(!j->fated[work->job.turn]);
    CHECK(!j->began[work->job.turn]);
    j->began[work->job.turn] = 1;
    work->state = RUNNING;
    work->ends_ms = w->now_ms + 1 + (int64_t)pick(w, 30);
}

static void sender_work(struct world *w, struct stage *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct work *work = &s->works[i];
        /* The lease is looked at just before each call. */
        if (work->state == QUEUED && s->welcome && w->now_ms - s->granted_ms < LEASE_MS && pick(w, 3) == 0)
            begin(w, work);
        if (work->state == RUNNING && w->now_ms >= work->ends_ms)
            work->state = DONE;
        if (work->state != DONE || (work->offered_ms && w->now_ms - work->offered_ms < LEASE_MS * 2))
            continue;
        work->offered_ms = w->now_ms;
        stage_say(w, s, (struct packet){.kind = RESULT, .job = work->job});
    }
}

/* Hands jobs on. A line to a sender that is gone swallows them. */
static void templater_work(struct world *w, struct stage *t)
{
    while (t->count > 0) {
        struct work work = t->works[0];
        remove_work(t, 0);
        struct packet p = {
            .kind = JOB, .job = work.job, .generation = work.generation, .sender = work.sender};
        for (int i = 1; i < STAGES; i++)
            if (w->stages[i].epoch == work.sender)
                line_send(w, &w->stages[i].jobs, &p);
    }
}

static void stage_turn(struct world *w, int i)
{
    struct stage *s = &w->stages[i];
    struct packet p;
    if (w->now_ms < s->frozen_until_ms)
        return;
    if (pick(w, 4) == 0 && i > 0)
        sender_work(w, s); /* it was stopped in the middle of a turn: it begins before it reads anything */
    while (line_take(w, &s->from_broker, &p))
        stage_hear(w, s, &p);
    stage_tick(w, s);
    stage_take_jobs(w, s);
    if (i == 0 && pick(w, 2))
        templater_work(w, s);
    else if (i > 0)
        sender_work(w, s);
}

/* --- the broker, as broker/control.c and broker/ring.c do it
 * ------------------------------------------------------ */

static int member_index(const struct world *w, uint64_t epoch)
{
    for (int i = 0; i < STAGES; i++)
        if (w->members[i] == epoch)
            return i;
    return -1;
}

static void raise_fence(struct world *w)
{
    fence_raise(&w->fence);
    for (int i = 0; i < STAGES; i++)
        if (fence_is_living(&w->fence, w->members[i]))
            line_send(w, &w->stages[i].from_broker,
                      &(struct packet){.kind = FENCE, .generation = w->fence.generation});
}

static void leave(struct world *w, uint64_t epoch)
{
    int i = member_index(w, epoch);
    CHECK(i >= 0 && fence_leave(&w->fence, epoch));
    w->members[i] = 0;
    raise_fence(w);
}

static void on_hello(struct world *w, int i, const struct packet *p)
{
    if (w->members[i] && w->members[i] != p->epoch)
        leave(w, w->members[i]);
    CHECK_INT(fence_join(&w->fence, p->epoch, w->now_ms), 0);
    w->members[i] = p->epoch;
    line_send(
        w, &w->stages[i].from_broker,
        &(struct packet){
            .kind = WELCOME, .epoch = p->epoch, .generation = w->fence.generation, .clock_ms = p->clock_ms});
}

static void on_held(struct world *w, const struct packet *p)
{
    if (!fence_answer(&w->fence, p->epoch, p->generation))
        return;
    for (size_t i = 0; i < p->held_count; i++) {
        struct job *j = &w->jobs[p->held[i].job];
        if (j->is_out && j->sender == p->epoch && j->turn == p->held[i].turn)
            j->held = p->generation;
    }
}

static void on_result(struct world *w, int i, const struct packet *p)
{
    struct job *j = &w->jobs[p->job.job];
    j->is_settled = 1;
    j->is_out = 0;
    line_send(w, &w->stages[i].from_broker,
              &(struct packet){.kind = CONFIRM, .epoch = p->epoch, .job = p->job});
}

static void broker_hear(struct world *w, int i, const struct packet *p)
{
    struct line *answer = &w->stages[i].from_broker;
    if (p->kind == HELLO) {
        on_hello(w, i, p);
    } else if (w->members[i] != p->epoch || fence_hear(&w->fence, p->epoch, w->now_ms)) {
        line_send(w, answer, &(struct packet){.kind = WHO});
    } else if (p->kind == BEAT) {
        if (fence_owes(&w->fence, p->epoch)) /* its answer was lost with a connection */
            line_send(w, answer, &(struct packet){.kind = FENCE, .generation = w->fence.generation});
        line_send(
            w, answer,
            &(struct packet){
                .kind = BEAT, .epoch = p->epoch, .generation = w->fence.generation, .clock_ms = p->clock_ms});
    } else if (p->kind == HELD) {
        on_held(w, p);
    } else if (p->kind == RESULT) {
        on_result(w, i, p);
    } else if (p->kind == LOST) {
        raise_fence(w);
    } else if (p->kind == BYE) {
        leave(w, p->epoch);
    }
}

static void close_fence(struct world *w)
{
    for (int i = 0; i < JOBS; i++) {
        struct job *j = &w->jobs[i];
        if (!j->is_out)
            continue;
        enum fence_fate fate = fence_fate(&w->fence, j->generation, j->sender, j->held);
        w->fates[fate]++;
        if (fate == FATE_STAYS)
            continue;
        CHECK(fate == FATE_UNKNOWN || !j->began[j->turn]);
        j->fated[j->turn] = 1;
        j->is_out = 0;
    }
}

static void find_overdue(struct world *w)
{
    for (int i = 0; i < JOBS && !w->fence.open; i++) {
        struct job *j = &w->jobs[i];
        if (!j->is_out || w->now_ms - j->out_ms < OUT_MAX_MS)
            continue;
        j->out_ms = w->now_ms;
        raise_fence(w);
    }
}

static uint64_t find_sender(struct world *w)
{
    int i = 1 + (int)pick(w, STAGES - 1), out = 0;
    for (int n = 0; n < JOBS; n++)
        out += w->jobs[n].is_out && w->jobs[n].sender == w->members[i];
    return out < SLOTS && fence_is_living(&w->fence, w->members[i]) ? w->members[i] : 0;
}

static void give_out(struct world *w, int i)
{
    struct job *j = &w->jobs[i];
    uint64_t sender = find_sender(w);
    if (j->is_settled || j->is_out || sender == 0 || !fence_is_living(&w->fence, w->members[0]) ||
        pick(w, 8) > 0)
        return;
    CHECK(++j->turn < TURNS_MAX);
    j->is_out = 1;
    j->generation = w->fence.generation;
    j->sender = sender;
    j->held = 0;
    j->out_ms = w->now_ms;
    line_send(
        w, &w->stages[0].jobs,
        &(struct packet){.kind = JOB, .job = {i, j->turn}, .generation = j->generation, .sender = sender});
}

static void broker_turn(struct world *w)
{
    struct packet p;
    uint64_t silent;
    int64_t since_ms = w->now_ms - w->last_turn_ms;
    if (w->now_ms < w->stalled_until_ms)
        return;
    w->last_turn_ms = w->now_ms;
    if (since_ms > STALL_MS)
        fence_excuse(&w->fence, since_ms);
    for (int i = 0; i < STAGES; i++)
        while (line_take(w, &w->stages[i].to_broker, &p))
            broker_hear(w, i, &p);
    while ((silent = fence_find_silent(&w->fence, w->now_ms, SILENCE_MS)) != 0)
        leave(w, silent);
    find_overdue(w);
    if (fence_try_close(&w->fence))
        close_fence(w);
    for (int i = 0; i < JOBS; i++)
        give_out(w, i);
}

/* What is in memory is gone, and every connection with it; generation, members and marks were on disk. */
static void broker_restart(struct world *w)
{
    uint64_t generation = w->fence.generation;
    fence_init(&w->fence, generation);
    for (int i = 0; i < STAGES; i++) {
        line_cut(&w->stages[i].to_broker);
        line_cut(&w->stages[i].from_broker);
        if (w->members[i])
            fence_expect(&w->fence, w->members[i], w->now_ms);
    }
    line_cut(&w->stages[0].jobs);
    for (int i = 0; i < JOBS; i++) {
        w->jobs[i].held = 0;
        w->jobs[i].out_ms = w->now_ms;
    }
    w->last_turn_ms = w->now_ms;
    raise_fence(w);
}

/* --- faults
 * ------------------------------------------------------------------------------------------------------- */

/* A data connection breaks. Mostly it is noticed; what nobody notices is asked for after out_max. */
static void cut_jobs(struct world *w, int i)
{
    line_cut(&w->stages[i].jobs);
    if (pick(w, 4) == 0)
        return;
    if (i == 0)
        raise_fence(w);
    else
        stage_say(w, &w->stages[0], (struct packet){.kind = LOST});
}

/* Ends in good order, when nothing has begun that has not ended, and a new process takes its place. The
 * goodbye still arrives. */
static void stage_stop(struct world *w, struct stage *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->works[i].state != QUEUED)
            return;
    stage_say(w, s, (struct packet){.kind = BYE});
    struct line *goodbye = mem_new(sizeof *goodbye);
    *goodbye = s->to_broker;
    stage_start(w, s);
    s->to_broker = *goodbye;
    free(goodbye);
}

static void strike_stage(struct world *w, int i)
{
    struct stage *s = &w->stages[i];
    if (strikes(w, 400))
        s->frozen_until_ms = w->now_ms + (int64_t)pick(w, LEASE_MS * 3);
    if (strikes(w, 900))
        stage_start(w, s);
    if (strikes(w, 400)) {
        line_cut(&s->to_broker);
        line_cut(&s->from_broker);
    }
    if (strikes(w, 400))
        cut_jobs(w, i);
    if (strikes(w, 1500))
        stage_stop(w, s);
}

static void strike_broker(struct world *w)
{
    if (strikes(w, 500))
        w->stalled_until_ms = w->now_ms + (int64_t)pick(w, LEASE_MS * 3);
    if (strikes(w, 900))
        broker_restart(w);
}

static int has_work(const struct world *w)
{
    for (int i = 0; i < JOBS; i++)
        if (!w->jobs[i].is_settled)
            return 1;
    return 0;
}

/* While there are faults a settled job's place is taken by a new one, so that there is always work. */
static void renew_jobs(struct world *w)
{
    for (int i = 0; i < JOBS; i++) {
        struct job *j = &w->jobs[i];
        if (j->is_settled && j->turn < TURNS_MAX / 2)
            j->is_settled = 0; /* its turns go on counting, so no giving-out has the name of an earlier one */
    }
}

static void one_step(struct world *w)
{
    w->now_ms++;
    if (w->faults) {
        strike_broker(w);
        renew_jobs(w);
    }
    for (int i = 0; i < STAGES; i++) {
        strike_stage(w, i);
        stage_turn(w, i);
    }
    broker_turn(w);
}

static void run(struct world *w, uint64_t seed)
{
    *w = (struct world){.random = seed, .now_ms = 1000, .last_turn_ms = 1000, .faults = 1};
    fence_init(&w->fence, 1);
    fence_raise(&w->fence);
    for (int i = 0; i < STAGES; i++)
        stage_start(w, &w->stages[i]);
    for (int i = 0; i < STEPS; i++)
        one_step(w);
    w->faults = 0;
    for (int i = 0; i < STEPS_MORE && has_work(w); i++)
        one_step(w);
    CHECK(!has_work(w));
}

int main(void)
{
    struct world *w = mem_new(sizeof *w);
    uint64_t fates[3] = {0};
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        run(w, seed);
        for (int i = 0; i < 3; i++)
            fates[i] += w->fates[i];
    }
    CHECK(fates[FATE_STAYS] > WORLDS && fates[FATE_BACK] > WORLDS && fates[FATE_UNKNOWN] > WORLDS);
    free(w);
    return 0;
}
