/* What a task needs of the broker itself: that its label is paused and resumed, that what waits of it is cancelled, and that its
 * dead messages are discarded before their rows are sent again. Asked on the control socket, one thing at a time for each task, again
 * and again until it is answered: all of it may be asked twice.
 */
#include "task/task.h"

#include <inttypes.h>
#include <stdio.h>

#include <czmq.h>

#include "base/hash.h"
#include "base/log.h"

#define AGAIN_MS      1000
#define REFUSED_MS    10000 /* what the broker refuses is asked again only so often */
#define RECONNECT_MS  50
#define RECEIVE_MAX   256

void steer_open(struct runner *r)
{
    char name[NAME_BYTES_MAX + 1];
    snprintf(name, sizeof name, OPERATOR_NAME_PREFIX "%016" PRIx64, hash_random_u64());
    r->control = zsock_new(ZMQ_DEALER);
    zsock_set_identity(r->control, name);
    zsock_set_linger(r->control, 0);
    zsock_set_sndhwm(r->control, 1); /* what is asked again does not pile up for a broker that is away */
    zsock_set_reconnect_ivl(r->control, RECONNECT_MS);
    if (curve_connect(zsock_resolve(r->control), &r->conf->curve.keys, r->conf->broker.control) != 0)
        log_error("[broker] control cannot be used: no task is paused, stopped or resumed", log_str("endpoint", r->conf->broker.control));
}

/* What is to be asked next; ASK_NONE when all is as it should be. */
static enum ask_op wanted(const struct task *t)
{
    switch (t->facts.state) {
    case TASK_PAUSED:
        return t->is_paused_there ? ASK_NONE : ASK_PAUSE;
    case TASK_STOPPING:
        /* Whatever is handed over must be there before it can be cancelled. */
        if (!t->is_cancelled_there)
            return t->pushes == 0 && t->looks == 0 ? ASK_CANCEL : ASK_NONE;
        break;
    case TASK_RUNNING:
        if ((t->facts.resends & RESEND_FAILED) && !t->is_discarded_there)
            return ASK_DISCARD;
        break;
    default:
        break;
    }
    return t->facts.is_held ? ASK_RESUME : ASK_NONE;
}

static void send_ask(struct task *t)
{
    struct buf *packed = &t->runner->scratch;
    struct ask a = {.op = t->steer_op, .ref = t->steer_ref, .rate_per_s = RATE_OF_CONF, .by = span_of("mega-task")};
    a.filter.task = span_of(t->facts.name);
    a.filter.app = span_of(t->facts.app);
    buf_clear(packed);
    ask_pack(&a, packed);
    int sent = zmq_send(zsock_resolve(t->runner->control), packed->data, packed->bytes, ZMQ_DONTWAIT);
    t->runner->control_is_full |= sent < 0;
    t->steer_again_ms = sent < 0 ? 0 : t->runner->mono_ms + AGAIN_MS;
}

void steer_tick(struct task *t)
{
    enum ask_op op = t->is_making ? ASK_NONE : wanted(t);
    if (op != t->steer_op) {
        t->steer_op = op;
        t->steer_ref = ++t->runner->next_ref;
        t->steer_again_ms = 0;
    }
    if (op != ASK_NONE && t->runner->mono_ms >= t->steer_again_ms && !t->runner->control_is_full)
        send_ask(t);
}

static void on_done(struct task *t)
{
    switch (t->steer_op) {
    case ASK_PAUSE:
        t->is_paused_there = 1;
        break;
    case ASK_RESUME:
        t->is_paused_there = 0;
        t->facts.is_held = 0;
        tasks_keep(t);
        break;
    case ASK_CANCEL:
        t->is_cancelled_there = 1;
        t->cancelled_ms = t->runner->mono_ms;
        break;
    default:
        t->is_discarded_there = 1;
        break;
    }
    t->steer_op = ASK_NONE;
}

static void on_answer(struct runner *r, const struct answer *answer)
{
    struct task *t = r->tasks;
    while (t && (t->steer_op == ASK_NONE || t->steer_ref != answer->ref))
        t = t->hh.next;
    if (t == NULL)
        return;
    /* There is no such pause, or its account is gone, and with it what was paused. */
    int is_gone = answer->code == CODE_NOT_FOUND || answer->code == CODE_REFUSED;
    if (answer->code == CODE_OK || (is_gone && t->steer_op == ASK_RESUME)) {
        on_done(t);
    } else if (answer->code == CODE_QUEUED) {
        t->steer_again_ms = r->mono_ms + AGAIN_MS; /* it goes on */
    } else {
        snprintf(t->note, sizeof t->note, "the broker refuses to %s it: %.*s", ask_name(t->steer_op),
                 (int)answer->message.bytes, answer->message.data ? answer->message.data : "");
        log_warn("the broker refuses what a task needs", log_str("task", t->facts.name), log_str("op", ask_name(t->steer_op)),
                 log_i64("code", answer->code), log_span("message", answer->message));
        t->steer_again_ms = r->mono_ms + REFUSED_MS;
        t->steer_ref = ++r->next_ref; /* a new question: under the old one the broker remembers its answer */
    }
}

void steer_receive(struct runner *r)
{
    r->control_is_full = !(zsock_events(r->control) & ZMQ_POLLOUT);
    struct answer answer;
    zmq_msg_t frame;
    for (int i = 0; i < RECEIVE_MAX; i++) {
        zmq_msg_init(&frame);
        int got = zmq_msg_recv(&frame, zsock_resolve(r->control), ZMQ_DONTWAIT);
        if (got >= 0 && answer_unpack((struct span){zmq_msg_data(&frame), zmq_msg_size(&frame)}, &answer) == 0)
            on_answer(r, &answer);
        zmq_msg_close(&frame);
        if (got < 0)
            break;
    }
}
