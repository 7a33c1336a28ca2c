/* The loop of the templater: the broker's control link first, then the loader's answers, lost ways to
 * senders, and jobs.
 *
 * Jobs are taken only while the broker has welcomed us and no template is behind. A templater holds nothing
 * but reports of jobs that did not render: whatever else is inside when it dies is given out again by the
 * broker's fence.
 */
#include "templater/templater.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "proto/member.h"
#include "templater/jobs.h"
#include "templater/outlets.h"
#include "templater/reports.h"
#include "templater/templates.h"

enum poll_index { POLL_MEMBER, POLL_LOADER, POLL_SIGNAL, POLL_FIXED };

struct templater {
    struct program *program;
    struct templates *templates;
    struct member *member;
    struct outlets *outlets;
    struct reports *reports;
    struct jobs *jobs;
    uint64_t lost_generation; /* jobs up to it were in a connection to a sender that was lost; until a fence is above it the broker may
                               * not know. 0 = none */
    int64_t stop_by_ms; /* 0 = not stopping */
    zmq_pollitem_t items[POLL_FIXED + OUTLETS_MAX + 1];
};

static size_t on_hold(void *self, uint64_t generation, struct buf *holdings);
static void on_welcomed(void *self, const struct control *m);
static void on_message(void *self, const struct control *m);
static void on_beat(void *self, struct control *beat);
static int turn(struct templater *t);

/* STORE/templates-NAME.cache unless the configuration names a file. */
static void cache_path(const struct program *p, struct buf *path)
{
    if (p->conf->templater.cache_file[0] != '\0')
        buf_append_str(path, p->conf->templater.cache_file);
    else
        buf_printf(path, "%s/templates-%s.cache", p->conf->server.store_dir, p->name);
}

struct templater *templater_new(struct program *p, struct source *source)
{
    struct templater *t = mem_new(sizeof *t);
    struct buf path = {0};
    t->program = p;
    cache_path(p, &path);
    struct templates_options templates = {p->conf, source, buf_str(&path)};
    t->templates = templates_new(&templates);
    buf_free(&path);
    struct member_options member = {.control = p->conf->broker.control,
                                    .keys = &p->conf->curve.keys,
                                    .kind = STAGE_TEMPLATER,
                                    .name = p->name,
                                    .endpoint = "",
                                    .lease_ms = p->conf->broker.lease_ms,
                                    .events = {on_hold, on_welcomed, on_message, on_beat},
                                    .self = t};
    t->member = member_new(&member);
    templates_set_member(t->templates, t->member);
    t->outlets = outlets_new(p->conf);
    t->reports = reports_new();
    struct jobs_options jobs = {p->conf, t->member, t->templates, t->outlets, t->reports};
    t->jobs = jobs_new(&jobs);
    return t;
}

int templater_destroy(struct templater **self)
{
    struct templater *t = *self;
    if (t == NULL)
        return 0;
    jobs_destroy(&t->jobs);
    reports_destroy(&t->reports);
    outlets_destroy(&t->outlets);
    member_destroy(&t->member); /* the goodbye leaves while the loader is waited for */
    int left = templates_destroy(&t->templates);
    free(t);
    *self = NULL;
    return left;
}

int templater_run(struct templater *t)
{
    int stopped = 0;
    notify_await(&t->program->notify, "the broker", clock_mono_ms());
    while (!stopped) {
        if (turn(t) != 0 || member_is_refused(t->member))
            return 1;
        stopped = t->stop_by_ms != 0 && (reports_count(t->reports) == 0 || clock_mono_ms() >= t->stop_by_ms);
    }
    member_bye(t->member);
    log_info("stopped", log_u64("reports_unconfirmed", reports_count(t->reports)));
    return 0;
}

/* --- what the broker says ------------------------------------------------------------------------------ */

static size_t on_hold(void *self, uint64_t generation, struct buf *holdings)
{
    struct templater *t = self;
    (void)generation; /* jobs inside are looked at one by one, with member_accepts */
    return reports_hold(t->reports, holdings);
}

static void say_lost(struct templater *t, struct span endpoint)
{
    struct control lost = {.type = CONTROL_LOST,
                           .endpoint = endpoint,
                           .message = span_of("the connection to a sender was lost")};
    member_send(t->member, &lost);
}

/* What was said of a lost connection may have gone with another one, that to the broker. */
static void say_lost_again(struct templater *t)
{
    if (t->lost_generation && t->lost_generation >= member_generation(t->member))
        say_lost(t, (struct span){NULL, 0});
    else
        t->lost_generation = 0; /* a fence has asked for all jobs that were in it */
}

static void on_welcomed(void *self, const struct control *m)
{
    struct templater *t = self;
    if (t->stop_by_ms == 0)
        notify_ready(&t->program->notify, "running: welcomed by the broker");
    say_lost_again(t);
    reports_send_all(t->reports, t->member);
    templates_welcomed(t->templates, m->versions);
}

static void on_message(void *self, const struct control *m)
{
    struct templater *t = self;
    if (m->type == CONTROL_CONFIRM)
        reports_confirm(t->reports, m->holdings);
    else if (m->type == CONTROL_SENDERS)
        outlets_keep(t->outlets, m->endpoints, member_generation(t->member));
    else if (m->type == CONTROL_TSET)
        templates_tset(t->templates, m);
}

static void on_beat(void *self, struct control *beat)
{
    struct templater *t = self;
    beat->behind = templates_are_behind(t->templates);
}

/* --- one turn ------------------------------------------------------------------------------------------ */

static void on_lost(void *self, struct span endpoint, uint64_t generation)
{
    struct templater *t = self;
    log_warn("connection to a sender lost", log_span("endpoint", endpoint));
    if (generation > t->lost_generation)
        t->lost_generation = generation;
    say_lost(t, endpoint);
}

/* A second time, what the broker has not confirmed is not waited for: it gives those jobs out again. */
static void begin_stop(struct templater *t)
{
    if (t->stop_by_ms != 0) {
        log_warn("told to stop again; stopping now", log_u64("reports_unconfirmed", reports_count(t->reports)));
        t->stop_by_ms = clock_mono_ms();
        return;
    }
    t->stop_by_ms = clock_mono_ms() + TEMPLATER_BYE_MS;
    jobs_close(t->jobs);
    outlets_flush(t->outlets);
}

static void apply_reload(void *self)
{
    struct templater *t = self;
    templates_tell_needs(t->templates);
}

/* On HUP the templates are read again in any case: they may have changed where the configuration did not, or is wrong. */
static void reload(struct templater *t)
{
    const struct program_reload what = {NULL, apply_reload, t};
    program_reload(t->program, &what);
    templates_reload(t->templates);
}

static void take_signals(struct templater *t)
{
    for (int number = program_signal(t->program); number != 0; number = program_signal(t->program)) {
        if (number == SIGTERM)
            begin_stop(t);
        else if (number == SIGHUP)
            reload(t);
    }
}

/* Opens or closes the way of the jobs. */
static void steer_jobs(struct templater *t)
{
    int wanted = t->stop_by_ms == 0 && member_is_welcome(t->member) && !templates_are_behind(t->templates);
    if (wanted)
        jobs_open(t->jobs);
    else
        jobs_close(t->jobs);
}

/* Fills in what to wait for. Returns the number of items; the jobs' one is the last, if *has_jobs. */
static size_t fill_items(struct templater *t, int *has_jobs)
{
    t->items[POLL_MEMBER] = (zmq_pollitem_t){zsock_resolve(member_socket(t->member)), 0, ZMQ_POLLIN, 0};
    t->items[POLL_LOADER] = (zmq_pollitem_t){NULL, templates_fd(t->templates), ZMQ_POLLIN, 0};
    t->items[POLL_SIGNAL] = (zmq_pollitem_t){NULL, t->program->signal_fd, ZMQ_POLLIN, 0};
    size_t count = POLL_FIXED + outlets_poll(t->outlets, t->items + POLL_FIXED);
    *has_jobs = jobs_socket(t->jobs) != NULL && reports_count(t->reports) < REPORTS_MAX;
    if (*has_jobs)
        t->items[count++] = (zmq_pollitem_t){jobs_socket(t->jobs), 0, ZMQ_POLLIN, 0};
    return count;
}

static int wait_ms(struct templater *t)
{
    int member_ms = member_tick(t->member);
    int templates_ms = templates_tick(t->templates);
    int wait = member_ms < templates_ms ? member_ms : templates_ms;
    if (t->stop_by_ms == 0)
        return wait;
    int64_t left_ms = t->stop_by_ms - clock_mono_ms();
    return left_ms < wait ? (left_ms < 0 ? 0 : (int)left_ms) : wait;
}

static int turn(struct templater *t)
{
    int has_jobs = 0;
    int timeout_ms = wait_ms(t);
    steer_jobs(t);
    size_t count = fill_items(t, &has_jobs);
    long poll_ms = (long)notify_wait_ms(&t->program->notify, timeout_ms);
    if (zmq_poll(t->items, (int)count, poll_ms) < 0 && errno != EINTR) {
        log_error("poll failed", log_str("error", zmq_strerror(errno)));
        return -1;
    }
    int jobs_are_there = has_jobs && t->items[count - 1].revents != 0;
    take_signals(t);
    member_receive(t->member);
    templates_receive(t->templates);
    outlets_each_lost(t->outlets, on_lost, t);
    if (jobs_are_there && t->stop_by_ms == 0)
        jobs_receive(t->jobs);
    return 0;
}
