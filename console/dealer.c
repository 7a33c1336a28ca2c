#include "console/dealer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#define RECONNECT_MS     100
#define RECONNECT_MS_MAX 1000
#define RECEIVE_A_TURN   64 /* answers; a page may be a megabyte */
#define ASKS_WAITING     64 /* for a party that is away: those of the same turn; all are asked again anyhow */
#define REF_BITS         53

struct asked {
    uint64_t ref;
    struct buf packed;
    int64_t timeout_ms;
    int64_t again_ms, until_ms; /* monotonic */
    struct ear ear;        /* done NULL: this place is free */
};

struct dealer {
    zsock_t *socket;
    uint64_t next_ref;
    struct asked asks[DEALER_ASKS_MAX];
    size_t used; /* places that may be taken: all of them lie before it */
};

static void set_identity(zsock_t *socket)
{
    char name[NAME_BYTES_MAX + 1];
    snprintf(name, sizeof name, OPERATOR_NAME_PREFIX "%016" PRIx64, hash_random_u64());
    zsock_set_identity(socket, name);
}

struct dealer *dealer_new(const char *what, const struct curve_keys *keys, const char *endpoint)
{
    struct dealer *p = mem_new(sizeof *p);
    p->next_ref = hash_random_u64() >> (64 - REF_BITS); /* so that those of an earlier start are not met again */
    p->socket = zsock_new(ZMQ_DEALER);
    set_identity(p->socket);
    zsock_set_linger(p->socket, 0);
    zsock_set_sndhwm(p->socket, ASKS_WAITING);
    zsock_set_reconnect_ivl(p->socket, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(p->socket, RECONNECT_MS_MAX);
    if (curve_connect(zsock_resolve(p->socket), keys, endpoint) == 0)
        return p;
    log_error("cannot be connected to", log_str("party", what), log_str("endpoint", endpoint),
              log_str("error", zmq_strerror(errno)));
    dealer_destroy(&p);
    return NULL;
}

void dealer_destroy(struct dealer **self)
{
    struct dealer *p = *self;
    if (p == NULL)
        return;
    for (size_t i = 0; i < DEALER_ASKS_MAX; i++)
        buf_free(&p->asks[i].packed);
    zsock_destroy(&p->socket);
    free(p);
    *self = NULL;
}

uint64_t dealer_ref(struct dealer *p)
{
    p->next_ref = (p->next_ref + 1) & ((1ull << REF_BITS) - 1);
    return p->next_ref ? p->next_ref : ++p->next_ref;
}

void *dealer_socket(struct dealer *p)
{
    return p->socket;
}

static void send_ask(struct dealer *p, struct asked *a)
{
    zmq_send(zsock_resolve(p->socket), a->packed.data, a->packed.bytes, ZMQ_DONTWAIT);
    a->again_ms = clock_mono_ms() + DEALER_AGAIN_MS;
}

int dealer_ask(struct dealer *p, uint64_t ref, struct span packed, int64_t timeout_ms, struct ear ear)
{
    size_t i = 0;
    while (i < DEALER_ASKS_MAX && p->asks[i].ear.done)
        i++;
    if (i == DEALER_ASKS_MAX)
        return -1;
    struct asked *a = &p->asks[i];
    a->ref = ref;
    buf_clear(&a->packed);
    buf_append(&a->packed, packed.data, packed.bytes);
    a->timeout_ms = timeout_ms;
    a->until_ms = clock_mono_ms() + timeout_ms;
    a->ear = ear;
    if (i >= p->used)
        p->used = i + 1;
    send_ask(p, a);
    return 0;
}

/* The bytes of a long ask are not kept in an empty place. */
static void release(struct asked *a)
{
    a->ear = (struct ear){0};
    buf_free(&a->packed);
}

void dealer_forget(struct dealer *p, const void *self)
{
    for (size_t i = 0; i < p->used; i++)
        if (p->asks[i].ear.done && p->asks[i].ear.self == self)
            release(&p->asks[i]);
}

/* A place is released before its owner is told: he may ask anew, and take it. */
static void tell(struct asked *a, const struct answer *answer)
{
    struct asked was = *a;
    int64_t now_ms = clock_mono_ms();
    a->ear.done = NULL;
    a->packed = (struct buf){0};
    int goes_on = was.ear.done(was.ear.self, answer);
    if (!goes_on || a->ear.done) { /* whoever goes on has not asked anew, so his place is free */
        buf_free(&was.packed);
        return;
    }
    was.again_ms = now_ms + DEALER_AGAIN_MS;
    was.until_ms = now_ms + was.timeout_ms;
    *a = was;
}

static void take(struct dealer *p, struct span packed)
{
    struct answer answer;
    if (answer_unpack(packed, &answer))
        return;
    size_t used = p->used; /* what is asked meanwhile is not meant */
    for (size_t i = 0; i < used; i++)
        if (p->asks[i].ear.done && p->asks[i].ref == answer.ref)
            tell(&p->asks[i], &answer);
}

void dealer_receive(struct dealer *p)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    for (int i = 0; i < RECEIVE_A_TURN && zmq_msg_recv(&frame, zsock_resolve(p->socket), ZMQ_DONTWAIT) >= 0; i++)
        take(p, (struct span){zmq_msg_data(&frame), zmq_msg_size(&frame)});
    zmq_msg_close(&frame);
}

int64_t dealer_tick(struct dealer *p, int64_t limit_ms)
{
    int64_t now_ms = clock_mono_ms(), next_ms = now_ms + limit_ms;
    for (size_t i = 0; i < p->used; i++) {
        struct asked *a = &p->asks[i];
        if (a->ear.done && a->until_ms <= now_ms)
            tell(a, NULL);
        else if (a->ear.done && a->again_ms <= now_ms)
            send_ask(p, a);
        if (a->ear.done && a->again_ms < next_ms)
            next_ms = a->again_ms;
        if (a->ear.done && a->until_ms < next_ms)
            next_ms = a->until_ms;
    }
    while (p->used && p->asks[p->used - 1].ear.done == NULL)
        p->used--;
    return next_ms > now_ms ? next_ms - now_ms : 0;
}
