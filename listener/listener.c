#include "listener/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "listener/dedupe.h"
#include "listener/series_enrol.h"
#include "listener/status.h"

#define WAIT_MS         1000
#define CONNECTIONS_MAX 4096            /* a burst of callbacks whose answers wait for systems behind us */
#define MESSAGE_BYTES   (1024 * 1024)   /* of an ask */
#define SEND_HWM        1000
#define PURGE_MS        10000 /* from one look for old keys to the next */
#define PURGE_MORE_MS   20    /* while there are more of them than a step takes */
#define ENDING_MS       1000

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
    struct mega_options options = {.requests_max = OUTBOX_ROWS_MAX};
    if (curve_covers(&l->conf->curve.keys, l->conf->broker.frontend)) {
        options.key_file = l->conf->curve.key;
        options.server_key = l->conf->curve.keys.server_key;
    }
    l->mega = mega_open(l->conf->broker.frontend, &options);
    if (l->mega) {
        l->outbox = outbox_sender_new(l->db, l->mega);
        return 0;
    }
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
    if (curve_guard_bind(l->guard, l->socket, CURVE_LISTENER, endpoint) >= 0) {
        l->asks = series_asks_new(l->conf, l->socket, l->guard, l->series, l->db);
        series_asks_add_status(l->asks, status_pack, l);
        return 0;
    }
    log_error("[listener] endpoint cannot be bound, use ipc://PATH or tcp://ADDRESS:PORT", log_str("endpoint", endpoint),
              log_str("error", zmq_strerror(errno)));
    return -1;
}

static int open_web(struct listener *l)
{
    const struct web_options options = {
        .listen = l->conf->listener.listen, .key = "[listener] listen", .connections_max = CONNECTIONS_MAX};
    l->forward = forward_new(l->conf, l->db);
    l->callback = callback_new(l->conf, l->db, l->series, l->forward);
    l->web = web_new(&options, callback_handler(l->callback));
    return l->web ? 0 : -1;
}

static void log_lines(enum log_level level, const char *event, struct buf *lines)
{
    for (char *at = (char *)(uintptr_t)buf_str(lines), *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        *end = '\0';
        log_write(level, event, log_str("error", at));
    }
    buf_free(lines);
}

/* At the start they have been checked; at a reload the old ones stay when something is wrong. */
static void load_series(void *self)
{
    struct listener *l = self;
    struct buf errors = {0}, warnings = {0};
    if (series_set_load(l->series, l->conf->listener.series, l->conf, &errors, &warnings) == 0)
        log_info("series are read", log_u64("series", l->series->count));
    log_lines(LEVEL_ERROR, "a series is wrong", &errors);
    log_lines(LEVEL_WARN, "a series may be wrong", &warnings);
}

struct listener *listener_new(struct program *program)
{
    struct listener *l = mem_new(sizeof *l);
    l->program = program;
    l->conf = program->conf;
    l->now_ms = clock_wall_ms();
    l->mono_ms = clock_mono_ms();
    l->series = series_set_new();
    load_series(l);
    if (open_db(l) != 0 || open_mega(l) != 0 || bind_socket(l) != 0 || open_web(l) != 0)
        listener_destroy(&l);
    return l;
}

void listener_destroy(struct listener **self)
{
    struct listener *l = *self;
    if (l == NULL)
        return;
    web_destroy(&l->web); /* tells the callbacks that nobody waits any more */
    forward_destroy(&l->forward); /* its calls tell nobody any more */
    callback_destroy(&l->callback);
    series_asks_destroy(&l->asks);
    series_set_destroy(&l->series);
    mega_close(&l->mega); /* before the outbox, which its callbacks would use */
    outbox_sender_destroy(&l->outbox);
    if (l->socket) {
        zsock_t *socket = l->socket;
        zsock_destroy(&socket);
    }
    curve_guard_destroy(&l->guard);
    db_close(&l->db);
    free(l);
    *self = NULL;
}

/* --- a turn ------------------------------------------------------------------------------------------------------- */

/* Old keys, a step at a time; at once again while there are more. */
static void purge(struct listener *l)
{
    if (l->mono_ms >= l->sweep_ms)
        l->sweep_ms = l->mono_ms + series_tick(l->series, l->db, l->now_ms);
    if (l->mono_ms < l->purge_ms)
        return;
    if (dedupe_purge(l->db, l->now_ms / 1000) == 1)
        l->purge_ms = l->mono_ms + PURGE_MORE_MS;
    else
        l->purge_ms = l->mono_ms + PURGE_MS;
}

/* What came in is one transaction, and nobody is told before its end. */
static void turn(struct listener *l)
{
    l->now_ms = clock_wall_ms();
    l->mono_ms = clock_mono_ms();
    callback_begin_turn(l->callback, l->now_ms, l->ending_ms != 0);
    web_run(l->web);
    forward_run(l->forward);
    forward_tick(l->forward, l->now_ms);
    mega_dispatch(l->mega, 0);
    series_asks_receive(l->asks, l->now_ms);
    purge(l);
    outbox_write(l->outbox, l->ending_ms ? INT64_MAX : l->mono_ms); /* nothing waits for a turn that may not come */
    int is_changed = db_is_changing(l->db);
    int is_kept = db_commit(l->db) == 0;
    l->commits += (uint64_t)(is_changed && is_kept);
    callback_after_commit(l->callback, is_kept);
    series_asks_answer(l->asks, is_kept);
    outbox_after_commit(l->outbox, is_kept);
    if (l->ending_ms == 0)
        outbox_send(l->outbox, l->now_ms, l->mono_ms);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* The first TERM: calls that wait are answered, what libmega has is awaited for a moment. */
static void begin_to_end(struct listener *l)
{
    if (l->ending_ms == 0)
        l->ending_ms = clock_mono_ms() + l->conf->listener.forward_timeout_ms + ENDING_MS;
}

static void take_signals(struct listener *l)
{
    const struct program_reload reload = {.apply = load_series, .self = l};
    int number;
    while ((number = program_signal(l->program)) != 0) {
        if (number == SIGTERM)
            begin_to_end(l);
        if (number == SIGHUP)
            program_reload(l->program, &reload);
    }
}

static int has_ended(const struct listener *l)
{
    return l->ending_ms && (clock_mono_ms() >= l->ending_ms || callback_held(l->callback) == 0);
}

static int64_t wait_ms(const struct listener *l)
{
    int64_t limit_ms = outbox_wait_ms(l->outbox, l->mono_ms, WAIT_MS);
    int64_t purge_ms = (l->purge_ms < l->sweep_ms ? l->purge_ms : l->sweep_ms) - l->mono_ms;
    if (purge_ms < limit_ms)
        limit_ms = purge_ms > 0 ? purge_ms : 0;
    return web_wait_ms(l->web, forward_wait_ms(l->forward, clock_wall_ms(), limit_ms));
}

int listener_run(struct listener *l)
{
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(l->socket), .events = ZMQ_POLLIN},
                              {.fd = web_fd(l->web), .events = ZMQ_POLLIN},
                              {.fd = mega_fd(l->mega), .events = ZMQ_POLLIN},
                              {.fd = forward_fd(l->forward), .events = ZMQ_POLLIN},
                              {.fd = l->program->signal_fd, .events = ZMQ_POLLIN}};
    notify_ready(&l->program->notify, "running");
    for (;;) {
        take_signals(l);
        turn(l);
        if (has_ended(l))
            return 0;
        zmq_poll(items, sizeof items / sizeof *items, (long)notify_wait_ms(&l->program->notify, wait_ms(l)));
    }
}
