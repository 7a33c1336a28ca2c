/* Which message goes out next: round the accounts, express before bulk, what fell due first before what fell due later, one call
 * per recipient, no more than an account's rate and share, and only to a sender with a free slot.
 *
 * Memory does not grow with the backlog: only the head of each queue is looked at. A message whose recipient has a call in
 * flight is parked in the store when it is met, and is not met again until that call has ended; one whose template or task is
 * paused is set aside there until it is resumed, one whose template is at its rate until the rate allows it.
 */
#include "broker/broker.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "broker/message_log.h"
#include "broker/verdict.h"

#define GIVE_A_TURN  2048 /* jobs; bounds the commit, and with it everybody's wait */
#define STEPS_A_TURN 8192 /* messages looked at, those parked, expired or buried included */
#define TURN_US_MAX  10000 /* after so long the rest waits for the next turn: callers want their answers */
#define LOOK_AGAIN_MS 10000 /* the longest sleep of an account: the wall clock may be slewed meanwhile */

enum step { STEP_GIVEN, STEP_AGAIN, STEP_NOTHING, STEP_BLOCKED };

struct candidate {
    struct place place;
    int parked;
};

/* How long a place has been due, by its own clock: the two may be far apart. */
static int64_t age_ms(const struct broker *b, const struct place *p)
{
    return (p->timed == TIMED_WALL ? b->now_ms : b->order_ms) - p->due_ms;
}

static int earlier(const struct broker *b, const struct place *a, const struct place *c)
{
    int64_t a_ms = age_ms(b, a), c_ms = age_ms(b, c);
    return a_ms > c_ms || (a_ms == c_ms && a->seq < c->seq);
}

/* The first of the recipients whose call has ended and who have messages parked. */
static int first_parked(struct broker *b, size_t account, struct place *place)
{
    struct span openid;
    while (recipients_first(b->recipients, account, &openid)) {
        if (store_first_parked(b->store, accounts_name(&b->accounts, account), openid, place) == STORE_OK)
            return 1;
        recipients_drop_first(b->recipients, account);
    }
    return 0;
}

/* Milliseconds until a queued message is ready; 0 = it is. */
static int64_t until_ready_ms(const struct broker *b, int timed, int64_t due_ms)
{
    int64_t wait_ms = timed == TIMED_WALL ? due_ms - b->now_ms : timed == TIMED_ORDER ? due_ms - b->order_ms : 0;
    return wait_ms > 0 ? wait_ms : 0;
}

/* The first ready message of a lane's queue. *later_ms becomes the time until the first one that is not ready yet. */
static int first_queued(struct broker *b, size_t account, int lane, struct place *best, int64_t *later_ms)
{
    int found = 0;
    for (int timed = 0; timed < TIMEDS; timed++) {
        struct place head;
        if (store_first(b->store, accounts_name(&b->accounts, account), lane, timed, &head) != STORE_OK)
            continue;
        int64_t wait_ms = until_ready_ms(b, timed, head.due_ms);
        if (wait_ms > 0)
            *later_ms = wait_ms < *later_ms ? wait_ms : *later_ms;
        else if (!found || earlier(b, &head, best))
            *best = head;
        found |= wait_ms == 0;
    }
    return found;
}

/* The message of the account that goes next. Returns 0 when none is ready; its wake time is then set. */
static int find_candidate(struct broker *b, size_t account, struct candidate *c)
{
    struct account *a = &b->accounts.list[account];
    struct place parked, queued[LANES];
    int64_t later_ms = INT64_MAX;
    int has[LANES];
    int has_parked = first_parked(b, account, &parked);
    for (int lane = 0; lane < LANES; lane++)
        has[lane] = first_queued(b, account, lane, &queued[lane], &later_ms);
    int lane = LANE_EXPRESS;
    int express = has[LANE_EXPRESS] || (has_parked && parked.lane == LANE_EXPRESS);
    int bulk = has[LANE_BULK] || (has_parked && parked.lane == LANE_BULK);
    if (!express && !bulk) {
        accounts_rest(&b->accounts, account);
        a->wake_ms = later_ms == INT64_MAX ? INT64_MAX : b->mono_ms + (later_ms < LOOK_AGAIN_MS ? later_ms : LOOK_AGAIN_MS);
        return 0;
    }
    if (!express || (bulk && a->express_run >= LANE_EXPRESS_RUN))
        lane = LANE_BULK;
    a->express_run = lane == LANE_EXPRESS ? a->express_run + 1 : 0;
    c->parked = has_parked && parked.lane == lane;
    c->place = c->parked ? parked : queued[lane];
    return 1;
}

static void hand_over(struct broker *b, size_t account, const struct message *m, const struct key_info *info, struct stage *sender,
                      struct hash128 who)
{
    struct mark mark = {.seq = m->seq,
                        .generation = b->ring.fence.generation,
                        .sender = sender->epoch,
                        .out_ms = b->order_ms,
                        .turn = m->turn + 1};
    struct job job = {.seq = m->seq,
                      .turn = mark.turn,
                      .generation = mark.generation,
                      .call = m->call,
                      .sender = span_of(sender->endpoint),
                      .id = m->id,
                      .app = m->account,
                      .openid = m->openid,
                      .key = message_template(m),
                      .version = info ? info->version : 0,
                      .vars = m->vars};
    struct place ignored;
    char openid[OPENID_BYTES_MAX];
    struct span kept = {openid, m->openid.bytes};
    memcpy(openid, m->openid.data, m->openid.bytes);
    template_rates_begin(b->template_rates, m, clock_mono_us());
    histogram_note(&b->lag, 1000 * ((m->timed == TIMED_WALL ? b->now_ms : b->order_ms) - m->due_ms));
    outbox_job(b->outbox, &job);
    message_log_given_out(m, &job, sender->name);
    store_take(b->store, m, &mark); /* the spans of m are gone from here on */
    int more = store_first_parked(b->store, accounts_name(&b->accounts, account), kept, &ignored) == STORE_OK;
    recipients_begin(b->recipients, who, kept, account, more);
    ring_out_add(&b->ring, &mark, account, who, b->mono_ms);
    accounts_begin(&b->accounts, account, clock_mono_us());
    stops_begin(b->stops, account, mark.seq);
}

/* A message that cannot be read is taken out of its place. */
static void set_aside_damaged(struct broker *b, size_t account, const struct candidate *c)
{
    struct span openid = {NULL, 0};
    if (c->parked)
        recipients_first(b->recipients, account, &openid);
    life_set_aside(b, account, openid, &c->place);
}

/* Sets the message aside when its template or task is paused, behind a call in flight for its recipient, or when its template is at
 * its rate. */
static int set_aside(struct broker *b, const struct message *m, struct hash128 who, int is_parked)
{
    uint64_t hold = pauses_hold_of(b->pauses, m);
    int may_go = is_parked || recipients_state(b->recipients, who) == RECIPIENT_FREE;
    template_rates_met(b->template_rates, m);
    if (hold == 0 && may_go)
        hold = template_rates_hold_of(b->template_rates, m, clock_mono_us());
    if (hold) {
        store_hold(b->store, m, hold);
        return 1;
    }
    if (may_go)
        return 0;
    recipients_park(b->recipients, who);
    store_park(b->store, m);
    return 1;
}

/* Ends or changes a customer-service message for which nothing is open. Returns 1 when it did. */
static int refuse_unasked(struct broker *b, size_t account, struct message *m, const struct key_info *info)
{
    const char *why;
    int64_t errcode = keys_is_custom(info) ? window_errcode_of(b, account, m, &why) : 0;
    if (errcode)
        life_refuse_unasked(b, m, errcode, why);
    return errcode != 0;
}

/* Looks at one message of the account and does with it what has to be done. */
static enum step step(struct broker *b, size_t account)
{
    struct candidate c;
    struct message m;
    struct verdict_rules rules = {.send_patience_ms = b->conf->broker.send_patience_ms,
                                  .on_unknown = b->conf->broker.on_unknown};
    const char *note;
    struct stage *sender = ring_find_sender(&b->ring, accounts_name(&b->accounts, account));
    if (sender == NULL)
        return STEP_BLOCKED;
    if (!find_candidate(b, account, &c))
        return STEP_NOTHING;
    if (store_read(b->store, c.place.seq, &m) != STORE_OK) {
        set_aside_damaged(b, account, &c);
        return STEP_AGAIN;
    }
    struct hash128 who = recipients_hash(m.account, m.openid);
    if (life_end_if_over(b, &m) || set_aside(b, &m, who, c.parked))
        return STEP_AGAIN;
    uint32_t call = m.call;
    if (!verdict_before_turn(&m, b->order_ms, &rules, &note)) {
        life_settle(b, &m, STATE_DEAD, CODE_FAILED, note ? span_of(note) : m.note);
        return STEP_AGAIN;
    }
    if (m.call != call) {
        store_update(b->store, &m);
        return STEP_AGAIN;
    }
    const struct key_info *info = keys_find(b->keys, message_template(&m));
    if (refuse_unasked(b, account, &m, info))
        return STEP_AGAIN;
    hand_over(b, account, &m, info, sender, who);
    return STEP_GIVEN;
}

/* One message of the account. Returns 1 when the account may have more to do in this turn. */
static int serve(struct broker *b, size_t account, const struct account_shares *shares, int *given)
{
    const struct account *a = &b->accounts.list[account];
    if (a->paused || a->halted || a->wake_ms > b->mono_ms || a->out >= accounts_share_of(&b->accounts, account, shares) ||
        stops_wait_ms(b->stops, account, b->order_ms) > 0 || accounts_held_us(&b->accounts, account, clock_mono_us()))
        return 0;
    enum step s = step(b, account);
    *given += s == STEP_GIVEN;
    return s == STEP_GIVEN || s == STEP_AGAIN;
}

/* An account that is stopped by WeChat claims no share. */
static void find_halted(struct broker *b)
{
    for (size_t i = 0; i < b->accounts.count; i++)
        b->accounts.list[i].halted = stops_wait_ms(b->stops, i, b->order_ms) > 0;
}

/* What its templates' rates had held back is in its queue again. */
static void wake_account(void *self, struct span name)
{
    struct broker *b = self;
    int account = accounts_find(&b->accounts, name);
    if (account >= 0)
        accounts_wake(&b->accounts, (size_t)account, 0);
}

void dispatch_ready(struct broker *b)
{
    size_t accounts = b->accounts.count, idle = 0;
    int64_t until_us = clock_mono_us() + TURN_US_MAX;
    int given = 0;
    if (b->stopping || accounts == 0 || !ring_can_render(&b->ring))
        return;
    find_halted(b);
    template_rates_tick(b->template_rates, b->now_ms, clock_mono_us(), wake_account, b);
    struct account_shares shares = accounts_shares(&b->accounts, ring_slots(&b->ring), b->mono_ms);
    for (int steps = 0; idle < accounts && given < GIVE_A_TURN && steps < STEPS_A_TURN; steps++) {
        size_t account = b->accounts.next;
        b->accounts.next = (account + 1) % accounts;
        idle = serve(b, account, &shares, &given) ? 0 : idle + 1;
        if (steps % 64 == 63 && clock_mono_us() >= until_us)
            return;
    }
}

/* --- time --------------------------------------------------------------------------------------------------------- */

void dispatch_wake(struct broker *b, size_t account, int timed, int64_t due_ms)
{
    int64_t wait_ms = until_ready_ms(b, timed, due_ms);
    accounts_wake(&b->accounts, account, wait_ms ? b->mono_ms + (wait_ms < LOOK_AGAIN_MS ? wait_ms : LOOK_AGAIN_MS) : 0);
}

int64_t dispatch_oldest_ms(struct broker *b)
{
    int64_t oldest_ms = 0, ignored = INT64_MAX;
    for (size_t i = 0; i < b->accounts.count; i++)
        for (int lane = 0; lane < LANES; lane++) {
            struct place head;
            if (b->accounts.list[i].paused || !first_queued(b, i, lane, &head, &ignored))
                continue;
            oldest_ms = age_ms(b, &head) > oldest_ms ? age_ms(b, &head) : oldest_ms;
        }
    return oldest_ms;
}

void dispatch_find_paused(struct broker *b)
{
    for (size_t i = 0; i < b->accounts.count; i++)
        b->accounts.list[i].paused = pauses_has_account(b->pauses, accounts_name(&b->accounts, i));
    accounts_wake_all(&b->accounts);
}

static int64_t account_wait_ms(struct broker *b, size_t account)
{
    const struct account *a = &b->accounts.list[account];
    int64_t stop_ms = stops_wait_ms(b->stops, account, b->order_ms), wake_ms = a->wake_ms - b->mono_ms;
    if (stop_ms > 0 || wake_ms > 0)
        return stop_ms > wake_ms ? stop_ms : wake_ms;
    if (ring_find_sender(&b->ring, accounts_name(&b->accounts, account)) == NULL)
        return INT64_MAX; /* a result or a hello will wake it */
    return (accounts_held_us(&b->accounts, account, clock_mono_us()) + 999) / 1000;
}

int dispatch_wait_ms(struct broker *b, int limit_ms)
{
    if (b->stopping || !ring_can_render(&b->ring))
        return limit_ms;
    int64_t wait_ms = (template_rates_wait_us(b->template_rates, clock_mono_us()) + 999) / 1000;
    wait_ms = wait_ms < limit_ms ? wait_ms : limit_ms;
    struct account_shares shares = accounts_shares(&b->accounts, ring_slots(&b->ring), b->mono_ms);
    for (size_t i = 0; i < b->accounts.count; i++) {
        if (b->accounts.list[i].paused || b->accounts.list[i].out >= accounts_share_of(&b->accounts, i, &shares))
            continue;
        int64_t account_ms = account_wait_ms(b, i);
        wait_ms = account_ms < wait_ms ? account_ms : wait_ms;
    }
    return (int)wait_ms;
}

/* --- the start ---------------------------------------------------------------------------------------------------- */

static void restore_mark(void *self, const struct mark *mark, const struct message *m)
{
    struct broker *b = self;
    int account = accounts_find(&b->accounts, m->account);
    if (account < 0) {
        /* Nothing of it goes out, and its sender may be gone: what it may have done is decided if the account comes back. */
        log_warn("a job of an account that is not configured any more stays out", log_span("account", m->account));
        return;
    }
    struct hash128 who = recipients_hash(m->account, m->openid);
    ring_out_add(&b->ring, mark, (size_t)account, who, b->mono_ms)->is_of_copy = store_is_copy(b->store);
    recipients_begin(b->recipients, who, m->openid, (size_t)account, 0);
    b->accounts.list[account].out++;
}

static void restore_parked(void *self, const struct message *first)
{
    struct broker *b = self;
    int account = accounts_find(&b->accounts, first->account);
    if (account >= 0)
        recipients_restore(b->recipients, recipients_hash(first->account, first->openid), first->openid, (size_t)account);
}

int dispatch_restore(struct broker *b)
{
    for (size_t i = 0; i < b->accounts.count; i++) {
        int64_t last_ms = store_last_order_ms(b->store, accounts_name(&b->accounts, i));
        b->order_ms = last_ms > b->order_ms ? last_ms : b->order_ms;
    }
    dispatch_find_paused(b);
    return store_each_mark(b->store, restore_mark, b) || store_each_parked(b->store, restore_parked, b) ? -1 : 0;
}
