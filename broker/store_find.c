/* Searching: walks through messages and results, all that is known about one of them, what is due, and the index of recipients
 * and tasks, which follows behind.
 *
 * The index goes along messages and ledger at once in the order of seq, so it also finds what was settled before it came by.
 * Its entries stay as long as there is anything of a message, and go with the purge. Those that damage has left behind point
 * nowhere or at something else: a walk looks before it believes one.
 */
#include "broker/store_internal.h"

#include "proto/limits.h"

#define NOWHERE UINT64_MAX /* behind every seq */

/* --- one message -------------------------------------------------------------------------------------------------- */

enum store_answer store_find_seq(struct store *s, struct span account, struct span id, uint64_t *seq)
{
    struct span value;
    uint64_t content;
    if (account.bytes > ACCOUNT_BYTES_MAX || id.bytes > ID_BYTES_MAX)
        return STORE_NONE;
    struct key key = key_id(account, id);
    if (engine_get(s->engine, IDS, &key, &value) != STORE_OK)
        return STORE_NONE;
    return record_unpack_id(value, seq, &content) ? STORE_DAMAGED : STORE_OK;
}

static enum standing standing_of(struct store *s, const struct message *m)
{
    struct place place = key_place_of(m);
    struct key queued = key_queue(m->account, &place), parked = key_parked(m), held;
    struct span ignored;
    if (engine_get(s->engine, store_queue_of(m->timed), &queued, &ignored) == STORE_OK)
        return STANDS_QUEUED;
    if (engine_get(s->engine, PARKED, &parked, &ignored) == STORE_OK)
        return STANDS_PARKED;
    return store_find_held(s, m, &held);
}

enum store_answer store_look(struct store *s, uint64_t seq, struct found *found)
{
    *found = (struct found){.state = STATE_NONE};
    enum store_answer answer = store_read_final(s, seq, &found->f);
    if (answer == STORE_DAMAGED)
        return STORE_DAMAGED;
    if (answer == STORE_OK) {
        found->state = found->f.state;
        found->has_message = found->state == STATE_DEAD && store_read(s, seq, &found->m) == STORE_OK;
        return STORE_OK;
    }
    answer = store_read(s, seq, &found->m);
    if (answer != STORE_OK)
        return answer;
    found->has_message = 1;
    int is_out = store_read_mark(s, &found->m, &found->mark) == STORE_OK;
    found->state = is_out ? STATE_OUT : STATE_WAITING;
    found->standing = is_out ? STANDS_OUT : standing_of(s, &found->m);
    return STORE_OK;
}

/* --- walks -------------------------------------------------------------------------------------------------------- */

/* A walk in keys: where it goes on, how many bytes of that stay the same, how many are behind them. */
struct path {
    enum database db;
    struct key from;
    size_t prefix_bytes, behind;
};

static struct path path_of(const struct walk *w)
{
    const int64_t from_ms = w->from_ms > 0 ? w->from_ms : 0;
    struct path p = {.db = MESSAGES, .behind = KEY_SEQ_BYTES};
    switch (w->path) {
    case WALK_LIVE:
        p.from = key_seq(w->from_seq);
        break;
    case WALK_RECIPIENT:
        p.db = PEOPLE;
        p.from = key_person(w->account, w->openid, w->from_seq);
        p.prefix_bytes = p.from.used - KEY_SEQ_BYTES;
        break;
    case WALK_TASK:
        p.db = TASKS;
        p.from = key_task(w->account, w->task, w->from_seq);
        p.prefix_bytes = p.from.used - KEY_SEQ_BYTES;
        break;
    case WALK_DEAD:
    case WALK_SETTLED:
        p.db = w->path == WALK_DEAD ? DEAD : ENDED;
        p.from = key_time(from_ms, w->from_seq);
        p.behind = KEY_TIME_BYTES;
        break;
    }
    return p;
}

/* Whose a message is, settled or not. The result first: it is the smaller one. */
static enum store_answer read_whose(struct store *s, uint64_t seq, struct span *account, struct span *openid, struct span *task)
{
    struct final f;
    struct message m;
    if (store_read_final(s, seq, &f) == STORE_OK) {
        *account = f.account;
        *openid = f.openid;
        *task = f.task;
        return STORE_OK;
    }
    if (store_read(s, seq, &m) != STORE_OK)
        return STORE_NONE;
    *account = m.account;
    *openid = m.openid;
    *task = m.task;
    return STORE_OK;
}

/* 1 when what the index says of a message is so. */
static int is_on_walk(struct store *s, const struct walk *w, uint64_t seq)
{
    struct span account, openid, task;
    if (w->path != WALK_RECIPIENT && w->path != WALK_TASK)
        return 1;
    if (read_whose(s, seq, &account, &openid, &task) != STORE_OK || !span_equal(account, w->account))
        return 0;
    return w->path == WALK_RECIPIENT ? span_equal(openid, w->openid) : span_equal(task, w->task);
}

enum store_answer store_walk_next(struct store *s, struct walk *w, uint64_t *seq)
{
    struct span key;
    if (w->account.bytes > ACCOUNT_BYTES_MAX || w->openid.bytes > OPENID_BYTES_MAX || w->task.bytes > TASK_BYTES_MAX)
        return STORE_NONE; /* nothing of that length was ever accepted */
    for (;;) {
        struct path p = path_of(w);
        if (store_seek(s, p.db, &p.from, p.prefix_bytes, p.behind, &key, NULL) != STORE_OK)
            return STORE_NONE;
        *seq = key_read_seq(key);
        if (p.behind == KEY_TIME_BYTES)
            w->from_ms = (int64_t)key_read_u64(key.data);
        w->from_seq = *seq + 1;
        if (is_on_walk(s, w, *seq))
            return STORE_OK;
    }
}

int64_t store_last_dead_ms(struct store *s)
{
    struct span key;
    if (engine_seek_back(s->engine, DEAD, NULL, &key) != STORE_OK || key.bytes != KEY_TIME_BYTES)
        return -1;
    return (int64_t)key_read_u64(key.data);
}

/* --- the index ---------------------------------------------------------------------------------------------------- */

static uint64_t next_seq_in(struct store *s, enum database db, uint64_t seq)
{
    struct key from = key_seq(seq);
    struct span key;
    return store_seek(s, db, &from, 0, KEY_SEQ_BYTES, &key, NULL) == STORE_OK ? key_read_seq(key) : NOWHERE;
}

static void index_one(struct store *s, uint64_t seq)
{
    struct span account, openid, task;
    if (read_whose(s, seq, &account, &openid, &task) != STORE_OK)
        return; /* damaged: nobody can say whose it is */
    struct key person = key_person(account, openid, seq), label = key_task(account, task, seq);
    int has_task = task.bytes > 0;
    engine_put_nothing(s->engine, PEOPLE, &person);
    if (has_task)
        engine_put_nothing(s->engine, TASKS, &label);
}

size_t store_index_step(struct store *s, size_t budget)
{
    size_t looked = 0;
    if (s->indexed >= s->next_seq)
        return 0;
    uint64_t from = s->indexed, live = next_seq_in(s, MESSAGES, from), settled = next_seq_in(s, LEDGER, from);
    while (looked < budget && (live != NOWHERE || settled != NOWHERE)) {
        uint64_t seq = live < settled ? live : settled;
        index_one(s, seq);
        looked++;
        from = seq + 1;
        if (live == seq)
            live = next_seq_in(s, MESSAGES, from);
        if (settled == seq)
            settled = next_seq_in(s, LEDGER, from);
    }
    s->indexed = live == NOWHERE && settled == NOWHERE ? s->next_seq : from;
    store_write_number(s, "indexed", s->indexed);
    return looked;
}

/* Seqs may have a gap: there are no more messages to look at than there are. */
uint64_t store_index_left_before(struct store *s, uint64_t until_seq)
{
    if (until_seq <= s->indexed)
        return 0;
    uint64_t seqs = until_seq - s->indexed, messages = engine_entries(s->engine, MESSAGES) + engine_entries(s->engine, LEDGER);
    return seqs < messages ? seqs : messages;
}

uint64_t store_index_left(struct store *s)
{
    return store_index_left_before(s, s->next_seq);
}

/* --- what is due -------------------------------------------------------------------------------------------------- */

static uint64_t count_due_of(struct store *s, struct span account, int timed, int64_t now_ms, uint64_t limit)
{
    uint64_t count = 0;
    for (int lane = 0; lane < LANES && count < limit; lane++) {
        struct key from = key_queue_prefix(account, lane), until = from;
        key_u64(&until, (uint64_t)now_ms + 1);
        count += engine_count(s->engine, store_queue_of(timed), &from, &until, limit - count);
    }
    return count;
}

uint64_t store_count_due(struct store *s, int timed, int64_t now_ms, uint64_t limit)
{
    const enum database queue = store_queue_of(timed);
    struct key from = {.used = 0};
    struct span key, account;
    uint64_t count = 0;
    key_u8(&from, 0);
    while (now_ms >= 0 && count < limit && engine_seek(s->engine, queue, &from, &key, NULL) == STORE_OK) {
        if (key_read_queue(key, &account)) {
            store_drop_odd(s, queue, &from);
            continue;
        }
        from = key_queue_prefix(account, 0xff); /* lanes are below, so this is behind all of this account */
        count += count_due_of(s, account, timed, now_ms, limit - count);
    }
    return count;
}
