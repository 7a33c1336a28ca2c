#include "client/lib/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#include "client/lib/error.h"
#include "proto/mp.h"

/* One frame; the broker takes 4,096 requests and 16 MiB. Small enough that the broker works on the first while the next is packed. */
#define FRAME_REQUESTS_MAX 1024
#define FRAME_BYTES_MAX ((size_t)256 * 1024)

/* Frames that libzmq holds for the broker. What is not taken stays unasked and is not copied. */
#define SNDHWM 256

#define RESULTS_MAX 16384 /* taken before what was finished is told */

#define RECONNECT_MS     50
#define RECONNECT_MAX_MS 500
#define PING_MS          2000 /* while anything is unanswered: how soon a lost answer or a new epoch is noticed */
#define PING_DOWN_MS     500  /* until the broker has answered once */

/* ZMTP heartbeats: a broker's host that vanished counts as a lost connection. */
#define HEARTBEAT_MS         5000
#define HEARTBEAT_TIMEOUT_MS 15000

/* Refs of calls stay below. The lower bits of such a ref are the number of the ping. */
#define PING_REF ((uint64_t)1 << 63)

struct wire {
    void *context, *socket, *monitor;
    struct pending *pending;
    wire_answered *answered;
    void *self;
    int64_t ping_ms;
    int broken_off;         /* handshakes that failed, whose DISCONNECTED has not come yet */
    int up;
    int packs;              /* the broker takes several requests in a frame */
    int blocked;            /* the socket took no more: it tells when it does */
    int busy;               /* results were left in the socket */
    uint32_t ping;          /* number of the last one that went out; 0 = none yet */
    uint32_t answered_ping;
    uint32_t lost_ping;     /* number of the last one before the connection was lost */
    int64_t pinged_ms;
    uint64_t epoch;         /* of the broker; 0 = not known yet */
    uint64_t epoch_before;  /* results of the one before may still come in late */
};

static int set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

/* libzmq's own threads write into the monitor and must never wait for its reader, so it has no high-water mark. */
static int open_monitor(struct wire *w)
{
    char address[64]; /* unique in its context, which is the handle's own */
    snprintf(address, sizeof address, "inproc://monitor-%p", (void *)w);
    if (zmq_socket_monitor(w->socket, address, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) != 0)
        return -1;
    w->monitor = zmq_socket(w->context, ZMQ_PAIR);
    if (w->monitor == NULL)
        return -1;
    set(w->monitor, ZMQ_LINGER, 0);
    set(w->monitor, ZMQ_RCVHWM, 0);
    return zmq_connect(w->monitor, address);
}

/* ZMQ_IMMEDIATE: without it libzmq would also queue for a broker that is away. The receiving side has no mark: what comes in is bounded
 * by what is unanswered. */
static int open_socket(struct wire *w)
{
    w->context = zmq_ctx_new();
    w->socket = w->context ? zmq_socket(w->context, ZMQ_DEALER) : NULL;
    if (w->socket == NULL)
        return -1;
    int64_t message_bytes_max = MESSAGE_BYTES_MAX;
    int wrong = set(w->socket, ZMQ_LINGER, 0) | set(w->socket, ZMQ_IMMEDIATE, 1) | set(w->socket, ZMQ_SNDHWM, SNDHWM) |
                set(w->socket, ZMQ_RCVHWM, 0) | set(w->socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) |
                set(w->socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) | set(w->socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) |
                set(w->socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS) |
                zmq_setsockopt(w->socket, ZMQ_MAXMSGSIZE, &message_bytes_max, sizeof message_bytes_max);
    return wrong ? -1 : open_monitor(w);
}

struct wire *wire_new(const struct wire_options *options)
{
    struct wire *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->pending = options->pending;
    w->answered = options->answered;
    w->self = options->self;
    w->ping_ms = options->ask_again_ms < PING_MS ? options->ask_again_ms : PING_MS;
    w->pinged_ms = INT64_MIN / 2;
    if (open_socket(w) == 0) {
        if (curve_connect(w->socket, options->keys, options->endpoint) == 0)
            return w;
        errno = EINVAL;
        error_set(MEGA_INVALID, "endpoint: %s: no address; give tcp://HOST:PORT or ipc://PATH", options->endpoint);
    } else {
        error_set(MEGA_SYSTEM, "no socket: %s", zmq_strerror(zmq_errno()));
    }
    int error = errno;
    wire_destroy(&w);
    errno = error;
    return NULL;
}

void wire_destroy(struct wire **self)
{
    struct wire *w = *self;
    if (w == NULL)
        return;
    if (w->monitor) {
        zmq_socket_monitor(w->socket, NULL, 0);
        zmq_close(w->monitor);
    }
    if (w->socket)
        zmq_close(w->socket);
    if (w->context)
        while (zmq_ctx_term(w->context) != 0 && zmq_errno() == EINTR)
            ;
    free(w);
    *self = NULL;
}

int wire_is_up(const struct wire *w)
{
    return w->up;
}

uint32_t wire_answered_ping(const struct wire *w)
{
    return w->answered_ping;
}

/* --- what comes in ------------------------------------------------------------------------------------------------ */

/* Reads one event: two frames, a 16-bit number with a 32-bit value, and the address (zmq_socket_monitor(3)). Returns the number, 0 when
 * none is there. */
static uint16_t read_event(void *monitor)
{
    unsigned char first[6];
    uint16_t event = ZMQ_EVENT_MONITOR_STOPPED;
    int bytes = zmq_recv(monitor, first, sizeof first, ZMQ_DONTWAIT), more = 0;
    size_t more_bytes = sizeof more;
    if (bytes < 0)
        return 0;
    if (bytes == (int)sizeof first)
        memcpy(&event, first, sizeof event);
    while (zmq_getsockopt(monitor, ZMQ_RCVMORE, &more, &more_bytes) == 0 && more)
        if (zmq_recv(monitor, NULL, 0, ZMQ_DONTWAIT) < 0)
            break;
    return event;
}

static void lose(struct wire *w)
{
    w->lost_ping = w->ping;
    w->packs = 0;
    w->up = 0;
    w->pinged_ms = INT64_MIN / 2;
    pending_ask_all_again(w->pending);
}

/* A connection that broke off before its handshake was done carried nothing: its HANDSHAKE_FAILED comes just before its DISCONNECTED and
 * cancels it. */
static void look_for_loss(struct wire *w)
{
    for (uint16_t event = read_event(w->monitor); event; event = read_event(w->monitor)) {
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
            w->broken_off++;
        else if (event == ZMQ_EVENT_DISCONNECTED && w->broken_off > 0)
            w->broken_off--;
        else if (event == ZMQ_EVENT_DISCONNECTED)
            lose(w);
    }
}

static void note_epoch(struct wire *w, uint64_t epoch)
{
    if (epoch == 0 || epoch == w->epoch || epoch == w->epoch_before)
        return;
    if (w->epoch != 0)
        pending_ask_all_again(w->pending);
    w->epoch_before = w->epoch;
    w->epoch = epoch;
}

static void take_pong(struct wire *w, uint32_t ping, int packs)
{
    if (ping <= w->answered_ping || ping > w->ping)
        return;
    w->answered_ping = ping;
    if (ping <= w->lost_ping)
        return;
    w->packs = packs;
    w->up = 1;
}

/* Who waits until the message has ended is answered then: a 100 tells only of now. */
static int is_final(const struct call *c, const struct result *r)
{
    return r->code != CODE_QUEUED || (c->op != OP_SEND && c->patience != PATIENCE_WAIT);
}

/* Takes the first result of what is left of a frame. Returns its bytes; all when it is none. */
static size_t take_result(struct wire *w, struct span frame)
{
    struct result r;
    struct mp_cursor cursor;
    size_t bytes;
    if (result_unpack(frame, &bytes, &r) != 0 || bytes == 0)
        return frame.bytes;
    mp_open(&cursor, r.ref);
    uint64_t ref = mp_read_u64(&cursor);
    if (cursor.failed)
        return bytes;
    note_epoch(w, r.epoch);
    if (ref & PING_REF) {
        take_pong(w, (uint32_t)ref, r.packs);
        return bytes;
    }
    struct call *c = pending_find(w->pending, ref);
    if (c && is_final(c, &r))
        w->answered(w->self, c, (struct span){frame.data, bytes});
    return bytes;
}

/* Returns the number of results; 0 when there is no frame. */
static size_t receive_frame(struct wire *w)
{
    zmq_msg_t frame;
    size_t count = 0;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, w->socket, ZMQ_DONTWAIT) >= 0) {
        struct span rest = {zmq_msg_data(&frame), zmq_msg_size(&frame)};
        do {
            size_t bytes = take_result(w, rest);
            rest = (struct span){rest.data + bytes, rest.bytes - bytes};
            count++;
        } while (rest.bytes > 0);
    }
    zmq_msg_close(&frame);
    return count;
}

void wire_receive(struct wire *w)
{
    look_for_loss(w);
    size_t results = 0, more = 1;
    for (; results < RESULTS_MAX && more > 0; results += more)
        more = receive_frame(w);
    w->busy = more > 0;
}

/* --- what goes out ------------------------------------------------------------------------------------------------ */

/* Sends the message, which is gone then in any case. */
static int send_message(struct wire *w, zmq_msg_t *message)
{
    if (zmq_msg_send(message, w->socket, ZMQ_DONTWAIT) >= 0)
        return 0;
    w->blocked = 1;
    zmq_msg_close(message);
    return -1;
}

static void send_ping(struct wire *w, int64_t now_ms)
{
    char ref_room[REF_BYTES_MAX], room[128];
    struct buf ref = {.data = ref_room, .room = sizeof ref_room}, packed = {.data = room, .room = sizeof room};
    zmq_msg_t message;
    mp_u64(&ref, PING_REF | (w->ping + 1));
    request_pack(&(struct request){.op = OP_PING, .ref = buf_span(&ref), .lane = -1}, &packed);
    if (zmq_msg_init_size(&message, packed.bytes) != 0)
        return;
    memcpy(zmq_msg_data(&message), packed.data, packed.bytes);
    if (send_message(w, &message) != 0)
        return;
    w->ping++;
    w->pinged_ms = now_ms;
}

/* Asks the first of the unasked in one frame, as many as the broker takes. Returns -1 when the socket takes no more now. */
static int send_batch(struct wire *w, int64_t now_ms)
{
    size_t most = w->packs ? FRAME_REQUESTS_MAX : 1, count = 0, bytes = 0;
    struct call *c = pending_unasked(w->pending);
    for (; c && count < most && (count == 0 || bytes + c->bytes <= FRAME_BYTES_MAX); c = c->after[BY_ASKING]) {
        bytes += c->bytes;
        count++;
    }
    zmq_msg_t message;
    if (zmq_msg_init_size(&message, bytes) != 0)
        return -1;
    char *at = zmq_msg_data(&message);
    c = pending_unasked(w->pending);
    for (size_t i = 0; i < count; i++, c = c->after[BY_ASKING]) {
        memcpy(at, c->packed, c->bytes);
        at += c->bytes;
    }
    if (send_message(w, &message) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        pending_asked(w->pending, pending_unasked(w->pending), w->ping, now_ms);
    return 0;
}

static int64_t ping_due_ms(const struct wire *w)
{
    if (!w->up)
        return w->pinged_ms + (w->ping > w->lost_ping ? PING_DOWN_MS : 0);
    return pending_count(w->pending) > 0 ? w->pinged_ms + w->ping_ms : INT64_MAX;
}

void wire_ask(struct wire *w, int64_t now_ms)
{
    int events = 0;
    size_t bytes = sizeof events;
    w->blocked = zmq_getsockopt(w->socket, ZMQ_EVENTS, &events, &bytes) != 0 || (events & ZMQ_POLLOUT) == 0;
    if (!w->blocked && ping_due_ms(w) <= now_ms)
        send_ping(w, now_ms);
    while (w->up && !w->blocked && pending_unasked(w->pending))
        if (send_batch(w, now_ms) != 0)
            break;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

void wire_wait(struct wire *w, int wake_fd, int64_t until_ms, int64_t now_ms)
{
    if (w->busy)
        return;
    short events = (short)(ZMQ_POLLIN | (w->blocked ? ZMQ_POLLOUT : 0));
    zmq_pollitem_t items[] = {{w->socket, 0, events, 0}, {w->monitor, 0, ZMQ_POLLIN, 0}, {NULL, wake_fd, ZMQ_POLLIN, 0}};
    if (!w->blocked && ping_due_ms(w) < until_ms)
        until_ms = ping_due_ms(w);
    int64_t wait_ms = until_ms == INT64_MAX ? -1 : until_ms - now_ms;
    if (until_ms != INT64_MAX && wait_ms < 0)
        wait_ms = 0;
    if (wait_ms > INT_MAX)
        wait_ms = INT_MAX; /* and then looks again */
    zmq_poll(items, sizeof items / sizeof *items, (long)wait_ms);
}
