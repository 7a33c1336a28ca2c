/* Which seq each message and result belongs to. A record has a checksum and tells its id; its key, the seq, has none. An entry of an id
 * has a checksum as well, and tells a seq; its key, the id, has none. So a record is at home where the entry of its id leads. One that
 * is not gives way to one that is; what knows no seq any more is given a new one, behind all others, rather than lost. */
#include "broker/store_salvage_internal.h"

#include <string.h>

static const enum database kinds[] = {LEDGER, MESSAGES};

/* What a record tells of itself. */
struct whose {
    struct key id;
    uint64_t content;
    int has_content; /* a result does not know it */
};

/* Returns 1 when there is such a record. */
static int read_whose(struct salvage *v, enum database db, uint64_t seq, struct whose *w)
{
    struct message m;
    struct final f;
    if (db == LEDGER) {
        if (store_read_final(v->s, seq, &f) != STORE_OK)
            return 0;
        *w = (struct whose){.id = key_id(f.account, f.id)};
        return 1;
    }
    if (store_read(v->s, seq, &m) != STORE_OK)
        return 0;
    *w = (struct whose){.id = key_id(m.account, m.id), .content = m.content, .has_content = 1};
    return 1;
}

static int is_same_id(const struct whose *a, const struct whose *b)
{
    return a->id.used == b->id.used && memcmp(a->id.bytes, b->id.bytes, a->id.used) == 0;
}

/* What an entry of an id leads to; nothing: seq 0. */
struct entry {
    uint64_t seq, content;
};

static struct entry read_entry(struct salvage *v, const struct key *id)
{
    struct span value;
    struct entry e;
    if (engine_get(v->s->engine, IDS, id, &value) != STORE_OK || record_unpack_id(value, &e.seq, &e.content) || e.seq > SALVAGE_SEQ_MAX)
        return (struct entry){.seq = 0};
    return e;
}

/* The seq that the entry of a record's id leads to; 0 when there is none. One of another content has a changed key, and is another's. */
static uint64_t find_home(struct salvage *v, const struct whose *w)
{
    struct entry e = read_entry(v, &w->id);
    return w->has_content && e.content && e.content != w->content ? 0 : e.seq;
}

/* 1 when a message is in a place under this seq: the key of a place tells its account and time as well. */
static int stands(struct salvage *v, uint64_t seq)
{
    struct message m;
    uint64_t holds[STORE_HOLDS_MAX];
    if (store_read(v->s, seq, &m) != STORE_OK)
        return 0;
    struct place place = key_place_of(&m);
    struct key queued = key_queue(m.account, &place), parked = key_parked(&m);
    if (salvage_has(v, QUEUE_NOW, &queued) || salvage_has(v, PARKED, &parked))
        return 1;
    store_holds_of(&m, holds);
    for (size_t i = 0; i < STORE_HOLDS_MAX; i++) {
        struct key held = key_held(holds[i], m.due_ms, seq);
        if (salvage_has(v, HELD, &held))
            return 1;
    }
    return 0;
}

/* 1 when a record is where the entry of its id leads; or, of a message without one, where it stands. */
static int is_at_home(struct salvage *v, uint64_t seq, const struct whose *w)
{
    uint64_t home = find_home(v, w);
    return home == seq || (home == 0 && w->has_content && stands(v, seq));
}

/* To a seq that may have a record of that kind already: then it is that one that counts. */
static void move(struct salvage *v, enum database db, uint64_t from, uint64_t to)
{
    struct key old = key_seq(from), key = key_seq(to);
    struct span value;
    struct buf copy = {0};
    if (engine_get(v->s->engine, db, &old, &value) != STORE_OK)
        return;
    buf_append(&copy, value.data, value.bytes);
    salvage_put_new(v, db, &key, buf_span(&copy));
    engine_del(v->s->engine, db, &old);
    buf_free(&copy);
}

static void turn_out(struct salvage *v, enum database db, uint64_t seq)
{
    move(v, db, seq, SALVAGE_SEQ_MAX + ++v->strays);
}

/* 1 when a record of another id has the better right to a seq: it is at home there, or it is of the content that the entry tells, which
 * has a changed key then. Between two results, which do not know their content, nobody can tell. */
static int has_better_right(struct salvage *v, const struct whose *there, const struct whose *w, const struct entry *e)
{
    return is_at_home(v, e->seq, there) || (there->has_content ? there->content == e->content : !w->has_content);
}

/* Turns records of other ids out of the seq that an entry tells. Returns 0, or -1 when they stay. */
static int make_room(struct salvage *v, const struct whose *w, const struct entry *e)
{
    enum { KINDS = sizeof kinds / sizeof *kinds };
    int is_other[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        struct whose there;
        is_other[i] = read_whose(v, kinds[i], e->seq, &there) && !is_same_id(&there, w);
        if (is_other[i] && has_better_right(v, &there, w, e))
            return -1;
    }
    for (size_t i = 0; i < KINDS; i++)
        if (is_other[i])
            turn_out(v, kinds[i], e->seq);
    return 0;
}

/* Takes a record home. Returns 1 when it is there or may stay. */
static int bring_home(struct salvage *v, enum database db, uint64_t seq)
{
    struct whose w;
    if (!read_whose(v, db, seq, &w))
        return 1;
    struct entry e = read_entry(v, &w.id);
    if (find_home(v, &w) == 0 || e.seq == seq || make_room(v, &w, &e))
        return e.seq == seq;
    move(v, db, seq, e.seq);
    return 1;
}

/* A result and a message of two ids: one of them is elsewhere at home, or nowhere. */
static void part(struct salvage *v, uint64_t seq)
{
    struct whose final, message;
    if (!read_whose(v, LEDGER, seq, &final) || !read_whose(v, MESSAGES, seq, &message) || is_same_id(&final, &message))
        return;
    int is_of_message = is_at_home(v, seq, &message) && !is_at_home(v, seq, &final);
    turn_out(v, is_of_message ? LEDGER : MESSAGES, seq);
}

/* A mark that does not go together with the message under its seq is of another one, which seems to have none then. */
static void look_at_mark(struct salvage *v, uint64_t seq)
{
    struct key key = key_seq(seq);
    struct message m;
    if (!salvage_has(v, MARKS, &key))
        return;
    if (store_read(v->s, seq, &m) != STORE_OK) {
        v->result->are_fates_whole = 0;
        return;
    }
    if (stands(v, seq))
        v->result->are_fates_whole = 0;
}

/* A result whose id has no entry is at home where it is, if no message is: so its message, wherever that was found, comes to it. */
static void note_result(struct salvage *v, uint64_t seq)
{
    struct whose w, message;
    if (seq > SALVAGE_SEQ_MAX || !read_whose(v, LEDGER, seq, &w))
        return;
    uint64_t home = find_home(v, &w);
    if (home == seq)
        return;
    v->result->are_fates_whole = 0; /* it may be of another seq */
    if (home || (read_whose(v, MESSAGES, seq, &message) && !is_same_id(&w, &message) && is_at_home(v, seq, &message)))
        return;
    salvage_write_id(v, &w.id, seq, NULL);
}

static void put_right(struct salvage *v, uint64_t seq)
{
    struct whose w;
    if (seq > SALVAGE_SEQ_MAX)
        return;
    look_at_mark(v, seq);
    bring_home(v, LEDGER, seq);
    bring_home(v, MESSAGES, seq);
    part(v, seq);
    v->homeless += read_whose(v, MESSAGES, seq, &w) && !is_at_home(v, seq, &w);
}

/* The entry of an id leads to a message of another id, which is not at home there, and of another content: that one's key was changed,
 * and what belongs there is lost. */
static void turn_out_wrong(struct salvage *v, const struct key *id, uint64_t seq, uint64_t content)
{
    struct whose w;
    if (!read_whose(v, MESSAGES, seq, &w) || is_at_home(v, seq, &w) || content == 0 || content == w.content)
        return;
    if (id->used != w.id.used || memcmp(id->bytes, w.id.bytes, id->used) != 0)
        turn_out(v, MESSAGES, seq);
}

static int look_at_ids(struct salvage *v)
{
    struct key from = {.used = 0};
    struct span found, value;
    uint64_t seq, content, done = 0;
    key_u8(&from, 0);
    while (v->homeless && engine_seek(v->s->engine, IDS, &from, &found, &value) == STORE_OK) {
        struct key id = from = key_copy(found);
        key_u8(&from, 0); /* the next key there can be */
        if (salvage_step(v, "compared ids with", ++done, v->result->ids))
            return -1;
        if (record_unpack_id(value, &seq, &content) == 0)
            turn_out_wrong(v, &id, seq, content);
    }
    return 0;
}

/* A record that was put behind all seqs. Its page is in use, so it is no old one; but nobody knows what became of a message. */
static void settle_stray(struct salvage *v, enum database db, uint64_t stray)
{
    struct message m;
    struct whose w;
    struct key key = key_seq(stray);
    if (!read_whose(v, db, stray, &w)) { /* damaged, and set aside when it was read */
        engine_del(v->s->engine, db, &key);
        return;
    }
    if (bring_home(v, db, stray))
        return;
    const uint64_t seq = ++v->result->seq_max, content = w.content;
    v->result->unreadable++; /* its key */
    move(v, db, stray, seq);
    salvage_write_id(v, &w.id, seq, w.has_content ? &content : NULL);
    if (db == MESSAGES && store_read(v->s, seq, &m) == STORE_OK && salvage_may_have_gone(v, &m))
        salvage_mark_unknown(v, seq, m.turn + 1);
}

/* Results first: their messages follow them. Each one that takes a place of another is at home from then on, so this ends. */
static int settle_strays(struct salvage *v)
{
    uint64_t seq, done = 0;
    size_t kind = 0;
    while (kind < sizeof kinds / sizeof *kinds) {
        seq = salvage_next_seq(v, kinds[kind], SALVAGE_SEQ_MAX + 1);
        if (seq == SALVAGE_NOWHERE) {
            kind++;
            continue;
        }
        if (salvage_step(v, "placed", ++done, v->strays))
            return -1;
        settle_stray(v, kinds[kind], seq);
        kind = 0;
    }
    return 0;
}

int salvage_seqs(struct salvage *v)
{
    return salvage_each_seq(v, "compared results of", note_result) || salvage_each_seq(v, "compared", put_right) ||
                   look_at_ids(v) || settle_strays(v)
               ? -1
               : 0;
}
