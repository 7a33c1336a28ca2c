/* Reads what callers send into the queues of their clients, and serves those in turn (clients.h). A message stays as libzmq gave it until
 * it is served; one that is served in parts goes on where it stopped, so what one connection asks is done in its order. */
#include "broker/broker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/peer.h"
#include "proto/mp.h"

#define REQUESTS_A_TURN CLIENTS_TURN_WORK   /* bounds the commit */
#define BYTES_A_TURN    (8 * 1024 * 1024)
#define MESSAGES_A_TURN 16384               /* read, in some ms */
#define SLICE_BYTES     (256 * 1024)        /* of one client, before the next one has its turn */
#define WORK_BYTES      (BYTES_A_TURN / REQUESTS_A_TURN) /* that count as a request more */
#define REQUESTS_A_MESSAGE 4096             /* of one ZeroMQ message; what is behind them is not read */
#define BYTES_A_MESSAGE    (16 * 1024 * 1024) /* likewise */
#define REFUSALS_MAX    256                 /* answered one by one, of messages that are not kept; beyond, one for the whole message, */
#define REFUSALS_MS     20                  /* until so much time is over */

/* A frame that waits to be served. */
struct kept {
    struct parcel parcel;
    zmq_msg_t frame;
    size_t at;              /* bytes that are served */
    struct message_so_far { /* of the message up to this frame; handed on from frame to frame */
        int requests;
        size_t bytes;
    } taken;
    uint8_t first;          /* the first frame of its message */
    uint8_t envelope, packs;
    uint8_t peer_bytes;
    unsigned char peer[];   /* routing id */
};

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* A message that is not kept is answered all the same, as far as that costs little. */
static void refuse_frame(struct broker *b, struct caller *to, struct span frame)
{
    struct request r;
    struct buf error = {0};
    size_t at = 0, bytes;
    buf_clear(&b->scratch);
    buf_printf(&b->scratch, "too many requests from this client wait: more than %llu bytes (client_kept); try again",
               (unsigned long long)b->conf->broker.client_kept_bytes);
    do {
        struct span rest = {frame.data + at, frame.bytes - at};
        int is_last = b->refused_ahead >= REFUSALS_MAX || to->envelope || request_unpack(rest, &bytes, &r, &error) != 0;
        to->ref_bytes = 0;
        if (!is_last) {
            to->packs |= bytes < rest.bytes;
            to->ref_bytes = (uint8_t)r.ref.bytes;
            memcpy(to->ref, r.ref.data ? r.ref.data : "", r.ref.bytes);
        }
        frontend_refuse(b, to, is_last ? (struct span){NULL, 0} : r.id, REFUSAL_CLIENT_KEPT, buf_str(&b->scratch));
        b->refused_ahead++;
        at += is_last ? rest.bytes : bytes;
    } while (at < frame.bytes);
    buf_free(&error);
}

static void keep_frame(struct broker *b, const struct caller *to, zmq_msg_t *frame, int is_first)
{
    struct kept *k = mem_new(sizeof *k + to->peer_bytes);
    zmq_msg_init(&k->frame);
    zmq_msg_move(&k->frame, frame);
    size_t bytes = zmq_msg_size(&k->frame);
    k->first = (uint8_t)is_first;
    k->envelope = to->envelope;
    k->peer_bytes = to->peer_bytes;
    memcpy(k->peer, to->peer, to->peer_bytes);
    k->parcel.bytes = sizeof *k + to->peer_bytes + bytes;
    k->parcel.work = 1 + (uint32_t)(bytes / WORK_BYTES);
    clients_keep(b->clients, to->client, &k->parcel);
}

static void drop(struct parcel *p)
{
    struct kept *k = (struct kept *)p;
    zmq_msg_close(&k->frame);
    free(k);
}

void intake_destroy(struct broker *b)
{
    clients_destroy(&b->clients, drop);
}

/* Takes the frame behind the routing id, or one of those that follow. */
static void take_frame(struct broker *b, struct caller *to, zmq_msg_t *frame, int is_kept, int *frames)
{
    size_t bytes = zmq_msg_size(frame);
    if (*frames == 0 && bytes == 0 && !to->envelope) {
        to->envelope = 1;
        return;
    }
    if (is_kept)
        keep_frame(b, to, frame, *frames == 0);
    else if (*frames == 0 || b->refused_ahead < REFUSALS_MAX)
        refuse_frame(b, to, (struct span){zmq_msg_data(frame), bytes});
    ++*frames;
}

/* Under CURVE, where everybody has a key, all connections with one key are a client; else each connection is one. */
static struct client *find_client(struct broker *b, const struct caller *to, const zmq_msg_t *frame)
{
    struct peer peer = {.kind = PEER_UNKNOWN};
    if (b->reads_curve)
        peer_of(frame, 1, &peer);
    if (peer.kind == PEER_KEY)
        return clients_find(b->clients, (struct span){peer.name, strlen(peer.name) + 1});
    return clients_find(b->clients, (struct span){(const char *)to->peer, to->peer_bytes});
}

/* Reads one ZeroMQ message: routing id, perhaps an empty frame, requests. Returns whose it was, or NULL when there is none. */
static struct client *read_message(struct broker *b, void *socket)
{
    struct caller to = {.peer_bytes = 0};
    zmq_msg_t frame;
    int more = 1, is_kept = 0, frames = 0;
    for (int i = 0; more; i++) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return to.client;
        }
        more = zmq_msg_more(&frame);
        if (i == 0) {
            size_t bytes = zmq_msg_size(&frame);
            assert(bytes <= sizeof to.peer);
            to.peer_bytes = (uint8_t)bytes;
            memcpy(to.peer, zmq_msg_data(&frame), bytes);
        } else {
            if (i == 1) {
                to.client = find_client(b, &to, &frame);
                is_kept = clients_take(b->clients, to.client);
            }
            b->read_bytes += zmq_msg_size(&frame);
            take_frame(b, &to, &frame, is_kept, &frames);
        }
        zmq_msg_close(&frame);
    }
    return to.client;
}

static void read_messages(struct broker *b)
{
    void *socket = zsock_resolve(b->frontend);
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        const struct client *who = read_message(b, socket);
        if (who == NULL || !clients_read_on(b->clients, who))
            return;
    }
}

/* --- serving ------------------------------------------------------------------------------------------------------ */

/* Serves requests of a frame, at most `most`. Returns how many. */
static size_t serve_frame(struct broker *b, struct caller *to, struct kept *k, size_t most)
{
    struct span frame = {zmq_msg_data(&k->frame), zmq_msg_size(&k->frame)};
    size_t count = 0;
    b->reading = &k->frame;
    if (k->at == 0 && !curve_guard_admits(b->guard, b->conf->broker.frontend, CURVE_FRONTEND, &k->frame)) {
        k->at = frame.bytes; /* its key was revoked: nothing of it is answered */
        return 0;
    }
    to->envelope = k->envelope;
    to->packs = k->packs;
    to->peer_bytes = k->peer_bytes;
    memcpy(to->peer, k->peer, k->peer_bytes);
    do {
        if (k->taken.requests >= REQUESTS_A_MESSAGE || k->taken.bytes + k->at >= BYTES_A_MESSAGE) {
            to->ref_bytes = 0;
            if (k->taken.requests <= REQUESTS_A_MESSAGE)
                frontend_refuse(b, to, (struct span){NULL, 0}, REFUSAL_REQUEST,
                                "message: more than 4096 requests or 16 MiB; the rest of it was not read, send smaller ones");
            k->taken.requests = REQUESTS_A_MESSAGE + 1;
            k->at = frame.bytes;
            break;
        }
        k->at += frontend_take(b, to, (struct span){frame.data + k->at, frame.bytes - k->at});
        k->taken.requests++;
        count++;
    } while (k->at < frame.bytes && count < most);
    k->packs = to->packs;
    return count;
}

/* Serves a slice of a client. Returns the bytes of it. */
static size_t serve_slice(struct broker *b, struct client *who)
{
    struct caller to = {.client = who};
    size_t count = 0, bytes = 0, most = who->is_greedy ? CLIENTS_GREEDY_SLICE : CLIENTS_SLICE;
    while (who->first && count < most && bytes < SLICE_BYTES) {
        struct kept *k = (struct kept *)who->first, *next;
        size_t from = k->at;
        count += serve_frame(b, &to, k, most - count);
        bytes += k->at - from;
        if (k->at < zmq_msg_size(&k->frame))
            break;
        next = (struct kept *)k->parcel.next;
        if (next && !next->first) {
            next->taken = k->taken;
            next->taken.bytes += zmq_msg_size(&k->frame);
        }
        drop(clients_pop(b->clients, who));
    }
    b->requests += (int)count;
    return bytes;
}

static void serve(struct broker *b)
{
    size_t bytes = 0, greedy_max = clients_greedy_max(b->clients);
    int64_t began_us = clock_mono_us();
    struct client *who;
    b->work = b->greedy_work = 0;
    while (b->requests < REQUESTS_A_TURN && bytes < BYTES_A_TURN && b->greedy_work < greedy_max && (who = clients_next(b->clients)) != NULL) {
        int before = b->requests, is_greedy = who->is_greedy;
        int64_t from_us = is_greedy ? clock_mono_us() : 0;
        size_t slice_bytes = serve_slice(b, who);
        size_t slice = (size_t)(b->requests - before) + slice_bytes / WORK_BYTES;
        bytes += slice_bytes;
        b->work += slice;
        b->greedy_work += is_greedy ? slice : 0;
        clients_served(b->clients, who, slice, is_greedy ? clock_mono_us() - from_us : 0);
    }
    b->serving_us = clock_mono_us() - began_us;
}

void intake_charge(struct broker *b, int64_t commit_us)
{
    if (b->work)
        clients_charge(b->clients, b->serving_us + commit_us, commit_us * (int64_t)b->greedy_work / (int64_t)b->work);
}

void frontend_receive(struct broker *b)
{
    b->requests = 0;
    b->read_bytes = 0;
    if (b->mono_ms - b->refused_ms >= REFUSALS_MS) {
        b->refused_ms = b->mono_ms;
        b->refused_ahead = 0;
    }
    clients_begin(b->clients, clock_mono_us());
    b->reads_curve = curve_covers(&b->conf->curve.keys, b->conf->broker.frontend);
    read_messages(b);
    serve(b);
}
