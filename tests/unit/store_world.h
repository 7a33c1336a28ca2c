/* A store in which everything happens: messages that wait, are parked, held, out, settled, dead, requeued, discarded and purged, some with
 * a fallback and earlier calls of up to 1,000 bytes, in many commits, so that its file has pages of every kind, old ones too. The same seed makes the same store. For tests of the check and the
 * rescue of a store.
 */
#ifndef TESTS_UNIT_STORE_WORLD_H
#define TESTS_UNIT_STORE_WORLD_H

#include "proto/mp.h"
#include "tests/unit/store_fixture.h"

#define WORLD_GENERATION 500
#define WORLD_SENDER     99

static inline uint64_t world_dice(uint64_t *random, uint64_t sides)
{
    return hex_random(random) % sides;
}

static inline void world_add(struct store *s, uint64_t number, uint64_t *random)
{
    char id[32], openid[32], task[32] = "";
    struct buf vars = {0};
    snprintf(id, sizeof id, "m%06" PRIu64, number);
    snprintf(openid, sizeof openid, "o%" PRIu64, world_dice(random, 50));
    if (world_dice(random, 3))
        snprintf(task, sizeof task, "t%" PRIu64, world_dice(random, 5));
    size_t bytes = world_dice(random, 40) ? world_dice(random, 200) : 3000 + world_dice(random, 9000);
    memset(buf_reserve(&vars, bytes + 1), 'v', bytes);
    vars.bytes = bytes;
    struct message m = fixture_message(world_dice(random, 4) ? "default" : "shop", id, openid);
    m.task = span_of(task);
    m.vars = buf_span(&vars);
    m.content = number * 77;
    m.lane = world_dice(random, 5) ? LANE_BULK : LANE_EXPRESS;
    m.timed = (int)world_dice(random, TIMEDS);
    m.due_ms += (int64_t)world_dice(random, 100000);
    m.expires_ms = world_dice(random, 3) ? 0 : m.due_ms + 50000;
    m.give_up_ms = world_dice(random, 7) ? 0 : m.due_ms + 60000;
    fixture_append(s, m);
    buf_free(&vars);
}

/* Bytes that a seq always has, so that a test can tell whether they are still those. */
static inline struct span world_tries(uint64_t seq, char room[1000])
{
    size_t bytes = seq % 3 ? 1 + (size_t)(seq * 37 % 200) : 1000;
    for (size_t i = 0; i < bytes; i++)
        room[i] = (char)(seq + i);
    return (struct span){room, bytes};
}

static inline void world_settle(struct store *s, const struct message *m, uint64_t *random)
{
    static const enum store_state states[] = {STATE_SENT, STATE_SENT, STATE_SENT, STATE_REFUSED, STATE_CANCELLED, STATE_DEAD, STATE_DEAD};
    fixture_settle_at(s, m->seq, states[world_dice(random, 7)], FIXTURE_NOW_MS + 1000 + (int64_t)world_dice(random, 5000));
}

static inline void world_put_back(struct store *s, const struct message *m, const struct mark *mark)
{
    struct message again = *m;
    char tries[1000];
    again.turn = mark->turn;
    again.failures++;
    again.timed = TIMED_ORDER;
    again.due_ms += 777;
    if (m->seq % 2)
        again.tries = world_tries(m->seq, tries);
    if (m->seq % 4 == 1)
        again.fallback = span_of("plain");
    store_put_back(s, &again);
}

/* Something happens to one message. */
static inline void world_step(struct store *s, uint64_t seq, uint64_t *random)
{
    struct found f;
    uint64_t dice = world_dice(random, 10);
    if (store_look(s, seq, &f) != STORE_OK)
        return;
    struct mark mark = {.seq = seq, .generation = WORLD_GENERATION - dice, .sender = WORLD_SENDER, .out_ms = FIXTURE_NOW_MS,
                        .turn = f.m.turn + 1, .begun = dice == 0};
    uint64_t holds[STORE_HOLDS_MAX];
    int is_set_aside = f.standing == STANDS_HELD || f.standing == STANDS_PACED;
    store_holds_of(&f.m, holds);
    if (f.state == STATE_OUT && dice < 4)
        world_settle(s, &f.m, random);
    else if (f.state == STATE_OUT)
        world_put_back(s, &f.m, &f.mark);
    else if (f.state == STATE_WAITING && f.standing == STANDS_QUEUED && dice < 2)
        store_park(s, &f.m);
    else if (f.state == STATE_WAITING && !is_set_aside && dice == 2)
        store_hold(s, &f.m, holds[f.m.seq % 3 ? 1 : STORE_HOLD_RATE]);
    else if (f.state == STATE_WAITING && !is_set_aside && dice < 7)
        store_take(s, &f.m, &mark);
    else if (f.state == STATE_WAITING)
        world_settle(s, &f.m, random);
    else if (f.state == STATE_DEAD && f.has_message && dice < 2)
        store_requeue(s, &f.m);
    else if (f.state == STATE_DEAD && f.has_message && dice == 2)
        store_discard_dead(s, seq);
}

static inline void world_write_ring(struct store *s)
{
    struct buf packed = {0};
    mp_array(&packed, 2);
    mp_u64(&packed, WORLD_GENERATION);
    mp_array(&packed, 1);
    mp_array(&packed, 3);
    mp_str(&packed, "sender-1");
    mp_u64(&packed, 2);
    mp_u64(&packed, WORLD_SENDER);
    store_meta_write(s, "ring", buf_span(&packed));
    buf_free(&packed);
}

/* `count` messages, most of which something happens to. The store is closed. */
static inline void world_make(const char *name, uint64_t count, uint64_t seed)
{
    struct store *s = fixture_open(name);
    uint64_t random = seed * 2 + 1, added = 0;
    world_write_ring(s);
    while (added < count) {
        for (uint64_t i = world_dice(&random, 60); i > 0 && added < count; i--)
            world_add(s, ++added, &random);
        for (uint64_t i = world_dice(&random, 40); i > 0 && added; i--)
            world_step(s, 1 + world_dice(&random, added), &random);
        if (world_dice(&random, 4) == 0)
            store_index_step(s, 100);
        if (world_dice(&random, 10) == 0)
            store_purge(s, FIXTURE_NOW_MS + 1000 + (int64_t)world_dice(&random, 1000), 5);
        CHECK_INT(store_commit(s), 0);
    }
    store_close(&s);
}

#endif
