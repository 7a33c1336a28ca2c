/* One thread, one loop: a ROUTER for the senders, libcurl for the fetches, a token_state for each account; and the
 * thread of token_sql, if an account has its tokens from a database.
 *
 * The keeper pushes: whoever has asked within TOKEN_PEER_MS is told of every change. Nothing is kept for a
 * sender that does not read; it asks again.
 */
#include "sender/keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/curve_guard.h"
#include "base/log.h"
#include "proto/mp.h"
#include "proto/operator.h"
#include "proto/token.h"
#include "proto/usage.h"
#include "sender/hosts.h"
#include "sender/hosts_log.h"
#include "sender/http.h"
#include "sender/tls.h"
#include "sender/token_external.h"
#include "sender/token_fetch.h"
#include "sender/token_peers.h"
#include "sender/token_sql.h"
#include "sender/token_state.h"
#include "sender/token_store.h"

#define RECEIVE_MAX       256  /* messages a turn */
#define MESSAGE_KEEPER_BYTES_MAX 65536
#define NO_ACCOUNT        "the token keeper has no account of this name; add its section to the configuration"
#define WAIT_MS_MAX       1000
#define STOP_LIMIT_MS     5000 /* on TERM, for fetches under way: below the stopwaitsecs of etc/supervisord.conf */
#define FAILURES_LOUD     3    /* in a row, without a token to go on with: no longer a hiccup */

struct account {
    struct keeper *keeper;
    const struct conf_account *conf;
    struct conf_account asked; /* as it was when the fetch under way began: an answer is looked through for that secret */
    char key[TOKEN_KEY_BYTES];
    struct token_state state;
    struct buf body; /* of the fetch under way; holds the secret */
    struct hosts hosts;
    struct host_use host_use; /* the addresses at which the fetch under way was asked */
    int goes_on;              /* it was not sent: it is asked at the next address */
    uint64_t fetches, failed; /* since the start: that have ended; of them without a token */
    uint64_t rejected;        /* since the start: tokens that WeChat has rejected before their end */
};

struct keeper {
    struct program *program;
    int64_t began_ms;         /* monotonic */
    const struct conf *conf;
    zsock_t *socket;
    struct curve_guard *guard;
    struct http *http;
    struct token_sql *sql;    /* NULL: no account has token_sql */
    struct account *accounts; /* conf->account_count of them */
    struct token_peers *peers;
    struct fetched fetched;   /* reused */
    struct buf url;           /* reused; may hold a secret */
    struct buf out;           /* reused for packing */
    int64_t stop_by_ms;       /* told to stop: when it ends anyway; 0 = running */
};

static void load_cache(struct keeper *k);
static void save_cache(struct keeper *k);
static void receive(struct keeper *k);
static void act(struct keeper *k);
static void on_answered(void *self, const struct http_answer *answer);
static void take_rows(struct keeper *k);
static void tell(struct keeper *k, const struct account *a, struct span id);
static void tell_all(struct keeper *k, const struct account *a);

/* Without CURVE tokens are sent as they are. */
static void warn_of_network(const struct conf *conf)
{
    const char *endpoint = conf->token.endpoint;
    if (!curve_is_local(endpoint) && !curve_covers(&conf->curve.keys, endpoint))
        log_warn("access tokens cross the network unencrypted", log_str("endpoint", endpoint),
                 log_str("better", "[curve] key, or [token] endpoint as ipc://PATH or tcp://127.0.0.1:PORT"));
}

static int bind_socket(struct keeper *k)
{
    const char *endpoint = k->conf->token.endpoint;
    warn_of_network(k->conf);
    k->socket = zsock_new(ZMQ_ROUTER);
    zsock_set_maxmsgsize(k->socket, MESSAGE_KEEPER_BYTES_MAX);
    zsock_set_linger(k->socket, 0);
    k->guard = curve_guard_new(k->conf);
    int bound = curve_guard_bind(k->guard, k->socket, CURVE_TOKEN, endpoint);
    if (bound < 0) {
        log_error("[token] endpoint cannot be bound, use ipc://PATH or tcp://ADDRESS:PORT",
                  log_str("endpoint", endpoint), log_str("error", zmq_strerror(errno)));
        return -1;
    }
    return 0;
}

/* Starts the thread for token_sql when an account has it. Returns -1 when the database cannot be used (logged). */
static int open_sql(struct keeper *k)
{
    struct buf error = {0};
    for (size_t i = 0; i < k->conf->account_count && k->sql == NULL && error.bytes == 0; i++)
        if (k->conf->accounts[i].token_sql[0])
            k->sql = token_sql_new(k->conf, &error);
    int failed = error.bytes > 0;
    if (failed)
        log_error("token_sql cannot be used", log_span("reason", buf_span(&error)));
    buf_free(&error);
    return failed ? -1 : 0;
}

struct keeper *keeper_new(struct program *program)
{
    const struct conf *conf = program->conf;
    if (conf->account_count == 0) {
        log_error("no account: the configuration needs a section [wechat] with app_id and app_secret");
        return NULL;
    }
    struct keeper *k = mem_new(sizeof *k);
    k->program = program;
    k->began_ms = clock_mono_ms();
    k->conf = conf;
    k->peers = token_peers_new();
    k->accounts = mem_new(conf->account_count * sizeof *k->accounts);
    for (size_t i = 0; i < conf->account_count; i++) {
        struct account *a = &k->accounts[i];
        a->keeper = k;
        a->conf = &conf->accounts[i];
        hosts_open(&a->hosts, a->conf);
        token_store_key(a->conf, a->key);
        token_state_open(&a->state, a->conf, clock_mono_ms());
    }
    /* One for each account, which has one fetch at a time: none waits for another's slow service. */
    k->http = http_new(&(struct http_options){.calls_max = (uint32_t)conf->account_count,
                                              .ca_file = conf->sender.ca_file,
                                              .timeout_ms = conf->sender.timeout_ms,
                                              .connect_timeout_ms = conf->sender.connect_timeout_ms});
    load_cache(k);
    if (open_sql(k) != 0 || bind_socket(k) != 0)
        keeper_destroy(&k);
    return k;
}

int keeper_destroy(struct keeper **self)
{
    struct keeper *k = *self;
    if (k == NULL)
        return 0;
    int left = token_sql_destroy(&k->sql);
    http_destroy(&k->http);
    zsock_destroy(&k->socket);
    curve_guard_destroy(&k->guard);
    for (size_t i = 0; i < k->conf->account_count; i++) {
        explicit_bzero(&k->accounts[i].asked, sizeof k->accounts[i].asked);
        token_state_close(&k->accounts[i].state);
        buf_free(&k->accounts[i].body);
    }
    buf_free(&k->fetched.token);
    buf_free(&k->fetched.reason);
    buf_free(&k->url);
    buf_free(&k->out);
    free(k->accounts);
    token_peers_destroy(&k->peers);
    free(k);
    *self = NULL;
    return left;
}

/* --- the loop ------------------------------------------------------------------------------------------- */

/* Milliseconds until an account or libcurl wants something. */
static int64_t wait_ms(const struct keeper *k)
{
    int64_t now_ms = clock_mono_ms(), next_ms = now_ms + WAIT_MS_MAX, http_ms = http_wait_ms(k->http);
    for (size_t i = 0; i < k->conf->account_count; i++) {
        const struct token_state *s = &k->accounts[i].state;
        if (!s->is_fetching && s->next_ms < next_ms)
            next_ms = s->next_ms;
    }
    if (k->stop_by_ms) /* nothing more is begun */
        next_ms = k->stop_by_ms;
    int64_t wait = next_ms > now_ms ? next_ms - now_ms : 0;
    return http_ms >= 0 && http_ms < wait ? http_ms : wait;
}

static int check_reload(void *self, const struct conf *next)
{
    (void)self;
    return tls_check_ca_file(next);
}

static void apply_reload(void *self)
{
    struct keeper *k = self;
    http_configure(k->http, k->conf->sender.timeout_ms, k->conf->sender.connect_timeout_ms);
    for (size_t i = 0; i < k->conf->account_count; i++) {
        struct account *a = &k->accounts[i];
        hosts_change(&a->hosts, a->conf);
        token_store_key(a->conf, a->key); /* holds the secret, too */
        token_state_change(&a->state, a->conf, clock_mono_ms());
    }
}

/* A second TERM does not wait for fetches under way: the next start makes them again. */
static void take_signals(struct keeper *k)
{
    const struct program_reload reload = {check_reload, apply_reload, k};
    int signal_number;
    while ((signal_number = program_signal(k->program)) != 0)
        if (signal_number == SIGTERM)
            k->stop_by_ms = clock_mono_ms() + (k->stop_by_ms ? 0 : STOP_LIMIT_MS);
        else if (signal_number == SIGHUP)
            program_reload(k->program, &reload);
}

/* 1 when it is to end. What WeChat gives meanwhile is kept: it may have ended the token of before. */
static int has_stopped(const struct keeper *k)
{
    int is_fetching = 0;
    for (size_t i = 0; i < k->conf->account_count; i++)
        is_fetching |= k->accounts[i].state.is_fetching && !k->accounts[i].goes_on;
    return k->stop_by_ms && (!is_fetching || clock_mono_ms() >= k->stop_by_ms);
}

int keeper_run(struct keeper *k)
{
    notify_ready(&k->program->notify, "running");
    for (;;) {
        zmq_pollitem_t items[] = {{zsock_resolve(k->socket), 0, ZMQ_POLLIN, 0},
                                  {NULL, http_fd(k->http), ZMQ_POLLIN, 0},
                                  {NULL, k->program->signal_fd, ZMQ_POLLIN, 0},
                                  {NULL, k->sql ? token_sql_fd(k->sql) : -1, ZMQ_POLLIN, 0}};
        if (zmq_poll(items, k->sql ? 4 : 3, (long)notify_wait_ms(&k->program->notify, wait_ms(k))) < 0 && errno != EINTR)
            log_error("poll failed", log_str("error", zmq_strerror(errno)));
        take_signals(k);
        receive(k);
        http_run(k->http);
        take_rows(k);
        if (has_stopped(k))
            return 0;
        if (k->stop_by_ms == 0)
            act(k);
    }
}

static void tell_forced(struct keeper *k, const struct account *a)
{
    log_error("WeChat gave a rejected access token again, another one is forced", log_str("account", a->conf->name),
              log_u64("forced_today", a->state.forced.count),
              log_str("check", "whether the token or app_secret leaked: forcing is meant for that, and is limited"));
    save_cache(k); /* the count must not be lost with this process */
}

/* Asks a token service, or WeChat at the address that is to be used now. The body must live as long as the fetch, the URL need not. */
static void ask(struct keeper *k, struct account *a)
{
    a->goes_on = 0;
    if (a->conf->token_mode == TOKEN_EXTERNAL) {
        token_external_ask(a->conf, &k->url);
    } else {
        hosts_pick(&a->hosts, &a->host_use, clock_mono_ms());
        a->asked = *a->conf;
        token_fetch_ask(a->conf, a->host_use.host, a->state.is_forced, &k->url, &a->body);
    }
    struct http_request request = {
        .url = buf_str(&k->url), .body = buf_span(&a->body), .self = a, .done = on_answered};
    int failed = http_begin(k->http, &request);
    assert(!failed); /* there is a place for each account */
}

/* Begins a fetch. */
static void fetch(struct keeper *k, struct account *a)
{
    if (a->conf->token_sql[0]) {
        token_sql_ask(k->sql, (size_t)(a - k->accounts));
        return;
    }
    a->host_use = (struct host_use){0};
    if (a->state.is_forced)
        tell_forced(k, a);
    ask(k, a);
}

/* Does what is due for each account. */
static void act(struct keeper *k)
{
    for (size_t i = 0; i < k->conf->account_count; i++) {
        struct account *a = &k->accounts[i];
        if (a->goes_on)
            ask(k, a);
        switch (token_state_next(&a->state, clock_mono_ms(), clock_wall_ms())) {
        case TOKEN_STEP_NONE:
            break;
        case TOKEN_STEP_FETCH:
            fetch(k, a);
            break;
        case TOKEN_STEP_TELL:
            log_write(a->state.reason.bytes ? LEVEL_ERROR : LEVEL_WARN, "state of the access token changed",
                      log_str("account", a->conf->name), log_span("reason", buf_span(&a->state.reason)));
            tell_all(k, a);
            break;
        }
    }
}

/* A failure that passes is a warning while there is a token to go on with, and at first. */
static void log_failure(const struct account *a, const struct fetched *fetched)
{
    int64_t now_ms = clock_mono_ms();
    int is_loud = fetched->end != FETCH_FAILED
                  || (a->state.failures >= FAILURES_LOUD && !token_state_is_usable(&a->state, now_ms));
    log_write(is_loud ? LEVEL_ERROR : LEVEL_WARN, "access token not fetched", log_str("account", a->conf->name),
              log_i64("errcode", fetched->errcode), log_span("reason", buf_span(&fetched->reason)),
              log_i64("retry_ms", a->state.next_ms - now_ms));
}

/* What calls a person: a token that WeChat rejects and all the same, or the service, gives again. */
static void log_same(const struct account *a, enum token_news news)
{
    if (news == TOKEN_NEWS_SAME_USED)
        log_error("a rejected access token was given again and is used on", log_str("account", a->conf->name),
                  log_str("check", "whether this account was restricted, and what else fetches tokens for it"));
    else if (news == TOKEN_NEWS_SAME_WAITS)
        log_error("the token service still gives an access token that WeChat rejects",
                  log_str("account", a->conf->name),
                  log_str("check", "that the service fetches another one, and that nothing else fetches any"),
                  log_i64("retry_ms", a->state.next_ms - clock_mono_ms()));
}

/* What the end of a fetch says of its address. Returns 1 when it was not sent and there is another address: WeChat has seen
 * nothing of it, so it is asked there at once. */
static int goes_on(struct account *a, const struct http_answer *answer, const struct fetched *fetched)
{
    size_t host = a->host_use.host;
    enum host_end end = fetched->end == FETCH_TOKEN || fetched->errcode != 0 ? HOST_ANSWERED
                        : answer->end == HTTP_NOT_SENT                       ? HOST_NOT_SENT
                                                                             : HOST_MISSED;
    enum host_news news = hosts_end(&a->hosts, &a->host_use, end, clock_mono_ms());
    hosts_log(&a->hosts, a->conf, host, news, buf_span(&fetched->reason));
    a->goes_on = end == HOST_NOT_SENT && hosts_have_other(&a->hosts, &a->host_use);
    return a->goes_on;
}

/* Takes what k->fetched holds. */
static void on_fetched(struct keeper *k, struct account *a)
{
    struct fetched *fetched = &k->fetched;
    enum token_news news = token_state_fetched(&a->state, fetched, clock_mono_ms(), clock_wall_ms());
    a->fetches++;
    a->failed += news == TOKEN_NEWS_FAILED;
    if (news == TOKEN_NEWS_FAILED)
        log_failure(a, fetched);
    log_same(a, news);
    if (news == TOKEN_NEWS_NEW) {
        log_info("access token fetched", log_str("account", a->conf->name),
                 log_i64("ttl_s", fetched->ttl_ms / 1000));
        save_cache(k);
    }
    tell_all(k, a);
}

static void on_answered(void *self, const struct http_answer *answer)
{
    struct account *a = self;
    struct keeper *k = a->keeper;
    if (a->conf->token_mode == TOKEN_EXTERNAL)
        token_external_read(answer, &k->fetched);
    else
        token_fetch_read(&a->asked, answer, &k->fetched);
    if (a->conf->token_mode != TOKEN_EXTERNAL && goes_on(a, answer, &k->fetched))
        return;
    on_fetched(k, a);
}

static void take_rows(struct keeper *k)
{
    struct token_row row;
    size_t account;
    while (k->sql != NULL && token_sql_take(k->sql, &account, &row)) {
        token_external_row(&row, &k->fetched);
        token_row_free(&row);
        on_fetched(k, &k->accounts[account]);
    }
}

/* --- senders -------------------------------------------------------------------------------------------- */

static struct account *find_account(struct keeper *k, struct span name)
{
    for (size_t i = 0; i < k->conf->account_count; i++)
        if (span_is(name, k->conf->accounts[i].name))
            return &k->accounts[i];
    return NULL;
}

/* Dropped when the peer is gone or does not read; it asks again. */
static void send_out(struct keeper *k, struct span id)
{
    void *socket = zsock_resolve(k->socket);
    if (zmq_send(socket, id.data, id.bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send(socket, k->out.data, k->out.bytes, ZMQ_DONTWAIT);
}

static void say(struct keeper *k, struct span id, const struct token_message *m)
{
    buf_clear(&k->out);
    token_pack(m, &k->out);
    send_out(k, id);
}

/* Without the token, so that whoever watches need not be trusted with it. */
static void pack_account(const struct account *a, int64_t now_ms, struct buf *out)
{
    const struct token_state *s = &a->state;
    int is_usable = token_state_is_usable(s, now_ms);
    size_t place = mp_map_open(out), count = 1;
    mp_put_str(out, "app", a->conf->name);
    count += mp_opt_flag(out, "usable", is_usable);
    count += mp_opt_i64(out, "ttl", is_usable ? s->until_ms - now_ms : 0);
    count += mp_opt_i64(out, "age", is_usable ? now_ms - s->given_ms : 0);
    count += mp_opt_i64(out, "retry", !is_usable && s->next_ms > now_ms ? s->next_ms - now_ms : 0);
    count += mp_opt_span(out, "message", is_usable ? (struct span){NULL, 0} : buf_span(&s->reason));
    count += mp_opt_u64(out, "failures", s->failures);
    count += mp_opt_u64(out, "fetches", a->fetches);
    count += mp_opt_u64(out, "failed", a->failed);
    count += mp_opt_u64(out, "rejected", a->rejected);
    mp_map_close(out, place, count);
}

static void pack_status(const struct keeper *k, struct buf *out)
{
    int64_t now_ms = clock_mono_ms();
    struct usage usage = usage_now();
    size_t place = mp_map_open(out), count = 3;
    mp_put_str(out, "version", MEGA_VERSION);
    mp_put_i64(out, "uptime_ms", now_ms - k->began_ms);
    count += usage_pack(&usage, out);
    mp_str(out, "accounts");
    mp_array(out, k->conf->account_count);
    for (size_t i = 0; i < k->conf->account_count; i++)
        pack_account(&k->accounts[i], now_ms, out);
    mp_map_close(out, place, count);
}

static void tell_status(struct keeper *k, struct span id, uint64_t ref)
{
    struct buf data = {0};
    pack_status(k, &data);
    buf_clear(&k->out);
    answer_pack(&(struct answer){.ref = ref, .code = CODE_OK, .data = buf_span(&data)}, &k->out);
    send_out(k, id);
    buf_free(&data);
}

static void take(struct keeper *k, struct span id, zmq_msg_t *frame)
{
    struct span packed = {zmq_msg_data(frame), zmq_msg_size(frame)};
    struct token_message m;
    struct account *a;
    if (id.bytes == 0 || id.bytes > TOKEN_PEER_ID_BYTES_MAX || token_unpack(packed, &m) != 0
        || m.app.bytes >= CONF_ACCOUNT_BYTES_MAX || m.type == TOKEN_TOKEN || m.type == TOKEN_NONE) {
        log_warn("message was not understood", log_u64("bytes", packed.bytes));
        return;
    }
    if (!curve_guard_admits(k->guard, k->conf->token.endpoint, m.type == TOKEN_STATUS ? CURVE_TOKEN : CURVE_TOKENS, frame))
        return;
    if (m.type == TOKEN_STATUS) {
        tell_status(k, id, m.ref);
        return;
    }
    if ((a = find_account(k, m.app)) == NULL) {
        log_warn("somebody asks for an account that is not in the configuration", log_span("account", m.app));
        say(k, id, &(struct token_message){.type = TOKEN_NONE,
                                           .app = m.app,
                                           .message = span_of(NO_ACCOUNT),
                                           .retry_ms = TOKEN_PEER_MS});
        return;
    }
    token_peers_hear(k->peers, id, (size_t)(a - k->accounts), clock_mono_ms());
    if (m.type == TOKEN_GET)
        tell(k, a, id);
    else if (token_state_reject(&a->state, m.token, clock_mono_ms()) && ++a->rejected)
        log_error("WeChat rejected an access token before its end, another one is fetched",
                  log_str("account", a->conf->name),
                  log_str("check", "that nothing else fetches tokens for this account"));
}

/* Reads one message: the sender's routing id, then packed messages. Returns 0 when there is none. */
static int receive_message(struct keeper *k)
{
    void *socket = zsock_resolve(k->socket);
    zmq_msg_t id, frame;
    zmq_msg_init(&id);
    int received = zmq_msg_recv(&id, socket, ZMQ_DONTWAIT) >= 0;
    int more = received && zmq_msg_more(&id);
    while (more) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0)
            take(k, (struct span){zmq_msg_data(&id), zmq_msg_size(&id)}, &frame);
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    zmq_msg_close(&id);
    return received;
}

static void receive(struct keeper *k)
{
    for (int i = 0; i < RECEIVE_MAX && receive_message(k); i++)
        continue;
}

/* Tells a sender the token, or why there is none; nothing while neither is known. */
static void tell(struct keeper *k, const struct account *a, struct span id)
{
    int64_t now_ms = clock_mono_ms();
    const struct token_state *s = &a->state;
    struct token_message m = {.app = span_of(a->conf->name)};
    if (token_state_is_usable(s, now_ms)) {
        m.type = TOKEN_TOKEN;
        m.token = buf_span(&s->token);
        m.ttl_ms = s->until_ms - now_ms;
    } else if (s->reason.bytes) {
        m.type = TOKEN_NONE;
        m.message = buf_span(&s->reason);
        m.retry_ms = s->next_ms > now_ms ? s->next_ms - now_ms : 0;
    } else {
        return;
    }
    say(k, id, &m);
}

struct telling {
    struct keeper *keeper;
    const struct account *account;
};

static void tell_peer(void *self, struct span id)
{
    const struct telling *t = self;
    tell(t->keeper, t->account, id);
}

static void tell_all(struct keeper *k, const struct account *a)
{
    struct telling telling = {k, a};
    token_peers_each(k->peers, (size_t)(a - k->accounts), clock_mono_ms(), tell_peer, &telling);
}

/* --- the cache ------------------------------------------------------------------------------------------ */

static void load_cache(struct keeper *k)
{
    struct buf bytes = {0};
    struct token_record *records = mem_new(CONF_ACCOUNTS_MAX * sizeof *records);
    size_t count = token_store_read(k->conf->token.cache_file, &bytes, records, CONF_ACCOUNTS_MAX);
    int64_t wall_ms = clock_wall_ms(), now_ms = clock_mono_ms();
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < k->conf->account_count; j++) {
            struct account *a = &k->accounts[j];
            if (memcmp(a->key, records[i].key, TOKEN_KEY_BYTES) != 0)
                continue;
            a->state.forced = records[i].forced;
            token_state_restore(&a->state, records[i].token, records[i].until_wall_ms - wall_ms,
                                records[i].lifetime_ms, now_ms);
        }
    free(records);
    buf_free(&bytes);
}

static void save_cache(struct keeper *k)
{
    struct token_record *records = mem_new(k->conf->account_count * sizeof *records);
    int64_t wall_ms = clock_wall_ms(), now_ms = clock_mono_ms();
    for (size_t i = 0; i < k->conf->account_count; i++) {
        const struct account *a = &k->accounts[i];
        memcpy(records[i].key, a->key, TOKEN_KEY_BYTES);
        if (!a->state.is_rejected)
            records[i].token = buf_span(&a->state.token);
        records[i].until_wall_ms = wall_ms + a->state.until_ms - now_ms;
        records[i].lifetime_ms = a->state.lifetime_ms;
        records[i].forced = a->state.forced;
    }
    token_store_write(k->conf->token.cache_file, records, k->conf->account_count);
    free(records);
}
