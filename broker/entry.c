#include "broker/entry.h"

#include "broker/tries.h"
#include "proto/mp.h"

/* --- states ------------------------------------------------------------------------------------------------------- */

static enum entry_state waiting_state(const struct found *found, int64_t now_ms, int64_t order_ms)
{
    const struct message *m = &found->m;
    if (found->standing == STANDS_HELD)
        return ENTRY_PAUSED;
    if (found->standing == STANDS_PARKED)
        return ENTRY_PARKED;
    int is_later = (m->timed == TIMED_WALL && m->due_ms > now_ms) || (m->timed == TIMED_ORDER && m->due_ms > order_ms);
    return is_later ? ENTRY_SCHEDULED : ENTRY_READY;
}

enum entry_state entry_state_of(const struct found *found, int64_t now_ms, int64_t order_ms)
{
    switch (found->state) {
    case STATE_OUT:
        return ENTRY_OUT;
    case STATE_SENT:
        return ENTRY_SENT;
    case STATE_PENDING:
        return ENTRY_PENDING;
    case STATE_DELIVERED:
        return ENTRY_DELIVERED;
    case STATE_BLOCKED:
        return ENTRY_BLOCKED;
    case STATE_FAILED:
        return ENTRY_FAILED;
    case STATE_REFUSED:
        return ENTRY_REFUSED;
    case STATE_EXPIRED:
        return ENTRY_EXPIRED;
    case STATE_CANCELLED:
        return ENTRY_CANCELLED;
    case STATE_DEAD:
        return found->has_message ? ENTRY_DEAD : ENTRY_PURGED;
    default:
        return waiting_state(found, now_ms, order_ms);
    }
}

static int is_settled(const struct found *found)
{
    return found->state != STATE_WAITING && found->state != STATE_OUT;
}

/* --- searching ---------------------------------------------------------------------------------------------------- */

static void begin_walk(struct search *s)
{
    s->walk = (struct walk){.path = s->paths[s->at], .account = s->filter.app, .openid = s->filter.openid, .task = s->filter.task};
    if (s->walk.path == WALK_SETTLED || s->walk.path == WALK_DEAD)
        s->walk.from_ms = s->filter.since_ms;
}

static void choose_paths(struct search *s)
{
    const struct filter *f = &s->filter;
    unsigned states = f->states ? f->states : ENTRY_ALL;
    if (f->openid.bytes || f->task.bytes) {
        s->paths[s->path_count++] = f->openid.bytes ? WALK_RECIPIENT : WALK_TASK;
        return;
    }
    if (states & ENTRY_LIVE)
        s->paths[s->path_count++] = WALK_LIVE; /* which meets the dead as well */
    if (states & ENTRY_SETTLED)
        s->paths[s->path_count++] = WALK_SETTLED;
    if ((states & ENTRY_DEAD) && !(states & ENTRY_LIVE))
        s->paths[s->path_count++] = WALK_DEAD;
}

void search_begin(struct search *s, struct store *store, const struct filter *filter)
{
    *s = (struct search){.filter = *filter, .until_seq = store_next_seq(store)};
    choose_paths(s);
    begin_walk(s);
}

uint64_t search_waits_for(const struct search *s, struct store *store)
{
    int is_indexed = s->walk.path == WALK_RECIPIENT || s->walk.path == WALK_TASK;
    return is_indexed && s->filter.id.bytes == 0 ? store_index_left_before(store, s->until_seq) : 0;
}

static int is_or_any(struct span wanted, struct span text)
{
    return wanted.bytes == 0 || span_equal(wanted, text);
}

static int in_time(const struct filter *f, int64_t at_ms)
{
    return at_ms >= f->since_ms && (f->until_ms == 0 || at_ms < f->until_ms);
}

static int matches(const struct filter *f, const struct found *found, enum entry_state state)
{
    int settled = is_settled(found);
    const struct message *m = &found->m;
    const struct final *e = &found->f;
    if (f->states && (f->states & state) == 0)
        return 0;
    if (f->errcode && f->errcode != (settled ? e->errcode : m->errcode))
        return 0;
    return in_time(f, settled ? e->settled_ms : m->accepted_ms) && is_or_any(f->app, settled ? e->account : m->account) &&
           is_or_any(f->id, settled ? e->id : m->id) && is_or_any(f->openid, settled ? e->openid : m->openid) &&
           is_or_any(f->key, settled ? e->key : m->key) && is_or_any(f->task, settled ? e->task : m->task);
}

/* The next message of the present walk, or of the one behind it. */
static enum store_answer walk_on(struct search *s, struct store *store, uint64_t *seq)
{
    while (s->at < s->path_count) {
        if (store_walk_next(store, &s->walk, seq) == STORE_OK)
            return STORE_OK;
        if (++s->at < s->path_count)
            begin_walk(s);
    }
    return STORE_NONE;
}

/* The one message of an id. */
static enum store_answer find_by_id(struct search *s, struct store *store, uint64_t *seq)
{
    if (s->at >= s->path_count)
        return STORE_NONE;
    s->at = s->path_count;
    return store_find_seq(store, s->filter.app, s->filter.id, seq);
}

enum store_answer search_next(struct search *s, struct store *store, int64_t now_ms, int64_t order_ms, struct found *found)
{
    uint64_t seq;
    enum store_answer answer = s->filter.id.bytes ? find_by_id(s, store, &seq) : walk_on(s, store, &seq);
    if (answer != STORE_OK)
        return answer;
    int is_timed = s->walk.path == WALK_SETTLED || s->walk.path == WALK_DEAD;
    if (seq >= s->until_seq && is_timed == 0) {
        s->at = s->path_count; /* in the order of acceptance: what follows is newer still */
        return STORE_EXISTS;
    }
    if (store_look(store, seq, found) != STORE_OK)
        return STORE_DAMAGED;
    if (is_timed && s->filter.until_ms && found->f.settled_ms >= s->filter.until_ms) {
        if (++s->at < s->path_count)
            begin_walk(s);
        return STORE_EXISTS;
    }
    return seq < s->until_seq && matches(&s->filter, found, entry_state_of(found, now_ms, order_ms)) ? STORE_OK : STORE_EXISTS;
}

void search_pack(const struct search *s, struct buf *out)
{
    mp_array(out, 4);
    mp_u64(out, s->at);
    mp_i64(out, s->walk.from_ms);
    mp_u64(out, s->walk.from_seq);
    mp_u64(out, s->until_seq);
}

int search_unpack(struct search *s, struct span packed)
{
    struct mp_cursor c;
    const uint64_t next_seq = s->until_seq;
    mp_open(&c, packed);
    uint32_t members = mp_read_array(&c);
    uint64_t at = mp_read_u64(&c);
    int64_t from_ms = mp_read_i64(&c);
    uint64_t from_seq = mp_read_u64(&c);
    uint64_t until_seq = mp_read_u64(&c);
    if (members != 4 || c.failed || at >= s->path_count || from_ms < 0)
        return -1;
    s->at = (size_t)at;
    begin_walk(s);
    s->walk.from_ms = from_ms;
    s->walk.from_seq = from_seq;
    s->until_seq = until_seq < next_seq ? until_seq : next_seq;
    return 0;
}

/* --- packing ------------------------------------------------------------------------------------------------------ */

static size_t put_head(struct span id, struct span account, struct span openid, struct span key, struct span task,
                       struct span fallback, enum entry_state state, struct buf *out)
{
    mp_put_span(out, "id", id);
    mp_put_span(out, "app", account);
    mp_put_span(out, "openid", openid);
    mp_put_span(out, "key", key);
    mp_put_str(out, "state", entry_state_name(state));
    return 5 + mp_opt_span(out, "task", task) + mp_opt_span(out, "fallback", fallback);
}

static size_t put_message(const struct message *m, struct buf *out)
{
    mp_put_str(out, "lane", lane_name(m->lane));
    return 1 + mp_opt_u64(out, "failures", m->failures) + mp_opt_i64(out, "expires", m->expires_ms ? m->expires_ms : m->give_up_ms);
}

static size_t put_result(const struct final *f, struct buf *out)
{
    size_t count = 2;
    mp_put_i64(out, "accepted", f->accepted_ms);
    mp_put_i64(out, "settled", f->settled_ms);
    count += mp_opt_i64(out, "due", f->due_ms);
    count += mp_opt_i64(out, "received", f->received_ms);
    count += mp_opt_i64(out, "code", (int64_t)f->code);
    count += mp_opt_i64(out, "errcode", f->errcode);
    count += mp_opt_i64(out, "msgid", f->msgid);
    count += mp_opt_u64(out, "calls", f->calls);
    return count + mp_opt_span(out, "message", f->message);
}

static size_t put_progress(const struct message *m, struct buf *out)
{
    size_t count = 1;
    mp_put_i64(out, "accepted", m->accepted_ms);
    count += mp_opt_i64(out, "due", m->due_ms);
    count += mp_opt_i64(out, "errcode", m->errcode);
    count += mp_opt_u64(out, "calls", m->calls);
    return count + mp_opt_span(out, "message", m->note);
}

static size_t put_entry(const struct found *found, enum entry_state state, struct buf *out)
{
    const struct message *m = &found->m;
    const struct final *f = &found->f;
    size_t count = 1;
    if (is_settled(found))
        count += put_head(f->id, f->account, f->openid, f->key, f->task, f->fallback, state, out) + put_result(f, out);
    else
        count += put_head(m->id, m->account, m->openid, m->key, m->task, m->fallback, state, out) + put_progress(m, out);
    mp_put_u64(out, "seq", is_settled(found) ? f->seq : m->seq);
    struct span tries = is_settled(found) ? f->tries : m->tries;
    if (tries.bytes) {
        mp_str(out, "tries");
        tries_pack_entries(tries, out);
        count++;
    }
    return count + (found->has_message ? put_message(m, out) : 0);
}

void entry_pack(const struct found *found, enum entry_state state, struct buf *out)
{
    size_t place = mp_map_open(out);
    mp_map_close(out, place, put_entry(found, state, out));
}

void entry_pack_all(const struct found *found, enum entry_state state, const char *sender, struct buf *out)
{
    size_t place = mp_map_open(out), count = put_entry(found, state, out);
    if (found->has_message) {
        count += mp_opt_raw(out, "vars", found->m.vars);
        count += mp_opt_i64(out, "send", found->m.is_send);
    }
    if (found->state == STATE_OUT) {
        count += mp_opt_span(out, "sender", sender ? span_of(sender) : (struct span){NULL, 0});
        count += mp_opt_i64(out, "out", found->mark.out_ms);
    }
    mp_map_close(out, place, count);
}
