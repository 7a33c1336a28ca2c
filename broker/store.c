/* The store on its engine.
 *
 * DESIGN. The databases:
 *
 *   messages  seq                                        -> message, until it is settled (dead ones stay)
 *   queue     account, lane, timed, due, seq             -> nothing   waiting messages
 *   parked    account, openid, lane, due, seq            -> nothing   behind a call for the same recipient
 *   marks     seq                                        -> mark      messages that are out
 *   ids       account, id                                -> seq, content hash
 *   ledger    seq                                        -> final
 *   dead      seq                                        -> nothing
 *   expiry    expires, seq                               -> nothing
 *   meta      name                                       -> value
 *   damaged   seq                                        -> the bytes as they were found
 *
 * Spans that were read point into the engine's pages and move with the next write: every function here makes its keys and its
 * record from its arguments before it writes anything.
 */
#include "broker/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "broker/store_engine.h"
#include "broker/store_record.h"

struct store {
    struct engine *engine;
    char *dir;
    int lock_fd;
    uint64_t next_seq;
    uint64_t purge_from; /* seq at which store_purge goes on */
    struct buf scratch;
};

/* --- opening ------------------------------------------------------------------------------------------------------ */

static int make_dir(const char *dir, struct buf *error)
{
    char path[1024];
    size_t length = strlen(dir);
    if (length >= sizeof path) {
        buf_printf(error, "queue_file_path: %zu bytes; at most %zu", length, sizeof path - 1);
        return -1;
    }
    for (size_t i = 1; i <= length; i++) {
        if (dir[i] != '/' && dir[i] != 0)
            continue;
        memcpy(path, dir, i);
        path[i] = 0;
        if (mkdir(path, 0770) != 0 && errno != EEXIST) {
            buf_printf(error, "%s: cannot be made: %s", path, strerror(errno));
            return -1;
        }
    }
    return 0;
}

static int take_lock(struct store *s, struct buf *error)
{
    struct buf path = {0};
    buf_printf(&path, "%s/store.lock", s->dir);
    s->lock_fd = open(buf_str(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    int taken = s->lock_fd >= 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0;
    if (!taken)
        buf_printf(error, "%s: %s", buf_str(&path),
                   s->lock_fd >= 0 ? "another process has this store open" : strerror(errno));
    buf_free(&path);
    return taken ? 0 : -1;
}

/* Sequence numbers are never used twice: meta remembers what a purge or a damaged message has taken away. */
static void remember_seq(struct store *s)
{
    struct key last = key_seq(s->next_seq - 1);
    store_meta_write(s, "seq", (struct span){last.bytes, last.used});
}

static void find_next_seq(struct store *s)
{
    struct span key, value;
    s->next_seq = 1;
    if (engine_seek_back(s->engine, MESSAGES, NULL, &key) == STORE_OK)
        s->next_seq = key_read_u64(key.data) + 1;
    if (engine_seek_back(s->engine, LEDGER, NULL, &key) == STORE_OK && key_read_u64(key.data) >= s->next_seq)
        s->next_seq = key_read_u64(key.data) + 1;
    if (store_meta_read(s, "seq", &value) == STORE_OK && value.bytes == 8 && key_read_u64(value.data) >= s->next_seq)
        s->next_seq = key_read_u64(value.data) + 1;
}

struct store *store_open(const char *dir, uint64_t bytes_max, struct buf *error)
{
    struct store *s = mem_new(sizeof *s);
    s->dir = mem_dup(dir);
    s->lock_fd = -1;
    if (make_dir(dir, error) || take_lock(s, error))
        goto fail;
    s->engine = engine_open(dir, bytes_max, error);
    if (s->engine == NULL)
        goto fail;
    find_next_seq(s);
    return s;
fail:
    store_close(&s);
    return NULL;
}

void store_close(struct store **self)
{
    struct store *s = *self;
    if (s == NULL)
        return;
    engine_close(&s->engine);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    buf_free(&s->scratch);
    free(s->dir);
    free(s);
    *self = NULL;
}

int store_commit(struct store *s)
{
    return engine_commit(s->engine);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static void write_message(struct store *s, const struct message *m)
{
    struct key key = key_seq(m->seq);
    record_pack_message(m, &s->scratch);
    engine_put(s->engine, MESSAGES, &key, buf_span(&s->scratch));
}

static void write_queue(struct store *s, const struct message *m)
{
    struct place place = key_place_of(m);
    struct key key = key_queue(m->account, &place);
    engine_put_nothing(s->engine, QUEUE, &key);
}

enum store_answer store_append(struct store *s, struct message *m)
{
    struct key key = key_id(m->account, m->id);
    record_pack_id(s->next_seq, m->content, &s->scratch);
    if (engine_put_new(s->engine, IDS, &key, buf_span(&s->scratch)) == STORE_EXISTS)
        return STORE_EXISTS;
    m->seq = s->next_seq++;
    write_message(s, m);
    write_queue(s, m);
    if (m->expires_ms) {
        struct key expiry = key_expiry(m->expires_ms, m->seq);
        engine_put_nothing(s->engine, EXPIRY, &expiry);
    }
    return STORE_OK;
}

enum store_answer store_read(struct store *s, uint64_t seq, struct message *m)
{
    struct key key = key_seq(seq);
    struct span value;
    if (engine_get(s->engine, MESSAGES, &key, &value) != STORE_OK)
        return STORE_NONE;
    if (record_unpack_message(value, m))
        return STORE_DAMAGED;
    m->seq = seq;
    return STORE_OK;
}

void store_set_aside(struct store *s, struct span account, struct span openid, const struct place *place)
{
    struct message where = {
        .account = account, .openid = openid, .lane = place->lane, .due_ms = place->due_ms, .seq = place->seq};
    struct key key = openid.bytes ? key_parked(&where) : key_queue(account, place);
    struct key seq = key_seq(place->seq);
    struct span value;
    log_error("damaged message set aside", log_u64("seq", place->seq), log_span("account", account));
    engine_del(s->engine, openid.bytes ? PARKED : QUEUE, &key);
    engine_del(s->engine, MARKS, &seq);
    remember_seq(s);
    if (engine_get(s->engine, MESSAGES, &seq, &value) != STORE_OK)
        return;
    buf_clear(&s->scratch);
    buf_append(&s->scratch, value.data, value.bytes);
    engine_put(s->engine, DAMAGED, &seq, buf_span(&s->scratch));
    engine_del(s->engine, MESSAGES, &seq);
}

static enum store_answer read_final(struct store *s, uint64_t seq, struct final *f)
{
    struct key key = key_seq(seq);
    struct span value;
    if (engine_get(s->engine, LEDGER, &key, &value) != STORE_OK)
        return STORE_NONE;
    if (record_unpack_final(value, f))
        return STORE_DAMAGED;
    f->seq = seq;
    return STORE_OK;
}

enum store_answer store_find(struct store *s, struct span account, struct span id, enum store_state *state,
                             struct message *m, struct final *f, uint64_t *content)
{
    struct key key = key_id(account, id);
    struct span value;
    uint64_t seq;
    *state = STATE_NONE;
    if (engine_get(s->engine, IDS, &key, &value) != STORE_OK)
        return STORE_NONE;
    if (record_unpack_id(value, &seq, content))
        return STORE_DAMAGED;
    enum store_answer answer = read_final(s, seq, f);
    if (answer == STORE_OK)
        *state = f->state;
    if (answer != STORE_NONE)
        return answer;
    if (store_read(s, seq, m) != STORE_OK)
        return STORE_DAMAGED;
    struct key mark = key_seq(seq);
    *state = engine_get(s->engine, MARKS, &mark, &value) == STORE_OK ? STATE_OUT : STATE_WAITING;
    return STORE_OK;
}

/* --- places ------------------------------------------------------------------------------------------------------- */

enum store_answer store_first(struct store *s, struct span account, int lane, int timed, struct place *place)
{
    struct key prefix = key_queue_prefix(account, lane, timed);
    struct span key;
    if (engine_seek(s->engine, QUEUE, &prefix, &key, NULL) != STORE_OK || !key_has_prefix(key, &prefix))
        return STORE_NONE;
    const char *at = key.data + prefix.used;
    *place = (struct place){.due_ms = (int64_t)key_read_u64(at), .seq = key_read_u64(at + 8), .lane = lane, .timed = timed};
    return STORE_OK;
}

/* What stands behind account and recipient in a key of the parked ones. */
static struct place parked_place(const char *at)
{
    return (struct place){.lane = at[0], .due_ms = (int64_t)key_read_u64(at + 1), .seq = key_read_u64(at + 9)};
}

enum store_answer store_first_parked(struct store *s, struct span account, struct span openid, struct place *place)
{
    struct key prefix = key_parked_prefix(account, openid);
    struct span key;
    if (engine_seek(s->engine, PARKED, &prefix, &key, NULL) != STORE_OK || !key_has_prefix(key, &prefix))
        return STORE_NONE;
    *place = parked_place(key.data + prefix.used);
    return STORE_OK;
}

/* Takes a message out of the queue or from where it is parked. */
static void leave_place(struct store *s, const struct message *m)
{
    struct place place = key_place_of(m);
    struct key queued = key_queue(m->account, &place), parked = key_parked(m);
    if (!engine_del(s->engine, QUEUE, &queued))
        engine_del(s->engine, PARKED, &parked);
}

void store_take(struct store *s, const struct message *m, const struct mark *mark)
{
    struct key key = key_seq(m->seq);
    leave_place(s, m);
    record_pack_mark(mark, &s->scratch);
    engine_put(s->engine, MARKS, &key, buf_span(&s->scratch));
}

void store_update(struct store *s, const struct message *m)
{
    write_message(s, m);
}

void store_park(struct store *s, const struct message *m)
{
    struct place place = key_place_of(m);
    struct key queued = key_queue(m->account, &place), parked = key_parked(m);
    engine_del(s->engine, QUEUE, &queued);
    engine_put_nothing(s->engine, PARKED, &parked);
}

/* When the message as it is stored expires; 0 = never. */
static int64_t stored_expiry_ms(struct store *s, uint64_t seq)
{
    struct message m;
    return store_read(s, seq, &m) == STORE_OK ? m.expires_ms : 0;
}

void store_put_back(struct store *s, const struct message *m)
{
    struct key key = key_seq(m->seq);
    /* Packs before it writes anything: the spans of m may point into the engine's pages. */
    struct place place = key_place_of(m);
    int64_t old_ms = stored_expiry_ms(s, m->seq);
    struct key queued = key_queue(m->account, &place);
    struct key expiry = key_expiry(m->expires_ms, m->seq), old = key_expiry(old_ms, m->seq);
    write_message(s, m);
    engine_del(s->engine, MARKS, &key);
    engine_put_nothing(s->engine, QUEUE, &queued);
    if (old_ms && old_ms != m->expires_ms)
        engine_del(s->engine, EXPIRY, &old);
    /* It may have been forgotten while the message was out (store_forget_first_expired). */
    if (m->expires_ms)
        engine_put_nothing(s->engine, EXPIRY, &expiry);
}

void store_settle(struct store *s, const struct message *m, const struct final *f)
{
    struct key key = key_seq(m->seq), expiry = key_expiry(m->expires_ms, m->seq);
    struct place place = key_place_of(m);
    struct key queued = key_queue(m->account, &place), parked = key_parked(m);
    int64_t expires_ms = m->expires_ms;
    record_pack_final(f, &s->scratch);
    engine_put(s->engine, LEDGER, &key, buf_span(&s->scratch));
    if (!engine_del(s->engine, MARKS, &key) && !engine_del(s->engine, QUEUE, &queued))
        engine_del(s->engine, PARKED, &parked);
    if (expires_ms)
        engine_del(s->engine, EXPIRY, &expiry);
    if (f->state == STATE_DEAD)
        engine_put_nothing(s->engine, DEAD, &key);
    else
        engine_del(s->engine, MESSAGES, &key);
}

enum store_answer store_first_expired(struct store *s, int64_t now_ms, uint64_t *seq)
{
    struct key from = {.used = 0};
    struct span key;
    key_u64(&from, 0);
    if (engine_seek(s->engine, EXPIRY, &from, &key, NULL) != STORE_OK || (int64_t)key_read_u64(key.data) > now_ms)
        return STORE_NONE;
    *seq = key_read_u64(key.data + 8);
    return STORE_OK;
}

void store_forget_first_expired(struct store *s)
{
    struct key from = {.used = 0};
    struct span key;
    key_u64(&from, 0);
    if (engine_seek(s->engine, EXPIRY, &from, &key, NULL) != STORE_OK)
        return;
    struct key first = key_expiry((int64_t)key_read_u64(key.data), key_read_u64(key.data + 8));
    engine_del(s->engine, EXPIRY, &first);
}

/* --- walks -------------------------------------------------------------------------------------------------------- */

int store_each_mark(struct store *s, void (*each)(void *self, const struct mark *mark, const struct message *m), void *self)
{
    struct key from = key_seq(0);
    struct span key, value;
    while (engine_seek(s->engine, MARKS, &from, &key, &value) == STORE_OK) {
        struct mark mark;
        struct message m;
        uint64_t seq = key_read_u64(key.data);
        from = key_seq(seq + 1);
        int damaged = record_unpack_mark(value, &mark);
        if (store_read(s, seq, &m) != STORE_OK) {
            log_error("message of a mark cannot be read", log_u64("seq", seq));
            continue;
        }
        if (damaged) {
            /* Given to nobody that is known, nobody knows when: as if its sender had been lost at once. */
            log_error("damaged mark", log_u64("seq", seq), log_span("id", m.id));
            mark = (struct mark){.turn = m.turn + 1, .out_ms = m.accepted_ms};
        }
        mark.seq = seq;
        each(self, &mark, &m);
    }
    return engine_has_failed(s->engine) ? -1 : 0;
}

int store_each_parked(struct store *s, void (*each)(void *self, const struct message *first), void *self)
{
    struct key from = {.used = 0};
    struct span key;
    key_u8(&from, 0);
    while (engine_seek(s->engine, PARKED, &from, &key, NULL) == STORE_OK) {
        struct message m;
        struct span account = {key.data + 1, (unsigned char)key.data[0]};
        struct span openid = {account.data + account.bytes + 1, (unsigned char)account.data[account.bytes]};
        struct place place = parked_place(openid.data + openid.bytes);
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

/* Removes one ledger entry and its id when it is old enough. */
static size_t purge_one(struct store *s, uint64_t seq, struct span value, int64_t before_ms)
{
    struct final f;
    struct key key = key_seq(seq);
    if (record_unpack_final(value, &f) || f.state == STATE_DEAD || f.settled_ms >= before_ms)
        return 0;
    struct key id = key_id(f.account, f.id);
    engine_del(s->engine, IDS, &id);
    engine_del(s->engine, LEDGER, &key);
    return 1;
}

size_t store_purge(struct store *s, int64_t before_ms, size_t budget)
{
    size_t removed = 0;
    struct span key, value;
    for (size_t i = 0; i < budget; i++) {
        struct key from = key_seq(s->purge_from);
        if (engine_seek(s->engine, LEDGER, &from, &key, &value) != STORE_OK) {
            s->purge_from = 0;
            break;
        }
        uint64_t seq = key_read_u64(key.data);
        s->purge_from = seq + 1;
        removed += purge_one(s, seq, value, before_ms);
    }
    if (removed)
        remember_seq(s);
    return removed;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

enum store_answer store_meta_read(struct store *s, const char *name, struct span *value)
{
    struct key key = {.used = 0};
    struct span raw;
    key_text(&key, span_of(name));
    if (engine_get(s->engine, META, &key, &raw) != STORE_OK)
        return STORE_NONE;
    if (record_unpack_blob(raw, value) == 0)
        return STORE_OK;
    log_error("damaged value in the store", log_str("name", name));
    return STORE_DAMAGED;
}

void store_meta_write(struct store *s, const char *name, struct span value)
{
    struct key key = {.used = 0};
    key_text(&key, span_of(name));
    record_pack_blob(value, &s->scratch);
    engine_put(s->engine, META, &key, buf_span(&s->scratch));
}

struct store_counts store_counts(struct store *s)
{
    return (struct store_counts){.waiting = engine_entries(s->engine, QUEUE),
                                 .parked = engine_entries(s->engine, PARKED),
                                 .out = engine_entries(s->engine, MARKS),
                                 .settled = engine_entries(s->engine, LEDGER),
                                 .dead = engine_entries(s->engine, DEAD),
                                 .damaged = engine_entries(s->engine, DAMAGED)};
}

int64_t store_last_order_ms(struct store *s, struct span account)
{
    int64_t last_ms = 0;
    for (int lane = 0; lane < LANES; lane++) {
        struct key prefix = key_queue_prefix(account, lane, 0), until = key_queue_prefix(account, lane, 1);
        struct span key;
        if (engine_seek_back(s->engine, QUEUE, &until, &key) != STORE_OK || !key_has_prefix(key, &prefix))
            continue;
        int64_t due_ms = (int64_t)key_read_u64(key.data + prefix.used);
        last_ms = due_ms > last_ms ? due_ms : last_ms;
    }
    return last_ms;
}

uint64_t store_bytes_used(struct store *s)
{
    return engine_bytes_used(s->engine);
}

uint64_t store_disk_free(struct store *s)
{
    struct statvfs disk;
    if (statvfs(s->dir, &disk) != 0)
        return UINT64_MAX;
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

const char *store_state_name(enum store_state state)
{
    static const char *const names[] = {"unknown", "waiting",   "out",    "sent", "pending",
                                        "refused", "expired", "cancelled", "dead"};
    return names[state];
}
