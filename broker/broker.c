#include "broker/broker.h"

#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/monitor.h"
#include "broker/verdict.h"
#include "proto/mp.h"

#define WAIT_MS_MAX     100  /* between two looks at leases and time */
#define CHECK_EVERY_MS  1000 /* disk space, ledger */
#define PURGE_A_CHECK   2000 /* ledger entries removed in one go */
#define WINDOWS_A_CHECK 1000 /* recipients whose windows are looked at: of a million each every quarter of an hour */
#define PURGES_A_CHECK  10   /* as long as all of them were old */
#define STOP_LIMIT_MS   8000 /* below the stopwaitsecs of etc/supervisord.conf */
#define STOP_ALONE_MS   500  /* most calls end in it, and senders that are told to stop at the same time have said so */
#define STALL_MS        500  /* a turn that took longer is not counted against the stages */
#define CHECK_BYTES     (4u * 1024 * 1024)  /* accepted bytes after which disk space is looked at before the second is over */
#define STORE_RESERVE   (128u * 1024 * 1024) /* kept for settling what is out, and for what one turn accepts */
#define CLOCK_STEP_MS   100       /* a larger difference of the wall clock to the time that passed is a step */
#define CLOCK_LEAP_MS   3600000   /* after a step forward of so much nothing is purged */
#define CLOCK_TRUSTED_MS 86400000 /* for so long */
#define RELEASE_A_TURN  2000      /* messages that come back when a pause ends */
#define INDEX_ENTRY_BYTES 256     /* of a message in the index, its share of half-filled pages included */
#define COMMIT_US_MIN   20        /* a shorter one has written nothing */
#define FRONTEND_HWM    512 /* messages (of 64 KiB) kept for a caller that does not read; more are dropped and counted */
#define LOOK_US_MIN     50   /* while greedy clients wait for their part of the time: until it is looked for others again, */
#define LOOK_US_MAX     2000
#define LOOK_BYTES_A_US 400  /* and longer the more of theirs has to be read to see them: reading costs, too */
#define FRONTEND_AHEAD  256 /* messages of a connection that libzmq reads ahead: enough for a turn, since it goes on while a turn reads */

static const struct histogram_bounds lag_bounds = {
    12, {1000, 5000, 10000, 50000, 100000, 500000, 1000000, 5000000, 15000000, 60000000, 300000000, 1800000000}};

static const struct histogram_bounds commit_bounds = {
    11, {250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000}};

/* --- making ------------------------------------------------------------------------------------------------------- */

static int bind_socket(struct broker *b, void *socket, enum curve_domain domain, const char *endpoint)
{
    if (curve_guard_bind(b->guard, socket, domain, endpoint) != -1)
        return 0;
    log_fatal("socket cannot be bound", log_str("socket", curve_domain_name(domain)), log_str("endpoint", endpoint),
              log_str("error", zmq_strerror(errno)));
    return -1;
}

static void *router_new(int maxmsg_bytes)
{
    zsock_t *socket = zsock_new(ZMQ_ROUTER);
    zsock_set_router_mandatory(socket, 1);
    zsock_set_linger(socket, 500);
    zsock_set_maxmsgsize(socket, maxmsg_bytes);
    return socket;
}

static int open_sockets(struct broker *b)
{
    const struct conf *conf = b->conf;
    b->frontend = router_new(MESSAGE_BYTES_MAX);
    zsock_set_sndhwm(b->frontend, FRONTEND_HWM);
    zsock_set_rcvhwm(b->frontend, FRONTEND_AHEAD);
    b->control = router_new(MESSAGE_BYTES_MAX);
    zsock_set_router_handover(b->control, 1);
    zsock_set_sndhwm(b->control, 0); /* bounded by what stages send; a confirm must not be dropped */
    zsock_set_rcvhwm(b->control, 0);
    b->jobs = zsock_new(ZMQ_PUSH);
    zsock_set_sndhwm(b->jobs, 0); /* bounded by the slots */
    zsock_set_linger(b->jobs, 0);
    b->jobs_monitor = monitor_new(b->jobs);
    b->outbox = outbox_new(b->frontend, b->control, b->jobs);
    b->guard = curve_guard_new(conf);
    return bind_socket(b, b->jobs, CURVE_JOBS, conf->broker.jobs) ||
                   bind_socket(b, b->control, CURVE_CONTROL, conf->broker.control) ||
                   bind_socket(b, b->frontend, CURVE_FRONTEND, conf->broker.frontend)
               ? -1
               : 0;
}

/* The order clock goes on from what was kept of it, by as much as the wall clock says that the broker was down. If the wall clock
 * was set back meanwhile nobody knows how long that was: then it counts as so long that WeChat has forgotten every call. */
static void read_order_clock(struct broker *b)
{
    struct span packed;
    struct mp_cursor c;
    if (store_meta_read(b->store, "order", &packed) != STORE_OK)
        return;
    mp_open(&c, packed);
    mp_read_array(&c);
    int64_t order_ms = mp_read_i64(&c), wall_ms = mp_read_i64(&c);
    if (c.failed)
        return;
    b->order_ms = order_ms + (b->now_ms >= wall_ms ? b->now_ms - wall_ms : UNKNOWN_RETRY_MS_MAX);
}

static struct stops_rules stop_rules(const struct conf *conf)
{
    return (struct stops_rules){.probe_first_ms = conf->broker.probe_first_ms,
                                .probe_max_ms = conf->broker.probe_max_ms,
                                .window_ms = conf->broker.rate_window_ms};
}

static void read_stops(struct broker *b)
{
    struct span packed;
    struct stops_rules rules = stop_rules(b->conf);
    b->stops = stops_new(b->conf->account_count, &rules);
    if (store_meta_read(b->store, "stops", &packed) == STORE_OK)
        stops_restore(b->stops, b->conf, packed);
}

static int open_store(struct broker *b)
{
    struct buf error = {0};
    b->store = store_open(b->conf->server.store_dir, b->conf->broker.store_bytes_max, &error);
    if (b->store == NULL)
        log_fatal("store cannot be opened", log_str("error", buf_str(&error)));
    buf_free(&error);
    if (b->store == NULL)
        return -1;
    if (ring_init(&b->ring, b->store, b->mono_ms)) {
        log_fatal("store: generation and stages cannot be read", log_str("hint", "see docs/operations.md, A damaged store"));
        return -1;
    }
    b->audit = audit_new("mega-broker", b->conf->log.audit_path, b->conf->log.json);
    b->keys = keys_new(b->store);
    b->pauses = pauses_new(b->store);
    read_stops(b);
    b->template_rates = template_rates_new(b->store, b->keys, b->pauses);
    b->figures = figures_new(b->store, b->conf);
    b->reasons = reasons_new(b->store, b->conf);
    b->delivery = delivery_new(b->store, b->conf);
    accounts_load_rates(&b->accounts, b->store);
    read_order_clock(b);
    return dispatch_restore(b) || store_commit(b->store) ? -1 : 0;
}

static int check_conf(const struct conf *conf)
{
    if (conf->account_count)
        return 0;
    log_fatal("no account: the configuration needs a section [wechat] with app_id and app_secret");
    return -1;
}

static void configure_clients(struct broker *b)
{
    clients_configure(b->clients, &(struct clients_rules){.kept_bytes_max = b->conf->broker.client_kept_bytes,
                                                          .rate_per_s = b->conf->broker.client_rate});
}

struct broker *broker_new(struct program *program)
{
    struct broker *b = mem_new(sizeof *b);
    b->program = program;
    b->conf = program->conf;
    b->now_ms = clock_wall_ms();
    b->mono_ms = b->began_ms = clock_mono_ms();
    b->order_ms = b->now_ms;
    accounts_init(&b->accounts, b->conf);
    b->epoch = hash_random_u64();
    id_maker_open(&b->ids, hash_random_128());
    b->lag.bounds = &lag_bounds;
    b->commits.bounds = &commit_bounds;
    b->waiters = waiters_new();
    b->clients = clients_new();
    configure_clients(b);
    b->recipients = recipients_new();
    if (check_conf(b->conf) || open_store(b) || open_sockets(b))
        broker_destroy(&b);
    return b;
}

void broker_destroy(struct broker **self)
{
    struct broker *b = *self;
    if (b == NULL)
        return;
    tset_free(&b->tsets);
    outbox_destroy(&b->outbox);
    monitor_destroy(&b->jobs_monitor);
    zsock_destroy((zsock_t **)&b->frontend);
    zsock_destroy((zsock_t **)&b->control);
    zsock_destroy((zsock_t **)&b->jobs);
    waiters_destroy(&b->waiters); /* before the clients, whose callers these are */
    intake_destroy(b);
    curve_guard_destroy(&b->guard);
    recipients_destroy(&b->recipients);
    ring_free(&b->ring);
    keys_destroy(&b->keys);
    sweeps_free(&b->sweeps);
    template_rates_destroy(&b->template_rates);
    pauses_destroy(&b->pauses);
    stops_destroy(&b->stops);
    figures_destroy(&b->figures);
    delivery_destroy(&b->delivery);
    reasons_destroy(&b->reasons);
    store_close(&b->store);
    audit_destroy(&b->audit);
    buf_free(&b->scratch);
    buf_free(&b->tries);
    free(b);
    *self = NULL;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static const char *find_closed(struct broker *b)
{
    b->closed_why = REFUSAL_DISK;
    if (store_disk_free(b->store) < b->conf->broker.free_bytes_min)
        return "the disk is nearly full (min_free_space); try again";
    b->closed_why = REFUSAL_STORE;
    uint64_t reserve = STORE_RESERVE + 2ull * b->conf->setting.package_bytes_max;
    reserve += store_index_left(b->store) * INDEX_ENTRY_BYTES; /* what is accepted and not indexed yet will need that */
    if (store_bytes_used(b->store) + reserve > b->conf->broker.store_bytes_max)
        return "the store is full (store_size); try again";
    return NULL;
}

/* Of a store that was full once, what is free may lie in single pages. Longer values need several in a row: what is left behind
 * the last page is kept for results. */
static int is_in_pieces(struct broker *b)
{
    uint64_t unused = store_bytes_unused(b->store), needed = 2ull * b->conf->setting.package_bytes_max;
    return unused < STORE_RESERVE && (unused < STORE_RESERVE / 4 || store_bytes_in_row(b->store, needed) < needed);
}

static void find_closed_for_long(struct broker *b)
{
    int is_closed = is_in_pieces(b);
    if (is_closed && b->closed_for_long == NULL)
        log_error("new messages with long variables are refused", log_str("why", "store_size is nearly reached, and what is free lies in pieces"));
    else if (!is_closed && b->closed_for_long)
        log_info("new messages with long variables are accepted again");
    b->closed_for_long = is_closed ? "the store has no room for long variables (store_size): raise it, or put a backup in its place" : NULL;
}

static void check_closed(struct broker *b)
{
    const char *closed = find_closed(b);
    if (closed && b->closed == NULL)
        log_error("new messages are refused", log_str("why", closed));
    else if (closed == NULL && b->closed)
        log_info("new messages are accepted again");
    if (closed != b->closed)
        notify_status(&b->program->notify, "running%s%s", closed ? "; new messages are refused: " : "", closed ? closed : "");
    b->closed = closed;
    b->may_index = store_bytes_used(b->store) + STORE_RESERVE / 2 < b->conf->broker.store_bytes_max;
    find_closed_for_long(b);
}

/* Old results go at the pace at which they come, in a bounded number at a time. */
static void purge(struct broker *b)
{
    if (b->mono_ms < b->purge_from_ms)
        return;
    store_windows_purge(b->store, b->now_ms, WINDOWS_A_CHECK);
    int64_t before_ms = b->now_ms - (int64_t)b->conf->broker.ledger_days * 86400000;
    for (int i = 0; i < PURGES_A_CHECK; i++)
        if (store_purge(b->store, before_ms, PURGE_A_CHECK) < PURGE_A_CHECK)
            return;
}

/* Kept with everything that has a place by it; and by the second while calls are out, since what WeChat remembers of them is counted
 * in minutes. */
static void keep_order_clock(struct broker *b)
{
    int64_t since_ms = b->order_ms - b->order_kept_ms;
    int is_time = b->order_used || (b->ring.outs && since_ms >= CHECK_EVERY_MS);
    if (!is_time || since_ms == 0)
        return;
    struct buf packed = {0};
    mp_array(&packed, 2);
    mp_i64(&packed, b->order_ms);
    mp_i64(&packed, b->now_ms);
    store_meta_write(b->store, "order", buf_span(&packed));
    buf_free(&packed);
    b->order_kept_ms = b->order_ms;
    b->order_used = 0;
}

static void check(struct broker *b)
{
    if (b->unchecked_bytes >= CHECK_BYTES || b->mono_ms >= b->next_check_ms) {
        b->unchecked_bytes = 0;
        check_closed(b);
    }
    if (b->mono_ms < b->next_check_ms)
        return;
    b->next_check_ms = b->mono_ms + CHECK_EVERY_MS;
    audit_tick(b->audit, b->mono_ms);
    store_forget_dead_readers(b->store);
    purge(b);
}

/* The order clock goes as fast as time does, whatever happens to the wall clock. Whatever waits for a time is looked at again when
 * that was set; and results are not taken for old because of it before it has stood for a day. */
static void take_wall_time(struct broker *b, int64_t since_ms)
{
    int64_t step_ms = clock_wall_ms() - b->now_ms - since_ms;
    b->now_ms += since_ms + step_ms;
    b->order_ms += since_ms;
    if (step_ms > -CLOCK_STEP_MS && step_ms < CLOCK_STEP_MS)
        return;
    log_warn("the wall clock was set", log_i64("by_ms", step_ms));
    b->clock.steps++;
    b->clock.step_ms = step_ms;
    b->clock.stepped_ms = b->mono_ms;
    accounts_wake_all(&b->accounts);
    b->order_used = 1; /* a restart has to know both clocks as they are now */
    b->order_kept_ms = 0;
    if (step_ms >= CLOCK_LEAP_MS)
        b->purge_from_ms = b->mono_ms + CLOCK_TRUSTED_MS;
}

/* Time as of this turn. While the broker itself stood still it could hear nobody: that time is not counted against the stages. */
static void take_time(struct broker *b)
{
    int64_t since_ms = clock_mono_ms() - b->mono_ms;
    b->mono_ms += since_ms;
    take_wall_time(b, since_ms);
    figures_tick(b->figures, b->mono_ms);
    if (since_ms < STALL_MS + WAIT_MS_MAX)
        return;
    log_warn("the broker stood still", log_i64("ms", since_ms));
    fence_excuse(&b->ring.fence, since_ms);
}

static void end_pauses(struct broker *b)
{
    size_t budget = RELEASE_A_TURN + 2 * (size_t)b->requests; /* more than can be set aside meanwhile */
    if (pauses_tick(b->pauses, b->order_ms, budget))
        dispatch_find_paused(b);
}

static void keep_stops(struct broker *b)
{
    struct buf packed = {0};
    if (!stops_has_changed(b->stops))
        return;
    stops_pack(b->stops, b->conf, &packed);
    store_meta_write(b->store, "stops", buf_span(&packed));
    buf_free(&packed);
    b->order_used = 1;
}

/* Recipients that were left alone for a time: what is parked for them may go. */
static void end_cooling(struct broker *b)
{
    size_t account;
    while (recipients_warm(b->recipients, b->order_ms, &account))
        accounts_wake(&b->accounts, account, 0);
}

static int commit(struct broker *b)
{
    int64_t from_us = clock_mono_us();
    b->order_used |= figures_save(b->figures);
    reasons_save(b->reasons);
    delivery_save(b->delivery);
    keep_stops(b);
    keep_order_clock(b);
    if (store_commit(b->store)) {
        log_fatal("store failed: nothing that was not durable has been answered; ending, so that a restart begins from the disk");
        return -1;
    }
    int64_t took_us = clock_mono_us() - from_us;
    if (took_us > COMMIT_US_MIN) {
        b->commit_us += (took_us - b->commit_us) / 8;
        histogram_note(&b->commits, took_us);
    }
    intake_charge(b, took_us);
    return 0;
}

/* A broker that stops goes on accepting until it ends: callers wait for the next start only, not for calls that are out. */
static int turn(struct broker *b)
{
    b->turn_seq = store_next_seq(b->store);
    frontend_receive(b);
    control_receive(b);
    control_tick(b);
    life_expire(b);
    end_pauses(b);
    end_cooling(b);
    sweep_tick(b);
    dispatch_ready(b);
    indexing_follow(b);
    check(b);
    if (commit(b))
        return -1;
    outbox_flush(b->outbox);
    return 0;
}

static int has_senders(const struct broker *b, int that_stop)
{
    for (size_t i = 0; i < b->ring.stage_count; i++)
        if (b->ring.stages[i].kind == STAGE_SENDER && (!that_stop || b->ring.stages[i].behind))
            return 1;
    return 0;
}

/* A second time it is not waited for anything: what is out stays marked as out, and the next start asks for it. */
static void begin_stop(struct broker *b)
{
    if (b->stopping) {
        b->stop_by_ms = b->mono_ms;
        log_warn("told to stop again; stopping now", log_u64("out", HASH_COUNT(b->ring.outs)));
        return;
    }
    b->stopping = 1;
    b->stop_by_ms = b->mono_ms + STOP_LIMIT_MS;
    log_info("stopping: nothing more is given out", log_u64("out", HASH_COUNT(b->ring.outs)));
}

/* Where all stop at once, the control socket is served until nothing is out any more, so that no result is left without its
 * confirmation. Senders that go on keep theirs for the next start: then what does not end soon is not waited for. */
static int may_stop(const struct broker *b)
{
    if (!b->stopping)
        return 0;
    if (b->ring.outs == NULL || !has_senders(b, 0) || b->mono_ms >= b->stop_by_ms)
        return 1;
    return b->mono_ms >= b->stop_by_ms - STOP_LIMIT_MS + STOP_ALONE_MS && !has_senders(b, 1);
}

/* Most of the configuration is looked at where it is needed. */
static void apply_reload(void *self)
{
    struct broker *b = self;
    struct stops_rules rules = stop_rules(b->conf);
    stops_configure(b->stops, &rules);
    accounts_configure(&b->accounts);
    configure_clients(b);
    b->next_check_ms = 0; /* min_free_space, ledger_days */
}

static void take_signals(struct broker *b)
{
    const struct program_reload reload = {NULL, apply_reload, b};
    int number;
    while ((number = program_signal(b->program)) != 0) {
        if (number == SIGTERM)
            begin_stop(b);
        else if (number == SIGHUP)
            program_reload(b->program, &reload);
    }
}

/* Returns 1 when requests wait to be served. Those that may not be yet hide from poll whether others have come: it is looked for often. */
static int wait_for_turn(const struct broker *b)
{
    int64_t us = clients_wait_us(b->clients);
    if (us == INT64_MAX)
        return 0;
    int64_t look_us = LOOK_US_MIN + (int64_t)(b->read_bytes / LOOK_BYTES_A_US);
    look_us = look_us < LOOK_US_MAX ? look_us : LOOK_US_MAX;
    if (us > 0)
        clock_wait_us(us < look_us ? us : look_us);
    return 1;
}

static void wait_for_work(struct broker *b)
{
    zmq_pollitem_t items[] = {{zsock_resolve(b->frontend), 0, ZMQ_POLLIN, 0},
                              {zsock_resolve(b->control), 0, ZMQ_POLLIN, 0},
                              {zsock_resolve(monitor_socket(b->jobs_monitor)), 0, ZMQ_POLLIN, 0},
                              {NULL, b->program->signal_fd, ZMQ_POLLIN, 0}};
    int is_busy = sweep_is_busy(&b->sweeps) || pauses_is_releasing(b->pauses) || wait_for_turn(b);
    int64_t index_ms = indexing_wait_ms(b);
    int wait_ms = is_busy ? 0 : dispatch_wait_ms(b, index_ms < WAIT_MS_MAX ? (int)index_ms : WAIT_MS_MAX);
    zmq_poll(items, 4, (long)notify_wait_ms(&b->program->notify, wait_ms));
    if (items[3].revents)
        take_signals(b);
}

int broker_run(struct broker *b)
{
    struct store_counts counts = store_counts(b->store);
    uint64_t waiting = counts.parked + counts.held;
    for (int timed = 0; timed < TIMEDS; timed++)
        waiting += counts.queued[timed];
    log_info("ready", log_u64("waiting", waiting), log_u64("out", counts.out),
             log_u64("settled", counts.settled), log_u64("dead", counts.dead), log_u64("generation", b->ring.fence.generation));
    check_closed(b);
    notify_ready(&b->program->notify, b->closed ? "running; new messages are refused, see the log" : "running");
    while (!may_stop(b)) {
        wait_for_work(b);
        take_time(b);
        if (turn(b))
            return 1;
    }
    log_info("stopped", log_u64("out", HASH_COUNT(b->ring.outs)), log_u64("answers_dropped", outbox_dropped(b->outbox)));
    return 0;
}
