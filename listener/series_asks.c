#include "listener/series_asks.h"

#include <stdlib.h>

#include <czmq.h>

#include "base/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "listener/series_enrol.h"
#include "listener/series_info.h"
#include "proto/mp.h"
#include "proto/usage.h"

#define PEER_BYTES_MAX 255           /* of a routing id (zmq_setsockopt(3), ZMQ_ROUTING_ID) */
#define START_PAST_MS  (24 * 3600000) /* a start by hand may lie so far back: it is asked again */
#define START_AHEAD_MS (5 * 60000)    /* and so far ahead: clocks differ */
#define NOT_KEPT       "not now: mega-listener cannot write its file; nothing has changed, try again"

/* An answer that waits for the commit. */
struct waiting {
    char peer[PEER_BYTES_MAX];
    size_t peer_bytes;
    uint64_t ref;
    struct buf packed; /* of the answer */
    struct buf ask;    /* as it came; of a change, for the audit */
    struct audit_who who;
    enum code code;
    int64_t done;
    int is_change;
};

struct series_asks {
    const struct conf *conf;
    void *socket;
    struct curve_guard *guard;
    struct series_set *set;
    struct db *db;
    struct audit *audit;
    struct waiting waiting[SERIES_ASKS_MAX];
    size_t waiting_count;
    struct buf data, message, next; /* of the answer that is being made */
    int64_t now_ms;
    int64_t began_ms; /* monotonic */
    size_t (*pack_more)(void *self, struct buf *out); /* of the status; NULL: nothing */
    void *more_self;
};

struct series_asks *series_asks_new(const struct conf *conf, void *socket, struct curve_guard *guard, struct series_set *set, struct db *db)
{
    struct series_asks *s = mem_new(sizeof *s);
    s->conf = conf;
    s->socket = socket;
    s->guard = guard;
    s->set = set;
    s->db = db;
    s->audit = audit_new("mega-listener", conf->log.audit_path, conf->log.json);
    s->began_ms = clock_mono_ms();
    return s;
}

void series_asks_add_status(struct series_asks *s, size_t (*pack)(void *self, struct buf *out), void *self)
{
    s->pack_more = pack;
    s->more_self = self;
}

void series_asks_destroy(struct series_asks **self)
{
    struct series_asks *s = *self;
    if (s == NULL)
        return;
    for (size_t i = 0; i < SERIES_ASKS_MAX; i++) {
        buf_free(&s->waiting[i].packed);
        buf_free(&s->waiting[i].ask);
    }
    buf_free(&s->data);
    buf_free(&s->message);
    buf_free(&s->next);
    audit_destroy(&s->audit);
    free(s);
    *self = NULL;
}

static enum code refuse(struct series_asks *s, enum code code, const char *why)
{
    buf_append_str(&s->message, why);
    return code;
}

/* --- what changes nothing ------------------------------------------------------------------------------------------------ */

static enum code list(struct series_asks *s)
{
    mp_array(&s->data, s->set->count);
    for (size_t i = 0; i < s->set->count; i++) {
        struct series_totals totals;
        series_totals_read(s->db, span_of(s->set->all[i]->name), &totals);
        series_info_pack(s->set->all[i], &totals, 0, &s->data);
    }
    return CODE_OK;
}

static enum code show(struct series_asks *s, const struct series *series)
{
    struct series_totals totals;
    series_totals_read(s->db, span_of(series->name), &totals);
    series_info_pack(series, &totals, 1, &s->data);
    return CODE_OK;
}

/* The array's header needs the number of rows: they are gathered first. */
static enum code finish_rows(struct series_asks *s, struct buf *rows, size_t count, int rc)
{
    mp_array(&s->data, count);
    buf_append(&s->data, rows->data, rows->bytes);
    buf_free(rows);
    return rc < 0 ? refuse(s, CODE_BUSY, "not now: mega-listener cannot read its file; try again") : CODE_OK;
}

static enum code who(struct series_asks *s, const struct series_ask *a)
{
    struct buf rows = {0};
    struct series_row row;
    uint32_t limit = a->limit ? a->limit : SERIES_WHO_MAX, count = 0;
    struct db_query *q = a->openid.bytes ? series_person(s->db, a->name, a->openid) : series_people(s->db, a->name, a->from, limit);
    int rc;
    while ((rc = series_next(q, s->now_ms, &row)) == 1) {
        series_info_pack_row(&row, s->now_ms, a->openid.bytes > 0, &rows);
        if (++count == limit && a->openid.bytes == 0) {
            buf_append(&s->next, row.openid.data, row.openid.bytes);
            buf_append(&s->next, "", 1); /* a NUL, which is in neither */
            buf_append(&s->next, row.app.data, row.app.bytes);
        }
    }
    db_end(q);
    if (a->openid.bytes && rc == 0 && count == 0) {
        buf_free(&rows);
        return refuse(s, CODE_NOT_FOUND, "openid: is not in this series and has not been of late");
    }
    enum code code = finish_rows(s, &rows, count, rc);
    return code == CODE_OK && s->next.bytes ? CODE_QUEUED : code;
}

static enum code plan(struct series_asks *s, const struct series_ask *a)
{
    struct span app = a->app.bytes ? a->app : span_of(CONF_ACCOUNT_DEFAULT), event = a->event.bytes ? a->event : span_of("follow");
    if (conf_account_find(s->conf, app) == NULL)
        return refuse(s, CODE_REFUSED, "app: there is no such account; give NAME of a section [wechat:NAME]");
    series_info_pack_plan(s->set, app, event, a->name, s->now_ms, &s->data);
    return CODE_OK;
}

static enum code status(struct series_asks *s)
{
    struct usage usage = usage_now();
    struct series_totals sums;
    series_totals_sum(s->db, &sums);
    size_t place = mp_map_open(&s->data), count = 7;
    mp_put_str(&s->data, "version", MEGA_VERSION);
    mp_put_i64(&s->data, "uptime_ms", clock_mono_ms() - s->began_ms);
    count += usage_pack(&usage, &s->data);
    mp_put_u64(&s->data, "series", s->set->count);
    mp_put_i64(&s->data, "in", sums.in);
    mp_put_i64(&s->data, "started", sums.started);
    mp_put_i64(&s->data, "done", sums.done);
    mp_put_i64(&s->data, "ended", sums.ended);
    if (s->pack_more)
        count += s->pack_more(s->more_self, &s->data);
    mp_map_close(&s->data, place, count);
    return CODE_OK;
}

/* --- what changes something -------------------------------------------------------------------------------------------------- */

static void pack_person(struct series_asks *s, struct span name, struct span openid)
{
    struct series_row row;
    struct db_query *q = series_person(s->db, name, openid);
    if (series_next(q, s->now_ms, &row) == 1)
        series_info_pack_row(&row, s->now_ms, 1, &s->data);
    db_end(q);
}

static enum code start(struct series_asks *s, const struct series_ask *a, const struct series *series, struct answer *answer)
{
    int64_t at_ms = a->at_ms ? a->at_ms : s->now_ms;
    if (at_ms < s->now_ms - START_PAST_MS || at_ms > s->now_ms + START_AHEAD_MS)
        return refuse(s, CODE_REFUSED, "at: is not now; give the present time in ms since 1970, and see that the clocks agree");
    if (db_begin(s->db) != 0)
        return refuse(s, CODE_BUSY, NOT_KEPT);
    enum series_started started = series_start(s->set, s->db, series, a->openid, at_ms, s->now_ms);
    if (started == SERIES_NOT_KEPT)
        return refuse(s, CODE_BUSY, NOT_KEPT);
    if (started == SERIES_TOO_SOON)
        return refuse(s, CODE_REFUSED, "openid: was in this series before, and its `again` does not allow another start now");
    if (started == SERIES_IS_AWAY)
        return refuse(s, CODE_REFUSED, "openid: has unfollowed after that time");
    answer->done = started == SERIES_STARTED;
    pack_person(s, a->name, a->openid);
    return CODE_OK;
}

static enum code stop(struct series_asks *s, const struct series_ask *a, struct answer *answer)
{
    if (db_begin(s->db) != 0)
        return refuse(s, CODE_BUSY, NOT_KEPT);
    int count = a->all ? series_stop_some(s->db, a->name, s->now_ms) : series_stop(s->db, a->name, a->openid, s->now_ms);
    if (count < 0)
        return refuse(s, CODE_BUSY, NOT_KEPT);
    answer->done = (uint64_t)count;
    return a->all && count == SERIES_STOP_MAX ? CODE_QUEUED : CODE_OK;
}

/* What works without a definition, too: its file was removed, and people are still in it. */
static int is_for_people(enum series_op op)
{
    return op == SERIES_WHO || op == SERIES_STOP;
}

static int has_people(struct series_asks *s, struct span name)
{
    struct series_totals totals;
    series_totals_read(s->db, name, &totals);
    return totals.started > 0;
}

static enum code carry_out(struct series_asks *s, const struct series_ask *a, struct answer *answer)
{
    const struct series *series = a->name.bytes ? series_set_find(s->set, a->name) : NULL;
    if (a->name.bytes && series == NULL && !(is_for_people(a->op) && has_people(s, a->name)))
        return refuse(s, CODE_NOT_FOUND, "name: there is no series of this name; see mega series list, and the log of mega-listener");
    switch (a->op) {
    case SERIES_LIST:
        return list(s);
    case SERIES_SHOW:
        return show(s, series);
    case SERIES_WHO:
        return who(s, a);
    case SERIES_START:
        return start(s, a, series, answer);
    case SERIES_STOP:
        return stop(s, a, answer);
    case SERIES_PLAN:
        return plan(s, a);
    default:
        return status(s);
    }
}

/* --- messages ------------------------------------------------------------------------------------------------------------------ */

static void on_ask(struct series_asks *s, struct waiting *w, const void *frame, struct span packed)
{
    struct series_ask a;
    struct answer answer = {.code = CODE_REFUSED};
    buf_clear(&s->message);
    buf_clear(&s->data);
    buf_clear(&s->next);
    buf_clear(&w->ask);
    int wrong = series_ask_unpack(packed, &a, &s->message);
    if (!wrong)
        answer.code = carry_out(s, &a, &answer);
    answer.ref = w->ref = a.ref;
    answer.data = buf_span(&s->data);
    answer.next = buf_span(&s->next);
    answer.message = buf_span(&s->message);
    w->is_change = !wrong && (a.op == SERIES_START || a.op == SERIES_STOP);
    w->code = answer.code;
    w->done = (int64_t)answer.done;
    if (w->is_change) {
        buf_append(&w->ask, packed.data, packed.bytes);
        audit_find_who(frame, curve_covers(&s->conf->curve.keys, s->conf->listener.endpoint), a.by, &w->who);
    }
    buf_clear(&w->packed);
    answer_pack(&answer, &w->packed);
}

/* Reads one message: routing id, ask; what is behind them is not looked at. Returns 0 when there is none. */
static int receive_one(struct series_asks *s, void *socket)
{
    struct waiting *w = &s->waiting[s->waiting_count];
    int more = 1;
    w->peer_bytes = 0;
    for (int i = 0; more; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return i;
        }
        struct span bytes = {zmq_msg_data(&frame), zmq_msg_size(&frame)};
        more = zmq_msg_more(&frame);
        if (i == 0 && bytes.bytes <= sizeof w->peer) {
            memcpy(w->peer, bytes.data, bytes.bytes);
            w->peer_bytes = bytes.bytes;
        } else if (i == 1 && w->peer_bytes > 0 && curve_guard_admits(s->guard, s->conf->listener.endpoint, CURVE_LISTENER, &frame)) {
            on_ask(s, w, &frame, bytes);
            s->waiting_count++;
        }
        zmq_msg_close(&frame);
    }
    return 1;
}

void series_asks_receive(struct series_asks *s, int64_t now_ms)
{
    void *socket = zsock_resolve(s->socket);
    s->now_ms = now_ms;
    while (s->waiting_count < SERIES_ASKS_MAX && receive_one(s, socket))
        ;
}

static void audit(struct series_asks *s, const struct waiting *w)
{
    struct series_ask a;
    struct buf ignored = {0}, op = {0};
    if (series_ask_unpack(buf_span(&w->ask), &a, &ignored) == 0) {
        const struct log_field fields[] = {log_span("series", a.name), log_some("openid", a.openid), log_some("all", span_of(a.all ? "yes" : "")),
                                           log_i64("changed", w->done), log_i64("code", (int64_t)w->code)};
        buf_printf(&op, "series %s", series_op_name(a.op));
        audit_write(s->audit, buf_str(&op), &w->who, fields, sizeof fields / sizeof *fields);
    }
    buf_free(&ignored);
    buf_free(&op);
}

static void answer_one(struct series_asks *s, struct waiting *w, int is_committed)
{
    if (w->is_change && !is_committed && w->code < CODE_REFUSED) {
        struct answer answer = {.ref = w->ref, .code = CODE_BUSY, .message = span_of(NOT_KEPT)};
        w->code = CODE_BUSY;
        w->done = 0;
        buf_clear(&w->packed);
        answer_pack(&answer, &w->packed);
    }
    if (w->is_change)
        audit(s, w);
    void *socket = zsock_resolve(s->socket);
    if (zmq_send(socket, w->peer, w->peer_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send(socket, w->packed.data, w->packed.bytes, ZMQ_DONTWAIT); /* one that is lost is asked for again */
}

void series_asks_answer(struct series_asks *s, int is_committed)
{
    for (size_t i = 0; i < s->waiting_count; i++)
        answer_one(s, &s->waiting[i], is_committed);
    s->waiting_count = 0;
    audit_tick(s->audit, clock_mono_ms());
}
