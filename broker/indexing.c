/* When the index of recipients and tasks follows what was accepted (store_index_step does the work).
 *
 * Each entry costs a page of its own to read and to write, at random, and callers and results wait for the same commit. So the index
 * follows when nobody comes for a moment; while somebody does, it takes small steps now and then: rarely as long as it is near, and
 * as often as a busy broker can bear when it is far behind. A search brings it up to date first, so that it finds everything.
 */
#include "broker/broker.h"

#include "base/clock.h"

#define QUIET_MS      20      /* without a message and a result: all the time is the index's */
#define QUIET_A_TURN  512
#define BUSY_A_TURN   16
#define NEAR_MS       160     /* between two turns that take part, while not more than this are left: */
#define NEAR          100000
#define BEHIND_MS     4
#define FAR           4000000 /* with more, every turn takes part, and with so many: */
#define FAR_A_TURN    128
#define STEP          16      /* messages between two looks at the time */
#define US_MAX        3000

static int64_t until_quiet_ms(const struct broker *b)
{
    int64_t wait_ms = b->busy_ms + QUIET_MS - b->mono_ms;
    return wait_ms > 0 ? wait_ms : 0;
}

/* Messages that this turn may look at. */
static size_t budget_of(const struct broker *b, uint64_t left)
{
    int64_t since_ms = b->mono_ms - b->indexed_ms;
    if (until_quiet_ms(b) == 0)
        return QUIET_A_TURN;
    if (left > FAR)
        return FAR_A_TURN;
    return since_ms >= (left > NEAR ? BEHIND_MS : NEAR_MS) ? BUSY_A_TURN : 0;
}

void indexing_hurry(struct broker *b, size_t budget)
{
    int64_t until_us = clock_mono_us() + US_MAX;
    size_t looked = STEP;
    for (; budget > 0 && looked > 0 && clock_mono_us() < until_us; budget -= budget < STEP ? budget : STEP)
        looked = store_index_step(b->store, budget < STEP ? budget : STEP);
}

void indexing_follow(struct broker *b)
{
    uint64_t left = store_index_left(b->store);
    size_t budget = left && b->may_index ? budget_of(b, left) : 0;
    if (budget == 0)
        return;
    b->indexed_ms = b->mono_ms;
    indexing_hurry(b, budget);
}

int64_t indexing_wait_ms(const struct broker *b)
{
    return b->may_index && store_index_left(b->store) ? until_quiet_ms(b) : INT64_MAX;
}
