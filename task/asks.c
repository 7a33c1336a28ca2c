/* What mega task wants: each ask is answered once what it wants is so, at the broker too, or after ANSWER_MS as it is then. */
#include "task/task.h"

#include <stdlib.h>

#include <czmq.h>

#include "base/log.h"
#include "proto/mp.h"

#define RECEIVE_MAX 64   /* asks a turn */
#define ANSWER_MS   5000 /* an answer is held back at most so long */
#define WAITING_MAX 256
#define PEER_BYTES_MAX 255 /* of a routing id (zmq_setsockopt(3), ZMQ_ROUTING_ID) */

static void send_answer(struct runner *r, const char *peer, size_t peer_bytes, const struct answer *answer)
{
    struct buf packed = {0};
    answer_pack(answer, &packed);
    void *socket = zsock_resolve(r->socket);
    if (zmq_send(socket, peer, peer_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send(socket, packed.data, packed.bytes, ZMQ_DONTWAIT); /* one that is lost is asked for again */
    buf_free(&packed);
}

/* --- those that wait ---------------------------------------------------------------------------------------------- */

static void wait_for(struct runner *r, struct span peer, const struct task_ask *a)
{
    struct waiting *w = r->waiting;
    while (w && !(w->ref == a->ref && w->peer_bytes == peer.bytes && memcmp(w->peer, peer.data, peer.bytes) == 0))
        w = w->next;
    if (w || r->waiting_count == WAITING_MAX || peer.bytes > sizeof w->peer)
        return;
    w = mem_new(sizeof *w);
    memcpy(w->peer, peer.data, peer.bytes);
    w->peer_bytes = peer.bytes;
    w->ref = a->ref;
    w->op = a->op;
    span_to_text(w->name, sizeof w->name, a->name);
    w->until_ms = r->mono_ms + ANSWER_MS;
    w->next = r->waiting;
    r->waiting = w;
    r->waiting_count++;
}

static void answer_with_task(struct runner *r, const struct task *t, struct answer *answer)
{
    buf_clear(&r->scratch);
    info_pack(t, 1, &r->scratch);
    answer->code = CODE_OK;
    answer->data = buf_span(&r->scratch);
}

void asks_tick(struct runner *r)
{
    for (struct waiting **at = &r->waiting; *at;) {
        struct waiting *w = *at;
        struct task *t = tasks_find(r, span_of(w->name));
        if (t && !life_is_done(t, w->op) && r->mono_ms < w->until_ms) {
            at = &w->next;
            continue;
        }
        struct answer answer = {.ref = w->ref, .code = CODE_OK};
        if (t)
            answer_with_task(r, t, &answer);
        send_answer(r, w->peer, w->peer_bytes, &answer);
        *at = w->next;
        free(w);
        r->waiting_count--;
    }
}

/* --- operations --------------------------------------------------------------------------------------------------- */

static int by_name(struct task *a, struct task *b)
{
    return strcmp(a->facts.name, b->facts.name);
}

static void list(struct runner *r, struct answer *answer)
{
    struct buf maps = {0};
    size_t count = 0;
    HASH_SORT(r->tasks, by_name);
    for (const struct task *t = r->tasks; t; t = t->hh.next)
        if (!t->is_making) {
            info_pack(t, 0, &maps);
            count++;
        }
    buf_clear(&r->scratch);
    mp_array(&r->scratch, count);
    buf_append(&r->scratch, maps.data, maps.bytes);
    buf_free(&maps);
    answer->code = CODE_OK;
    answer->data = buf_span(&r->scratch);
}

static enum code delete_task(struct task *t, struct buf *error)
{
    if (t->facts.state != TASK_READY && t->facts.state != TASK_SCHEDULED && !task_state_is_final(t->facts.state)) {
        buf_printf(error, "%s: it is %s; stop it before it is deleted", t->facts.name, task_state_name(t->facts.state));
        return CODE_REFUSED;
    }
    if (t->facts.is_held) {
        buf_printf(error, "%s: the broker has not ended its pause yet; try again when it answers", t->facts.name);
        return CODE_BUSY;
    }
    log_info("task is deleted", log_str("task", t->facts.name));
    if (tasks_delete(t) == 0)
        return CODE_OK;
    buf_printf(error, "%s: %s", t->facts.name, t->note);
    return CODE_BUSY;
}

static enum code set_rate(struct task *t, int64_t rate_per_s, struct buf *error)
{
    uint64_t before = t->facts.rate_per_s;
    t->facts.rate_per_s = (uint64_t)rate_per_s;
    if (tasks_keep(t) == 0)
        return CODE_OK;
    t->facts.rate_per_s = before;
    buf_append_str(error, t->note);
    return CODE_BUSY;
}

static enum code carry_out(struct task *t, const struct task_ask *a, struct buf *error)
{
    switch (a->op) {
    case TASK_START:
        return life_start(t, error);
    case TASK_PAUSE:
        return life_pause(t, error);
    case TASK_RESUME:
        return life_resume(t, error);
    case TASK_STOP:
        return life_stop(t, error);
    case TASK_RATE:
        return set_rate(t, a->rate_per_s, error);
    case TASK_RESEND:
        return life_resend(t, (a->failed ? RESEND_FAILED : 0) | (a->cancelled ? RESEND_CANCELLED : 0), error);
    default:
        return CODE_OK;
    }
}

/* What changes a task. Returns 1 when its answer waits. */
static int on_change(struct runner *r, struct task *t, struct span peer, const struct task_ask *a, struct answer *answer)
{
    struct buf error = {0};
    answer->code = a->op == TASK_DELETE ? delete_task(t, &error) : carry_out(t, a, &error);
    if (answer->code != CODE_OK) {
        buf_clear(&r->scratch);
        buf_append(&r->scratch, error.data, error.bytes);
        answer->message = buf_span(&r->scratch);
    } else if (a->op != TASK_DELETE) {
        if (a->op != TASK_SHOW)
            log_info("task is told", log_str("task", t->facts.name), log_str("op", task_op_name(a->op)), log_span("by", a->by));
        if (!life_is_done(t, a->op)) {
            wait_for(r, peer, a);
            buf_free(&error);
            return 1;
        }
        answer_with_task(r, t, answer);
    }
    buf_free(&error);
    return 0;
}

/* What changes something, with what it was answered; of the many asks that make a task the last one. */
static void audit(struct runner *r, const struct task_ask *a, const struct answer *answer)
{
    struct audit_who who;
    int is_change = a->op == TASK_COMMIT || a->op == TASK_RATE || a->op == TASK_RESEND || a->op == TASK_DELETE ||
                    (a->op >= TASK_START && a->op <= TASK_STOP);
    if (!is_change)
        return;
    audit_find_who(r->reading, curve_covers(&r->conf->curve.keys, r->conf->task.endpoint), a->by, &who);
    const struct log_field fields[] = {
        log_span("task", a->name),
        log_u64(a->op == TASK_COMMIT ? "rows" : NULL, a->rows),
        log_some("start", span_of(a->op == TASK_COMMIT && a->start ? "yes" : "")),
        log_i64(a->op == TASK_RATE ? "rate_per_s" : NULL, a->rate_per_s),
        log_some("rows_of", span_of(a->op != TASK_RESEND          ? ""
                                    : a->failed && a->cancelled ? "failed,cancelled"
                                    : a->failed                 ? "failed"
                                                                : "cancelled")),
        log_i64("code", (int64_t)answer->code),
        log_some("reason", answer->code >= CODE_REFUSED ? answer->message : (struct span){"", 0})};
    buf_clear(&r->row);
    buf_printf(&r->row, "task %s", a->op == TASK_COMMIT ? "create" : task_op_name(a->op));
    audit_write(r->audit, buf_str(&r->row), &who, fields, sizeof fields / sizeof *fields);
}

static void on_ask(struct runner *r, struct span peer, struct span packed)
{
    struct task_ask a;
    struct buf error = {0};
    struct answer answer = {.code = CODE_OK};
    int wrong = task_ask_unpack(packed, &a, &error), waits = 0;
    answer.ref = a.ref;
    struct task *t = wrong || a.op == TASK_LIST || a.op == TASK_STATUS ? NULL : tasks_find(r, a.name);
    if (wrong) {
        answer.code = CODE_REFUSED;
        answer.message = buf_span(&error);
    } else if (a.op <= TASK_ABORT) {
        making_on_ask(r, &a, &answer);
    } else if (a.op == TASK_LIST) {
        list(r, &answer);
    } else if (a.op == TASK_STATUS) {
        buf_clear(&r->scratch);
        info_pack_status(r, &r->scratch);
        answer.data = buf_span(&r->scratch);
    } else if (t == NULL || t->is_making) {
        if (a.op != TASK_DELETE) {
            answer.code = CODE_NOT_FOUND;
            answer.message = span_of("name: there is no task of this name");
        }
    } else if (a.op == TASK_FAILED) {
        failed_on_ask(r, t, &a, &answer);
    } else {
        waits = on_change(r, t, peer, &a, &answer);
    }
    audit(r, &a, &answer);
    if (!waits)
        send_answer(r, peer.data, peer.bytes, &answer);
    buf_free(&error);
}

/* Reads one message: routing id, ask; what is behind them is not looked at. Returns 0 when there is none. */
static int receive_one(struct runner *r, void *socket)
{
    char peer[PEER_BYTES_MAX];
    size_t peer_bytes = 0;
    int more = 1;
    for (int i = 0; more; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return i;
        }
        struct span bytes = {zmq_msg_data(&frame), zmq_msg_size(&frame)};
        more = zmq_msg_more(&frame);
        if (i == 0 && bytes.bytes <= sizeof peer) {
            memcpy(peer, bytes.data, bytes.bytes);
            peer_bytes = bytes.bytes;
        } else if (i == 1 && peer_bytes > 0 && curve_guard_admits(r->guard, r->conf->task.endpoint, CURVE_TASK, &frame)) {
            r->reading = &frame;
            on_ask(r, (struct span){peer, peer_bytes}, bytes);
        }
        zmq_msg_close(&frame);
    }
    return 1;
}

void asks_receive(struct runner *r)
{
    void *socket = zsock_resolve(r->socket);
    for (int i = 0; i < RECEIVE_MAX; i++)
        if (!receive_one(r, socket))
            return;
}
