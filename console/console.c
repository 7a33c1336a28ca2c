#include "console/console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "console/routes.h"
#include "proto/series.h"
#include "proto/task.h"
#include "proto/token.h"

#define WAIT_MS         1000
#define CONNECTIONS_MAX 64 /* Prometheus, a dashboard and a few people */

static int connect_dealers(struct console *c)
{
    const char *const endpoints[PARTIES] = {[PARTY_BROKER] = c->conf->broker.control,
                                          [PARTY_TOKEN] = c->conf->token.endpoint,
                                          [PARTY_TASK] = c->conf->task.endpoint,
                                          [PARTY_LISTENER] = c->conf->listener.endpoint};
    for (int party = 0; party < PARTIES; party++) {
        c->dealers[party] = dealer_new(party_name((enum party)party), &c->conf->curve.keys, endpoints[party]);
        if (c->dealers[party] == NULL)
            return -1;
    }
    return 0;
}

/* What others can reach must not be open to everybody: /metrics needs a token there, and so does the API anyhow. Returns 0; -1 (logged)
 * when these tokens will not do. */
static int check_tokens(void *self, const struct conf *conf)
{
    const struct console *c = self;
    if (web_is_loopback(c->web) || conf->console.token[0] || conf->console.metrics_token[0])
        return 0;
    log_error("[console] listen: an address that other hosts reach needs [console] metrics_token or token; give one, or listen at 127.0.0.1",
              log_str("listen", conf->console.listen));
    return -1;
}

struct console *console_new(struct program *program)
{
    struct console *c = mem_new(sizeof *c);
    c->program = program;
    c->conf = program->conf;
    c->own.start_ms = clock_wall_ms();
    struct web_handler handler = {
        .on_header = routes_on_header, .on_request = routes_on_request, .on_answered = routes_on_answered, .self = c};
    const struct web_options options = {
        .listen = c->conf->console.listen, .key = "[console] listen", .connections_max = CONNECTIONS_MAX};
    c->web = web_new(&options, handler);
    if (c->web == NULL || check_tokens(c, c->conf) != 0 || connect_dealers(c) != 0)
        console_destroy(&c);
    else
        c->alarms = alarms_new(c->conf);
    if (c)
        c->heard[PARTY_LISTENER].is_optional = !alarms_expect(c->alarms, "listener");
    return c;
}

void console_destroy(struct console **self)
{
    struct console *c = *self;
    if (c == NULL)
        return;
    web_destroy(&c->web); /* first: requests that wait for a party forget what they ask of it */
    for (int party = 0; party < PARTIES; party++) {
        dealer_destroy(&c->dealers[party]);
        heard_free(&c->heard[party]);
    }
    alarms_destroy(&c->alarms);
    free(c);
    *self = NULL;
}

/* --- what the parties say ------------------------------------------------------------------------------------------- */

void console_on_heard(struct console *c, enum party party)
{
    struct heard *h = &c->heard[party];
    int64_t mono_ms = clock_mono_ms();
    int is_up = heard_is_up(h, mono_ms);
    if (is_up == h->was_up)
        return;
    h->was_up = is_up;
    h->since_ms = mono_ms;
    if (is_up)
        log_info("answers", log_str("party", party_name(party)));
    else
        log_warn("does not answer", log_str("party", party_name(party)));
}

static int take(struct console *c, enum party party, const struct answer *answer)
{
    if (answer && answer->code == CODE_OK && answer->data.bytes)
        heard_take(&c->heard[party], answer->data, clock_mono_ms(), clock_wall_ms());
    console_on_heard(c, party);
    return 0;
}

static int on_broker(void *self, const struct answer *answer)
{
    return take(self, PARTY_BROKER, answer);
}

static int on_token(void *self, const struct answer *answer)
{
    return take(self, PARTY_TOKEN, answer);
}

static int on_task(void *self, const struct answer *answer)
{
    return take(self, PARTY_TASK, answer);
}

static int on_listener(void *self, const struct answer *answer)
{
    return take(self, PARTY_LISTENER, answer);
}

static void pack_status(enum party party, uint64_t ref, struct buf *out)
{
    if (party == PARTY_BROKER)
        ask_pack(&(struct ask){.op = ASK_STATUS, .ref = ref}, out);
    else if (party == PARTY_TOKEN)
        token_pack(&(struct token_message){.type = TOKEN_STATUS, .ref = ref}, out);
    else if (party == PARTY_LISTENER)
        series_ask_pack(&(struct series_ask){.op = SERIES_STATUS, .ref = ref}, out);
    else
        task_ask_pack(&(struct task_ask){.op = TASK_STATUS, .ref = ref, .lane = -1}, out);
}

static struct span heard_now(const struct console *c, enum party party)
{
    int is_up = heard_is_up(&c->heard[party], clock_mono_ms());
    return is_up ? buf_span(&c->heard[party].data) : (struct span){NULL, 0};
}

static void look_for_alarms(struct console *c)
{
    struct alarms_heard heard = {.broker = heard_now(c, PARTY_BROKER), .token = heard_now(c, PARTY_TOKEN),
                                 .has_task = heard_now(c, PARTY_TASK).bytes > 0, .listener = heard_now(c, PARTY_LISTENER)};
    alarms_look(c->alarms, &heard);
    c->heard[PARTY_LISTENER].is_optional = !alarms_expect(c->alarms, "listener");
}

/* An ask that was not answered within the second is given up for the next one. */
static void poll_parties(struct console *c)
{
    static int (*const done[PARTIES])(void *, const struct answer *) = {
        [PARTY_BROKER] = on_broker, [PARTY_TOKEN] = on_token, [PARTY_TASK] = on_task, [PARTY_LISTENER] = on_listener};
    struct buf packed = {0};
    int64_t mono_ms = clock_mono_ms();
    if (mono_ms < c->poll_ms)
        return;
    c->poll_ms = mono_ms + POLL_EVERY_MS;
    look_for_alarms(c);
    for (int party = 0; party < PARTIES; party++) {
        uint64_t ref = dealer_ref(c->dealers[party]);
        buf_clear(&packed);
        pack_status((enum party)party, ref, &packed);
        dealer_forget(c->dealers[party], c);
        dealer_ask(c->dealers[party], ref, buf_span(&packed), POLL_EVERY_MS, (struct ear){done[party], c});
        console_on_heard(c, (enum party)party);
    }
    buf_free(&packed);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static int64_t turn(struct console *c)
{
    int64_t wait_ms = WAIT_MS;
    for (int party = 0; party < PARTIES; party++)
        dealer_receive(c->dealers[party]);
    poll_parties(c);
    for (int party = 0; party < PARTIES; party++)
        wait_ms = dealer_tick(c->dealers[party], wait_ms);
    web_run(c->web);
    alarms_run(c->alarms);
    wait_ms = alarms_wait_ms(c->alarms, wait_ms);
    int64_t poll_ms = c->poll_ms - clock_mono_ms();
    if (poll_ms < wait_ms)
        wait_ms = poll_ms > 0 ? poll_ms : 0;
    return web_wait_ms(c->web, wait_ms);
}

/* Returns 1 when it is to end. The tokens are looked at where they are needed, so nothing follows from others. */
static int take_signals(struct console *c)
{
    const struct program_reload reload = {.check = check_tokens, .self = c};
    int number;
    while ((number = program_signal(c->program)) != 0) {
        if (number == SIGTERM)
            return 1;
        if (number == SIGHUP)
            program_reload(c->program, &reload);
    }
    return 0;
}

int console_run(struct console *c)
{
    zmq_pollitem_t items[PARTIES + 3] = {{.fd = web_fd(c->web), .events = ZMQ_POLLIN},
                                         {.fd = c->program->signal_fd, .events = ZMQ_POLLIN},
                                         {.fd = alarms_fd(c->alarms), .events = ZMQ_POLLIN}};
    for (int party = 0; party < PARTIES; party++)
        items[3 + party] = (zmq_pollitem_t){.socket = zsock_resolve(dealer_socket(c->dealers[party])), .events = ZMQ_POLLIN};
    notify_ready(&c->program->notify, "running");
    while (!take_signals(c)) {
        int64_t wait_ms = turn(c);
        zmq_poll(items, PARTIES + 3, (long)notify_wait_ms(&c->program->notify, wait_ms));
    }
    return 0;
}
