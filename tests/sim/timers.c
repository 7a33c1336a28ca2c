/*
 * timers.c - a binary heap of timers that know their place in it, so that one can be stopped; see timers.h.
 */
#include "tests/sim/timers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/memory.h"

static void timers_rise(struct timers *self, struct timer *timer, size_t place);
static void timers_sink(struct timers *self, struct timer *timer, size_t place);

void timers_start(struct timers *self, struct timer *timer, int64_t due_ms, void (*fire)(void *),
                  void *argument)
{
    assert(timer->place == 0);
    if (self->used + 1 >= self->room) {
        self->room = self->room == 0 ? 64 : self->room * 2;
        self->heap = memory_resize(self->heap, self->room * sizeof(struct timer *));
    }
    timer->due_ms = due_ms;
    timer->fire = fire;
    timer->argument = argument;
    timers_rise(self, timer, ++self->used);
}

void timers_stop(struct timers *self, struct timer *timer)
{
    if (timer->place == 0)
        return;
    size_t place = timer->place;
    struct timer *last = self->heap[self->used--];
    timer->place = 0;
    if (last == timer)
        return;
    timers_rise(self, last, place);
    timers_sink(self, last, last->place);
}

int64_t timers_wait_ms(const struct timers *self, int64_t now_ms)
{
    if (self->used == 0)
        return -1;
    return self->heap[1]->due_ms > now_ms ? self->heap[1]->due_ms - now_ms : 0;
}

void timers_run(struct timers *self, int64_t now_ms)
{
    while (self->used > 0 && self->heap[1]->due_ms <= now_ms) {
        struct timer *timer = self->heap[1];
        timers_stop(self, timer);
        timer->fire(timer->argument);
    }
}

void timers_clear(struct timers *self)
{
    free(self->heap);
    memset(self, 0, sizeof *self);
}

static void timers_put(struct timers *self, struct timer *timer, size_t place)
{
    self->heap[place] = timer;
    timer->place = place;
}

/* Puts the timer at `place`, a gap, or above it as long as those above are later. */
static void timers_rise(struct timers *self, struct timer *timer, size_t place)
{
    while (place > 1 && self->heap[place / 2]->due_ms > timer->due_ms) {
        timers_put(self, self->heap[place / 2], place);
        place /= 2;
    }
    timers_put(self, timer, place);
}

/* The same downwards: below it as long as the sooner child is sooner than the timer. */
static void timers_sink(struct timers *self, struct timer *timer, size_t place)
{
    for (;;) {
        size_t child = place * 2;
        if (child < self->used && self->heap[child + 1]->due_ms < self->heap[child]->due_ms)
            child++;
        if (child > self->used || self->heap[child]->due_ms >= timer->due_ms)
            break;
        timers_put(self, self->heap[child], place);
        place = child;
    }
    timers_put(self, timer, place);
}
