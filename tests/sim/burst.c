/*
 * burst.c - bursts of events, in the loop's turns; see burst.h.
 */
#include "tests/sim/burst.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "tests/sim/callback.h"
#include "tests/sim/control.h"
#include "tests/sim/happen.h"
#include "tests/sim/memory.h"
#include "tests/sim/number.h"

#define TURN_EVENTS_MAX 500   /* made in one turn, so that answers are looked at in between */
#define QUEUE_EVENTS    200   /* as fast as they are answered: so many wait for a connection */
#define QUEUE_MAX       50000 /* at a given rate: so many may wait for one, then the rate is not kept */
#define FULL_WAIT_MS    10
#define OPENID_CHARS    28 /* as real ones have */
#define NUMBER_BYTES    24
#define KINDS_BYTES_MAX 200
#define BURST_SALT      UINT64_C(0x6275727374)

struct burst {
    struct burst *prev;
    struct burst *next;
    struct burst_plan plan; /* its strings are owned */
    double share_sum;
    struct dice dice;
    int64_t began_ms;
    int64_t made;
};

struct bursts {
    struct sim *sim;
    struct loop_turn turn;
    struct burst *going; /* utlist */
    int count;
    uint64_t begun; /* so that each has dice of its own */
};

static int64_t bursts_wait_ms(void *argument);
static void bursts_turn(void *argument);

struct bursts *bursts_new(struct sim *sim)
{
    struct bursts *self = memory_new(sizeof *self);
    self->sim = sim;
    self->turn = (struct loop_turn){.wait_ms = bursts_wait_ms, .run = bursts_turn, .argument = self};
    loop_add_turn(sim->loop, &self->turn);
    return self;
}

static void burst_destroy(struct bursts *self, struct burst *burst)
{
    DL_DELETE(self->going, burst);
    self->count--;
    free((char *)burst->plan.prefix);
    free((char *)burst->plan.key);
    free((char *)burst->plan.content);
    free(burst);
}

void bursts_destroy(struct bursts **self)
{
    if (*self == NULL)
        return;
    while ((*self)->going != NULL)
        burst_destroy(*self, (*self)->going);
    free(*self);
    *self = NULL;
}

static bool burst_may_be(enum event_kind kind)
{
    return kind != EVENT_RECEIPT && kind != EVENT_SENT && kind != EVENT_RAW;
}

int burst_read_kinds(const char *spec, double shares[EVENT_KINDS])
{
    char words[KINDS_BYTES_MAX + 1];
    double sum = 0;
    char *rest = words;
    if (strlen(spec) > KINDS_BYTES_MAX)
        return -1;
    memcpy(words, spec, strlen(spec) + 1);
    memset(shares, 0, EVENT_KINDS * sizeof shares[0]);
    while (rest != NULL) {
        enum event_kind kind;
        double share = 1;
        char *word = strsep(&rest, ",");
        char *at = strchr(word, '@');
        if (at != NULL)
            *at++ = '\0';
        if ((at != NULL && number_read_share(at, &share) != 0) || event_find(word, &kind) != 0 ||
            !burst_may_be(kind))
            return -1;
        shares[kind] += share;
        sum += share;
    }
    return sum > 0 ? 0 : -1;
}

int bursts_add(struct bursts *self, const struct burst_plan *plan)
{
    if (self->count >= BURSTS_MAX)
        return -1;
    struct burst *burst = memory_new(sizeof *burst);
    burst->plan = *plan;
    burst->plan.prefix = memory_copy(plan->prefix);
    burst->plan.key = memory_copy(plan->key != NULL ? plan->key : "");
    burst->plan.content = memory_copy(plan->content != NULL ? plan->content : "");
    burst->began_ms = loop_now_ms();
    dice_seed(&burst->dice, self->sim->options->seed ^ (BURST_SALT + self->begun++));
    for (int i = 0; i < EVENT_KINDS; i++)
        burst->share_sum += plan->shares[i];
    DL_APPEND(self->going, burst);
    self->count++;
    return 0;
}

/* How many events may be made now. */
static int64_t burst_due(const struct bursts *self, const struct burst *burst)
{
    const struct burst_plan *plan = &burst->plan;
    int64_t waiting = self->sim->counters.values[COUNTER_CALLBACKS_WAITING];
    int64_t queued = callbacks_queued(self->sim->callbacks);
    int64_t due = (plan->per_second > 0 ? QUEUE_MAX : QUEUE_EVENTS) - queued;
    if (due > CALLBACK_WAITING_MAX - waiting)
        due = CALLBACK_WAITING_MAX - waiting;
    if (plan->per_second > 0) {
        int64_t by_now = (loop_now_ms() - burst->began_ms) * plan->per_second / 1000 + 1;
        if (due > by_now - burst->made)
            due = by_now - burst->made;
    }
    if (due > plan->count - burst->made)
        due = plan->count - burst->made;
    return due < TURN_EVENTS_MAX ? due : TURN_EVENTS_MAX;
}

/* Until the next event is due; what waits for answers is woken by them. */
static int64_t bursts_wait_ms(void *argument)
{
    const struct bursts *self = argument;
    int64_t wait_ms = -1;
    for (const struct burst *burst = self->going; burst != NULL; burst = burst->next) {
        if (burst_due(self, burst) > 0)
            return 0;
        int64_t own_ms = FULL_WAIT_MS;
        if (burst->plan.per_second > 0)
            own_ms = burst->began_ms + burst->made * 1000 / burst->plan.per_second - loop_now_ms();
        if (own_ms < 1)
            own_ms = FULL_WAIT_MS;
        if (wait_ms < 0 || own_ms < wait_ms)
            wait_ms = own_ms;
    }
    return wait_ms;
}

static enum event_kind burst_kind(struct burst *burst)
{
    double at = dice_share(&burst->dice) * burst->share_sum;
    enum event_kind last = EVENT_FOLLOW;
    for (int i = 0; i < EVENT_KINDS; i++) {
        double share = burst->plan.shares[i];
        if (share <= 0)
            continue;
        last = (enum event_kind)i;
        if (at < share)
            return last;
        at -= share;
    }
    return last; /* what rounding has left */
}

/* The number is filled up with zeros so that the openid is as long as a real one, if the prefix lets it. */
static void burst_make(struct bursts *self, struct burst *burst)
{
    const struct burst_plan *plan = &burst->plan;
    char openid[BURST_PREFIX_BYTES_MAX + NUMBER_BYTES];
    char number[NUMBER_BYTES];
    size_t digits = (size_t)snprintf(number, sizeof number, "%" PRId64, burst->made % plan->openids);
    size_t used = strlen(plan->prefix);
    memcpy(openid, plan->prefix, used);
    while (used + digits < OPENID_CHARS)
        openid[used++] = '0';
    memcpy(openid + used, number, digits + 1);
    struct event event = {
        .kind = burst_kind(burst),
        .openid = openid,
        .key = plan->key,
        .content = plan->content,
    };
    burst->made++;
    if (happen(self->sim, plan->account, &event, plan->remember) < 0)
        happen(self->sim, plan->account, &event, false);
}

static void bursts_turn(void *argument)
{
    struct bursts *self = argument;
    struct burst *next;
    if (self->going == NULL)
        return;
    for (struct burst *burst = self->going; burst != NULL; burst = next) {
        next = burst->next;
        for (int64_t due = burst_due(self, burst); due > 0; due--)
            burst_make(self, burst);
        if (burst->made >= burst->plan.count)
            burst_destroy(self, burst);
    }
    control_counters_changed(self->sim);
}
