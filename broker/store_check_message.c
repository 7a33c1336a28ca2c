/* Messages, marks, results and what was set aside, side by side in the order of seq: what must be there of each. */
#include "broker/store_check_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#define NOWHERE UINT64_MAX /* behind every seq */

/* One of the databases that go along. */
struct side {
    struct check_walk walk;
    uint64_t seq; /* NOWHERE at the end */
    struct span value;
};

/* What there is under one seq. */
struct found_here {
    uint64_t seq;
    int has_message, has_final, has_mark, was_set_aside;
    int is_message_good, is_final_good;
    struct message m;
    struct final f;
};

static void side_next(struct side *s)
{
    struct span key;
    s->seq = NOWHERE;
    while (s->seq == NOWHERE && check_walk_next(&s->walk, &key, &s->value)) {
        if (key_is_sound(key, KEY_SEQ_BYTES))
            s->seq = key_read_seq(key);
        else if (s->walk.db == DAMAGED) /* the value of a key that was none of ours */
            s->walk.c->report->set_aside(s->walk.c->report->self, 0, s->value.bytes);
        else
            check_problem(s->walk.c, PROBLEM_KEY, s->walk.db, 0, "a key of %zu bytes", key.bytes);
    }
}

static void side_open(struct check *c, struct side *s, enum database db)
{
    check_walk_open(c, &s->walk, db);
    side_next(s);
}

/* --- places ------------------------------------------------------------------------------------------------------- */

/* In how many places a message stands, marks left out; -1 when that cannot be told. */
static int count_places(struct check *c, const struct message *m)
{
    struct place place = key_place_of(m);
    struct key queued = key_queue(m->account, &place), parked = key_parked(m), held[STORE_HOLDS_MAX];
    int in_queue = check_has(c, store_queue_of(m->timed), &queued), is_parked = check_has(c, PARKED, &parked), count = 0;
    if (in_queue < 0 || is_parked < 0)
        return -1;
    size_t holds = c->trees[HELD].entries || !c->found[HELD] ? check_held_keys(m, held) : 0;
    for (size_t i = 0; i < holds; i++) {
        int is_held = check_has(c, HELD, &held[i]);
        if (is_held < 0)
            return -1;
        count += is_held;
    }
    return count + in_queue + is_parked;
}

static void check_places(struct check *c, const struct found_here *h)
{
    int places = count_places(c, &h->m);
    if (places < 0)
        return;
    if (places + h->has_mark > 1)
        check_problem(c, PROBLEM_TWICE, MESSAGES, h->seq, "stands in %d places%s", places, h->has_mark ? " and is out" : "");
    if (places + h->has_mark == 0)
        check_problem(c, PROBLEM_NOWHERE, MESSAGES, h->seq, "is not queued, parked, held or out");
}

/* --- what leads to it --------------------------------------------------------------------------------------------- */

/* `content` is that of the message, NULL when it is not known any more. */
static void check_id(struct check *c, uint64_t seq, struct span account, struct span id, const uint64_t *content)
{
    struct key key = key_id(account, id);
    struct span value;
    uint64_t of, hash;
    enum store_answer answer = tree_get(&c->look[IDS], &key, &value);
    if (answer == STORE_DAMAGED || (answer == STORE_OK && record_unpack_id(value, &of, &hash)))
        return; /* is reported where ids are walked */
    if (answer == STORE_NONE)
        check_problem(c, PROBLEM_NO_ID, IDS, seq, "its id is not there");
    else if (of != seq)
        check_problem(c, PROBLEM_NO_ID, IDS, seq, "its id leads to seq %" PRIu64, of);
    else if (content && hash != *content)
        check_problem(c, PROBLEM_NO_ID, IDS, seq, "its id was given to another content");
}

static void check_index(struct check *c, uint64_t seq, struct span account, struct span openid, struct span task)
{
    struct key person = key_person(account, openid, seq), label = key_task(account, task, seq);
    if (seq >= c->indexed)
        return; /* the index has not come so far */
    if (check_has(c, PEOPLE, &person) == 0)
        check_problem(c, PROBLEM_NO_INDEX, PEOPLE, seq, "is not found by its recipient");
    if (task.bytes && check_has(c, TASKS, &label) == 0)
        check_problem(c, PROBLEM_NO_INDEX, TASKS, seq, "is not found by its task");
}

/* Of one that is out the times may have been forgotten: they are written again when it comes back. */
static void check_over(struct check *c, const struct message *m)
{
    struct key expiry = key_time(m->expires_ms, m->seq), patience = key_time(m->give_up_ms, m->seq);
    if (m->expires_ms && check_has(c, EXPIRY, &expiry) == 0)
        check_problem(c, PROBLEM_NO_OVER, EXPIRY, m->seq, "has no entry for its end");
    if (m->give_up_ms && check_has(c, PATIENCE, &patience) == 0)
        check_problem(c, PROBLEM_NO_OVER, PATIENCE, m->seq, "has no entry for the end of its caller's patience");
}

static void check_end(struct check *c, const struct found_here *h)
{
    int is_dead = h->f.state == STATE_DEAD && h->has_message;
    struct key key = key_time(h->f.settled_ms, h->seq);
    if (check_has(c, is_dead ? DEAD : ENDED, &key) == 0)
        check_problem(c, PROBLEM_NO_END, is_dead ? DEAD : ENDED, h->seq, "the result is not listed here");
    if (h->f.state != STATE_DEAD && h->has_message)
        check_problem(c, PROBLEM_SETTLED, MESSAGES, h->seq, "is %s, and its message is still there", store_state_name(h->f.state));
}

/* --- one seq ------------------------------------------------------------------------------------------------------ */

static void unpack(struct check *c, struct found_here *h, struct span message, struct span final, struct span mark)
{
    struct mark ignored;
    h->is_message_good = h->has_message && sound_message(message, h->seq, &h->m) == 0;
    h->is_final_good = h->has_final && sound_final(final, h->seq, &h->f) == 0;
    if (h->has_message && !h->is_message_good)
        check_problem(c, PROBLEM_VALUE, MESSAGES, h->seq, "a message of %zu bytes", message.bytes);
    if (h->has_final && !h->is_final_good)
        check_problem(c, PROBLEM_VALUE, LEDGER, h->seq, "a result of %zu bytes", final.bytes);
    if (h->has_mark && record_unpack_mark(mark, &ignored))
        check_problem(c, PROBLEM_VALUE, MARKS, h->seq, "a mark of %zu bytes", mark.bytes);
}

static void count(struct check_result *r, const struct found_here *h)
{
    r->settled += h->has_final != 0;
    r->dead += h->is_final_good && h->f.state == STATE_DEAD && h->has_message;
    r->out += !h->has_final && h->has_message && h->has_mark;
    r->waiting += !h->has_final && h->has_message && !h->has_mark;
}

static void check_one(struct check *c, const struct found_here *h)
{
    int is_live = h->has_message && !h->has_final;
    count(c->result, h);
    if (h->has_mark && !is_live)
        check_problem(c, PROBLEM_MARK, MARKS, h->seq, h->has_final ? "its message is settled" : "its message is not there");
    if (h->is_message_good && is_live) {
        check_places(c, h);
        if (!h->has_mark)
            check_over(c, &h->m);
    }
    if (h->is_message_good) {
        check_id(c, h->seq, h->m.account, h->m.id, &h->m.content);
        check_index(c, h->seq, h->m.account, h->m.openid, h->m.task);
    } else if (h->is_final_good) {
        check_id(c, h->seq, h->f.account, h->f.id, NULL);
        check_index(c, h->seq, h->f.account, h->f.openid, h->f.task);
    }
    if (h->is_final_good)
        check_end(c, h);
}

static uint64_t first_of(const struct side sides[], size_t count)
{
    uint64_t seq = NOWHERE;
    for (size_t i = 0; i < count; i++)
        seq = sides[i].seq < seq ? sides[i].seq : seq;
    return seq;
}

void check_messages(struct check *c)
{
    static const enum database dbs[] = {MESSAGES, LEDGER, MARKS, DAMAGED};
    enum { SIDES = sizeof dbs / sizeof *dbs };
    struct side *sides = mem_new(SIDES * sizeof *sides);
    uint64_t seq;
    for (size_t i = 0; i < SIDES; i++)
        side_open(c, &sides[i], dbs[i]);
    while ((seq = first_of(sides, SIDES)) != NOWHERE && !c->result->is_stopped) {
        struct found_here h = {.seq = seq,
                               .has_message = sides[0].seq == seq,
                               .has_final = sides[1].seq == seq,
                               .has_mark = sides[2].seq == seq,
                               .was_set_aside = sides[3].seq == seq};
        unpack(c, &h, sides[0].value, sides[1].value, sides[2].value);
        if (h.was_set_aside)
            c->report->set_aside(c->report->self, seq, sides[3].value.bytes);
        c->result->set_aside += h.was_set_aside != 0;
        check_one(c, &h);
        for (size_t i = 0; i < SIDES; i++)
            if (sides[i].seq == seq)
                side_next(&sides[i]);
    }
    for (size_t i = 0; i < SIDES; i++)
        check_walk_close(&sides[i].walk);
    free(sides);
}
