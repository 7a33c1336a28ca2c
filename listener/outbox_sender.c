#include "listener/outbox_sender.h"

#include <stdio.h>
#include <stdlib.h>

#include <uthash.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "listener/requests.h"
#include "proto/limits.h"

#define LOAD_ROWS  512 /* read at once */
#define LATER_ROWS 512 /* of those that were set aside, in memory at once */

struct flight {
    UT_hash_handle hh;          /* by seq */
    struct flight *prev, *next; /* in one of the lists */
    struct outbox_sender *outbox;
    struct recipient *recipient; /* NULL: waits for nobody */
    struct flight *behind;       /* of the same recipient: the next one */
    int64_t seq;
    int64_t added_ms;
    int64_t until_ms; /* monotonic; of a waiting one */
    int64_t wait_ms;  /* its last wait; 0 = none */
    enum outbox_kind kind;
    int is_many;      /* 1: a cancel of more than one id */
    int is_later;     /* 1: it had been set aside */
};

/* Who has rows in memory. */
struct recipient {
    UT_hash_handle hh; /* by name */
    struct flight *last;
    size_t name_bytes;
    char name[]; /* app NUL openid */
};

struct settled {
    int64_t seq;
    int64_t due_ms; /* 0: it is deleted */
};

struct outbox_sender {
    struct db *db;
    struct mega *mega;
    struct flight *flights; /* all in memory */
    struct recipient *recipients;
    struct flight *ready, *many, *waiting; /* lists; many: ready cancels of many */
    size_t out, many_out, later;
    int64_t cursor; /* rows up to it have been read */
    struct settled *settled;
    size_t settled_count, settled_room;
    int64_t settled_ms; /* monotonic: since when there are some, or were tried to be written in vain */
    int is_written;     /* 1: all of them are in the transaction */
    int64_t pause_until_ms, pause_ms; /* monotonic; pause_ms 0 = the broker answers */
    int64_t now_ms, mono_ms;
    struct outbox_counts counts;
};

struct outbox_sender *outbox_sender_new(struct db *db, struct mega *mega)
{
    struct outbox_sender *o = mem_new(sizeof *o);
    o->db = db;
    o->mega = mega;
    return o;
}

void outbox_sender_destroy(struct outbox_sender **self)
{
    struct outbox_sender *o = *self;
    struct flight *f, *next_flight;
    struct recipient *r, *next;
    if (o == NULL)
        return;
    HASH_ITER(hh, o->flights, f, next_flight)
    {
        HASH_DEL(o->flights, f);
        free(f);
    }
    HASH_ITER(hh, o->recipients, r, next)
    {
        HASH_DEL(o->recipients, r);
        free(r);
    }
    free(o->settled);
    free(o);
    *self = NULL;
}

/* --- rows in memory ------------------------------------------------------------------------------------------------- */

static void make_ready(struct outbox_sender *o, struct flight *f)
{
    if (f->is_many)
        DL_APPEND(o->many, f);
    else
        DL_APPEND(o->ready, f);
}

static struct recipient *find_recipient(struct outbox_sender *o, struct span app, struct span openid)
{
    char name[ACCOUNT_BYTES_MAX + OPENID_BYTES_MAX + 64];
    struct recipient *r;
    size_t bytes = (size_t)snprintf(name, sizeof name, "%.*s", (int)app.bytes, app.data) + 1;
    bytes += (size_t)snprintf(name + bytes, sizeof name - bytes, "%.*s", (int)openid.bytes, openid.data);
    HASH_FIND(hh, o->recipients, name, bytes, r);
    if (r)
        return r;
    r = mem_new(sizeof *r + bytes);
    memcpy(r->name, name, bytes);
    r->name_bytes = bytes;
    HASH_ADD_KEYPTR(hh, o->recipients, r->name, bytes, r);
    return r;
}

/* Takes in the row that `q` stands at: seq, kind, added_ms, id IS NULL, app, openid. */
static void take_in(struct outbox_sender *o, struct db_query *q, int is_later)
{
    struct flight *f = mem_new(sizeof *f);
    f->outbox = o;
    f->seq = db_i64(q, 0);
    f->kind = (enum outbox_kind)db_i64(q, 1);
    f->added_ms = db_i64(q, 2);
    f->is_many = f->kind == OUTBOX_CANCEL && db_i64(q, 3);
    f->is_later = is_later;
    o->later += (size_t)is_later;
    HASH_ADD(hh, o->flights, seq, sizeof f->seq, f);
    if (f->kind != OUTBOX_RECEIPT) {
        f->recipient = find_recipient(o, db_text(q, 4), db_text(q, 5));
        struct flight *before = f->recipient->last;
        f->recipient->last = f;
        if (before) {
            before->behind = f;
            return;
        }
    }
    make_ready(o, f);
}

/* It is over with it here; it is in no list. The next one of the recipient may go. */
static void let_go(struct outbox_sender *o, struct flight *f)
{
    if (f->behind) {
        make_ready(o, f->behind);
    } else if (f->recipient) {
        HASH_DEL(o->recipients, f->recipient);
        free(f->recipient);
    }
    o->later -= (size_t)f->is_later;
    HASH_DEL(o->flights, f);
    free(f);
}

static void settle(struct outbox_sender *o, struct flight *f, int64_t due_ms)
{
    if (o->settled_count == o->settled_room) {
        o->settled_room = o->settled_room ? 2 * o->settled_room : 256;
        o->settled = mem_resize(o->settled, o->settled_room * sizeof *o->settled);
    }
    if (o->settled_count == 0)
        o->settled_ms = o->mono_ms;
    o->settled[o->settled_count++] = (struct settled){f->seq, due_ms};
    let_go(o, f);
}

/* --- answers -------------------------------------------------------------------------------------------------------- */

static void wait_for(struct outbox_sender *o, struct flight *f)
{
    f->wait_ms = f->wait_ms == 0 ? OUTBOX_WAIT_MS_MIN : f->wait_ms * 2 < OUTBOX_WAIT_MS_MAX ? f->wait_ms * 2 : OUTBOX_WAIT_MS_MAX;
    f->until_ms = o->mono_ms + f->wait_ms;
    DL_APPEND(o->waiting, f);
    o->counts.again++;
}

/* The broker is not there. Whatever was on its way comes back like this, one after the other: one pause for all. */
static void pause_all(struct outbox_sender *o, struct flight *f, const char *why)
{
    if (o->pause_ms == 0)
        log_warn("the broker does not answer; what is for it waits", log_str("why", why));
    if (o->mono_ms >= o->pause_until_ms) {
        o->pause_ms = o->pause_ms == 0 ? OUTBOX_WAIT_MS_MIN : o->pause_ms * 2 < OUTBOX_WAIT_MS_MAX ? o->pause_ms * 2 : OUTBOX_WAIT_MS_MAX;
        o->pause_until_ms = o->mono_ms + o->pause_ms;
    }
    if (f->is_many)
        DL_PREPEND(o->many, f);
    else
        DL_PREPEND(o->ready, f);
    o->counts.again++;
}

static void answer(struct outbox_sender *o)
{
    if (o->pause_ms)
        log_info("the broker answers again");
    o->pause_ms = o->pause_until_ms = 0;
}

static void tell_refused(struct outbox_sender *o, struct flight *f, int code, const char *reason)
{
    struct db_query *q = db_query(o->db, "SELECT app, id FROM outbox WHERE seq = ?1");
    db_set_i64(q, 1, f->seq);
    int found = db_step(q) == 1;
    log_error("what follows from an event is refused by the broker; it is dropped", log_str("what", request_name(f->kind)),
              log_some("app", found ? db_text(q, 0) : span_of("")), log_some("id", found ? db_text(q, 1) : span_of("")),
              log_i64("code", code), log_str("reason", reason));
    db_end(q);
    o->counts.refused++;
}

static void on_answer(void *argument, const struct mega_result *result)
{
    struct flight *f = argument;
    struct outbox_sender *o = f->outbox;
    o->now_ms = clock_wall_ms();
    o->mono_ms = clock_mono_ms();
    int64_t age_ms = o->now_ms - f->added_ms;
    o->out--;
    o->many_out -= (size_t)f->is_many;
    if (result->error) {
        pause_all(o, f, mega_strerror(result->error));
        return;
    }
    answer(o);
    switch (request_judge(f->kind, f->is_later || f->is_many, age_ms, result)) {
    case REQUEST_AGAIN:
        wait_for(o, f);
        return;
    case REQUEST_LATER:
        settle(o, f, o->now_ms + request_later_ms(f->kind, age_ms));
        return;
    case REQUEST_UNMATCHED:
        o->counts.unmatched++;
        break;
    case REQUEST_REFUSED:
        tell_refused(o, f, result->code, result->message);
        break;
    case REQUEST_DONE:
        o->counts.done++;
        break;
    }
    settle(o, f, 0);
}

/* --- the file ------------------------------------------------------------------------------------------------------- */

/* Answers come one by one, and each commit is a wait for the disk: they go with the next event's, or together after a while. Until then
 * a kill has them asked again, which is harmless. */
static int may_wait(const struct outbox_sender *o, int64_t mono_ms)
{
    return !db_is_changing(o->db) && o->settled_count < OUTBOX_WRITE_ROWS && mono_ms - o->settled_ms < OUTBOX_WRITE_MS;
}

void outbox_write(struct outbox_sender *o, int64_t mono_ms)
{
    if (o->settled_count == 0 || may_wait(o, mono_ms) || db_begin(o->db) != 0)
        return;
    for (size_t i = 0; i < o->settled_count; i++) {
        const struct settled *s = &o->settled[i];
        struct db_query *q = s->due_ms ? db_query(o->db, "UPDATE outbox SET due_ms = ?2 WHERE seq = ?1")
                                       : db_query(o->db, "DELETE FROM outbox WHERE seq = ?1");
        db_set_i64(q, 1, s->seq);
        if (s->due_ms)
            db_set_i64(q, 2, s->due_ms);
        if (db_run(q) < 0)
            return; /* the transaction is spoilt; they are kept for the next one */
    }
    o->is_written = 1;
}

void outbox_after_commit(struct outbox_sender *o, int is_kept)
{
    if (is_kept && o->is_written)
        o->settled_count = 0;
    else if (o->settled_count && !may_wait(o, clock_mono_ms()))
        o->settled_ms = clock_mono_ms() + OUTBOX_WAIT_MS_MIN - OUTBOX_WRITE_MS; /* the file does not take them now */
    o->is_written = 0;
}

#define COLUMNS "seq, kind, added_ms, id IS NULL, app, openid"

static void load(struct outbox_sender *o)
{
    size_t count = HASH_COUNT(o->flights);
    if (count >= OUTBOX_ROWS_MAX)
        return;
    size_t room = OUTBOX_ROWS_MAX - count;
    struct db_query *q = db_query(o->db, "SELECT " COLUMNS " FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    db_set_i64(q, 1, o->cursor);
    db_set_i64(q, 2, (int64_t)(room < LOAD_ROWS ? room : LOAD_ROWS));
    while (db_step(q) == 1) {
        o->cursor = db_i64(q, 0);
        take_in(o, q, 0);
    }
    db_end(q);
}

/* What was set aside and is due. The next ones come when these are through: so none is taken in twice. */
static void load_later(struct outbox_sender *o)
{
    if (o->later || o->settled_count)
        return;
    struct db_query *q = db_query(o->db, "SELECT " COLUMNS " FROM outbox WHERE due_ms > 0 AND due_ms <= ?1 AND seq <= ?2 LIMIT ?3");
    db_set_i64(q, 1, o->now_ms);
    db_set_i64(q, 2, o->cursor);
    db_set_i64(q, 3, LATER_ROWS);
    while (db_step(q) == 1) {
        int64_t seq = db_i64(q, 0);
        struct flight *known;
        HASH_FIND(hh, o->flights, &seq, sizeof seq, known);
        if (known == NULL)
            take_in(o, q, 1);
    }
    db_end(q);
}

/* --- sending -------------------------------------------------------------------------------------------------------- */

static void read_row(struct db_query *q, struct outbox_row *row)
{
    *row = (struct outbox_row){.kind = (enum outbox_kind)db_i64(q, 0), .app = db_text(q, 1), .openid = db_text(q, 2),
                               .at_ms = db_i64(q, 3), .msgid = db_i64(q, 4), .word = db_text(q, 5), .message = db_text(q, 6),
                               .id = db_text(q, 7), .key = db_text(q, 8), .lane = db_text(q, 9), .task = db_text(q, 10),
                               .ttl_ms = db_i64(q, 11), .vars = db_text(q, 12)};
}

/* Returns 0, or -1 when nothing more can go now. It is in no list. */
static int send_one(struct outbox_sender *o, struct flight *f)
{
    struct outbox_row row;
    struct db_query *q = db_query(o->db, "SELECT kind, app, openid, at_ms, msgid, word, message, id, key, lane, task, ttl_ms, vars"
                                         " FROM outbox WHERE seq = ?1");
    db_set_i64(q, 1, f->seq);
    int found = db_step(q), sent = 0;
    if (found == 1) {
        read_row(q, &row);
        sent = request_send(o->mega, &row, on_answer, f);
    }
    db_end(q);
    if (found == 0) { /* a cancel has removed it */
        let_go(o, f);
    } else if (found == 1 && sent == 0) {
        o->out++;
        o->many_out += (size_t)f->is_many;
    } else if (found == 1 && sent == MEGA_INVALID) {
        tell_refused(o, f, 400, mega_last_error());
        settle(o, f, 0);
    } else {
        wait_for(o, f);
        return -1;
    }
    return 0;
}

static void wake(struct outbox_sender *o)
{
    struct flight *f, *next;
    DL_FOREACH_SAFE(o->waiting, f, next)
        if (f->until_ms <= o->mono_ms) {
            DL_DELETE(o->waiting, f);
            make_ready(o, f);
        }
}

static int may_send(const struct outbox_sender *o)
{
    return o->mono_ms >= o->pause_until_ms && (o->pause_ms == 0 || o->out < OUTBOX_PROBES) &&
           o->settled_count < OUTBOX_ROWS_MAX;
}

void outbox_send(struct outbox_sender *o, int64_t now_ms, int64_t mono_ms)
{
    int rc = 0;
    o->now_ms = now_ms;
    o->mono_ms = mono_ms;
    wake(o);
    load(o);
    load_later(o);
    while (rc == 0 && may_send(o) && o->many && o->many_out < OUTBOX_CANCELS_MAX) {
        struct flight *f = o->many;
        DL_DELETE(o->many, f);
        rc = send_one(o, f);
    }
    while (rc == 0 && may_send(o) && o->ready) {
        struct flight *f = o->ready;
        DL_DELETE(o->ready, f);
        rc = send_one(o, f);
    }
}

int64_t outbox_wait_ms(const struct outbox_sender *o, int64_t mono_ms, int64_t limit_ms)
{
    const struct flight *f;
    int64_t until_ms = mono_ms + limit_ms;
    if ((o->ready || o->many) && o->pause_until_ms > mono_ms && o->pause_until_ms < until_ms)
        until_ms = o->pause_until_ms;
    DL_FOREACH(o->waiting, f)
        if (f->until_ms < until_ms)
            until_ms = f->until_ms;
    if (o->settled_count && o->settled_ms + OUTBOX_WRITE_MS < until_ms)
        until_ms = o->settled_ms + OUTBOX_WRITE_MS;
    return until_ms > mono_ms ? until_ms - mono_ms : 0;
}

/* Those in memory stand in the order of their rows, but for the ones that had been set aside; what has not been read yet is younger. */
static int64_t find_oldest(const struct outbox_sender *o)
{
    const struct flight *f = o->flights;
    while (f && f->is_later)
        f = f->hh.next;
    if (f)
        return f->added_ms;
    struct db_query *q = db_query(o->db, "SELECT added_ms FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT 1");
    db_set_i64(q, 1, o->cursor);
    int64_t added_ms = db_step(q) == 1 ? db_i64(q, 0) : 0;
    db_end(q);
    return added_ms;
}

void outbox_count(struct outbox_sender *o, struct outbox_counts *counts)
{
    *counts = o->counts;
    counts->is_waiting = o->pause_ms != 0;
    counts->rows = (uint64_t)db_number(o->db, "SELECT n FROM totals WHERE name = 'outbox'", 0);
    counts->oldest_ms = find_oldest(o);
}
