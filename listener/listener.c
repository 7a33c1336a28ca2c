#include "listener/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "listener/outbox.h"

#define WAIT_MS         1000
#define CONNECTIONS_MAX 4096            /* a burst of callbacks whose answers wait for systems behind us */
#define MESSAGE_BYTES   (1024 * 1024)   /* of an ask */
#define SEND_HWM        1000

static int open_db(struct listener *l)
{
    const char *dir = l->conf->listener.dir;
    struct buf path = {0};
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        log_error("[listener] dir cannot be made", log_str("dir", dir), log_str("error", strerror(errno)));
        return -1;
    }
    buf_printf(&path, "%s/listener.db", dir);
    l->db = db_open(buf_str(&path));
    buf_free(&path);
    return l->db ? 0 : -1;
}

static int open_mega(struct listener *l)
{
    struct mega_options options = {.requests_max = OUTBOX_WINDOW};
    if (curve_covers(&l->conf->curve.keys, l->conf->broker.frontend)) {
        options.key_file = l->conf->curve.key;
        options.server_key = l->conf->curve.keys.server_key;
    }
    l->mega = mega_open(l->conf->broker.frontend, &options);
    if (l->mega)
        return 0;
    log_error("the broker's frontend cannot be used", log_str("endpoint", l->conf->broker.frontend),
              log_str("error", mega_last_error()));
    return -1;
}

static int bind_socket(struct listener *l)
{
    const char *endpoint = l->conf->listener.endpoint;
    l->socket = zsock_new(ZMQ_ROUTER);
    zsock_set_maxmsgsize(l->socket, MESSAGE_BYTES);
    zsock_set_linger(l->socket, 0);
    zsock_set_sndhwm(l->socket, SEND_HWM);
    l->guard = curve_guard_new(l->conf);
    if (curve_guard_bind(l->guard, l->socket, CURVE_LISTENER, endpoint) >= 0)
        return 0;
    log_error("[listener] endpoint cannot be bound, use ipc://PATH or tcp://ADDRESS:PORT", log_str("endpoint", endpoint),
              log_str("error", zmq_strerror(errno)));
    return -1;
}

static size_t on_header(void *self, struct exchange *x)
{
    struct buf body = {0};
    (void)self;
    buf_append_str(&body, "no such address\n");
    web_answer(x, 404, "text/plain; charset=utf-8", &body);
    return 0;
}

static void on_request(void *self, struct exchange *x)
{
    on_header(self, x);
}

static void on_answered(void *self, const struct exchange *x, unsigned status)
{
    (void)self;
    (void)x;
    (void)status;
}

static int open_web(struct listener *l)
{
    const struct web_options options = {
        .listen = l->conf->listener.listen, .key = "[listener] listen", .connections_max = CONNECTIONS_MAX};
    struct web_handler handler = {.on_header = on_header, .on_request = on_request, .on_answered = on_answered, .self = l};
    l->web = web_new(&options, handler);
    return l->web ? 0 : -1;
}

struct listener *listener_new(struct program *program)
{
    struct listener *l = mem_new(sizeof *l);
    l->program = program;
    l->conf = program->conf;
    l->now_ms = clock_wall_ms();
    l->mono_ms = clock_mono_ms();
    if (open_db(l) != 0 || open_mega(l) != 0 || bind_socket(l) != 0 || open_web(l) != 0)
        listener_destroy(&l);
    return l;
}

void listener_destroy(struct listener **self)
{
    struct listener *l = *self;
    if (l == NULL)
        return;
    web_destroy(&l->web);
    mega_close(&l->mega);
    if (l->socket) {
        zsock_t *socket = l->socket;
        zsock_destroy(&socket);
    }
    curve_guard_destroy(&l->guard);
    db_close(&l->db);
    free(l);
    *self = NULL;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void turn(struct listener *l)
{
    l->now_ms = clock_wall_ms();
    l->mono_ms = clock_mono_ms();
    web_run(l->web);
    mega_dispatch(l->mega, 0);
}

/* Returns 1 when it is to end. */
static int take_signals(struct listener *l)
{
    static const struct program_reload reload = {0};
    int number;
    while ((number = program_signal(l->program)) != 0) {
        if (number == SIGTERM)
            return 1;
        if (number == SIGHUP)
            program_reload(l->program, &reload);
    }
    return 0;
}

int listener_run(struct listener *l)
{
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(l->socket), .events = ZMQ_POLLIN},
                              {.fd = web_fd(l->web), .events = ZMQ_POLLIN},
                              {.fd = mega_fd(l->mega), .events = ZMQ_POLLIN},
                              {.fd = l->program->signal_fd, .events = ZMQ_POLLIN}};
    notify_ready(&l->program->notify, "running");
    while (!take_signals(l)) {
        turn(l);
        int64_t wait_ms = web_wait_ms(l->web, WAIT_MS);
        zmq_poll(items, sizeof items / sizeof *items, (long)notify_wait_ms(&l->program->notify, wait_ms));
    }
    return 0;
}
