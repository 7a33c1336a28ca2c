/* The end of messages: the two clocks by which one is over, results, the dead, and the purge of what is old. */
#include "broker/store_internal.h"

#include "base/log.h"

/* --- over --------------------------------------------------------------------------------------------------------- */

void store_write_over(struct store *s, uint64_t seq, int64_t expires_ms, int64_t give_up_ms)
{
    if (expires_ms) {
        struct key expiry = key_time(expires_ms, seq);
        engine_put_nothing(s->engine, EXPIRY, &expiry);
    }
    if (give_up_ms) {
        struct key patience = key_time(give_up_ms, seq);
        engine_put_nothing(s->engine, PATIENCE, &patience);
    }
}

static enum database index_of(enum over clock)
{
    return clock == OVER_EXPIRED ? EXPIRY : PATIENCE;
}

enum store_answer store_first_over(struct store *s, enum over clock, int64_t now_ms, uint64_t *seq)
{
    struct key from = key_time(0, 0);
    struct span key;
    if (store_seek(s, index_of(clock), &from, 0, KEY_TIME_BYTES, &key, NULL) != STORE_OK ||
        (int64_t)key_read_u64(key.data) > now_ms)
        return STORE_NONE;
    *seq = key_read_seq(key);
    return STORE_OK;
}

void store_forget_first_over(struct store *s, enum over clock)
{
    struct key from = key_time(0, 0);
    engine_del_found(s->engine, index_of(clock), &from);
}

/* --- results ------------------------------------------------------------------------------------------------------ */

void store_settle(struct store *s, const struct message *m, const struct final *f)
{
    const int is_dead = f->state == STATE_DEAD;
    struct key seq = key_seq(m->seq), ended = key_time(f->settled_ms, m->seq);
    struct key expiry = key_time(m->expires_ms, m->seq), patience = key_time(m->give_up_ms, m->seq);
    const int64_t expires_ms = m->expires_ms, give_up_ms = m->give_up_ms, msgid = f->msgid;
    const uint64_t number = m->seq;
    record_pack_final(f, &s->scratch);
    if (is_dead)
        record_pack_message(m, &s->second);
    if (!engine_del(s->engine, MARKS, &seq))
        store_leave_place(s, m);
    engine_put(s->engine, LEDGER, &seq, buf_span(&s->scratch));
    engine_put_nothing(s->engine, is_dead ? DEAD : ENDED, &ended);
    store_list_msgid(s, msgid, number);
    if (expires_ms)
        engine_del(s->engine, EXPIRY, &expiry);
    if (give_up_ms)
        engine_del(s->engine, PATIENCE, &patience);
    if (is_dead)
        engine_put(s->engine, MESSAGES, &seq, buf_span(&s->second));
    else
        engine_del(s->engine, MESSAGES, &seq);
}

void store_requeue(struct store *s, const struct message *m)
{
    struct final f;
    if (store_read_final(s, m->seq, &f) != STORE_OK || f.state != STATE_DEAD) {
        log_error("message to be requeued is not dead", log_u64("seq", m->seq));
        return;
    }
    struct place place = key_place_of(m);
    struct key seq = key_seq(m->seq), ended = key_time(f.settled_ms, m->seq), queued = key_queue(m->account, &place);
    const struct message times = {.seq = m->seq, .expires_ms = m->expires_ms, .give_up_ms = m->give_up_ms};
    const int64_t msgid = f.msgid;
    store_write_message(s, m);
    store_unlist_msgid(s, msgid, times.seq);
    engine_put_nothing(s->engine, store_queue_of(place.timed), &queued);
    engine_del(s->engine, LEDGER, &seq);
    engine_del(s->engine, DEAD, &ended);
    store_write_over(s, times.seq, times.expires_ms, times.give_up_ms);
}

void store_revise_dead(struct store *s, const struct message *m, const struct final *f)
{
    struct final old;
    if (store_read_final(s, m->seq, &old) != STORE_OK || old.state != STATE_DEAD) {
        log_error("message to be revised is not dead", log_u64("seq", m->seq));
        return;
    }
    struct key seq = key_seq(m->seq), dead = key_time(old.settled_ms, m->seq), ended = key_time(f->settled_ms, m->seq);
    const int64_t msgid = f->msgid, msgid_before = old.msgid;
    const uint64_t number = m->seq;
    record_pack_final(f, &s->scratch);
    engine_put(s->engine, LEDGER, &seq, buf_span(&s->scratch));
    engine_put_nothing(s->engine, ENDED, &ended);
    store_unlist_msgid(s, msgid_before, number);
    store_list_msgid(s, msgid, number);
    engine_del(s->engine, DEAD, &dead);
    engine_del(s->engine, MESSAGES, &seq);
}

int store_discard_dead(struct store *s, uint64_t seq)
{
    struct final f;
    if (store_read_final(s, seq, &f) != STORE_OK || f.state != STATE_DEAD)
        return -1;
    struct key key = key_seq(seq), ended = key_time(f.settled_ms, seq);
    if (!engine_del(s->engine, DEAD, &ended))
        return -1; /* discarded before */
    engine_put_nothing(s->engine, ENDED, &ended);
    engine_del(s->engine, MESSAGES, &key);
    return 0;
}

/* --- purge -------------------------------------------------------------------------------------------------------- */

/* Removes a result with everything by which it is found. Returns 1 when there was one. */
static size_t purge_one(struct store *s, uint64_t seq)
{
    struct final f;
    struct key key = key_seq(seq);
    enum store_answer answer = store_read_final(s, seq, &f);
    if (answer == STORE_NONE)
        return 0;
    if (answer == STORE_DAMAGED) {
        log_error("damaged result set aside", log_u64("seq", seq));
        store_keep_damaged(s, LEDGER, seq);
        return 1;
    }
    struct key id = key_id(f.account, f.id), person = key_person(f.account, f.openid, seq);
    struct key task = key_task(f.account, f.task, seq);
    int has_task = f.task.bytes > 0;
    store_unlist_msgid(s, f.msgid, seq);
    engine_del(s->engine, IDS, &id);
    engine_del(s->engine, LEDGER, &key);
    if (seq >= s->indexed)
        return 1;
    engine_del(s->engine, PEOPLE, &person);
    if (has_task)
        engine_del(s->engine, TASKS, &task);
    return 1;
}

size_t store_purge(struct store *s, int64_t before_ms, size_t budget)
{
    struct key from = key_time(0, 0);
    struct span key;
    size_t removed = 0;
    for (size_t i = 0; i < budget; i++) {
        if (store_seek(s, ENDED, &from, 0, KEY_TIME_BYTES, &key, NULL) != STORE_OK)
            break;
        int64_t settled_ms = (int64_t)key_read_u64(key.data);
        if (settled_ms >= before_ms)
            break;
        uint64_t seq = key_read_seq(key);
        struct key ended = key_time(settled_ms, seq);
        removed += purge_one(s, seq);
        engine_del(s->engine, ENDED, &ended);
    }
    if (removed)
        store_remember_seq(s);
    return removed;
}
