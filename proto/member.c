#include "proto/member.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/monitor.h"
#include "base/usage.h"
#include "proto/mp.h"

#define FIGURES_MS      1000 /* from one beat with figures to the next */
#define BEATS_A_LEASE   5   /* so that one lost or late beat costs nothing */
#define TICK_MS_MIN     20
#define HELLO_MS        100 /* between two hellos: the first one is dropped while the connection is being made */
#define DEAF_MS         5000 /* without a word from the broker, who is asked all the time: the connection is made anew. Longer than a handshake may take */
#define RECEIVE_MAX     256 /* messages a call; the loop comes round again for more */
#define RECONNECT_MS    50
#define RECONNECT_MS_MAX 500
#define LINGER_MS       500 /* for the goodbye */

struct member {
    zsock_t *socket;
    struct monitor *monitor;
    struct member_events events;
    void *self;
    enum stage_kind kind;
    char name[NAME_BYTES_MAX + 1];
    char endpoint[ENDPOINT_BYTES_MAX + 1];
    char *control;         /* owned */
    const struct curve_keys *keys;
    uint32_t slots;
    uint64_t epoch;
    uint64_t generation;   /* of the last fence or welcome */
    int64_t lease_ms;
    int64_t granted_ms;    /* the lease counts from here */
    int64_t heard_ms;      /* the broker said something last, or the connection was begun */
    int64_t next_tick_ms;
    int64_t figures_ms;    /* a beat carries figures then */
    int welcome;
    int refused;
    struct buf out;        /* reused for packing */
};

struct member *member_new(const struct member_options *options)
{
    struct member *m = mem_new(sizeof *m);
    assert(strlen(options->name) <= NAME_BYTES_MAX && strlen(options->endpoint) <= ENDPOINT_BYTES_MAX);
    m->events = options->events;
    m->self = options->self;
    m->kind = options->kind;
    memcpy(m->name, options->name, strlen(options->name));
    memcpy(m->endpoint, options->endpoint, strlen(options->endpoint));
    m->control = mem_dup(options->control);
    m->keys = options->keys;
    m->heard_ms = clock_mono_ms();
    m->slots = options->slots;
    m->lease_ms = options->lease_ms;
    m->epoch = hash_random_u64();
    m->socket = zsock_new(ZMQ_DEALER);
    assert(m->socket);
    zsock_set_identity(m->socket, m->name);
    zsock_set_immediate(m->socket, 1); /* nothing piles up for a broker that is away */
    zsock_set_reconnect_ivl(m->socket, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(m->socket, RECONNECT_MS_MAX);
    zsock_set_linger(m->socket, LINGER_MS);
    zsock_set_sndhwm(m->socket, 0); /* a beat must not be dropped behind results; both are bounded by the slots */
    m->monitor = monitor_new(m->socket);
    if (curve_connect(zsock_resolve(m->socket), options->keys, options->control) != 0) {
        log_fatal("control socket cannot be used", log_str("endpoint", options->control));
        exit(1);
    }
    return m;
}

void member_destroy(struct member **self)
{
    struct member *m = *self;
    if (m == NULL)
        return;
    monitor_destroy(&m->monitor);
    zsock_destroy(&m->socket);
    free(m->control);
    buf_free(&m->out);
    free(m);
    *self = NULL;
}

void *member_socket(struct member *m)
{
    return m->socket;
}

void member_send(struct member *m, struct control *message)
{
    message->epoch = m->epoch;
    buf_clear(&m->out);
    control_pack(message, &m->out);
    if (zmq_send(zsock_resolve(m->socket), m->out.data, m->out.bytes, ZMQ_DONTWAIT) < 0)
        log_debug("not sent, the broker is away", log_str("error", zmq_strerror(errno)));
}

static void say_hello(struct member *m)
{
    struct control hello = {.type = CONTROL_HELLO,
                            .kind = m->kind,
                            .name = span_of(m->name),
                            .version = span_of(MEGA_VERSION),
                            .slots = m->slots,
                            .endpoint = span_of(m->endpoint),
                            .generation = m->generation,
                            .clock_ms = clock_mono_ms()};
    member_send(m, &hello);
}

void member_beat_now(struct member *m)
{
    struct control beat = {.type = CONTROL_BEAT, .generation = m->generation, .clock_ms = clock_mono_ms()};
    if (!m->welcome)
        return;
    if (beat.clock_ms >= m->figures_ms) {
        struct usage usage = usage_now();
        beat.cpu_us = usage.cpu_us > 0 ? usage.cpu_us : 1;
        beat.rss_bytes = usage.rss_bytes;
        m->figures_ms = beat.clock_ms + FIGURES_MS;
    }
    if (m->events.beat)
        m->events.beat(m->self, &beat);
    member_send(m, &beat);
}

/* Answers a fence: what is held goes out with the generation that was asked for. */
static void answer_fence(struct member *m, uint64_t generation)
{
    struct buf list = {0}, packed = {0};
    m->generation = generation;
    size_t count = m->events.hold(m->self, generation, &list);
    mp_array(&packed, count);
    mp_raw(&packed, buf_span(&list));
    struct control held = {.type = CONTROL_HELD, .generation = generation, .holdings = buf_span(&packed)};
    member_send(m, &held);
    buf_free(&list);
    buf_free(&packed);
}

static void on_welcome(struct member *m, const struct control *message)
{
    if (message->lease_ms > 0)
        m->lease_ms = message->lease_ms;
    m->granted_ms = message->clock_ms;
    m->welcome = 1;
    log_info("welcomed by the broker", log_u64("generation", message->generation), log_i64("lease_ms", m->lease_ms));
    answer_fence(m, message->generation);
    if (m->events.welcomed)
        m->events.welcomed(m->self, message);
}

static void on_beat(struct member *m, const struct control *message)
{
    if (!m->welcome)
        return;
    if (message->clock_ms > m->granted_ms)
        m->granted_ms = message->clock_ms;
    /* The fence itself was lost with a connection: this is its repetition. */
    if (message->generation > m->generation)
        answer_fence(m, message->generation);
}

static void on_message(struct member *m, const struct control *message)
{
    switch (message->type) {
    case CONTROL_WELCOME:
        if (message->epoch == m->epoch)
            on_welcome(m, message);
        return;
    case CONTROL_BEAT:
        if (message->epoch == m->epoch)
            on_beat(m, message);
        return;
    case CONTROL_FENCE:
        /* The present generation again: our answer was lost. Holding is the same as often as it is asked. */
        if (m->welcome && message->generation >= m->generation)
            answer_fence(m, message->generation);
        return;
    case CONTROL_WHO:
        m->welcome = 0;
        say_hello(m);
        return;
    case CONTROL_REFUSED:
        log_error("refused by the broker", log_span("reason", message->message));
        m->refused = 1;
        return;
    default:
        if (m->events.message)
            m->events.message(m->self, message);
    }
}

static void receive_frame(struct member *m, struct span packed)
{
    struct control message;
    m->heard_ms = clock_mono_ms();
    if (control_unpack(packed, &message) == 0)
        on_message(m, &message);
    else
        log_warn("control message not understood", log_u64("bytes", packed.bytes));
}

void member_receive(struct member *m)
{
    void *socket = zsock_resolve(m->socket);
    for (int i = 0; i < RECEIVE_MAX; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return;
        }
        receive_frame(m, (struct span){zmq_msg_data(&frame), zmq_msg_size(&frame)});
        zmq_msg_close(&frame);
    }
}

/* What was on its way in a lost connection is gone, in both directions. A new hello brings both ends back to one state: the fence
 * is answered, lists are told and results offered again. */
static void look_for_loss(struct member *m)
{
    if (monitor_lost(m->monitor) == 0 || !m->welcome)
        return;
    log_info("connection to the broker lost, saying hello again");
    m->welcome = 0;
    m->next_tick_ms = 0;
}

/* Whoever comes to the broker with our name takes our place there; libzmq then leaves our connection open, and nothing goes through it
 * any more, even when he has gone. */
static void look_for_deafness(struct member *m, int64_t now_ms)
{
    if (m->welcome || now_ms - m->heard_ms < DEAF_MS)
        return;
    log_debug("no word from the broker, connecting anew");
    m->heard_ms = now_ms;
    zmq_disconnect(zsock_resolve(m->socket), m->control); /* fails where the last try to connect did */
    if (curve_connect(zsock_resolve(m->socket), m->keys, m->control) != 0)
        log_warn("control socket cannot be connected, will be tried again", log_str("endpoint", m->control), log_str("error", zmq_strerror(errno)));
}

int member_tick(struct member *m)
{
    int64_t now_ms = clock_mono_ms();
    look_for_loss(m);
    look_for_deafness(m, now_ms);
    int64_t every_ms = m->lease_ms / BEATS_A_LEASE;
    if (every_ms > HELLO_MS && !m->welcome)
        every_ms = HELLO_MS;
    if (every_ms < TICK_MS_MIN)
        every_ms = TICK_MS_MIN;
    if (m->welcome && now_ms - m->granted_ms >= m->lease_ms) {
        log_warn("lease ran out, nothing is begun until the broker answers", log_i64("lease_ms", m->lease_ms));
        m->welcome = 0;
    }
    if (now_ms >= m->next_tick_ms) {
        if (m->welcome)
            member_beat_now(m);
        else
            say_hello(m);
        m->next_tick_ms = now_ms + every_ms;
    }
    int64_t wait_ms = m->next_tick_ms - now_ms;
    return wait_ms < 1 ? 1 : (int)wait_ms;
}

int member_may_begin(const struct member *m)
{
    return m->welcome && clock_mono_ms() - m->granted_ms < m->lease_ms;
}

int member_is_welcome(const struct member *m)
{
    return m->welcome;
}

int member_accepts(const struct member *m, uint64_t generation)
{
    return generation >= m->generation;
}

uint64_t member_generation(const struct member *m)
{
    return m->generation;
}

int member_is_refused(const struct member *m)
{
    return m->refused;
}

void member_bye(struct member *m)
{
    struct control bye = {.type = CONTROL_BYE};
    member_send(m, &bye);
    m->welcome = 0;
}
