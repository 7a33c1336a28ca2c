/* What belongs to each message and result in the new store: one place, its id, its times, its end. Goes along the seqs of everything
 * that was taken, and then along the ids and the places. */
#include "broker/store_salvage_internal.h"

#include <string.h>

static const struct span nothing = {"", 0};

uint64_t salvage_next_seq(struct salvage *v, enum database db, uint64_t seq)
{
    struct key from = key_seq(seq);
    struct span key;
    return store_seek(v->s, db, &from, 0, KEY_SEQ_BYTES, &key, NULL) == STORE_OK ? key_read_seq(key) : SALVAGE_NOWHERE;
}

static void keep_sender(struct salvage *v, uint64_t epoch)
{
    for (size_t i = 0; i < v->sender_count; i++)
        if (v->senders[i] == epoch)
            return;
    if (epoch && v->sender_count < SALVAGE_SENDERS_MAX)
        v->senders[v->sender_count++] = epoch;
}

/* --- seqs and ids ------------------------------------------------------------------------------------------------- */

void salvage_write_id(struct salvage *v, const struct key *id, uint64_t seq, const uint64_t *content)
{
    struct span value;
    uint64_t of, known;
    if (engine_get(v->s->engine, IDS, id, &value) == STORE_OK && record_unpack_id(value, &of, &known) == 0 && of == seq &&
        (content == NULL || *content == known))
        return;
    struct buf packed = {0};
    record_pack_id(seq, content ? *content : 0, &packed);
    salvage_put(v, IDS, id, buf_span(&packed));
    buf_free(&packed);
}

/* 1 when a seq is of that id; -1 when there is nothing of it; 0 when it is another's. */
static int is_id_of(struct salvage *v, const struct key *id, uint64_t seq)
{
    struct message m;
    struct final f;
    struct key expected;
    if (store_read_final(v->s, seq, &f) == STORE_OK)
        expected = key_id(f.account, f.id);
    else if (store_read(v->s, seq, &m) == STORE_OK)
        expected = key_id(m.account, m.id);
    else
        return -1;
    return expected.used == id->used && memcmp(expected.bytes, id->bytes, id->used) == 0;
}

/* --- one seq ------------------------------------------------------------------------------------------------------ */

struct held_keys {
    struct key keys[STORE_HOLDS_MAX];
};

static struct held_keys held_keys(const struct message *m)
{
    struct held_keys held;
    uint64_t holds[STORE_HOLDS_MAX];
    store_holds_of(m, holds);
    for (size_t i = 0; i < STORE_HOLDS_MAX; i++)
        held.keys[i] = key_held(holds[i], m->due_ms, m->seq);
    return held;
}

/* Takes it out of the places that were noted for looking up. Returns 1 when it stood in one. */
static int take_from_places(struct salvage *v, const struct key *queued, const struct key *parked, const struct held_keys *held)
{
    struct engine *e = v->s->engine;
    int stood = engine_del(e, QUEUE_NOW, queued) | engine_del(e, PARKED, parked);
    for (size_t i = 0; i < sizeof held->keys / sizeof *held->keys; i++)
        stood |= engine_del(e, HELD, &held->keys[i]);
    return stood;
}

/* A mark that is there and was read, or 0. */
static int read_sender(struct salvage *v, const struct key *seq, uint64_t *sender)
{
    struct span value;
    struct mark mark;
    if (engine_get(v->s->engine, MARKS, seq, &value) != STORE_OK || record_unpack_mark(value, &mark))
        return 0;
    *sender = mark.sender;
    return 1;
}

/* Waiting, or out: by its mark; or because something is lost that may have been its mark or its result. */
static void mend_live(struct salvage *v, const struct message *m)
{
    struct place place = key_place_of(m);
    struct key seq = key_seq(m->seq), queued = key_queue(m->account, &place), parked = key_parked(m), id = key_id(m->account, m->id);
    struct held_keys held = held_keys(m);
    const struct message kept = *m; /* its numbers: the spans are gone with the first write */
    uint64_t sender = 0;
    struct salvage_account *account = salvage_account_of(v, m->account);
    if (account)
        account->live++;
    int is_damaged = salvage_has(v, DAMAGED, &seq), stood = take_from_places(v, &queued, &parked, &held);
    int is_out = read_sender(v, &seq, &sender);
    /* One that stood nowhere stood in a place that is lost; or its mark or result is. */
    int is_doubtful = (!stood && (!v->result->are_fates_whole || v->are_places_whole)) || v->result->is_evidence_lost;
    int is_unknown = !is_out && (is_damaged || (is_doubtful && salvage_may_have_gone(v, &kept)));
    if (is_unknown) {
        salvage_mark_unknown(v, kept.seq, kept.turn + 1);
        engine_del(v->s->engine, DAMAGED, &seq);
    }
    keep_sender(v, sender);
    v->result->unknown += is_unknown || (is_out && sender == 0);
    v->result->out += is_out || is_unknown;
    v->result->waiting += !is_out && !is_unknown;
    if (!is_out && !is_unknown)
        salvage_put(v, store_queue_of(kept.timed), &queued, nothing);
    store_write_over(v->s, kept.seq, kept.expires_ms, kept.give_up_ms);
    salvage_write_id(v, &id, kept.seq, &kept.content);
}

static void mend_settled(struct salvage *v, const struct final *f, const struct message *dead)
{
    struct key seq = key_seq(f->seq), ended = key_time(f->settled_ms, f->seq), id = key_id(f->account, f->id);
    struct key msgid = key_msgid(f->msgid, f->seq);
    const int has_msgid = f->msgid != 0;
    uint64_t number = f->seq, content = dead ? dead->content : 0; /* the spans are gone with the first write */
    salvage_put(v, dead ? DEAD : ENDED, &ended, nothing);
    if (has_msgid)
        salvage_put(v, MSGIDS, &msgid, nothing);
    engine_del(v->s->engine, MARKS, &seq);
    if (!dead)
        engine_del(v->s->engine, MESSAGES, &seq);
    v->result->settled++;
    v->result->dead += dead != NULL;
    salvage_write_id(v, &id, number, dead ? &content : NULL);
}

static void mend_one(struct salvage *v, uint64_t seq)
{
    struct key key = key_seq(seq);
    struct engine *e = v->s->engine;
    struct message m;
    struct final f;
    if (seq > SALVAGE_SEQ_MAX) {
        v->result->unreadable += (uint64_t)(engine_del(e, MESSAGES, &key) + engine_del(e, LEDGER, &key) + engine_del(e, MARKS, &key) +
                                            engine_del(e, DAMAGED, &key));
        return;
    }
    int has_final = store_read_final(v->s, seq, &f) == STORE_OK, has_message = store_read(v->s, seq, &m) == STORE_OK;
    int is_one = has_final && has_message && span_equal(m.account, f.account) && span_equal(m.id, f.id);
    if (has_final && has_message && !is_one)
        v->result->unreadable++; /* nobody knows the seq of that message: it goes */
    if (has_final)
        mend_settled(v, &f, is_one && f.state == STATE_DEAD ? &m : NULL);
    else if (has_message)
        mend_live(v, &m);
    else if (engine_del(e, MARKS, &key))
        salvage_put_new(v, DAMAGED, &key, nothing);
    else if (seq > v->result->seq_max)
        engine_del(e, DAMAGED, &key); /* no seq at all */
}

static uint64_t first_of(const uint64_t seqs[], size_t count)
{
    uint64_t first = SALVAGE_NOWHERE;
    for (size_t i = 0; i < count; i++)
        first = seqs[i] < first ? seqs[i] : first;
    return first;
}

int salvage_each_seq(struct salvage *v, const char *verb, void (*each)(struct salvage *v, uint64_t seq))
{
    static const enum database dbs[] = {MESSAGES, LEDGER, MARKS, DAMAGED};
    enum { COUNT = sizeof dbs / sizeof *dbs };
    uint64_t next[COUNT], seq, done = 0, total = v->result->messages + v->result->results;
    for (size_t i = 0; i < COUNT; i++)
        next[i] = salvage_next_seq(v, dbs[i], 1);
    while ((seq = first_of(next, COUNT)) != SALVAGE_NOWHERE) {
        if (salvage_step(v, verb, ++done, total))
            return -1;
        each(v, seq);
        for (size_t i = 0; i < COUNT; i++)
            if (next[i] <= seq)
                next[i] = salvage_next_seq(v, dbs[i], seq + 1);
    }
    return 0;
}

/* --- ids and places ----------------------------------------------------------------------------------------------- */

/* An id whose message is lost stays: who asks under it is told that what is kept is damaged, and nothing is sent a second time. */
static void mend_id(struct salvage *v, const struct key *id, uint64_t seq)
{
    struct key key = key_seq(seq);
    int is_of = is_id_of(v, id, seq);
    if (is_of == 0)
        engine_del(v->s->engine, IDS, id);
    if (is_of >= 0)
        return;
    size_t account_bytes = (unsigned char)id->bytes[0];
    int has_bytes = !salvage_put_new(v, DAMAGED, &key, nothing);
    v->result->lost++;
    v->report->lost(v->report->self, (struct span){id->bytes + 1, account_bytes},
                    (struct span){id->bytes + 1 + account_bytes, id->used - 1 - account_bytes}, seq, has_bytes);
}

static int mend_ids(struct salvage *v)
{
    struct key from = {.used = 0};
    struct span found, value;
    uint64_t seq, content, done = 0;
    key_u8(&from, 0);
    while (engine_seek(v->s->engine, IDS, &from, &found, &value) == STORE_OK) {
        struct key id = from = key_copy(found);
        key_u8(&from, 0); /* the next key there can be */
        if (salvage_step(v, "compared ids", ++done, v->result->ids))
            return -1;
        if (record_unpack_id(value, &seq, &content) == 0)
            mend_id(v, &id, seq);
    }
    return 0;
}

/* What is left of the places that were noted for looking up belongs to nothing. */
static int drop_places(struct salvage *v, enum database db)
{
    struct key from = {.used = 0};
    struct span found;
    uint64_t done = 0;
    key_u8(&from, 0);
    while (engine_seek(v->s->engine, db, &from, &found, NULL) == STORE_OK) {
        struct message m;
        struct key key = from = key_copy(found), expected;
        key_u8(&from, 0);
        if (salvage_step(v, "compared places", ++done, 0))
            return -1;
        int has_message = key_is_sound(found, found.bytes) && store_read(v->s, key_read_seq(found), &m) == STORE_OK;
        struct place place = has_message ? key_place_of(&m) : (struct place){.seq = 0};
        expected = has_message ? key_queue(m.account, &place) : (struct key){.used = 0};
        struct key seq = key_seq(place.seq);
        int is_right = db == QUEUE_NOW && has_message && m.timed == TIMED_NOW && expected.used == key.used &&
                       memcmp(expected.bytes, key.bytes, key.used) == 0 && !salvage_has(v, MARKS, &seq) &&
                       !salvage_has(v, LEDGER, &seq);
        if (!is_right)
            engine_del(v->s->engine, db, &key);
    }
    return 0;
}

int salvage_mend(struct salvage *v)
{
    return salvage_seqs(v) || salvage_each_seq(v, "put in order", mend_one) || mend_ids(v) || drop_places(v, QUEUE_NOW) ||
                   drop_places(v, PARKED) || drop_places(v, HELD)
               ? -1
               : 0;
}
