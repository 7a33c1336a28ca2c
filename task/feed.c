/* Whose rows go next, and how many.
 *
 * Rows on their way stand in the broker's queue before whatever comes later, so there are never more of them than the account
 * settles in WINDOW_S: a single message of the same lane waits no longer than that behind tasks. All tasks of an account that want more
 * share this window evenly; one that is held down by its own rate leaves its share to the others. While nothing comes back the
 * window grows slowly, since the rows in it may all be in back-off.
 *
 * The broker's queue keeps its order, and a row that comes back lets another one set out. So what stands in the queue as a block would
 * stand there as a block again and again: a second of one task, a second of the other. While several want more and a queue has built
 * up, none is fed much faster than its share of what the account settles, and blocks melt away within a few rounds.
 */
#include "task/task.h"

#include <errno.h>

#include "base/log.h"

#define WINDOW_S      2
#define A_TURN        512  /* rows of a task in a turn, so that all get theirs */
#define BURST_S       0.1  /* of a rate: rows that may go at once after a while without any */
#define PACE          1.25 /* of its share: what a task is fed at most while others want more too */
#define PACE_FROM     0.5  /* of the window: from so many rows of all tasks on there is a queue */
#define TICK_MS       10   /* while there is something to feed */
#define GROW_STEP     64   /* rows */
#define GROW_MS       1000 /* each time that so long nothing has come back */

void feed_rewind(struct task *t)
{
    t->cursor = 0;
    t->marks_count = 0;
}

/* --- rates -------------------------------------------------------------------------------------------------------- */

static void turn_to_slot(struct task *t)
{
    int64_t slot = t->runner->mono_ms / SLOT_MS;
    if (slot - t->slot > SLOTS_KEPT)
        t->slot = slot - SLOTS_KEPT;
    while (t->slot < slot) {
        t->slot++;
        t->settled[(size_t)t->slot % SLOTS_KEPT] = 0;
    }
}

void feed_count(struct task *t, uint64_t results)
{
    turn_to_slot(t);
    t->settled[(size_t)t->slot % SLOTS_KEPT] += results;
}

/* Results a second, over the last so many whole slots (1 to SLOTS_KEPT - 1). */
static double per_s_of(const struct task *t, int slots)
{
    uint64_t sum = 0;
    int64_t now = t->runner->mono_ms / SLOT_MS;
    for (int64_t slot = now - slots; slot < now; slot++)
        if (slot > t->slot - SLOTS_KEPT && slot <= t->slot && slot >= 0)
            sum += t->settled[(size_t)slot % SLOTS_KEPT];
    return (double)sum * 1000 / (slots * SLOT_MS);
}

double feed_per_s_told(const struct task *t)
{
    int64_t slots = (t->runner->mono_ms - t->began_ms) / SLOT_MS;
    return per_s_of(t, slots < 1 ? 1 : slots < SLOTS_KEPT - 1 ? (int)slots : SLOTS_KEPT - 1);
}

/* Rows that may go now, when `per_s` a second may. */
static size_t fill(struct bucket *b, double per_s, int64_t now_ms)
{
    double most = per_s * BURST_S > 1 ? per_s * BURST_S : 1;
    b->rows += per_s * (double)(now_ms - b->filled_ms) / 1000;
    b->filled_ms = now_ms;
    if (b->rows > most)
        b->rows = most;
    return b->rows < A_TURN ? (size_t)b->rows : A_TURN;
}

/* Rows have gone; more than there were, when they did not need to be there. */
static void take(struct bucket *b, size_t rows)
{
    b->rows = b->rows > (double)rows ? b->rows - (double)rows : 0;
}

/* Rows that the task's own rate allows now. */
static size_t allowed_by_rate(struct task *t)
{
    return t->facts.rate_per_s ? fill(&t->rate, (double)t->facts.rate_per_s, t->runner->mono_ms) : A_TURN;
}

/* --- the window --------------------------------------------------------------------------------------------------- */

/* What the tasks of each account settle together, and how many of them want more: once a turn, whatever their number. */
static void count_shares(struct runner *r)
{
    r->share_count = 0;
    for (struct task *t = r->tasks; t; t = t->hh.next) {
        if (t->facts.state != TASK_RUNNING)
            continue;
        size_t i = 0;
        while (i < r->share_count && strcmp(r->shares[i].app, t->facts.app) != 0)
            i++;
        if (i == CONF_ACCOUNTS_MAX + 1) /* accounts that are configured no more: the broker refuses their rows */
            i = CONF_ACCOUNTS_MAX;
        else if (i == r->share_count)
            r->shares[r->share_count++] = (struct share){.app = t->facts.app};
        /* The better of a short time, so that it gets going, and a longer one, so that a pause of WeChat costs nothing. */
        double lately = per_s_of(t, 2), before = per_s_of(t, 8);
        r->shares[i].per_s += lately > before ? lately : before;
        r->shares[i].hungry += t->is_hungry != 0;
        r->shares[i].out += t->out;
        t->share = i;
    }
}

/* Rows that the task may have on their way. Never more than are left for others then: rows that wait for hours, of an account that is
 * stopped or of paused tasks, must not take all there may be. */
static size_t window_of(const struct task *t, int was_hungry)
{
    const struct runner *r = t->runner;
    const struct share *share = &r->shares[t->share];
    double together = share->per_s * WINDOW_S;
    together = (together > WINDOW_MIN ? together : WINDOW_MIN) + (double)t->grown;
    size_t window = (size_t)(together / (double)(share->hungry + !was_hungry)); /* it wants more now */
    size_t free = r->flights < FLIGHTS_MAX ? FLIGHTS_MAX - r->flights : 0, fair = (free + t->out) / 2;
    window = window < WINDOW_LEAST ? WINDOW_LEAST : window < WINDOW_MAX ? window : WINDOW_MAX;
    return window < fair ? window : fair;
}

/* Rows that the other tasks of the account allow now: while several want more and a queue has built up, none is fed much faster than
 * its share, but for its first ones. */
static size_t allowed_by_pace(struct task *t, int was_hungry)
{
    const struct share *share = &t->runner->shares[t->share];
    size_t hungry = share->hungry + !was_hungry, least = t->out < WINDOW_MIN ? WINDOW_MIN - t->out : 0;
    double together = share->per_s * WINDOW_S;
    int is_queue = (double)share->out >= PACE_FROM * (together < WINDOW_MAX ? together : WINDOW_MAX);
    size_t paced = fill(&t->pace, PACE * share->per_s / (double)hungry, t->runner->mono_ms);
    if (hungry < 2 || !is_queue || share->per_s <= 0)
        return A_TURN;
    return paced > least ? paced : least;
}

/* The window is full and nothing comes back: a step more each second. */
static void grow(struct task *t)
{
    int64_t now_ms = t->runner->mono_ms;
    if (now_ms - t->grown_ms < GROW_MS || now_ms / SLOT_MS - t->slot <= GROW_MS / SLOT_MS)
        return;
    t->grown_ms = now_ms;
    if (t->grown < WINDOW_MAX)
        t->grown += GROW_STEP;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* Finds the next row without a result that is not on its way. Returns 1, 0 when there is none, -1 when marks cannot be read. */
static int find_next(struct task *t, uint64_t *row, struct mark *mark)
{
    uint64_t rows = spool_rows(t->spool);
    for (; t->cursor < rows; t->cursor++) {
        if (t->cursor < t->marks_first || t->cursor >= t->marks_first + t->marks_count) {
            size_t count = rows - t->cursor < MARKS_CACHED ? (size_t)(rows - t->cursor) : MARKS_CACHED;
            if (spool_marks(t->spool, t->cursor, count, t->marks) != 0)
                return -1;
            t->marks_first = t->cursor;
            t->marks_count = count;
        }
        *mark = t->marks[t->cursor - t->marks_first];
        if (mark->state == ROW_TODO && !flight_is_out(t, t->cursor)) {
            *row = t->cursor++;
            return 1;
        }
    }
    return 0;
}

/* Lets at most so many rows set out. Returns how many did. */
static size_t feed_rows(struct task *t, size_t most, int is_look)
{
    struct mark mark;
    uint64_t row;
    size_t fed = 0;
    while (fed < most && t->runner->flights < FLIGHTS_MAX) {
        int found = find_next(t, &row, &mark);
        if (found < 0) {
            snprintf(t->note, sizeof t->note, "its marks cannot be read: %s", strerror(errno));
            log_error("marks of a task cannot be read", log_str("task", t->facts.name), log_str("error", strerror(errno)));
            t->again_ms = t->runner->mono_ms + 1000;
        }
        if (found <= 0) {
            t->looks = is_look ? 0 : t->looks;
            break;
        }
        flight_begin(t, row, &mark, is_look);
        fed++;
    }
    return fed;
}

static int may_be_fed(const struct task *t)
{
    return t->spool && !t->is_making && t->result_count == 0 && t->again_first == NULL && t->runner->mono_ms >= t->again_ms;
}

/* Returns 1 when the task wants more as soon as time has passed. */
static int feed_one(struct task *t)
{
    int was_hungry = t->is_hungry != 0;
    t->is_hungry = 0;
    if (!may_be_fed(t))
        return 0;
    if (t->looks > 0) {
        size_t most = t->looks < A_TURN ? t->looks : A_TURN, fed = feed_rows(t, most, 1);
        t->looks = t->looks > fed ? t->looks - fed : 0;
        if (t->looks == 0)
            feed_rewind(t);
        return t->looks > 0;
    }
    if (t->facts.state != TASK_RUNNING || t->facts.resends || t->facts.is_held)
        return 0;
    size_t window = window_of(t, was_hungry), room = window > t->out ? window - t->out : 0;
    size_t by_rate = allowed_by_rate(t), by_pace = allowed_by_pace(t, was_hungry), allowed = by_rate < by_pace ? by_rate : by_pace;
    if (room == 0)
        grow(t);
    size_t fed = feed_rows(t, room < allowed ? room : allowed, 0);
    take(&t->rate, fed);
    take(&t->pace, fed);
    int is_more = t->facts.counts[ROW_TODO] > t->out;
    t->is_hungry = is_more && by_rate >= room;
    return is_more && fed < room; /* a full window waits for results, which wake the loop */
}

int feed_tick(struct runner *r, int limit_ms)
{
    int wants = 0;
    count_shares(r);
    for (struct task *t = r->tasks; t; t = t->hh.next) {
        flight_tick(t);
        wants |= feed_one(t);
    }
    return wants && limit_ms > TICK_MS ? TICK_MS : limit_ms;
}
