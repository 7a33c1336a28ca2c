/* The loop, and the translation between its two sides.
 *
 * One turn: wait; take frames from clients and hand them on as they come; take results, which makes room; let
 * held clients go on; ask what is new; write the answers. Everything is bounded by limits.h, and nothing here
 * blocks.
 *
 * Invariant: a pending entry's owner is a connection that counts it; the connection lives at least as long as
 * the entry. Fails only at its start; later a client's fault costs that client, and the broker's absence is
 * waited out.
 */
#include "gateway/gateway.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/answer.h"
#include "proto/body.h"
#include "gateway/limits.h"
#include "gateway/message_log.h"
#include "gateway/pending.h"
#include "gateway/server.h"
#include "gateway/upstream.h"
#include "proto/id_maker.h"
#include "proto/limits.h"
#include "proto/mp.h"

struct gateway {
    struct program *program;
    int epoll_fd;
    struct watch signal_watch, upstream_watch;
    struct pending *pending;
    struct upstream *upstream;
    struct server *server;
    int64_t now_ms;             /* of this turn; monotonic */
    int64_t stop_ms;            /* ends by then at the latest; 0 = not told to stop */
    int is_shut;                /* what was not answered in time after it was told to stop is given up */
    int done;
    struct id_maker ids;        /* every message has one, so that asking again is harmless */
    struct body body;           /* reused, as the two below */
    struct buf packed, ref;
};

static int open_parts(struct gateway *g);
static int watch_parts(struct gateway *g);
static int64_t wait_ms(const struct gateway *g);
static void handle(struct gateway *g, struct watch *watch, uint32_t events);
static void handle_signal(struct gateway *g);
static void check_overdue(struct gateway *g);
static void give_up(struct gateway *g, struct pending_entry *e);
static void check_stop(struct gateway *g);
static enum conn_held take_request(void *self, struct conn *c, const struct frame *f);
static int has_room(void *self, enum op op);
static void take_result(void *self, struct pending_entry *e, const struct result *r);

struct gateway *gateway_new(struct program *p)
{
    struct gateway *g = mem_new(sizeof *g);
    g->program = p;
    g->signal_watch.kind = WATCH_SIGNAL;
    g->upstream_watch.kind = WATCH_UPSTREAM;
    g->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    g->now_ms = clock_mono_ms();
    id_maker_open(&g->ids, hash_random_128());
    if (g->epoll_fd < 0 || open_parts(g) != 0 || watch_parts(g) != 0) {
        log_error("gateway cannot start");
        gateway_destroy(&g);
    }
    return g;
}

static int open_parts(struct gateway *g)
{
    const struct conf *conf = g->program->conf;
    struct pending_options pending = {.again_ms = conf->gateway.answer_timeout_ms,
                                      .send_again_ms = GATEWAY_SEND_AGAIN_MS,
                                      .give_up_ms = GATEWAY_GIVE_UP_MS,
                                      .pushes_max = GATEWAY_PUSHES_MAX,
                                      .sends_max = GATEWAY_SENDS_MAX,
                                      .bytes_max = GATEWAY_PENDING_BYTES_MAX};
    g->pending = pending_new(&pending);
    g->upstream = upstream_new(conf, g->pending, take_result, g);
    if (g->upstream == NULL)
        return -1;
    struct buf ports = {0};
    buf_printf(&ports, "%s/%s.ports", conf->run.dir, g->program->name);
    struct server_options server = {.conf = conf,
                                    .ports_path = buf_str(&ports),
                                    .epoll_fd = g->epoll_fd,
                                    .request = take_request,
                                    .self = g};
    g->server = server_new(&server);
    buf_free(&ports);
    return g->server == NULL ? -1 : 0;
}

static int watch_parts(struct gateway *g)
{
    if (watch_add(g->epoll_fd, g->program->signal_fd, EPOLLIN, &g->signal_watch) == 0 &&
        watch_add(g->epoll_fd, upstream_fd(g->upstream), EPOLLIN, &g->upstream_watch) == 0 &&
        watch_add(g->epoll_fd, upstream_monitor_fd(g->upstream), EPOLLIN, &g->upstream_watch) == 0)
        return 0;
    log_error("descriptors cannot be watched", log_str("error", strerror(errno)));
    return -1;
}

void gateway_destroy(struct gateway **self)
{
    struct gateway *g = *self;
    if (g == NULL)
        return;
    server_destroy(&g->server);
    upstream_destroy(&g->upstream);
    pending_destroy(&g->pending);
    if (g->epoll_fd >= 0)
        close(g->epoll_fd);
    body_free(&g->body);
    buf_free(&g->packed);
    buf_free(&g->ref);
    free(g);
    *self = NULL;
}

/* --- the loop ------------------------------------------------------------------------------------------- */

int gateway_run(struct gateway *g)
{
    struct epoll_event events[GATEWAY_EVENTS_MAX];
    notify_ready(&g->program->notify, "running");
    while (!g->done) {
        int count = epoll_wait(g->epoll_fd, events, GATEWAY_EVENTS_MAX, (int)notify_wait_ms(&g->program->notify, wait_ms(g)));
        if (count < 0 && errno != EINTR) {
            log_fatal("waiting for events failed", log_str("error", strerror(errno)));
            return 1;
        }
        g->now_ms = clock_mono_ms();
        server_begin_turn(g->server, g->now_ms);
        for (int i = 0; i < count; i++)
            handle(g, events[i].data.ptr, events[i].events);
        upstream_receive(g->upstream, g->now_ms);
        check_overdue(g);
        server_resume(g->server, has_room, g);
        upstream_ask(g->upstream, g->now_ms);
        server_end_turn(g->server);
        check_stop(g);
    }
    log_info("stopped", log_u64("unanswered_pushes", pending_pushes(g->pending)),
             log_u64("unanswered_sends", pending_sends(g->pending)));
    return 0;
}

/* Until something is due without a descriptor that tells; at most a minute, which costs nothing. */
static int64_t wait_ms(const struct gateway *g)
{
    int64_t due_ms = g->now_ms + 60000;
    int64_t dues_ms[] = {upstream_due_ms(g->upstream), server_due_ms(g->server),
                         pending_due_ms(g->pending, upstream_answered_ping(g->upstream)),
                         g->stop_ms > 0 ? g->stop_ms + (g->is_shut ? GATEWAY_STOP_LINGER_MS : 0) : INT64_MAX};
    for (size_t i = 0; i < sizeof dues_ms / sizeof dues_ms[0]; i++)
        due_ms = dues_ms[i] < due_ms ? dues_ms[i] : due_ms;
    int64_t now_ms = clock_mono_ms();
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

static void handle(struct gateway *g, struct watch *watch, uint32_t events)
{
    if (watch->kind == WATCH_SIGNAL)
        handle_signal(g);
    else if (watch->kind == WATCH_LISTENER || watch->kind == WATCH_CONN)
        server_event(g->server, watch, events);
    /* WATCH_UPSTREAM only ends the wait. Full messages go out while the turn is still taking frames. */
    if (pending_unasked_count(g->pending) >= GATEWAY_SEND_REQUESTS_MAX)
        upstream_ask(g->upstream, g->now_ms);
}

static void apply_reload(void *self)
{
    struct gateway *g = self;
    pending_change(g->pending, g->program->conf->gateway.answer_timeout_ms);
    server_change(g->server, g->program->conf);
}

static void begin_stop(struct gateway *g)
{
    if (g->stop_ms != 0) {
        log_info("told to stop again; stopping now");
        g->done = 1;
        return;
    }
    g->stop_ms = g->now_ms + GATEWAY_STOP_MS;
    server_stop(g->server);
    log_info("told to stop; waiting for answers", log_u64("pushes", pending_pushes(g->pending)),
             log_u64("sends", pending_sends(g->pending)));
}

static void handle_signal(struct gateway *g)
{
    const struct program_reload reload = {NULL, apply_reload, g};
    int number;
    while ((number = program_signal(g->program)) != 0) {
        if (number == SIGTERM)
            begin_stop(g);
        else if (number == SIGHUP)
            program_reload(g->program, &reload);
    }
}

static void check_stop(struct gateway *g)
{
    if (g->stop_ms == 0)
        return;
    /* Clients that are gone may have left Pushes here: they are handed over all the same. */
    int is_done = server_is_empty(g->server) && pending_pushes(g->pending) == 0;
    if (is_done || g->now_ms >= g->stop_ms + GATEWAY_STOP_LINGER_MS)
        g->done = 1;
    else if (g->now_ms >= g->stop_ms && !g->is_shut)
        server_shut(g->server);
    g->is_shut = g->now_ms >= g->stop_ms;
}

/* --- frames to requests --------------------------------------------------------------------------------- */

static int has_room(void *self, enum op op)
{
    struct gateway *g = self;
    return pending_has_room(g->pending, op);
}

static void refuse_body(struct gateway *g, struct conn *c, const struct frame *f)
{
    message_log_refused(c, f, CODE_REFUSED, buf_span(&g->body.error));
    conn_answer(server_shared(g->server), c, f->opaque, CODE_REFUSED, buf_span(&g->body.error), 0);
}

static void pack_request(struct gateway *g, const struct frame *f, uint64_t ref)
{
    char id[ID_BYTES_MAX];
    struct request r = {.op = f->op, .key = f->key, .lane = -1};
    if (f->op != OP_TSET) {
        r.id = f->params.id.bytes > 0 ? f->params.id : id_maker_next(&g->ids, id);
        r.openid = f->openid;
        r.vars = buf_span(&g->body.vars);
        r.app = f->params.app;
        r.task = f->params.task;
        r.at_ms = f->params.at_ms;
        r.in_ms = f->params.in_ms;
        r.ttl_ms = f->params.ttl_ms;
        r.lane = f->params.lane;
    }
    buf_clear(&g->ref);
    mp_u64(&g->ref, ref);
    r.ref = buf_span(&g->ref);
    buf_clear(&g->packed);
    request_pack(&r, &g->packed);
}

static enum conn_held take_request(void *self, struct conn *c, const struct frame *f)
{
    struct gateway *g = self;
    if (!pending_has_room(g->pending, f->op))
        return f->op == OP_SEND ? HELD_ALL_SENDS : HELD_ALL_PUSHES;
    if (f->op != OP_TSET && body_read(&g->body, f->body) != 0) {
        refuse_body(g, c, f);
        return HELD_NOT;
    }
    struct pending_entry *e = pending_add(g->pending, f->op, f->opaque, c, g->now_ms);
    pack_request(g, f, pending_ref(e));
    if (g->packed.bytes > REQUEST_BYTES_MAX) {
        pending_remove(g->pending, e);
        buf_printf(&g->body.error, "body: makes a request of %zu bytes; at most %d", g->packed.bytes,
                   REQUEST_BYTES_MAX);
        refuse_body(g, c, f);
        return HELD_NOT;
    }
    pending_keep(g->pending, e, buf_span(&g->packed));
    message_log_taken(c, e);
    conn_asked(c, f->op);
    return HELD_NOT;
}

/* --- results to answers --------------------------------------------------------------------------------- */

static void answer(struct gateway *g, struct pending_entry *e, enum code code, const struct result *r, struct span message,
                   int closes)
{
    message_log_answered(e, code, r);
    if (e->op == OP_TSET)
        message_log_tset(e, code);
    struct conn *c = e->owner;
    enum op op = e->op;
    uint32_t opaque = e->opaque;
    pending_remove(g->pending, e);
    conn_answered(server_shared(g->server), c, op, opaque, code, message, closes);
}

static void take_result(void *self, struct pending_entry *e, const struct result *r)
{
    struct answer a = answer_of(e->op, r);
    answer(self, e, a.code, r, a.message, a.closes);
}

static void check_overdue(struct gateway *g)
{
    struct pending_entry *e;
    while ((e = pending_given_up(g->pending, g->now_ms)) != NULL)
        give_up(g, e);
    uint32_t ping = upstream_answered_ping(g->upstream);
    while ((e = pending_overdue(g->pending, ping, g->now_ms)) != NULL) {
        /* The broker has read the Send long ago; nobody here waits for its answer any more. */
        if (e->op == OP_SEND && conn_is_gone(e->owner))
            answer(g, e, CODE_FAILED, NULL, span_of("client gone"), 0);
        else
            pending_ask_again(g->pending, e);
    }
}

static void give_up(struct gateway *g, struct pending_entry *e)
{
    struct request r;
    struct buf text = {0};
    struct span id = {NULL, 0};
    if (request_unpack((struct span){e->packed, e->bytes}, NULL, &r, &text) == 0)
        id = r.id;
    log_error("broker did not answer in time; answered 500", log_str("op", op_name(e->op)),
              log_span("id", id));
    buf_clear(&text);
    buf_printf(&text, "broker did not answer within %d s; the message may or may not have been accepted",
               GATEWAY_GIVE_UP_MS / 1000);
    answer(g, e, CODE_FAILED, NULL, buf_span(&text), 0);
    buf_free(&text);
}
