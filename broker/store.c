/* The store on its engine: opening, accepting, reading, damage, small values, figures. store_internal.h says what lies where. */
#include "broker/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "broker/store_sound.h"

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

/* The largest seq among the keys of a database; 0 when there is none. */
static uint64_t last_seq(struct store *s, enum database db)
{
    struct span key;
    struct key before, *until = NULL;
    while (engine_seek_back(s->engine, db, until, &key) == STORE_OK) {
        if (key_is_sound(key, KEY_SEQ_BYTES))
            return key_read_seq(key);
        before = key_copy(key);
        until = &before;
    }
    return 0;
}

void store_remember_seq(struct store *s)
{
    store_write_number(s, "seq", s->next_seq - 1);
}

static void find_positions(struct store *s)
{
    uint64_t live = last_seq(s, MESSAGES), settled = last_seq(s, LEDGER), last = live > settled ? live : settled, kept;
    if (store_read_number(s, "seq", &kept) == STORE_OK && kept > last)
        last = kept;
    s->next_seq = last + 1;
    if (store_read_number(s, "indexed", &s->indexed) != STORE_OK || s->indexed == 0 || s->indexed > s->next_seq)
        s->indexed = 1; /* from the beginning: what is indexed already is written again as it is */
}

/* Refuses a store that is not of a format that is known; a new one, and one of a format before, is given our number: an earlier
 * version would take what is written from now on for damaged. */
static int check_format(struct store *s, struct buf *error)
{
    uint64_t format = 0;
    enum store_answer answer = store_read_number(s, "format", &format);
    if (answer == STORE_OK && format == STORE_FORMAT)
        return 0;
    if (answer == STORE_OK && format >= STORE_FORMAT_FIRST && format < STORE_FORMAT) {
        log_info("store of an earlier version", log_u64("format", format), log_u64("now", STORE_FORMAT));
        store_write_number(s, "format", STORE_FORMAT);
        return 0;
    }
    if (answer == STORE_DAMAGED) {
        buf_printf(error, "%s: the store's format number is damaged: see docs/operations.md, A damaged store", s->dir);
        return -1;
    }
    if (answer == STORE_OK || engine_entries(s->engine, MESSAGES) || engine_entries(s->engine, LEDGER)) {
        buf_printf(error,
                   "%s: the store was made by another version of mega-broker (its format is %" PRIu64
                   ", this version's is %d): start that version until nothing waits, then move the folder away",
                   s->dir, answer == STORE_OK ? format : 1, STORE_FORMAT);
        return -1;
    }
    store_write_number(s, "format", STORE_FORMAT);
    return 0;
}

struct store *store_open(const char *dir, uint64_t bytes_max, struct buf *error)
{
    struct store *s = mem_new(sizeof *s);
    s->dir = mem_dup(dir);
    s->lock_fd = -1;
    if (make_dir(dir, error) || take_lock(s, error))
        goto fail;
    s->engine = engine_open(dir, bytes_max, error);
    if (s->engine == NULL || check_format(s, error))
        goto fail;
    find_positions(s);
    store_find_copy(s);
    if (engine_commit(s->engine)) {
        buf_printf(error, "%s: the store cannot be read or written; see the log", dir);
        goto fail;
    }
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
    buf_free(&s->second);
    free(s->dir);
    free(s);
    *self = NULL;
}

int store_commit(struct store *s)
{
    return engine_commit(s->engine);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

void store_write_message(struct store *s, const struct message *m)
{
    struct key key = key_seq(m->seq);
    record_pack_message(m, &s->scratch);
    engine_put(s->engine, MESSAGES, &key, buf_span(&s->scratch));
}

void store_write_queue(struct store *s, const struct message *m)
{
    struct place place = key_place_of(m);
    struct key key = key_queue(m->account, &place);
    engine_put_nothing(s->engine, store_queue_of(m->timed), &key);
}

enum store_answer store_append(struct store *s, struct message *m)
{
    struct key key = key_id(m->account, m->id);
    record_pack_id(s->next_seq, m->content, &s->scratch);
    if (engine_put_new(s->engine, IDS, &key, buf_span(&s->scratch)) == STORE_EXISTS)
        return STORE_EXISTS;
    m->seq = s->next_seq++;
    struct key seq = key_seq(m->seq);
    record_pack_message(m, &s->scratch);
    engine_put_last(s->engine, MESSAGES, &seq, buf_span(&s->scratch));
    store_write_queue(s, m);
    store_write_over(s, m->seq, m->expires_ms, m->give_up_ms);
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

void store_update(struct store *s, const struct message *m)
{
    store_write_message(s, m);
}

enum store_answer store_read_final(struct store *s, uint64_t seq, struct final *f)
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
    enum store_answer answer = store_read_final(s, seq, f);
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

/* --- damage ------------------------------------------------------------------------------------------------------- */

void store_keep_damaged(struct store *s, enum database db, uint64_t seq)
{
    struct key key = key_seq(seq);
    struct span value;
    store_remember_seq(s);
    if (engine_get(s->engine, db, &key, &value) != STORE_OK)
        return;
    buf_clear(&s->scratch);
    buf_append(&s->scratch, value.data, value.bytes);
    engine_put(s->engine, DAMAGED, &key, buf_span(&s->scratch));
    engine_del(s->engine, db, &key);
}

void store_set_aside(struct store *s, struct span account, struct span openid, const struct place *place)
{
    struct message where = {
        .account = account, .openid = openid, .lane = place->lane, .due_ms = place->due_ms, .seq = place->seq};
    struct key key = openid.bytes ? key_parked(&where) : key_queue(account, place);
    struct key seq = key_seq(place->seq);
    log_error("damaged message set aside", log_u64("seq", place->seq), log_span("account", account));
    engine_del(s->engine, openid.bytes ? PARKED : store_queue_of(place->timed), &key);
    engine_del(s->engine, MARKS, &seq);
    store_keep_damaged(s, MESSAGES, place->seq);
}

void store_drop_odd(struct store *s, enum database db, const struct key *from)
{
    struct span found, value;
    if (engine_seek(s->engine, db, from, &found, &value) != STORE_OK)
        return;
    log_error("damaged key in the store set aside", log_str("database", engine_database_name(db)),
              log_u64("bytes", found.bytes));
    struct key key = key_copy(found);
    buf_clear(&s->scratch);
    buf_append(&s->scratch, value.data, value.bytes);
    engine_del_found(s->engine, db, from);
    if (s->scratch.bytes)
        engine_put(s->engine, DAMAGED, &key, buf_span(&s->scratch));
}

enum store_answer store_seek(struct store *s, enum database db, const struct key *from, size_t prefix_bytes,
                             size_t behind, struct span *key, struct span *value)
{
    while (engine_seek(s->engine, db, from, key, value) == STORE_OK && key_begins_with(*key, from, prefix_bytes)) {
        if (key_is_sound(*key, prefix_bytes + behind))
            return STORE_OK;
        store_drop_odd(s, db, from);
    }
    return STORE_NONE;
}

/* --- small values and figures ----------------------------------------------------------------------------------------------------- */

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

enum store_answer store_read_number(struct store *s, const char *name, uint64_t *number)
{
    struct span value;
    enum store_answer answer = store_meta_read(s, name, &value);
    if (answer == STORE_OK && value.bytes != sizeof *number)
        return STORE_DAMAGED;
    if (answer == STORE_OK)
        *number = key_read_u64(value.data);
    return answer;
}

void store_write_number(struct store *s, const char *name, uint64_t number)
{
    struct key bytes = {.used = 0};
    key_u64(&bytes, number);
    store_meta_write(s, name, (struct span){bytes.bytes, bytes.used});
}

struct store_counts store_counts(struct store *s)
{
    return (struct store_counts){.queued = {[TIMED_NOW] = engine_entries(s->engine, QUEUE_NOW),
                                            [TIMED_WALL] = engine_entries(s->engine, QUEUE_WALL),
                                            [TIMED_ORDER] = engine_entries(s->engine, QUEUE_ORDER)},
                                 .parked = engine_entries(s->engine, PARKED),
                                 .held = engine_entries(s->engine, HELD),
                                 .out = engine_entries(s->engine, MARKS),
                                 .settled = engine_entries(s->engine, LEDGER),
                                 .dead = engine_entries(s->engine, DEAD),
                                 .damaged = engine_entries(s->engine, DAMAGED)};
}

int64_t store_last_order_ms(struct store *s, struct span account)
{
    int64_t last_ms = 0;
    for (int lane = 0; lane < LANES; lane++) {
        struct key prefix = key_queue_prefix(account, lane), until = key_queue_prefix(account, lane + 1);
        struct span key;
        if (engine_seek_back(s->engine, QUEUE_NOW, &until, &key) != STORE_OK || !key_begins_with(key, &prefix, prefix.used) ||
            !key_is_sound(key, prefix.used + KEY_TIME_BYTES))
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

uint64_t store_bytes_unused(struct store *s)
{
    return engine_bytes_behind(s->engine);
}

uint64_t store_bytes_in_row(struct store *s, uint64_t enough)
{
    return engine_bytes_in_row(s->engine, enough);
}

uint64_t store_disk_free(struct store *s)
{
    struct statvfs disk;
    if (statvfs(s->dir, &disk) != 0)
        return UINT64_MAX;
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

uint64_t store_next_seq(const struct store *s)
{
    return s->next_seq;
}

void store_forget_dead_readers(struct store *s)
{
    engine_forget_dead_readers(s->engine);
}

const char *store_state_name(enum store_state state)
{
    static const char *const names[] = {"unknown", "waiting",   "out",    "sent", "pending",
                                        "refused", "expired", "cancelled", "dead", "delivered",
                                        "blocked", "failed"};
    return names[state];
}
