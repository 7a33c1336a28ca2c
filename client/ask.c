#include "client/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "proto/mp.h"

#define ASK_AGAIN_MS 3000 /* a question that was not answered is asked again: its id makes that harmless */
#define WAIT_STEP_MS 100  /* ready --wait */

enum status status_of_code(enum code code)
{
    switch (code) {
    case CODE_OK:
    case CODE_QUEUED:
        return STATUS_DONE;
    case CODE_NOT_FOUND:
        return STATUS_UNKNOWN;
    case CODE_FAILED:
        return STATUS_FAILED;
    case CODE_BUSY:
        return STATUS_AWAY;
    default:
        return STATUS_REFUSED;
    }
}

static void json_member(struct buf *out, const char *name, struct span text)
{
    if (text.bytes == 0)
        return;
    buf_printf(out, ",\"%s\":\"", name);
    json_escape(text, out);
    buf_append_str(out, "\"");
}

void ask_append_json(const struct result *r, struct buf *out)
{
    buf_printf(out, "{\"code\":%d", (int)r->code);
    json_member(out, "id", r->id);
    json_member(out, "state", r->state);
    json_member(out, "message", r->message);
    if (r->errcode)
        buf_printf(out, ",\"errcode\":%" PRId64, r->errcode);
    if (r->msgid)
        buf_printf(out, ",\"msgid\":%" PRId64, r->msgid);
}

static void print_json(const struct result *r)
{
    struct buf out = {0};
    ask_append_json(r, &out);
    printf("%s}\n", buf_str(&out));
    buf_free(&out);
}

static void print_text(const struct result *r)
{
    printf("%d", (int)r->code);
    if (r->state.bytes)
        printf(" %.*s", (int)r->state.bytes, r->state.data);
    if (r->id.bytes)
        printf(" id=%.*s", (int)r->id.bytes, r->id.data);
    if (r->msgid)
        printf(" msgid=%" PRId64, r->msgid);
    if (r->errcode)
        printf(" errcode=%" PRId64, r->errcode);
    if (r->message.bytes)
        printf(" %.*s", (int)r->message.bytes, r->message.data);
    putchar('\n');
}

/* Sends the question and waits for its answer. Returns the answer's message, or NULL when the time is over. */
static zmsg_t *exchange(zsock_t *socket, const struct options *o, int64_t until_ms)
{
    struct buf packed = {0};
    zmsg_t *answer = NULL;
    request_pack(&o->request, &packed);
    zpoller_t *poller = zpoller_new(socket, NULL);
    while (answer == NULL) {
        int64_t left_ms = until_ms - clock_mono_ms();
        if (left_ms <= 0)
            break;
        zmq_send(zsock_resolve(socket), packed.data, packed.bytes, ZMQ_DONTWAIT);
        if (zpoller_wait(poller, (int)(left_ms < ASK_AGAIN_MS ? left_ms : ASK_AGAIN_MS)))
            answer = zmsg_recv(socket);
        if (zpoller_terminated(poller))
            break;
    }
    zpoller_destroy(&poller);
    buf_free(&packed);
    return answer;
}

/* Every push and send gets an id, so that it can be asked again. */
void ask_give_id(struct options *o, char text[33])
{
    uint64_t random[2];
    hash_random(random, sizeof random);
    hash_hex((struct hash128){random[0], random[1]}, text);
    text[32] = 0;
    if ((o->op == OP_PUSH || o->op == OP_SEND) && o->request.id.bytes == 0)
        o->request.id = span_of(text);
}

static int unpack(struct span packed, struct result *r)
{
    if (packed.bytes && result_unpack(packed, NULL, r) == 0)
        return 0;
    fputs("mega: the answer is not understood\n", stderr);
    return -1;
}

/* Returns the exit status, or -1 when `ready --wait` has to ask again, which it may unless this is the last answer. */
static int show(const struct options *o, zmsg_t *answer, int is_last)
{
    struct result r;
    zframe_t *frame = zmsg_first(answer);
    struct span packed = {0};
    if (frame)
        packed = (struct span){(char *)zframe_data(frame), zframe_size(frame)};
    if (unpack(packed, &r))
        return STATUS_AWAY;
    int ready = o->op != OP_PING || span_is(r.state, "ready");
    if (!ready && o->wait && !is_last)
        return -1;
    if (o->json)
        print_json(&r);
    else
        print_text(&r);
    return ready ? (int)status_of_code(r.code) : STATUS_AWAY;
}

/* NULL, with the reason printed, when the address is none. */
static zsock_t *open_socket(const struct options *o)
{
    zsock_t *socket = zsock_new(ZMQ_DEALER);
    zsock_set_linger(socket, 0);
    zsock_set_reconnect_ivl(socket, 50);
    if (endpoint_connect(socket, &o->access, o->endpoint) != 0)
        zsock_destroy(&socket);
    return socket;
}

static void say_no_answer(const struct options *o)
{
    fprintf(stderr, "mega: no answer from %s within %" PRId64 " ms\n", o->endpoint, o->timeout_ms);
}

/* A Send that waits for long is no sign that nobody is there, and without its id nobody could ask for the message again. */
static void say_how_to_ask(const struct options *o)
{
    const struct request *r = &o->request;
    if (o->op != OP_PUSH && o->op != OP_SEND)
        return;
    fprintf(stderr, "mega: it may have been accepted all the same; ask with: mega status %.*s%s%.*s\n", (int)r->id.bytes,
            r->id.data, r->app.bytes ? " --app " : "", (int)r->app.bytes, r->app.bytes ? r->app.data : "");
}

int ask(struct options *o)
{
    char id[33];
    int64_t until_ms = clock_mono_ms() + o->timeout_ms;
    int status = -1;
    zsock_t *socket = open_socket(o);
    if (socket == NULL)
        return STATUS_USAGE;
    ask_give_id(o, id);
    while (status < 0) {
        zmsg_t *answer = exchange(socket, o, until_ms);
        if (answer == NULL) {
            say_no_answer(o);
            say_how_to_ask(o);
            status = STATUS_AWAY;
            break;
        }
        status = show(o, answer, clock_mono_ms() + WAIT_STEP_MS >= until_ms);
        zmsg_destroy(&answer);
        if (status < 0)
            zclock_sleep(WAIT_STEP_MS);
    }
    zsock_destroy(&socket);
    return status;
}

enum status ask_result(const struct options *o, struct buf *bytes, struct result *r)
{
    zsock_t *socket = open_socket(o);
    if (socket == NULL)
        return STATUS_USAGE;
    zmsg_t *answer = exchange(socket, o, clock_mono_ms() + o->timeout_ms);
    zsock_destroy(&socket);
    if (answer == NULL) {
        say_no_answer(o);
        return STATUS_AWAY;
    }
    buf_clear(bytes);
    zframe_t *frame = zmsg_first(answer);
    if (frame)
        buf_append(bytes, zframe_data(frame), zframe_size(frame));
    zmsg_destroy(&answer);
    return unpack(buf_span(bytes), r) == 0 ? STATUS_DONE : STATUS_AWAY;
}
