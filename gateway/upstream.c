/* The DEALER to the frontend. Requests are taken from pending in batches, one ZeroMQ message each, and never
 * leave it before they are answered. What does not fit into the socket now stays unasked.
 *
 * ZMQ_IMMEDIATE is set: without it libzmq would also queue for a broker that is away, and every repeated
 * question with it.
 */
#include "gateway/upstream.h"

#include <czmq.h>

#include "base/log.h"
#include "base/monitor.h"
#include "gateway/limits.h"
#include "proto/limits.h"
#include "proto/mp.h"

/* The lower half of a ping's ref; no slot has this number. The upper half is the number of the ping. */
#define PING_SLOT UINT32_MAX

#define PINGS_MARKED 64 /* of the latest ones it is known what went out before */

/* What went out on all connections so far. */
struct gone_out {
    uint64_t requests, bytes;
};

struct upstream {
    zsock_t *socket;
    struct monitor *monitor;
    struct pending *pending;
    upstream_answered *answered;
    void *self;
    int up;
    int packs;               /* the broker takes several requests in a frame: one of before does not */
    uint32_t ping;           /* number of the last one that went out; 0 = none yet */
    uint32_t answered_ping;
    uint32_t lost_ping;      /* number of the last one before the connection was lost */
    int64_t pinged_ms;
    struct gone_out sent, read; /* read: by the broker, as its pongs tell */
    struct {
        uint32_t ping;
        struct gone_out sent; /* before it */
    } marks[PINGS_MARKED];
    uint64_t epoch;          /* of the broker; 0 = not known yet */
    uint64_t epoch_before;   /* results of the one before may still come in late */
    int writable, readable;  /* as the socket said last */
    struct buf packed;       /* reused for pings */
};

static zsock_t *open_socket(void);
static void lose(struct upstream *u);
static size_t receive_frame(struct upstream *u);
static size_t take_result(struct upstream *u, struct span frame);
static void take_pong(struct upstream *u, uint32_t ping, int packs);
static void note_epoch(struct upstream *u, uint64_t epoch);
static void look(struct upstream *u);
static int is_far_ahead(const struct upstream *u);
static int64_t ping_due_ms(const struct upstream *u);
static void send_ping(struct upstream *u, int64_t now_ms);
static int send_batch(struct upstream *u, int64_t now_ms);
static int send_packed(struct upstream *u, zmq_msg_t *message);

struct upstream *upstream_new(const struct conf *conf, struct pending *pending, upstream_answered *answered,
                              void *self)
{
    const char *endpoint = conf->broker.frontend;
    zsock_t *socket = open_socket();
    if (socket == NULL)
        return NULL;
    struct upstream *u = mem_new(sizeof *u);
    u->socket = socket;
    u->monitor = monitor_new(socket);
    u->pending = pending;
    u->answered = answered;
    u->self = self;
    u->pinged_ms = INT64_MIN / 2;
    if (curve_connect(zsock_resolve(socket), &conf->curve.keys, endpoint) != 0) {
        log_error("broker's frontend: not an endpoint; set [broker] frontend", log_str("endpoint", endpoint));
        upstream_destroy(&u);
        return NULL;
    }
    return u;
}

static zsock_t *open_socket(void)
{
    zsock_t *socket = zsock_new(ZMQ_DEALER);
    if (socket == NULL) {
        log_error("broker's frontend: no socket", log_str("error", zmq_strerror(zmq_errno())));
        return NULL;
    }
    zsock_set_immediate(socket, 1);
    zsock_set_linger(socket, 0); /* what is unanswered was not promised to anybody */
    zsock_set_sndhwm(socket, GATEWAY_SNDHWM);
    zsock_set_rcvhwm(socket, GATEWAY_RCVHWM);
    zsock_set_maxmsgsize(socket, MESSAGE_BYTES_MAX);
    zsock_set_reconnect_ivl(socket, GATEWAY_RECONNECT_MS);
    zsock_set_heartbeat_ivl(socket, GATEWAY_HEARTBEAT_MS);
    zsock_set_heartbeat_timeout(socket, GATEWAY_HEARTBEAT_TIMEOUT_MS);
    return socket;
}

void upstream_destroy(struct upstream **self)
{
    struct upstream *u = *self;
    if (u == NULL)
        return;
    monitor_destroy(&u->monitor);
    zsock_destroy(&u->socket);
    buf_free(&u->packed);
    free(u);
    *self = NULL;
}

int upstream_fd(const struct upstream *u)
{
    return (int)zsock_fd(u->socket);
}

int upstream_monitor_fd(const struct upstream *u)
{
    return (int)zsock_fd(monitor_socket(u->monitor));
}

uint32_t upstream_answered_ping(const struct upstream *u)
{
    return u->answered_ping;
}

/* --- what comes in -------------------------------------------------------------------------------------- */

void upstream_receive(struct upstream *u, int64_t now_ms)
{
    (void)now_ms;
    if (monitor_lost(u->monitor) > 0)
        lose(u);
    size_t results = 0, more = 1;
    for (; results < GATEWAY_RESULTS_MAX && more > 0; results += more)
        more = receive_frame(u);
    look(u);
}

static void lose(struct upstream *u)
{
    u->lost_ping = u->ping;
    u->read = u->sent; /* or gone with the connection */
    u->packs = 0;
    size_t again = pending_ask_all_again(u->pending);
    if (!u->up)
        return;
    u->up = 0;
    log_warn("broker lost; unanswered requests wait", log_u64("again", again),
             log_u64("pushes", pending_pushes(u->pending)), log_u64("sends", pending_sends(u->pending)));
}

/* Returns the number of results; 0 when there is no frame. */
static size_t receive_frame(struct upstream *u)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    size_t count = 0;
    if (zmq_msg_recv(&frame, zsock_resolve(u->socket), ZMQ_DONTWAIT) >= 0) {
        struct span rest = {zmq_msg_data(&frame), zmq_msg_size(&frame)};
        do {
            size_t bytes = take_result(u, rest);
            rest = (struct span){rest.data + bytes, rest.bytes - bytes};
            count++;
        } while (rest.bytes > 0);
    }
    zmq_msg_close(&frame);
    return count;
}

/* Takes the first result of what is left of a frame. Returns its bytes; all when it is none. */
static size_t take_result(struct upstream *u, struct span frame)
{
    struct result r;
    struct mp_cursor c;
    size_t bytes;
    if (result_unpack(frame, &bytes, &r) != 0) {
        log_warn("frame from the broker is no result; ignored", log_u64("bytes", frame.bytes));
        return frame.bytes;
    }
    mp_open(&c, r.ref);
    uint64_t ref = mp_read_u64(&c);
    if (c.failed) {
        log_warn("result without a ref of ours; ignored", log_i64("code", r.code));
        return bytes;
    }
    if ((uint32_t)ref == PING_SLOT)
        take_pong(u, (uint32_t)(ref >> 32), r.packs);
    struct pending_entry *e = pending_find(u->pending, ref);
    if (e != NULL && r.code != CODE_QUEUED)
        u->answered(u->self, e, &r);
    note_epoch(u, r.epoch);
    return bytes;
}

static void take_pong(struct upstream *u, uint32_t ping, int packs)
{
    if (ping <= u->answered_ping || ping > u->ping)
        return;
    u->answered_ping = ping;
    if (u->marks[ping % PINGS_MARKED].ping == ping && u->marks[ping % PINGS_MARKED].sent.requests > u->read.requests)
        u->read = u->marks[ping % PINGS_MARKED].sent;
    if (ping > u->lost_ping)
        u->packs = packs;
    if (u->up || ping <= u->lost_ping)
        return;
    u->up = 1;
    log_info("broker reached", log_u64("unasked", pending_unasked_count(u->pending)));
}

static void note_epoch(struct upstream *u, uint64_t epoch)
{
    if (epoch == 0 || epoch == u->epoch || epoch == u->epoch_before)
        return;
    if (u->epoch != 0) {
        size_t again = pending_ask_all_again(u->pending);
        u->read = u->sent;
        log_info("broker was started again; unanswered requests are asked again", log_u64("again", again));
    }
    u->epoch_before = u->epoch;
    u->epoch = epoch;
}

/* ZMQ_FD tells by an edge: every send and receive may have used up the one that told of something else. */
static void look(struct upstream *u)
{
    int events = zsock_events(u->socket);
    u->readable = (events & ZMQ_POLLIN) != 0;
    u->writable = (events & ZMQ_POLLOUT) != 0;
}

/* --- what goes out -------------------------------------------------------------------------------------- */

void upstream_ask(struct upstream *u, int64_t now_ms)
{
    if (u->writable && ping_due_ms(u) <= now_ms)
        send_ping(u, now_ms);
    while (u->up && u->writable && pending_unasked_count(u->pending) > 0 && !is_far_ahead(u)) {
        if (send_batch(u, now_ms) != 0)
            break;
        if (u->writable && ping_due_ms(u) <= now_ms)
            send_ping(u, now_ms);
    }
    look(u);
}

/* Pongs tell what the broker has read; beyond a window what is to be asked waits here. */
static int is_far_ahead(const struct upstream *u)
{
    return u->sent.requests - u->read.requests >= GATEWAY_AHEAD_REQUESTS || u->sent.bytes - u->read.bytes >= GATEWAY_AHEAD_BYTES;
}

int64_t upstream_due_ms(struct upstream *u)
{
    if (u->readable)
        return 0;
    if (!u->writable)
        return INT64_MAX; /* the descriptor tells */
    if (u->up && pending_unasked_count(u->pending) > 0 && !is_far_ahead(u))
        return 0;
    return ping_due_ms(u);
}

static int64_t ping_due_ms(const struct upstream *u)
{
    if (!u->up)
        return u->pinged_ms + (u->ping > u->lost_ping ? GATEWAY_PING_DOWN_MS : 0);
    const struct gone_out *before = &u->marks[u->ping % PINGS_MARKED].sent;
    if (u->sent.requests - before->requests >= GATEWAY_AHEAD_REQUESTS / 4 || u->sent.bytes - before->bytes >= GATEWAY_AHEAD_BYTES / 4)
        return u->pinged_ms;
    int busy = pending_pushes(u->pending) > 0 || pending_sends(u->pending) > 0;
    return u->pinged_ms + (busy ? GATEWAY_PING_BUSY_MS : GATEWAY_PING_IDLE_MS);
}

static void send_ping(struct upstream *u, int64_t now_ms)
{
    struct buf ref = {0};
    mp_u64(&ref, (uint64_t)(u->ping + 1) << 32 | PING_SLOT);
    buf_clear(&u->packed);
    request_pack(&(struct request){.op = OP_PING, .ref = buf_span(&ref), .lane = -1}, &u->packed);
    buf_free(&ref);
    zmq_msg_t message;
    if (zmq_msg_init_size(&message, u->packed.bytes) != 0)
        return;
    memcpy(zmq_msg_data(&message), u->packed.data, u->packed.bytes);
    if (send_packed(u, &message) != 0) {
        u->writable = 0;
        return;
    }
    u->ping++;
    u->pinged_ms = now_ms;
    u->marks[u->ping % PINGS_MARKED].ping = u->ping;
    u->marks[u->ping % PINGS_MARKED].sent = u->sent;
}

/* Asks the first of the unasked, packed into one frame if the broker reads such. Returns -1 when the socket takes no more now. */
static int send_batch(struct upstream *u, int64_t now_ms)
{
    struct pending_entry *batch[GATEWAY_SEND_REQUESTS_MAX];
    size_t most = u->packs ? GATEWAY_SEND_REQUESTS_MAX : 1, bytes = 0;
    size_t count = pending_unasked(u->pending, batch, most, GATEWAY_SEND_BYTES_MAX);
    zmq_msg_t message;
    for (size_t i = 0; i < count; i++)
        bytes += batch[i]->bytes;
    if (zmq_msg_init_size(&message, bytes) != 0)
        return -1;
    char *at = zmq_msg_data(&message);
    for (size_t i = 0; i < count; at += batch[i++]->bytes)
        memcpy(at, batch[i]->packed, batch[i]->bytes);
    if (send_packed(u, &message) != 0) {
        u->writable = 0;
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        pending_asked(u->pending, batch[i], u->ping, now_ms);
    u->sent.requests += count;
    u->sent.bytes += bytes;
    return 0;
}

/* Sends the message, which is gone then in any case. */
static int send_packed(struct upstream *u, zmq_msg_t *message)
{
    if (zmq_msg_send(message, zsock_resolve(u->socket), ZMQ_DONTWAIT) >= 0)
        return 0;
    zmq_msg_close(message);
    return -1;
}
