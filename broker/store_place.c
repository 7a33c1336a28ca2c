/* Where a message stands that is not settled: in the queue, parked, held or out; and what the broker finds of it when it
 * starts. */
#include "broker/store_internal.h"

#include "base/hash.h"
#include "base/log.h"

enum store_answer store_first(struct store *s, struct span account, int lane, int timed, struct place *place)
{
    struct key prefix = key_queue_prefix(account, lane);
    struct span key;
    if (engine_entries(s->engine, store_queue_of(timed)) == 0) /* as a rule two of the three clocks have none: asked for each job */
        return STORE_NONE;
    if (store_seek(s, store_queue_of(timed), &prefix, prefix.used, KEY_TIME_BYTES, &key, NULL) != STORE_OK)
        return STORE_NONE;
    *place = (struct place){.due_ms = (int64_t)key_read_u64(key.data + prefix.used),
                            .seq = key_read_seq(key),
                            .lane = lane,
                            .timed = timed};
    return STORE_OK;
}

/* What stands at the end of a key of the parked ones. */
static struct place parked_place(struct span key)
{
    const char *at = key.data + key.bytes - KEY_PARKED_BYTES;
    return (struct place){
        .lane = (unsigned char)at[0], .due_ms = (int64_t)key_read_u64(at + 1), .seq = key_read_seq(key)};
}

enum store_answer store_first_parked(struct store *s, struct span account, struct span openid, struct place *place)
{
    struct key prefix = key_parked_prefix(account, openid);
    struct span key;
    if (store_seek(s, PARKED, &prefix, prefix.used, KEY_PARKED_BYTES, &key, NULL) != STORE_OK)
        return STORE_NONE;
    *place = parked_place(key);
    return STORE_OK;
}

void store_leave_place(struct store *s, const struct message *m)
{
    struct place place = key_place_of(m);
    struct key queued = key_queue(m->account, &place), parked = key_parked(m), held;
    if (engine_del(s->engine, store_queue_of(place.timed), &queued) || engine_del(s->engine, PARKED, &parked))
        return;
    if (store_find_held(s, m, &held))
        engine_del(s->engine, HELD, &held);
}

static void write_mark(struct store *s, const struct mark *mark)
{
    struct key key = key_seq(mark->seq);
    record_pack_mark(mark, &s->scratch);
    engine_put(s->engine, MARKS, &key, buf_span(&s->scratch));
}

void store_take(struct store *s, const struct message *m, const struct mark *mark)
{
    struct mark of = *mark;
    of.seq = m->seq;
    store_leave_place(s, m);
    write_mark(s, &of);
}

void store_mark(struct store *s, const struct mark *mark)
{
    write_mark(s, mark);
}

enum store_answer store_read_mark(struct store *s, const struct message *m, struct mark *mark)
{
    struct key key = key_seq(m->seq);
    struct span value;
    if (engine_get(s->engine, MARKS, &key, &value) != STORE_OK)
        return STORE_NONE;
    if (record_unpack_mark(value, mark)) {
        /* Given to nobody that is known, nobody knows when, and it may have been told to begin. */
        log_error("damaged mark", log_u64("seq", m->seq), log_span("id", m->id));
        *mark = (struct mark){.turn = m->turn + 1, .out_ms = m->accepted_ms, .begun = 1};
    }
    mark->seq = m->seq;
    return STORE_OK;
}

void store_park(struct store *s, const struct message *m)
{
    struct place place = key_place_of(m);
    struct key queued = key_queue(m->account, &place), parked = key_parked(m);
    engine_del(s->engine, store_queue_of(place.timed), &queued);
    engine_put_nothing(s->engine, PARKED, &parked);
}

void store_put_back(struct store *s, const struct message *m)
{
    struct message old;
    struct place place = key_place_of(m);
    struct key queued = key_queue(m->account, &place), mark = key_seq(m->seq);
    int64_t expires_ms = m->expires_ms, give_up_ms = m->give_up_ms, old_expires_ms = 0, old_give_up_ms = 0;
    uint64_t seq = m->seq;
    if (store_read(s, seq, &old) == STORE_OK) {
        old_expires_ms = old.expires_ms;
        old_give_up_ms = old.give_up_ms;
    }
    struct key old_expiry = key_time(old_expires_ms, seq), old_patience = key_time(old_give_up_ms, seq);
    store_write_message(s, m);
    engine_del(s->engine, MARKS, &mark);
    engine_put_nothing(s->engine, store_queue_of(place.timed), &queued);
    if (old_expires_ms && old_expires_ms != expires_ms)
        engine_del(s->engine, EXPIRY, &old_expiry);
    if (old_give_up_ms && old_give_up_ms != give_up_ms)
        engine_del(s->engine, PATIENCE, &old_patience);
    /* They may have been forgotten while the message was out (store_forget_first_over). */
    store_write_over(s, seq, expires_ms, give_up_ms);
}

/* --- holds -------------------------------------------------------------------------------------------------------- */

uint64_t store_hold_name(enum hold_kind kind, struct span account, struct span name)
{
    struct buf text = {0};
    char first = (char)kind;
    buf_append(&text, &first, 1);
    buf_append(&text, account.data, account.bytes);
    buf_append(&text, "", 1);
    buf_append(&text, name.data, name.bytes);
    uint64_t hold = hash_64(text.data, text.bytes);
    buf_free(&text);
    return hold;
}

struct span message_template(const struct message *m)
{
    return m->fallback.bytes ? m->fallback : m->key;
}

void store_holds_of(const struct message *m, uint64_t holds[STORE_HOLDS_MAX])
{
    static const struct span any = {"", 0};
    struct span key = message_template(m);
    holds[0] = store_hold_name(HOLD_TEMPLATE, any, key);
    holds[1] = store_hold_name(HOLD_TEMPLATE, m->account, key);
    holds[2] = store_hold_name(HOLD_TASK, m->account, m->task);
    holds[STORE_HOLD_RATE] = store_hold_name(m->lane == LANE_EXPRESS ? HOLD_RATE_EXPRESS : HOLD_RATE, m->account, key);
}

enum standing store_find_held(struct store *s, const struct message *m, struct key *held)
{
    struct span ignored;
    uint64_t holds[STORE_HOLDS_MAX];
    if (engine_entries(s->engine, HELD) == 0)
        return STANDS_NOWHERE;
    store_holds_of(m, holds);
    for (size_t i = 0; i < STORE_HOLDS_MAX; i++) {
        *held = key_held(holds[i], m->due_ms, m->seq);
        if (engine_get(s->engine, HELD, held, &ignored) == STORE_OK)
            return i == STORE_HOLD_RATE ? STANDS_PACED : STANDS_HELD;
    }
    return STANDS_NOWHERE;
}

void store_hold(struct store *s, const struct message *m, uint64_t hold)
{
    struct place place = key_place_of(m);
    struct key queued = key_queue(m->account, &place), parked = key_parked(m), held = key_held(hold, m->due_ms, m->seq);
    if (!engine_del(s->engine, store_queue_of(place.timed), &queued))
        engine_del(s->engine, PARKED, &parked);
    engine_put_nothing(s->engine, HELD, &held);
}

enum store_answer store_first_held(struct store *s, uint64_t hold, struct place *place)
{
    struct key prefix = {.used = 0};
    struct span key;
    key_u64(&prefix, hold);
    if (store_seek(s, HELD, &prefix, prefix.used, KEY_TIME_BYTES, &key, NULL) != STORE_OK)
        return STORE_NONE;
    *place = (struct place){.due_ms = (int64_t)key_read_u64(key.data + prefix.used), .seq = key_read_seq(key)};
    return STORE_OK;
}

int store_is_rate_hold(struct store *s, uint64_t hold, struct message *first)
{
    struct place place;
    uint64_t holds[STORE_HOLDS_MAX];
    if (store_first_held(s, hold, &place) != STORE_OK || store_read(s, place.seq, first) != STORE_OK)
        return 0;
    store_holds_of(first, holds);
    return holds[STORE_HOLD_RATE] == hold;
}

enum store_answer store_next_hold(struct store *s, uint64_t from, uint64_t *hold)
{
    struct key first = {.used = 0};
    struct span key;
    key_u64(&first, from);
    if (store_seek(s, HELD, &first, 0, 8 + KEY_TIME_BYTES, &key, NULL) != STORE_OK)
        return STORE_NONE;
    *hold = key_read_u64(key.data);
    return STORE_OK;
}

uint64_t store_count_held(struct store *s, uint64_t hold, uint64_t limit)
{
    struct key from = {.used = 0}, until;
    key_u64(&from, hold);
    until = from;
    key_u64(&until, UINT64_MAX);
    return engine_count(s->engine, HELD, &from, &until, limit);
}

/* 1 when something that is parked for the same recipient, in the same lane, stands behind the message. */
static int is_before_parked(struct store *s, const struct key *parked, const struct message *m)
{
    struct key prefix = key_parked_prefix(m->account, m->openid);
    struct span ignored;
    return engine_entries(s->engine, PARKED) > 0 &&
           store_seek(s, PARKED, parked, prefix.used + 1, KEY_PARKED_BYTES - 1, &ignored, NULL) == STORE_OK;
}

/* What is parked goes before the queue: a message that stands before some of it joins it, so that it is not overtaken. */
size_t store_release(struct store *s, uint64_t hold, size_t budget)
{
    struct place place;
    struct message m;
    size_t looked = 0;
    while (looked < budget && store_first_held(s, hold, &place) == STORE_OK) {
        struct key held = key_held(hold, place.due_ms, place.seq);
        looked++;
        if (store_read(s, place.seq, &m) != STORE_OK) {
            log_error("damaged message set aside", log_u64("seq", place.seq));
            engine_del(s->engine, HELD, &held);
            store_keep_damaged(s, MESSAGES, place.seq);
            continue;
        }
        struct place queue_place = key_place_of(&m);
        struct key queued = key_queue(m.account, &queue_place), parked = key_parked(&m);
        int joins = is_before_parked(s, &parked, &m);
        engine_del(s->engine, HELD, &held);
        engine_put_nothing(s->engine, joins ? PARKED : store_queue_of(queue_place.timed), joins ? &parked : &queued);
    }
    return looked;
}

/* --- at the start ------------------------------------------------------------------------------------------------- */

int store_each_mark(struct store *s, void (*each)(void *self, const struct mark *mark, const struct message *m), void *self)
{
    struct key from = key_seq(0);
    struct span key;
    while (store_seek(s, MARKS, &from, 0, KEY_SEQ_BYTES, &key, NULL) == STORE_OK) {
        struct mark mark;
        struct message m;
        uint64_t seq = key_read_seq(key);
        from = key_seq(seq + 1);
        if (store_read(s, seq, &m) != STORE_OK)
            log_error("message of a mark cannot be read", log_u64("seq", seq));
        else if (store_read_mark(s, &m, &mark) == STORE_OK)
            each(self, &mark, &m);
    }
    return engine_has_failed(s->engine) ? -1 : 0;
}

int store_each_parked(struct store *s, void (*each)(void *self, const struct message *first), void *self)
{
    struct key from = {.used = 0};
    struct span key, account, openid;
    key_u8(&from, 0);
    while (engine_seek(s->engine, PARKED, &from, &key, NULL) == STORE_OK) {
        struct message m;
        if (key_read_parked(key, &account, &openid)) {
            store_drop_odd(s, PARKED, &from);
            continue;
        }
        struct place place = parked_place(key);
        from = key_parked_prefix(account, openid);
        enum store_answer answer = store_read(s, place.seq, &m);
        if (answer != STORE_OK && openid.bytes) {
            store_set_aside(s, account, openid, &place); /* and look at this recipient again */
            continue;
        }
        key_u8(&from, 0xff); /* lanes are below, so this is behind all of this recipient */
        if (answer == STORE_OK)
            each(self, &m);
    }
    return engine_has_failed(s->engine) ? -1 : 0;
}
