#include "task/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"

#define WAIT_MS       1000
#define WAIT_BUSY_MS  100  /* while a task is under way: seconds go by */
#define MESSAGE_BYTES (2 * 1024 * 1024) /* TASK_DATA_BYTES_MAX and its frame */
#define SEND_HWM      1000

static int bind_socket(struct runner *r)
{
    const char *endpoint = r->conf->task.endpoint;
    r->socket = zsock_new(ZMQ_ROUTER);
    zsock_set_maxmsgsize(r->socket, MESSAGE_BYTES);
    zsock_set_linger(r->socket, 0);
    zsock_set_sndhwm(r->socket, SEND_HWM);
    r->guard = curve_guard_new(r->conf);
    int bound = curve_guard_bind(r->guard, r->socket, CURVE_TASK, endpoint);
    if (bound >= 0)
        return 0;
    log_error("[task] endpoint cannot be bound, use ipc://PATH or tcp://ADDRESS:PORT", log_str("endpoint", endpoint),
              log_str("error", zmq_strerror(errno)));
    return -1;
}

static int open_mega(struct runner *r)
{
    struct mega_options options = {.requests_max = FLIGHTS_MAX};
    if (curve_covers(&r->conf->curve.keys, r->conf->broker.frontend)) {
        options.key_file = r->conf->curve.key;
        options.server_key = r->conf->curve.keys.server_key;
    }
    r->mega = mega_open(r->conf->broker.frontend, &options);
    if (r->mega)
        return 0;
    log_error("the broker's frontend cannot be used", log_str("endpoint", r->conf->broker.frontend),
              log_str("error", mega_last_error()));
    return -1;
}

struct runner *runner_new(struct program *program)
{
    struct runner *r = mem_new(sizeof *r);
    r->program = program;
    r->conf = program->conf;
    r->now_ms = clock_wall_ms();
    r->mono_ms = r->began_ms = clock_mono_ms();
    r->audit = audit_new("mega-task", r->conf->log.audit_path, r->conf->log.json);
    steer_open(r);
    if (open_mega(r) != 0 || tasks_load(r) != 0 || bind_socket(r) != 0)
        runner_destroy(&r);
    return r;
}

void runner_destroy(struct runner **self)
{
    struct runner *r = *self;
    if (r == NULL)
        return;
    mega_close(&r->mega); /* before the flights, which its callbacks would use */
    tasks_free_all(r);
    while (r->waiting) {
        struct waiting *w = r->waiting;
        r->waiting = w->next;
        free(w);
    }
    if (r->socket) {
        zsock_t *socket = r->socket;
        zsock_destroy(&socket);
    }
    curve_guard_destroy(&r->guard);
    zsock_t *control = r->control;
    zsock_destroy(&control);
    audit_destroy(&r->audit);
    buf_free(&r->scratch);
    buf_free(&r->row);
    free(r);
    *self = NULL;
}

static int is_busy(const struct runner *r)
{
    for (const struct task *t = r->tasks; t; t = t->hh.next)
        if (!t->is_making && (t->steer_op != ASK_NONE || t->facts.state == TASK_RUNNING || t->facts.state == TASK_STOPPING ||
                              t->facts.state == TASK_SCHEDULED || t->result_count > 0))
            return 1;
    return 0;
}

static void turn(struct runner *r)
{
    r->now_ms = clock_wall_ms();
    r->mono_ms = clock_mono_ms();
    asks_receive(r);
    steer_receive(r);
    mega_dispatch(r->mega, 0);
    for (struct task *t = r->tasks; t; t = t->hh.next) {
        life_tick(t);
        steer_tick(t);
    }
    making_tick(r);
    tasks_note_alive(r);
    asks_tick(r);
    audit_tick(r->audit, r->mono_ms);
}

/* Returns 1 when it is to end. Nothing follows from a changed configuration: what of it can change is looked at where it is needed. */
static int take_signals(struct runner *r)
{
    static const struct program_reload reload = {0};
    int number;
    while ((number = program_signal(r->program)) != 0) {
        if (number == SIGTERM)
            return 1;
        if (number == SIGHUP)
            program_reload(r->program, &reload);
    }
    return 0;
}

static void run(struct runner *r)
{
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(r->socket), .events = ZMQ_POLLIN},
                              {.socket = zsock_resolve(r->control), .events = ZMQ_POLLIN},
                              {.fd = mega_fd(r->mega), .events = ZMQ_POLLIN},
                              {.fd = r->program->signal_fd, .events = ZMQ_POLLIN}};
    notify_ready(&r->program->notify, "running");
    for (;;) {
        if (take_signals(r))
            return;
        turn(r);
        items[1].events = (short)(ZMQ_POLLIN | (r->control_is_full ? ZMQ_POLLOUT : 0));
        int wait_ms = feed_tick(r, is_busy(r) ? WAIT_BUSY_MS : WAIT_MS);
        zmq_poll(items, sizeof items / sizeof *items, (long)notify_wait_ms(&r->program->notify, wait_ms));
    }
}

int runner_run(struct runner *r)
{
    run(r);
    /* What came back just now is kept; the rest is asked for at the next start. */
    r->mono_ms = clock_mono_ms();
    mega_dispatch(r->mega, 0);
    for (struct task *t = r->tasks; t; t = t->hh.next)
        if (t->spool && !t->is_making)
            flight_flush(t);
    return 0;
}
