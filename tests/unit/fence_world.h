/* The small world of test_fence_model.c: lines that delay and lose packets, stages, messages, and what really
 * happened to each message, which no process knows. What must hold is checked here, where it happens.
 *
 * Everything is one process, its clock a counter; all chance comes from the seed, so a seed repeats its run.
 */
#ifndef TESTS_UNIT_FENCE_WORLD_H
#define TESTS_UNIT_FENCE_WORLD_H

#include "broker/fence.h"
#include "proto/control.h"
#include "tests/unit/hex.h"

#define TEMPLATERS 2
#define STAGES     5 /* the templaters come first, the others are senders */
#define MESSAGES   16
#define TURNS_MAX  512
#define SLOTS      3 /* of a sender */
#define LINE_MAX   128
#define WORKS_MAX  32

/* A step of the world is a millisecond. */
#define LEASE_MS       60
#define SILENCE_MS     (LEASE_MS + LEASE_MS / 4)
#define BEAT_MS        (LEASE_MS / 5)
#define STALL_MS       40 /* of the broker, from which on it counts */
#define OUT_MAX_MS     300
#define FENCE_AGAIN_MS 10
#define SWALLOW_MS     8   /* a line that was cut takes and loses for at most so long */
#define HEARD_AGAIN_MS 40  /* after its last trouble a stage is heard within so long */
#define CLOSED_MS      100 /* after the last trouble of all a fence is closed within so long */

/* What the random walk has to come by; see `situations` in test_fence_model.c. */
enum situation {
    LEFT_GOODBYE,
    LEFT_SILENT,
    LEFT_NEW_EPOCH,
    BACK_SAME_EPOCH,
    JOINED_IN_FENCE,
    LAST_TEMPLATER_OF_TWO,
    FENCE_IN_FENCE,
    FENCE_REPEATED,
    FENCE_DATA_AGAIN,
    FENCE_OVERDUE,
    ANSWER_LATE,
    RESTART_IN_FENCE,
    RESTART_WITH_OUT,
    RESTART_UNSAID,
    STALL_EXCUSED,
    STANDSTILL_EXCUSED,
    CUT_TO_BROKER,
    CUT_FROM_BROKER,
    CUT_CONTROL_ONLY,
    CUT_TO_TEMPLATER,
    CUT_TO_SENDER,
    CUT_UNNOTICED,
    SWALLOWED,
    SENDER_GONE,
    OUTBOX_DROPPED,
    JOB_TO_STRANGER,
    JOB_OLDER,
    LEASE_KEPT_BACK,
    FENCE_KEPT_BACK,
    DROPPED_QUEUED,
    DROPPED_ASKED,
    DROPPED_ALLOWED,
    BEGIN_REPEATED,
    BEGIN_REFUSED,
    BEGIN_REFUSED_OLDER,
    BEGUN_TOO_LATE,
    STAYS_HELD,
    STAYS_HELD_KEYLESS,
    BACK_KEYED,
    BACK_KEYLESS,
    BACK_BEGUN,
    UNKNOWN_CALLED,
    UNKNOWN_NOT_CALLED,
    UNKNOWN_KEYLESS_AGAIN,
    BURIED_CALLED,
    BURIED_NOT_CALLED,
    CALLED_AGAIN,
    CALLED_AFTER_FAILURE,
    CALL_TOOK_TURN,
    RESULT_TOOK_TURN,
    RESULT_OLDER_GENERATION,
    RESULT_LATE_SETTLES,
    RESULT_LATE_IGNORED,
    SITUATIONS
};

/* A control message, or with CONTROL_NONE a job on its way. */
struct packet {
    enum control_type type;
    int64_t arrives_ms;
    uint64_t epoch, generation;
    int64_t clock_ms;
    struct holding job; /* job, begin, begun, results, confirm */
    uint64_t sender;    /* job: the epoch of whom it is for */
    int keyless;        /* job */
    enum outcome outcome;
    struct holding held[WORKS_MAX];
    size_t held_count;
};

/* First in, first out. */
struct line {
    struct packet packets[LINE_MAX];
    size_t first, count;
    int64_t swallows_until_ms;
};

/* ASKED waits for the broker's leave, ALLOWED has it. From STARTED on a fence is told of it: the call
 * connects or waits for another token, but nothing of it is written. RUNNING: it is written. */
enum work_state { QUEUED, ASKED, ALLOWED, STARTED, RUNNING, DONE };

struct work {
    struct holding job;
    uint64_t generation, sender;
    int keyless;
    enum work_state state;
    enum outcome outcome;
    int64_t next_ms; /* QUEUED: has a token; ASKED: asks again; STARTED: is written; RUNNING: ends;
                        DONE: is offered again */
};

/* One process; a restart makes a new one. Times are the world's, but for those of its own clock. */
struct stage {
    uint64_t epoch, generation;
    int64_t clock_ahead_ms; /* of its own clock */
    int64_t granted_ms;     /* by its own clock */
    int64_t next_beat_ms, frozen_until_ms;
    int64_t stop_by_ms;      /* it is stopping; 0 = it is not */
    int64_t control_lost_ms; /* it notices then that its control connection broke; 0 = nothing to notice */
    int64_t data_lost_ms;    /* templater: the same of a line to a sender */
    int welcome;
    int is_open; /* templater: it has opened its line from the broker */
    struct work works[WORKS_MAX];
    size_t count;
};

struct message {
    uint64_t seq; /* its place is seq % MESSAGES */
    int keyless;  /* of a kind that WeChat does not de-duplicate; the broker does not know it */
    /* What the broker knows. But for `held` and `out_ms` it is on disk. */
    int is_out, is_settled, begun;
    int is_kept; /* settled while it was out, and forgotten to be out by a restart: nothing takes its place */
    uint32_t turn;
    uint64_t generation, sender, held;
    int64_t out_ms;
    /* What really happened. */
    uint32_t leave_turn; /* that was given leave */
    uint32_t calls;      /* begun */
    uint32_t maybe;      /* of these, which may have been taken: all but those that failed for certain */
    uint32_t open;       /* of these, which have neither ended in a report nor lost their sender */
    char began[TURNS_MAX], fated[TURNS_MAX];
};

struct world {
    uint64_t seed, random;
    uint64_t *seen; /* SITUATIONS */
    int64_t now_ms;
    uint64_t seldom; /* faults strike so many times more seldom; 0 = never */
    uint64_t last_epoch;
    struct stage stages[STAGES];
    struct line to_broker[STAGES], from_broker[STAGES];
    struct line jobs[STAGES][TEMPLATERS]; /* to a templater: [0], from the broker; to a sender: from each */
    int64_t trouble_ms[STAGES];           /* end of the last trouble that explains a stage's silence */
    uint64_t lost_epochs[STAGES];         /* the last one that fell silent under this name */
    /* The broker. What a restart keeps: the generation, `members` (by name, 0 = none) and the messages. */
    struct fence fence;
    uint64_t members[STAGES];
    struct message messages[MESSAGES];
    struct line outbox; /* jobs that no templater has taken */
    int64_t stalled_until_ms, last_turn_ms, fence_again_ms, raised_ms;
    int data_lost; /* its monitor tells of a lost line to a templater */
    int is_mute;   /* this turn is committed, and it is killed before anything of it is said */
};

#define HOLDS(w, condition) world_check((w), (condition) ? 1 : 0, #condition, __FILE__, __LINE__)

static inline void world_check(const struct world *w, int holds, const char *what, const char *file, int line)
{
    if (!holds)
        fprintf(stderr, "seed %" PRIu64 ", %" PRId64 " ms\n", w->seed, w->now_ms);
    test_check(holds, what, file, line);
}

static inline void world_saw(struct world *w, enum situation s)
{
    w->seen[s]++;
}

static inline uint64_t world_pick(struct world *w, uint64_t below)
{
    return hex_random(&w->random) % below;
}

/* 1 in `often`, while there are faults. */
static inline int world_strikes(struct world *w, uint64_t often)
{
    return w->seldom != 0 && world_pick(w, often * w->seldom) == 0;
}

/* Explains why the broker does not hear a stage for so long from now on; 0 = there is nothing to explain. */
static inline void world_trouble(struct world *w, int i, int64_t ms)
{
    if (ms > 0 && w->now_ms + ms > w->trouble_ms[i])
        w->trouble_ms[i] = w->now_ms + ms;
}

static inline int world_is_templater(int i)
{
    return i < TEMPLATERS;
}

static inline struct message *world_message(struct world *w, uint64_t seq)
{
    struct message *m = &w->messages[seq % MESSAGES];
    return m->seq == seq ? m : NULL;
}

/* --- lines ---------------------------------------------------------------------------------------------- */

/* Returns by how many ms it is later than most. A full line loses it: the rules have to stand that too. */
static inline int64_t line_send(struct world *w, struct line *l, const struct packet *p)
{
    if (l->count == LINE_MAX)
        return LEASE_MS;
    if (w->now_ms < l->swallows_until_ms) {
        world_saw(w, SWALLOWED);
        return 0;
    }
    int64_t late_ms = world_strikes(w, 40) ? (int64_t)world_pick(w, LEASE_MS) : 0;
    struct packet *slot = &l->packets[(l->first + l->count++) % LINE_MAX];
    *slot = *p;
    slot->arrives_ms = w->now_ms + (int64_t)world_pick(w, 4) + late_ms;
    return late_ms;
}

static inline int line_take(struct world *w, struct line *l, struct packet *p)
{
    if (l->count == 0 || l->packets[l->first].arrives_ms > w->now_ms)
        return 0;
    *p = l->packets[l->first];
    l->first = (l->first + 1) % LINE_MAX;
    l->count--;
    return 1;
}

/* The connection ends: some of what was on its way has got through. Returns how many are lost. */
static inline size_t line_cut(struct world *w, struct line *l)
{
    size_t before = l->count;
    l->count = world_pick(w, before + 1);
    return before - l->count;
}

/* --- what really happens to a message ------------------------------------------------------------------- */

/* A call is begun. Nobody may begin what was given to somebody else or has ended. */
static inline void message_call(struct world *w, const struct work *work)
{
    struct message *m = world_message(w, work->job.seq);
    HOLDS(w, m != NULL);
    HOLDS(w, !m->fated[work->job.turn]);
    HOLDS(w, !m->began[work->job.turn]);
    HOLDS(w, m->open == 0);
    HOLDS(w, !m->keyless || m->maybe == 0);
    HOLDS(w, !m->keyless || (m->is_out && m->turn == work->job.turn && m->begun));
    if (m->calls > 0)
        world_saw(w, m->maybe > 0 ? CALLED_AGAIN : CALLED_AFTER_FAILURE);
    m->began[work->job.turn] = 1;
    m->calls++;
    m->maybe++;
    m->open++;
}

static inline void message_call_failed(struct world *w, const struct work *work)
{
    struct message *m = world_message(w, work->job.seq);
    if (m != NULL)
        m->maybe--;
}

/* The broker ends a turn, because of a report or by a fence. */
static inline void message_end_turn(struct message *m)
{
    m->is_out = 0;
    if (m->began[m->turn])
        m->open--;
}

/* The fence has closed and found this. */
static inline void message_fated(struct world *w, struct message *m, enum fence_fate fate)
{
    int called = m->began[m->turn];
    HOLDS(w, fate == FATE_UNKNOWN || !called);
    m->fated[m->turn] = 1;
    if (fate == FATE_BACK)
        world_saw(w, m->begun ? BACK_BEGUN : m->keyless ? BACK_KEYLESS : BACK_KEYED);
    else if (m->begun)
        world_saw(w, called ? BURIED_CALLED : BURIED_NOT_CALLED);
    else if (m->keyless)
        world_saw(w, UNKNOWN_KEYLESS_AGAIN);
    else
        world_saw(w, called ? UNKNOWN_CALLED : UNKNOWN_NOT_CALLED);
}

#endif
