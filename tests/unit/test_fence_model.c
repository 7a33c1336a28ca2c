/* The fence in a small world: a broker, two templaters and three senders, joined by lines that delay and
 * lose. Stages and the broker are killed, stopped, resumed and restarted at random, at random moments.
 *
 *   test_fence_model [RINGS [SEED]]   so many worlds (1000), from that seed on (1)
 *
 * What must hold, whatever happens (HOLDS, where it happens):
 *   - a giving-out that was called BACK or UNKNOWN is never begun afterwards, one that was called BACK never
 *     was, and none is begun twice;
 *   - a message is called again only after its sender was lost, or after its call ended and was reported;
 *   - of a kind without a key one call at most may have been taken, and leave for it was on disk before;
 *   - who is judged silent has no lease any more, and the broker's own stall is not the reason;
 *   - a fence closes soon after the last trouble, and while none is open all that is out is with the living;
 *   - when the faults stop, every message ends and nobody is left with anything.
 *
 * A random walk that does not come by a situation proves nothing about it: each of them is counted. */
#include "tests/unit/fence_broker.h"

#define RINGS      1000
#define STEPS      2500
#define STEPS_MORE 20000 /* without faults, in which everything has to end */

/* At least so often in RINGS worlds. */
static const struct {
    const char *name;
    uint64_t least;
} situations[SITUATIONS] = {
    [LEFT_GOODBYE] = {"a stage said goodbye", 1000},
    [LEFT_SILENT] = {"a stage fell silent", 1000},
    [LEFT_NEW_EPOCH] = {"a stage came back under a new epoch", 700},
    [BACK_SAME_EPOCH] = {"a stage that had fallen silent came back under the same epoch", 1000},
    [JOINED_IN_FENCE] = {"a stage joined in mid-fence", 2000},
    [LAST_TEMPLATER_OF_TWO] = {"a job went out while one of the two templaters was away", 7000},
    [FENCE_IN_FENCE] = {"a second fence before the first was done", 7000},
    [FENCE_REPEATED] = {"a stage was asked again, its answer was lost", 10000},
    [FENCE_DATA_AGAIN] = {"a second fence after a line to a templater was lost", 1000},
    [FENCE_OVERDUE] = {"a job was out for too long", 2000},
    [ANSWER_LATE] = {"an answer to an older fence", 10000},
    [RESTART_IN_FENCE] = {"the broker restarted in mid-fence", 200},
    [RESTART_WITH_OUT] = {"a job was out when the broker restarted", 3000},
    [RESTART_UNSAID] = {"the broker was killed between its commit and what it had to say", 100},
    [STALL_EXCUSED] = {"the broker stood still", 500},
    [STANDSTILL_EXCUSED] = {"everything stood still", 40},
    [CUT_TO_BROKER] = {"messages to the broker were lost", 600},
    [CUT_FROM_BROKER] = {"messages to a stage were lost", 600},
    [CUT_CONTROL_ONLY] = {"a control connection was lost while jobs were on the data connection", 700},
    [CUT_TO_TEMPLATER] = {"jobs to a templater were lost while its control connection lived", 200},
    [CUT_TO_SENDER] = {"jobs to a sender were lost while its control connection lived", 100},
    [CUT_UNNOTICED] = {"a lost data connection went unnoticed", 1000},
    [SWALLOWED] = {"a job went into a line that was dead already", 400},
    [SENDER_GONE] = {"a templater had a job for a sender that was gone", 300},
    [OUTBOX_DROPPED] = {"a fence dropped jobs that no templater had taken", 30},
    [JOB_TO_STRANGER] = {"a job went to a templater that was no member", 1000},
    [JOB_OLDER] = {"a job of an older generation came late", 6000},
    [LEASE_KEPT_BACK] = {"a sender was resumed beyond its lease, in mid-turn, with something to begin", 300},
    [FENCE_KEPT_BACK] = {"a call was not written, since it may be somebody else's by then", 4000},
    [DROPPED_QUEUED] = {"a fence dropped a job that was not begun", 9000},
    [DROPPED_ASKED] = {"a fence dropped a job that waited for leave", 1000},
    [DROPPED_ALLOWED] = {"a fence dropped a job that had leave", 1000},
    [BEGIN_REPEATED] = {"leave was asked for again, the answer was lost", 60},
    [BEGIN_REFUSED_OLDER] = {"leave was asked for under an older generation", 1000},
    [BEGIN_REFUSED] = {"leave was asked for what an earlier turn had settled", 2},
    [BEGUN_TOO_LATE] = {"leave came after the job was dropped", 80},
    [STAYS_HELD] = {"a job stayed because it was held", 10000},
    [STAYS_HELD_KEYLESS] = {"a job without a key stayed because it was held", 9000},
    [BACK_KEYED] = {"a job went back", 7000},
    [BACK_KEYLESS] = {"a job without a key went back", 9000},
    [BACK_BEGUN] = {"a job went back that had leave and was not called", 1000},
    [UNKNOWN_CALLED] = {"a sender was lost in mid-call", 900},
    [UNKNOWN_NOT_CALLED] = {"a sender was lost before it called", 1000},
    [UNKNOWN_KEYLESS_AGAIN] = {"a sender was lost that had no leave", 1000},
    [BURIED_CALLED] = {"a sender was lost that had leave, in mid-call", 700},
    [BURIED_NOT_CALLED] = {"a sender was lost that had leave, before it called", 100},
    [CALLED_AGAIN] = {"a message was called again that may have been taken", 2000},
    [CALLED_AFTER_FAILURE] = {"a message was called again that was not taken", 2000},
    [CALL_TOOK_TURN] = {"a call in flight took the turn of the same job, given out again", 30},
    [RESULT_TOOK_TURN] = {"an unconfirmed result took the turn of its job, given out again", 10},
    [RESULT_OLDER_GENERATION] = {"a result of an older generation", 10000},
    [RESULT_LATE_SETTLES] = {"a result of an older turn settled its message", 100},
    [RESULT_LATE_IGNORED] = {"a result of an older turn was ignored", 200},
};

/* --- faults --------------------------------------------------------------------------------------------- */

static void strike_control(struct world *w, int i)
{
    uint64_t which = 1 + world_pick(w, 3);
    size_t jobs = w->jobs[i][0].count + w->jobs[i][TEMPLATERS - 1].count;
    if (which & 1 && line_cut(w, &w->to_broker[i]) > 0)
        world_saw(w, CUT_TO_BROKER);
    if (which & 2 && line_cut(w, &w->from_broker[i]) > 0)
        world_saw(w, CUT_FROM_BROKER);
    if (jobs > 0)
        world_saw(w, CUT_CONTROL_ONLY);
    if (which == 3)
        w->stages[i].control_lost_ms = w->now_ms + (int64_t)world_pick(w, BEAT_MS);
    world_trouble(w, i, BEAT_MS);
}

static void strike_data(struct world *w, int i)
{
    int from = world_is_templater(i) ? 0 : (int)world_pick(w, TEMPLATERS);
    struct line *l = &w->jobs[i][from];
    if (line_cut(w, l) > 0)
        world_saw(w, world_is_templater(i) ? CUT_TO_TEMPLATER : CUT_TO_SENDER);
    l->swallows_until_ms = w->now_ms + (int64_t)world_pick(w, SWALLOW_MS);
    if (!world_is_templater(i))
        stage_notice_data_lost(w, from);
    else if (world_pick(w, 4) == 0)
        world_saw(w, CUT_UNNOTICED);
    else
        w->data_lost = 1;
}

/* What the process had said and handed on is partly on its way. */
static void kill_stage(struct world *w, int i)
{
    line_cut(w, &w->to_broker[i]);
    for (int to = TEMPLATERS; world_is_templater(i) && to < STAGES; to++)
        line_cut(w, &w->jobs[to][i]);
    stage_end(w, i);
    w->stages[i].frozen_until_ms += (int64_t)world_pick(w, SILENCE_MS * 2);
    world_trouble(w, i, w->stages[i].frozen_until_ms - w->now_ms);
}

static void freeze(struct world *w, int i, int64_t until_ms)
{
    struct stage *s = &w->stages[i];
    s->frozen_until_ms = until_ms > s->frozen_until_ms ? until_ms : s->frozen_until_ms;
}

/* SIGSTOP, now and then right after it has found that a job cannot be sent and before it says so. */
static void stop_stage(struct world *w, int i)
{
    struct stage *s = &w->stages[i];
    freeze(w, i, w->now_ms + (int64_t)world_pick(w, LEASE_MS * 3));
    world_trouble(w, i, s->frozen_until_ms - w->now_ms);
    for (size_t n = 0; n < s->count && world_pick(w, 2); n++)
        if (s->works[n].state == QUEUED)
            work_end(w, &s->works[n], OUTCOME_DEAD);
}

static void strike_stage(struct world *w, int i)
{
    struct stage *s = &w->stages[i];
    if (world_strikes(w, 400))
        stop_stage(w, i);
    if (world_strikes(w, 900))
        kill_stage(w, i);
    if (world_strikes(w, 300))
        strike_control(w, i);
    if (world_strikes(w, 300))
        strike_data(w, i);
    if (world_strikes(w, 1200) && s->stop_by_ms == 0)
        s->stop_by_ms = w->now_ms + SILENCE_MS;
}

static void stall(struct world *w, int64_t until_ms)
{
    w->stalled_until_ms = until_ms > w->stalled_until_ms ? until_ms : w->stalled_until_ms;
}

/* The machine sleeps: the broker and every stage. What the broker does not excuse is trouble. */
static void stand_still(struct world *w)
{
    int64_t still_ms = (int64_t)world_pick(w, LEASE_MS * 4);
    stall(w, w->now_ms + still_ms);
    for (int i = 0; i < STAGES; i++) {
        freeze(w, i, w->stalled_until_ms + (int64_t)world_pick(w, 6));
        if (still_ms <= STALL_MS)
            world_trouble(w, i, still_ms);
    }
}

static void strike_broker(struct world *w)
{
    if (world_strikes(w, 500))
        stall(w, w->now_ms + (int64_t)world_pick(w, LEASE_MS * 3));
    if (world_strikes(w, 700))
        stand_still(w);
    if (!world_strikes(w, 700))
        return;
    w->is_mute = world_pick(w, 2) == 0;
    if (w->is_mute)
        broker_turn(w);
    broker_restart(w);
}

/* --- the world ------------------------------------------------------------------------------------------ */

static int has_work(const struct world *w)
{
    for (int n = 0; n < MESSAGES; n++)
        if (!w->messages[n].is_settled || w->messages[n].is_out)
            return 1;
    for (int i = 0; i < STAGES; i++)
        if (w->stages[i].count > 0)
            return 1;
    return w->fence.open;
}

/* While there are faults a settled message's place is taken by a new one, so that there is always work. */
static void renew_messages(struct world *w)
{
    for (int n = 0; n < MESSAGES; n++) {
        struct message *m = &w->messages[n];
        if (m->is_settled && !m->is_out && !m->is_kept)
            *m = (struct message){.seq = m->seq + MESSAGES, .keyless = (int)world_pick(w, 2)};
    }
}

static void step(struct world *w)
{
    w->now_ms++;
    if (w->seldom) {
        strike_broker(w);
        renew_messages(w);
    }
    for (int i = 0; i < STAGES; i++) {
        if (w->seldom)
            strike_stage(w, i);
        stage_turn(w, i);
    }
    broker_turn(w);
}

static void run(struct world *w, uint64_t seed, uint64_t *seen)
{
    static const uint64_t pace[] = {1, 2, 5, 12}; /* quiet worlds come by what hectic ones mend at once */
    memset(w, 0, sizeof *w);
    w->seed = w->random = seed;
    w->seen = seen;
    w->now_ms = w->last_turn_ms = 1000;
    w->seldom = pace[seed % (sizeof pace / sizeof *pace)];
    fence_init(&w->fence, 1);
    fence_raise(&w->fence);
    for (int i = 0; i < STAGES; i++)
        stage_start(w, i);
    for (int n = 0; n < MESSAGES; n++)
        w->messages[n] = (struct message){.seq = (uint64_t)n, .keyless = n % 2};
    for (int i = 0; i < STEPS; i++)
        step(w);
    w->seldom = 0;
    for (int i = 0; i < STEPS_MORE && has_work(w); i++)
        step(w);
    HOLDS(w, !has_work(w));
}

static void check_seen(const uint64_t *seen, uint64_t rings)
{
    for (int s = 0; s < SITUATIONS; s++) {
        uint64_t least = situations[s].least * rings / RINGS;
        if (seen[s] < least)
            fprintf(stderr, "too seldom: %s: %" PRIu64 " of %" PRIu64 "\n", situations[s].name, seen[s],
                    least);
        CHECK(seen[s] >= least);
    }
}

int main(int argc, char **argv)
{
    uint64_t rings = argc > 1 ? strtoull(argv[1], NULL, 10) : RINGS;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t seen[SITUATIONS] = {0};
    struct world *w = mem_new(sizeof *w);
    for (uint64_t seed = first; seed < first + rings; seed++)
        run(w, seed, seen);
    for (int s = 0; s < SITUATIONS && argc > 1; s++)
        printf("%10" PRIu64 "  %s\n", seen[s], situations[s].name);
    if (rings >= RINGS)
        check_seen(seen, rings);
    free(w);
    return 0;
}
