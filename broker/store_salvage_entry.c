/* What is taken from the old pages, entry by entry. Which database an entry was in is not known; its form tells. */
#include "broker/store_salvage_internal.h"

static void see_seq(struct salvage *v, uint64_t seq)
{
    if (seq > v->result->seq_max && seq <= SALVAGE_SEQ_MAX)
        v->result->seq_max = seq;
}

static void see_mark(struct salvage *v, const struct mark *mark)
{
    if (mark->generation > v->result->generation)
        v->result->generation = mark->generation;
}

/* --- pages in use ------------------------------------------------------------------------------------------------- */

/* Puts a record under its seq; where another one is, which of them has a changed key is not known yet: this one is put behind all seqs, and
 * its id will lead it back. */
static void put_record(struct salvage *v, enum database db, const struct key *seq, struct span value)
{
    struct span other;
    if (salvage_put_new(v, db, seq, value))
        return;
    if (engine_get(v->s->engine, db, seq, &other) == STORE_OK && span_equal(other, value))
        return;
    struct key stray = key_seq(SALVAGE_SEQ_MAX + ++v->strays);
    salvage_put(v, db, &stray, value);
}

/* A message, a result or a mark. Returns 1 when it was one. */
static int take_record(struct salvage *v, const struct salvage_entry *e)
{
    uint64_t seq = key_read_seq(e->key);
    struct key key = key_seq(seq);
    struct message m;
    struct final f;
    struct mark mark;
    if (sound_message(e->value, seq, &m) == 0) {
        put_record(v, MESSAGES, &key, e->value);
        v->result->messages++;
    } else if (sound_final(e->value, seq, &f) == 0) {
        put_record(v, LEDGER, &key, e->value);
        v->result->results++;
    } else if (record_unpack_mark(e->value, &mark) == 0) {
        see_mark(v, &mark);
        v->result->marks += (uint64_t)salvage_put_new(v, MARKS, &key, e->value);
    } else {
        return 0;
    }
    see_seq(v, seq);
    return 1;
}

/* Bytes that are none of our records. Under a seq they are kept for a person, and its message counts as one whose mark may have been
 * there. The list of free pages has keys that look like a seq. */
static void take_damaged(struct salvage *v, const struct salvage_entry *e)
{
    uint64_t count;
    if (!key_is_sound(e->key, KEY_SEQ_BYTES) || sound_free_pages(e->value, &count))
        return;
    struct key key = key_copy(e->key);
    v->result->unreadable++;
    salvage_put_new(v, DAMAGED, &key, e->value);
}

static int take_id(struct salvage *v, const struct salvage_entry *e)
{
    uint64_t seq, content;
    struct key key = key_copy(e->key);
    if (!sound_id_key(e->key) || record_unpack_id(e->value, &seq, &content) || seq == 0 || seq > INT64_MAX)
        return 0;
    see_seq(v, seq);
    v->result->ids += (uint64_t)salvage_put_new(v, IDS, &key, e->value);
    return 1;
}

static int take_value(struct salvage *v, const struct salvage_entry *e)
{
    static const char *const ours[] = {"format", "seq", "indexed", "file", "commit"}; /* written anew */
    struct key key = key_copy(e->key);
    struct span name, blob;
    if (!sound_name_key(e->key, &name) || record_unpack_blob(e->value, &blob))
        return 0;
    if (span_is(name, "seq") && blob.bytes == KEY_SEQ_BYTES && key_read_u64(blob.data) <= INT64_MAX)
        see_seq(v, key_read_u64(blob.data));
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (span_is(name, ours[i]))
            return 1;
    v->result->values += (uint64_t)salvage_put_new(v, META, &key, e->value);
    return 1;
}

static int take_windows(struct salvage *v, const struct salvage_entry *e)
{
    struct key key = key_copy(e->key);
    struct span account, openid;
    struct windows w;
    if (key_read_windows(e->key, &account, &openid) || record_unpack_windows(e->value, &w))
        return 0;
    v->result->values += (uint64_t)salvage_put_new(v, WINDOWS, &key, e->value);
    return 1;
}

/* Keys without values say where a message stood. They are looked up by the exact key of a message, so it does not matter that one may
 * look like a key of several databases. */
static void take_place(struct salvage *v, struct span found)
{
    struct key key = key_copy(found);
    struct span account, openid, nothing = {"", 0};
    if (key_read_queue(found, &account) == 0 && account.bytes <= ACCOUNT_BYTES_MAX)
        salvage_put(v, QUEUE_NOW, &key, nothing);
    if (key_read_parked(found, &account, &openid) == 0 && account.bytes <= ACCOUNT_BYTES_MAX && openid.bytes <= OPENID_BYTES_MAX)
        salvage_put(v, PARKED, &key, nothing);
    if (key_is_sound(found, 8 + KEY_TIME_BYTES))
        salvage_put(v, HELD, &key, nothing);
}

/* A key of ids or of small values may have as many bytes as a seq, so records are asked for first. */
static void take_sure(struct salvage *v, const struct salvage_entry *e)
{
    int is_seq = key_is_sound(e->key, KEY_SEQ_BYTES);
    if (!is_seq && e->value.bytes == 0)
        take_place(v, e->key);
    else if (!(is_seq && take_record(v, e)) && !take_id(v, e) && !take_value(v, e) && !take_windows(v, e))
        take_damaged(v, e);
}

/* --- pages of which nobody knows ---------------------------------------------------------------------------------- */

/* A database that is whole in the newest state has nothing in other pages but what is out of date. */
static int has_news(const struct salvage *v, enum database db)
{
    return !v->result->is_newest || !v->is_whole[db];
}

int salvage_has_news(const struct salvage *v, enum salvage_round round)
{
    return round == ROUND_UNSURE_MESSAGES  ? has_news(v, MESSAGES)
           : round == ROUND_UNSURE_RESULTS ? has_news(v, LEDGER) || has_news(v, MARKS)
                                           : has_news(v, IDS);
}

/* 1 when a copy of a message is a later one. */
static int is_later(const struct message *m, const struct message *known)
{
    return m->turn > known->turn || (m->turn == known->turn && m->call > known->call);
}

/* Of a message that is there already only a later copy is news; where the newest state is known, only of one that was found like
 * this. An old copy counts when an id leads to nothing else. */
static void take_unsure_message(struct salvage *v, const struct message *m, struct span value, int is_old)
{
    struct key key = key_seq(m->seq), id = key_id(m->account, m->id);
    struct message known;
    uint64_t of = salvage_seq_of(v, m->account, m->id);
    const uint32_t turn = m->turn;
    const uint64_t seq = m->seq;
    const int may_have_gone = salvage_may_have_gone(v, m) || !v->is_whole[LEDGER];
    if (salvage_has(v, LEDGER, &key) || (of && of != seq) || (is_old && of == 0))
        return;
    int is_known = store_read(v->s, seq, &known) == STORE_OK;
    if (is_known && (is_old || !is_later(m, &known) || (v->result->is_newest && !salvage_has(v, MARKS, &key) && salvage_may_have_gone(v, &known))))
        return;
    struct buf packed = {0};
    record_pack_id(seq, m->content, &packed);
    see_seq(v, seq);
    v->result->messages += !is_known;
    salvage_put(v, MESSAGES, &key, value);
    salvage_put(v, IDS, &id, buf_span(&packed));
    if (may_have_gone)
        salvage_mark_unknown(v, seq, turn + 1);
    buf_free(&packed);
}

/* 1 when the message that is there was itself found like this. */
static int is_unsure(struct salvage *v, const struct key *seq)
{
    struct span value;
    struct mark mark;
    return engine_get(v->s->engine, MARKS, seq, &value) == STORE_OK && record_unpack_mark(value, &mark) == 0 && mark.sender == 0;
}

/* A result counts where something is known of its message. A dead message may have been requeued since, so this result settles none that
 * is in use; what happened to that one is unknown then. */
static void take_unsure_final(struct salvage *v, struct final *f, struct span value, int is_old)
{
    uint64_t of = salvage_seq_of(v, f->account, f->id);
    f->seq = of && of <= SALVAGE_SEQ_MAX ? of : f->seq; /* its key has no checksum, what its id leads to has one */
    struct key key = key_seq(f->seq);
    struct message m;
    int has_message = store_read(v->s, f->seq, &m) == STORE_OK, is_in_use = has_message && !is_unsure(v, &key);
    if (!has_message && of != f->seq)
        return;
    if (has_message && !(span_equal(m.account, f->account) && span_equal(m.id, f->id)))
        return;
    if (is_in_use && (is_old || (f->state == STATE_DEAD && salvage_has(v, MARKS, &key))))
        return; /* it is out of date; or the sender that has it will tell */
    see_seq(v, f->seq);
    if (is_in_use && f->state == STATE_DEAD)
        salvage_mark_unknown(v, f->seq, m.turn + 1);
    else
        v->result->results += (uint64_t)salvage_put_new(v, LEDGER, &key, value);
}

static void take_unsure_mark(struct salvage *v, uint64_t seq, const struct mark *mark)
{
    struct key key = key_seq(seq);
    struct message m;
    see_mark(v, mark);
    if (store_read(v->s, seq, &m) != STORE_OK || mark->turn <= m.turn || salvage_has(v, MARKS, &key))
        return;
    see_seq(v, seq);
    salvage_mark_unknown(v, seq, mark->turn);
}

static void take_unsure_id(struct salvage *v, const struct salvage_entry *e)
{
    uint64_t seq, content;
    struct key key = key_copy(e->key), of;
    if (!sound_id_key(e->key) || record_unpack_id(e->value, &seq, &content))
        return;
    of = key_seq(seq);
    if (salvage_has(v, LEDGER, &of) || salvage_has(v, MESSAGES, &of))
        v->result->ids += (uint64_t)salvage_put_new(v, IDS, &key, e->value);
}

/* Bytes that are no record, under the seq of a message that seems to wait: they may have been its mark or its result. */
static void take_unsure_damaged(struct salvage *v, uint64_t seq)
{
    struct key key = key_seq(seq);
    struct message m;
    if (store_read(v->s, seq, &m) == STORE_OK && !salvage_has(v, MARKS, &key) && salvage_may_have_gone(v, &m))
        salvage_mark_unknown(v, seq, m.turn + 1);
}

static void take_unsure_result(struct salvage *v, const struct salvage_entry *e, uint64_t seq)
{
    struct message m;
    struct final f;
    struct mark mark;
    int is_final = sound_final(e->value, seq, &f) == 0, is_mark = record_unpack_mark(e->value, &mark) == 0;
    if (is_final && has_news(v, LEDGER))
        take_unsure_final(v, &f, e->value, e->is_old);
    else if (is_mark && !e->is_old && has_news(v, MARKS))
        take_unsure_mark(v, seq, &mark);
    else if (!is_final && !is_mark && !e->is_old && (e->is_value_lost || sound_message(e->value, seq, &m)))
        take_unsure_damaged(v, seq);
}

void salvage_take(struct salvage *v, const struct salvage_entry *e, enum salvage_round round)
{
    struct message m;
    int is_seq = key_is_sound(e->key, KEY_SEQ_BYTES);
    if (round == ROUND_SURE)
        take_sure(v, e);
    else if (round == ROUND_UNSURE_RESULTS && is_seq)
        take_unsure_result(v, e, key_read_seq(e->key));
    else if (e->is_value_lost || e->value.bytes == 0)
        return;
    else if (round == ROUND_UNSURE_IDS)
        take_unsure_id(v, e);
    else if (round == ROUND_UNSURE_MESSAGES && is_seq && sound_message(e->value, key_read_seq(e->key), &m) == 0)
        take_unsure_message(v, &m, e->value, e->is_old);
}
