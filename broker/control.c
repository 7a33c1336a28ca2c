/* The control socket: what the stages say, and the fence. Whatever is said to a stage goes through the outbox, after the commit:
 * a generation is on disk before anybody hears of it, a result before it is confirmed. */
#include "broker/broker.h"

#include <assert.h>
#include <string.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/monitor.h"
#include "proto/mp.h"
#include "proto/operator.h"

#define LATENCY_BYTES_MAX (256 * 1024) /* of a sender: 256 accounts with every kind take less */
#define MESSAGES_A_TURN 4096
#define SLOTS_MAX       65536
#define ASKS_A_TURN     8     /* of operators; an answer has half a megabyte at most */
#define ASKS_US_MAX     10000

/* libzmq's own thread ends a connection a little later than its monitor tells of it; jobs that were given out in between, with the
 * new generation already, are caught by a second fence. How much later nobody can say on a loaded machine; but once the first fence
 * has closed that thread has carried a question and an answer for it, and so has ended the connection before. */
#define FENCE_AGAIN_MS 50

/* A stage may be silent for its lease and a quarter: the lease counts from when it wrote, the silence from when we heard it. */
static int64_t silence_ms(const struct broker *b)
{
    return b->conf->broker.lease_ms + b->conf->broker.lease_ms / 4;
}

/* --- the fence ---------------------------------------------------------------------------------------------------- */

static void ask_all(struct broker *b)
{
    struct control m = {.type = CONTROL_FENCE, .generation = b->ring.fence.generation};
    for (size_t i = 0; i < b->ring.stage_count; i++)
        if (fence_is_living(&b->ring.fence, b->ring.stages[i].epoch))
            outbox_control(b->outbox, b->ring.stages[i].name, &m);
    outbox_drop_jobs(b->outbox);
}

void control_fence(struct broker *b, const char *why)
{
    ring_raise(&b->ring);
    log_info("fence raised", log_str("why", why), log_u64("generation", b->ring.fence.generation));
    ask_all(b);
}

/* Tells the templaters which senders there are, so that they let go of the sockets of others. */
static void tell_senders(struct broker *b)
{
    struct buf list = {0};
    size_t count = 0;
    for (size_t i = 0; i < b->ring.stage_count; i++)
        count += b->ring.stages[i].kind == STAGE_SENDER;
    mp_array(&list, count);
    for (size_t i = 0; i < b->ring.stage_count; i++)
        if (b->ring.stages[i].kind == STAGE_SENDER)
            mp_str(&list, b->ring.stages[i].endpoint);
    struct control m = {.type = CONTROL_SENDERS, .endpoints = buf_span(&list)};
    for (size_t i = 0; i < b->ring.stage_count; i++)
        if (b->ring.stages[i].kind == STAGE_TEMPLATER && fence_is_living(&b->ring.fence, b->ring.stages[i].epoch))
            outbox_control(b->outbox, b->ring.stages[i].name, &m);
    buf_free(&list);
}

static void leave(struct broker *b, uint64_t epoch, const char *why, int said_goodbye)
{
    struct stage *s = ring_find_epoch(&b->ring, epoch);
    if (s == NULL)
        return;
    log_info("stage left", log_str("name", s->name), log_str("why", why));
    departed_add(&b->departed, s->name, s->kind, said_goodbye, b->mono_ms);
    ring_leave(&b->ring, epoch);
    ask_all(b);
    tset_on_leave(b, epoch);
    tell_senders(b);
}

/* --- messages of the stages --------------------------------------------------------------------------------------- */

static void refuse(struct broker *b, const char *name, const char *why)
{
    struct control m = {.type = CONTROL_REFUSED, .message = span_of(why)};
    log_error("stage refused", log_str("name", name), log_str("why", why));
    outbox_control(b->outbox, name, &m);
}

static void welcome(struct broker *b, const struct stage *s, int64_t clock_ms)
{
    struct buf versions = {0};
    struct control m = {.type = CONTROL_WELCOME,
                        .epoch = s->epoch,
                        .broker = b->epoch,
                        .generation = b->ring.fence.generation,
                        .lease_ms = b->conf->broker.lease_ms,
                        .clock_ms = clock_ms};
    if (s->kind == STAGE_TEMPLATER)
        keys_pack_versions(b->keys, &versions);
    m.versions = buf_span(&versions);
    outbox_control(b->outbox, s->name, &m);
    buf_free(&versions);
    tell_senders(b);
}

static void on_hello(struct broker *b, const char *name, const struct control *m)
{
    if (m->kind == STAGE_NONE || m->epoch == 0 || !span_is(m->name, name)) {
        refuse(b, name, "hello without a kind, an epoch or its own name");
        return;
    }
    if (m->kind == STAGE_SENDER && (m->slots == 0 || m->slots > SLOTS_MAX || m->endpoint.bytes == 0 ||
                                    m->endpoint.bytes > ENDPOINT_BYTES_MAX)) {
        refuse(b, name, "slots: 1 to 65536; endpoint: 1 to 255 bytes");
        return;
    }
    struct stage *old = ring_find_name(&b->ring, m->name);
    if (old && old->epoch != m->epoch)
        leave(b, old->epoch, "came back under a new epoch", 0);
    struct stage *s = ring_join(&b->ring, m, b->mono_ms);
    if (s == NULL) {
        refuse(b, name, "too many stages: at most 256");
        return;
    }
    departed_remove(&b->departed, s->name);
    log_info("stage joined", log_str("name", s->name), log_str("kind", stage_kind_name(s->kind)),
             log_u64("slots", s->slots), log_span("version", m->version));
    welcome(b, s, m->clock_ms);
}

/* Which accounts no sender can send for. */
static void find_stopped(struct broker *b)
{
    struct span reason;
    for (size_t i = 0; i < b->accounts.count; i++)
        b->accounts.list[i].stopped = ring_account_stopped(&b->ring, accounts_name(&b->accounts, i), &reason);
}

/* Kept as they came, for operators. */
static void note_figures(struct stage *s, const struct control *m)
{
    if (m->cpu_us == 0)
        return;
    s->cpu_us = m->cpu_us;
    s->rss_bytes = m->rss_bytes;
    buf_clear(&s->latency);
    if (m->latency.bytes <= LATENCY_BYTES_MAX)
        buf_append(&s->latency, m->latency.data, m->latency.bytes);
}

static void on_beat(struct broker *b, struct stage *s, const struct control *m)
{
    struct control answer = {.type = CONTROL_BEAT,
                             .epoch = s->epoch,
                             .broker = b->epoch,
                             .generation = b->ring.fence.generation,
                             .clock_ms = m->clock_ms};
    if (s->behind && !m->behind)
        log_info("templater takes jobs", log_str("name", s->name));
    if (s->kind == STAGE_SENDER && m->behind && !s->behind)
        log_info("sender takes no jobs, it stops", log_str("name", s->name));
    if (fence_owes(&b->ring.fence, s->epoch)) {
        struct control again = {.type = CONTROL_FENCE, .generation = b->ring.fence.generation};
        outbox_control(b->outbox, s->name, &again);
    }
    s->behind = m->behind;
    buf_clear(&s->stopped);
    buf_append(&s->stopped, m->stopped.data, m->stopped.bytes);
    note_figures(s, m);
    find_stopped(b);
    outbox_control(b->outbox, s->name, &answer);
}

/* Only the sender that a job was given to can hold it, and only that giving-out. */
static void on_held(struct broker *b, const struct stage *s, const struct control *m)
{
    struct mp_cursor c;
    struct holding h;
    if (!fence_answer(&b->ring.fence, s->epoch, m->generation))
        return;
    control_array_open(&c, m->holdings);
    while (control_holding_next(&c, &h) > 0) {
        struct out *o = ring_out_find(&b->ring, h.seq);
        if (o && o->sender == s->epoch && o->turn == h.turn)
            o->held = m->generation;
    }
}

/* Confirms are gathered while reports are read and go out as one message. */
static void on_results(struct broker *b, const struct stage *s, const struct control *m)
{
    struct mp_cursor c;
    struct outcome_report report;
    struct buf list = {0}, packed = {0};
    size_t count = 0;
    control_array_open(&c, m->results);
    while (!c.failed && c.at != c.end) {
        if (outcome_read(&c, &report)) {
            log_error("report not understood", log_str("from", s->name));
            break;
        }
        life_on_report(b, &report);
        b->busy_ms = b->mono_ms;
        control_holding_pack(&(struct holding){.seq = report.seq, .turn = report.turn}, &list);
        count++;
    }
    mp_array(&packed, count);
    mp_raw(&packed, buf_span(&list));
    struct control confirm = {.type = CONTROL_CONFIRM, .holdings = buf_span(&packed)};
    outbox_control(b->outbox, s->name, &confirm);
    buf_free(&list);
    buf_free(&packed);
}

/* Permissions are gathered while the questions are read; they go out when they are durable. */
static void on_begin(struct broker *b, const struct stage *s, const struct control *m)
{
    struct mp_cursor c;
    struct holding h;
    struct buf list = {0}, packed = {0};
    size_t count = 0;
    control_array_open(&c, m->holdings);
    while (control_holding_next(&c, &h) > 0) {
        if (!life_may_begin(b, s->epoch, h.seq, h.turn))
            continue;
        control_holding_pack(&h, &list);
        count++;
    }
    mp_array(&packed, count);
    mp_raw(&packed, buf_span(&list));
    struct control begun = {.type = CONTROL_BEGUN, .holdings = buf_span(&packed)};
    if (count)
        outbox_control(b->outbox, s->name, &begun);
    buf_free(&list);
    buf_free(&packed);
}

static void on_lost(struct broker *b, const struct stage *s, const struct control *m)
{
    log_warn("a stage lost a data connection", log_str("name", s->name), log_span("what", m->message));
    control_fence(b, "a data connection was lost");
}

static void on_message(struct broker *b, const char *name, const struct control *m)
{
    struct stage *s = ring_find_name(&b->ring, span_of(name));
    if (m->type == CONTROL_HELLO) {
        on_hello(b, name, m);
        return;
    }
    if (s == NULL || s->epoch != m->epoch || fence_hear(&b->ring.fence, m->epoch, b->mono_ms)) {
        struct control who = {.type = CONTROL_WHO};
        outbox_control(b->outbox, name, &who);
        return;
    }
    if (m->type == CONTROL_BEAT)
        on_beat(b, s, m);
    else if (m->type == CONTROL_RESULTS)
        on_results(b, s, m);
    else if (m->type == CONTROL_HELD)
        on_held(b, s, m);
    else if (m->type == CONTROL_BEGIN)
        on_begin(b, s, m);
    else if (m->type == CONTROL_KEYS && keys_replace(b->keys, m->keys))
        log_error("template list not understood", log_str("from", s->name));
    else if (m->type == CONTROL_TSET)
        tset_on_answer(b, s, m);
    else if (m->type == CONTROL_LOST)
        on_lost(b, s, m);
    else if (m->type == CONTROL_BYE)
        leave(b, s->epoch, "said goodbye", 1);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void receive_frame(struct broker *b, const char *name, const zmq_msg_t *frame, struct span packed)
{
    struct control m;
    int is_ask = ask_is(packed);
    if (!curve_guard_admits(b->guard, b->conf->broker.control, is_ask ? CURVE_CONTROL : CURVE_RING, frame))
        return;
    if (is_ask) {
        b->asks++;
        operator_on_ask(b, name, packed);
    } else if (control_unpack(packed, &m) == 0) {
        on_message(b, name, &m);
    } else {
        log_warn("control message not understood", log_str("from", name));
    }
}

/* Reads one ZeroMQ message. Returns 0 when there is none. */
static int receive_one(struct broker *b, void *socket)
{
    char name[NAME_BYTES_MAX + 1] = "";
    zmq_msg_t frame;
    int more = 1;
    for (int i = 0; more; i++) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return i;
        }
        struct span packed = {zmq_msg_data(&frame), zmq_msg_size(&frame)};
        b->reading = &frame;
        b->reads_curve = curve_covers(&b->conf->curve.keys, b->conf->broker.control);
        more = zmq_msg_more(&frame);
        if (i == 0 && packed.bytes <= NAME_BYTES_MAX)
            memcpy(name, packed.data, packed.bytes);
        else if (i > 0 && name[0])
            receive_frame(b, name, &frame, packed);
        zmq_msg_close(&frame);
    }
    return 1;
}

/* Operators' questions may be costly: what they ask beyond a turn's share waits for the next one. */
void control_receive(struct broker *b)
{
    void *socket = zsock_resolve(b->control);
    int64_t until_us = clock_mono_us() + ASKS_US_MAX;
    b->asks = 0;
    for (int i = 0; i < MESSAGES_A_TURN; i++)
        if (!receive_one(b, socket) || b->asks >= ASKS_A_TURN || (b->asks && clock_mono_us() >= until_us))
            return;
}

/* The table keeps the order of giving out, so its first job is the oldest. */
static void find_overdue(struct broker *b)
{
    struct out *oldest = b->ring.outs;
    if (oldest == NULL || b->ring.fence.open || b->mono_ms - oldest->out_mono_ms < b->conf->broker.out_max_ms)
        return;
    oldest->out_mono_ms = b->mono_ms; /* one fence each out_max is enough */
    control_fence(b, "a job was out for longer than out_max");
}

void control_tick(struct broker *b)
{
    uint64_t silent;
    while ((silent = fence_find_silent(&b->ring.fence, b->mono_ms, silence_ms(b))) != 0) {
        leave(b, silent, "fell silent", 0);
        fence_leave(&b->ring.fence, silent);
    }
    if (monitor_lost(b->jobs_monitor)) {
        control_fence(b, "a templater's data connection was lost");
        b->fence_again_ms = b->mono_ms + FENCE_AGAIN_MS;
    } else if (b->fence_again_ms && b->mono_ms >= b->fence_again_ms && !b->ring.fence.open) {
        b->fence_again_ms = 0;
        zsock_events(b->jobs); /* has the socket take note of that end now; giving out alone does so at most once a ms */
        control_fence(b, "jobs may have gone into the connection that was lost");
    }
    find_overdue(b);
    if (fence_try_close(&b->ring.fence))
        life_after_fence(b);
    tset_tick(b);
}
