#include "broker/pace.h"

#include <string.h>

#define SECOND_US       1000000
#define TOO_FAST_ONCE_US (5 * SECOND_US) /* what was called before the slow-down still comes back */
#define TOO_FAST_PART   0.7
#define BUSY_PART       0.5
#define BUSY_FLOOR      0.1 /* of what was measured before the trouble */
#define PER_S_MIN       1.0
#define ANSWERS_MIN     20  /* of a second that is judged */
#define QUIET_US        (10 * SECOND_US)
#define GROW_EVERY_US   (5 * SECOND_US)
#define GROW_PART       1.1
#define USED_PART       0.8 /* a limit of which less was used was not what held the account back */
#define FREE_PART       4.0

/* --- rates -------------------------------------------------------------------------------------------------------- */

void pace_init(struct pace *p, uint32_t conf_per_s)
{
    memset(p, 0, sizeof *p);
    p->conf_per_s = conf_per_s;
    p->override_per_s = PACE_NO_OVERRIDE;
    p->too_fast_us = -TOO_FAST_ONCE_US;
}

uint32_t pace_set_per_s(const struct pace *p)
{
    return p->override_per_s == PACE_NO_OVERRIDE ? p->conf_per_s : (uint32_t)p->override_per_s;
}

double pace_per_s(const struct pace *p)
{
    return p->limit_per_s > 0 ? p->limit_per_s : pace_set_per_s(p); /* a limit is always below what is set */
}

/* Where the limit has nothing to do any more it goes. Returns 1 then. */
static int end_limit(struct pace *p)
{
    double set_per_s = pace_set_per_s(p);
    double end_per_s = set_per_s > 0 ? set_per_s : FREE_PART * p->best_per_s;
    if (p->limit_per_s < end_per_s)
        return 0;
    p->limit_per_s = p->best_per_s = 0;
    return 1;
}

void pace_configure(struct pace *p, uint32_t conf_per_s)
{
    if (conf_per_s == p->conf_per_s)
        return;
    p->conf_per_s = conf_per_s;
    if (p->override_per_s == PACE_NO_OVERRIDE)
        p->limit_per_s = p->best_per_s = 0;
}

void pace_override(struct pace *p, int64_t per_s)
{
    p->override_per_s = per_s;
    p->limit_per_s = p->best_per_s = 0;
}

/* --- measuring ---------------------------------------------------------------------------------------------------- */

static uint32_t *count_of(struct pace *p, int64_t second)
{
    return &p->counts[second % (PACE_SECONDS + 1)];
}

static void count(struct pace *p, int64_t now_us)
{
    int64_t second = now_us / SECOND_US;
    if (second - p->second > PACE_SECONDS)
        p->second = second - PACE_SECONDS - 1;
    while (p->second < second)
        *count_of(p, ++p->second) = 0;
    ++*count_of(p, second);
}

/* From the first second in which something went out: an account that has just begun is not measured with the quiet before. */
double pace_measured_per_s(const struct pace *p, int64_t now_us)
{
    int64_t begin_us = now_us, oldest = now_us / SECOND_US - PACE_SECONDS;
    if (oldest < p->second - PACE_SECONDS)
        oldest = p->second - PACE_SECONDS;
    uint64_t sum = 0;
    for (int64_t second = p->second; second >= oldest && second >= 0; second--) {
        uint32_t given = p->counts[second % (PACE_SECONDS + 1)];
        sum += given;
        begin_us = given ? second * SECOND_US : begin_us;
    }
    int64_t past_us = now_us - begin_us > SECOND_US ? now_us - begin_us : SECOND_US;
    return (double)sum * SECOND_US / (double)past_us;
}

/* --- going out ---------------------------------------------------------------------------------------------------- */

int64_t pace_held_us(const struct pace *p, int64_t now_us)
{
    return spacing_held_us(&p->spacing, pace_per_s(p), now_us);
}

static enum pace_change grow(struct pace *p, int64_t now_us)
{
    if (p->limit_per_s <= 0 || now_us < p->grow_from_us)
        return PACE_SAME;
    p->used++;
    int64_t past_us = now_us - p->grow_from_us;
    if (past_us < GROW_EVERY_US)
        return PACE_SAME;
    int was_used = p->used >= USED_PART * p->limit_per_s * (double)past_us / SECOND_US;
    p->used = 0;
    p->grow_from_us = now_us;
    if (!was_used)
        return PACE_SAME;
    p->limit_per_s *= GROW_PART;
    return end_limit(p) ? PACE_RECOVERED : PACE_SAME;
}

enum pace_change pace_take(struct pace *p, int64_t now_us)
{
    count(p, now_us);
    spacing_take(&p->spacing, pace_per_s(p), now_us);
    return grow(p, now_us);
}

void pace_rest(struct pace *p)
{
    spacing_rest(&p->spacing);
}

/* --- slower ------------------------------------------------------------------------------------------------------- */

static double lower_of(double per_s, double other_per_s)
{
    return per_s < other_per_s ? per_s : other_per_s;
}

/* The limit becomes a part of what the account does, not less than a part of what it did before the trouble. */
static enum pace_change slow_to(struct pace *p, int64_t now_us, double part, double floor_part)
{
    double before_per_s = pace_per_s(p), measured_per_s = pace_measured_per_s(p, now_us);
    if (measured_per_s > p->best_per_s)
        p->best_per_s = measured_per_s;
    if (p->best_per_s < PER_S_MIN)
        p->best_per_s = PER_S_MIN;
    double limit_per_s = part * (before_per_s > 0 ? lower_of(before_per_s, measured_per_s) : measured_per_s);
    if (limit_per_s < floor_part * p->best_per_s)
        limit_per_s = floor_part * p->best_per_s;
    if (limit_per_s < PER_S_MIN)
        limit_per_s = PER_S_MIN;
    p->used = 0;
    p->grow_from_us = now_us + QUIET_US - GROW_EVERY_US;
    if (before_per_s > 0 && limit_per_s >= before_per_s)
        return PACE_SAME;
    p->limit_per_s = limit_per_s;
    return PACE_SLOWER;
}

enum pace_change pace_slow_down(struct pace *p, int64_t now_us)
{
    if (now_us - p->too_fast_us < TOO_FAST_ONCE_US)
        return PACE_SAME;
    p->too_fast_us = now_us;
    return slow_to(p, now_us, TOO_FAST_PART, 0);
}

/* More than half, by twice what chance makes of so few: a second with 20 answers is no storm because 11 of them were unlucky. */
static int is_storm(uint32_t answers, uint32_t busy)
{
    int64_t more = 2 * (int64_t)busy - answers;
    return answers >= ANSWERS_MIN && more > 0 && more * more > 4 * (int64_t)answers;
}

enum pace_change pace_answer(struct pace *p, int64_t now_us, int is_busy)
{
    enum pace_change change = PACE_SAME;
    if (now_us - p->answers_us >= SECOND_US) {
        int is_old = now_us - p->answers_us > PACE_SECONDS * SECOND_US; /* it says nothing about now */
        if (!is_old && is_storm(p->answers, p->busy))
            change = slow_to(p, now_us, BUSY_PART, BUSY_FLOOR);
        p->answers_us = now_us;
        p->answers = p->busy = 0;
    }
    p->answers++;
    p->busy += is_busy != 0;
    return change;
}
