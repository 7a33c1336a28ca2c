#include "client/queue.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/term.h"
#include "client/ask.h"

#define RECONNECT_MS     50
#define RECONNECT_MS_MAX 500

struct queue_link {
    zsock_t *socket;
    char *endpoint;
    int64_t timeout_ms;
    char by[QUEUE_BY_BYTES_MAX + 1];
    uint64_t ref;      /* of the ask that is under way */
    struct buf packed; /* the ask */
    int64_t again_ms;  /* when it is asked again, by the monotonic clock */
    zmq_msg_t frame;   /* the answer that was taken last */
    uint64_t nonsense; /* frames that were no answers */
};

void queue_name_asker(char by[QUEUE_BY_BYTES_MAX + 1])
{
    char host[QUEUE_BY_BYTES_MAX / 2] = "";
    const struct passwd *user = getpwuid(getuid());
    gethostname(host, sizeof host - 1);
    snprintf(by, QUEUE_BY_BYTES_MAX + 1, "%.31s@%s", user ? user->pw_name : "", host);
    if (!user)
        snprintf(by, QUEUE_BY_BYTES_MAX + 1, "%ju@%s", (uintmax_t)getuid(), host);
    if (!name_is_plain(span_of(by), QUEUE_BY_BYTES_MAX))
        *by = '\0';
}

static void set_identity(zsock_t *socket)
{
    char name[NAME_BYTES_MAX + 1];
    uint64_t random = hash_random_u64();
    snprintf(name, sizeof name, OPERATOR_NAME_PREFIX "%016" PRIx64, random);
    zsock_set_identity(socket, name);
}

void *queue_socket_new(const struct access *access, const char *endpoint, int waiting_max)
{
    zsys_handler_set(NULL); /* Ctrl-C ends the program, as people expect; nothing has to be tidied up */
    zsock_t *socket = zsock_new(ZMQ_DEALER);
    set_identity(socket);
    zsock_set_linger(socket, 0);
    zsock_set_sndhwm(socket, waiting_max);
    if (waiting_max == 0)
        zsock_set_immediate(socket, 1);
    zsock_set_reconnect_ivl(socket, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(socket, RECONNECT_MS_MAX);
    if (endpoint_connect(socket, access, endpoint) != 0)
        zsock_destroy(&socket);
    return socket;
}

struct queue_link *queue_link_new(const struct access *access, const char *endpoint, int64_t timeout_ms)
{
    zsock_t *socket = queue_socket_new(access, endpoint, 1); /* what is asked again does not pile up for a broker that is away */
    if (socket == NULL)
        return NULL;
    struct queue_link *l = mem_new(sizeof *l);
    l->socket = socket;
    l->endpoint = mem_dup(endpoint);
    l->timeout_ms = timeout_ms;
    queue_name_asker(l->by);
    zmq_msg_init(&l->frame);
    return l;
}

void queue_link_destroy(struct queue_link **self)
{
    struct queue_link *l = *self;
    if (l == NULL)
        return;
    zmq_msg_close(&l->frame);
    zsock_destroy(&l->socket);
    buf_free(&l->packed);
    free(l->endpoint);
    free(l);
    *self = NULL;
}

void queue_link_limit(struct queue_link *l, int64_t timeout_ms)
{
    l->timeout_ms = timeout_ms;
}

void *queue_link_socket(struct queue_link *l)
{
    return l->socket;
}

int64_t queue_link_wait_ms(const struct queue_link *l)
{
    int64_t wait_ms = l->again_ms - clock_mono_ms();
    return wait_ms < 0 ? 0 : wait_ms;
}

void queue_link_again(struct queue_link *l)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms < l->again_ms)
        return;
    zmq_send(zsock_resolve(l->socket), l->packed.data, l->packed.bytes, ZMQ_DONTWAIT);
    l->again_ms = now_ms + QUEUE_AGAIN_MS;
}

struct buf *queue_link_prepare(struct queue_link *l, uint64_t *ref, struct span *by)
{
    *ref = ++l->ref;
    *by = span_of(l->by);
    buf_clear(&l->packed);
    return &l->packed;
}

void queue_link_send(struct queue_link *l)
{
    l->again_ms = 0;
    queue_link_again(l);
}

void queue_link_ask(struct queue_link *l, const struct ask *a)
{
    struct ask ask = *a;
    struct buf *packed = queue_link_prepare(l, &ask.ref, &ask.by);
    ask_pack(&ask, packed);
    queue_link_send(l);
}

int queue_link_take(struct queue_link *l, struct answer *answer)
{
    for (;;) {
        zmq_msg_close(&l->frame);
        zmq_msg_init(&l->frame);
        if (zmq_msg_recv(&l->frame, zsock_resolve(l->socket), ZMQ_DONTWAIT) < 0)
            return 0;
        struct span packed = {zmq_msg_data(&l->frame), zmq_msg_size(&l->frame)};
        if (answer_unpack(packed, answer))
            l->nonsense++;
        else if (answer->ref == l->ref)
            break;
    }
    l->again_ms = clock_mono_ms() + QUEUE_AGAIN_MS;
    return 1;
}

static enum status give_up(const struct queue_link *l)
{
    fprintf(stderr, "mega: no answer from %s within %" PRId64 " ms", l->endpoint, l->timeout_ms);
    if (l->nonsense)
        fprintf(stderr, "; %" PRIu64 " messages were not understood", l->nonsense);
    fputc('\n', stderr);
    return STATUS_AWAY;
}

enum status queue_link_wait(struct queue_link *l, struct answer *answer)
{
    int64_t until_ms = clock_mono_ms() + l->timeout_ms;
    zmq_pollitem_t item = {.socket = zsock_resolve(l->socket), .events = ZMQ_POLLIN};
    while (!queue_link_take(l, answer)) {
        int64_t left_ms = until_ms - clock_mono_ms(), again_ms = queue_link_wait_ms(l);
        if (left_ms <= 0)
            return give_up(l);
        zmq_poll(&item, 1, (long)(left_ms < again_ms ? left_ms : again_ms));
        queue_link_again(l);
    }
    return STATUS_DONE;
}

enum status queue_refused(const struct answer *answer)
{
    struct buf text = {0};
    term_append(answer->message, &text);
    fprintf(stderr, "mega: %d %s\n", (int)answer->code, text.bytes ? buf_str(&text) : "refused");
    buf_free(&text);
    return status_of_code(answer->code);
}

enum status queue_not_understood(void)
{
    fputs("mega: the answer is not understood\n", stderr);
    return STATUS_AWAY;
}

enum status queue_exchange(struct queue_link *l, const struct ask *a, struct answer *answer)
{
    queue_link_ask(l, a);
    enum status status = queue_link_wait(l, answer);
    if (status != STATUS_DONE || answer->code == CODE_OK)
        return status;
    return queue_refused(answer);
}
