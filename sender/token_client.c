/* One DEALER to the keeper; what it says is kept for each account.
 *
 * `get` goes out every TOKEN_GET_EVERY_MS, since the keeper forgets who is silent, and more often while a
 * token is missing: nothing waits in the socket for a keeper that is away (ZMQ_IMMEDIATE), so the first one
 * after its start must come soon.
 */
#include "sender/token_client.h"

#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/url.h"
#include "proto/token.h"
#include "sender/http.h"

#define GET_MISSING_EVERY_MS 250
#define RECEIVE_MAX          256
#define RECONNECT_MS         50
#define RECONNECT_MS_MAX     500
#define NO_KEEPER            "no WeChat access token: the token keeper (mega-token) does not answer"
#define NO_OTHER             "WeChat rejected the access token and the token keeper gave out no other one"

struct account {
    struct buf token;      /* secret; empty = none was ever had */
    struct buf escaped;    /* secret */
    struct buf reason;     /* of the keeper's last `none`; empty = it said none since the last token */
    uint64_t number;       /* of the token */
    int64_t until_ms;      /* end of the token's time, by clock_mono_ms */
    int64_t missing_ms;    /* since when there is none to be used; 0 = there is one */
    int is_rejected;       /* by WeChat */
    int is_stopped;
    int64_t next_get_ms;
};

struct token_client {
    const struct conf *conf;
    zsock_t *socket;
    struct account *accounts; /* conf->account_count of them */
    struct buf out;           /* reused for packing */
    int has_changed;
};

struct token_client *token_client_new(const struct conf *conf)
{
    struct token_client *t = mem_new(sizeof *t);
    t->conf = conf;
    t->accounts = mem_new(conf->account_count * sizeof *t->accounts);
    for (size_t i = 0; i < conf->account_count; i++)
        t->accounts[i].missing_ms = clock_mono_ms();
    t->socket = zsock_new(ZMQ_DEALER);
    zsock_set_immediate(t->socket, 1);
    zsock_set_reconnect_ivl(t->socket, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(t->socket, RECONNECT_MS_MAX);
    zsock_set_linger(t->socket, 0);
    if (curve_connect(zsock_resolve(t->socket), &conf->curve.keys, conf->token.endpoint) != 0) {
        log_error("[token] endpoint cannot be used, use ipc://PATH or tcp://HOST:PORT",
                  log_str("endpoint", conf->token.endpoint));
        token_client_destroy(&t);
    }
    return t;
}

void token_client_destroy(struct token_client **self)
{
    struct token_client *t = *self;
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->conf->account_count; i++) {
        buf_free(&t->accounts[i].token);
        buf_free(&t->accounts[i].escaped);
        buf_free(&t->accounts[i].reason);
    }
    zsock_destroy(&t->socket);
    buf_free(&t->out);
    free(t->accounts);
    free(t);
    *self = NULL;
}

void *token_client_socket(struct token_client *t)
{
    return t->socket;
}

/* Dropped while the keeper is away: it is asked again soon. */
static void say(struct token_client *t, size_t account, enum token_type type)
{
    struct token_message m = {.type = type, .app = span_of(t->conf->accounts[account].name)};
    if (type == TOKEN_REJECTED)
        m.token = buf_span(&t->accounts[account].token);
    buf_clear(&t->out);
    token_pack(&m, &t->out);
    if (zmq_send(zsock_resolve(t->socket), t->out.data, t->out.bytes, ZMQ_DONTWAIT) < 0)
        log_debug("token keeper is away", log_str("account", t->conf->accounts[account].name));
}

static void take_token(struct account *a, const struct token_message *m)
{
    int is_other = !span_equal(buf_span(&a->token), m->token);
    if (is_other) {
        buf_clear(&a->token);
        buf_append(&a->token, m->token.data, m->token.bytes);
        buf_clear(&a->escaped);
        url_escape(m->token, &a->escaped);
    }
    if (is_other || a->is_rejected)
        a->number++;
    a->until_ms = clock_mono_ms() + m->ttl_ms;
    a->is_rejected = 0;
    buf_clear(&a->reason);
}

static void take(struct token_client *t, struct span packed)
{
    struct token_message m;
    int account;
    if (token_unpack(packed, &m) != 0 || (account = token_client_account(t, m.app)) < 0) {
        log_warn("message of the token keeper was not understood", log_u64("bytes", packed.bytes));
        return;
    }
    struct account *a = &t->accounts[account];
    if (m.type == TOKEN_TOKEN && m.token.bytes && m.ttl_ms > 0) {
        take_token(a, &m);
    } else if (m.type == TOKEN_NONE) {
        buf_clear(&a->reason);
        buf_append(&a->reason, m.message.data, m.message.bytes);
        buf_append(&a->reason, "", 1);
    }
}

void token_client_receive(struct token_client *t)
{
    for (int i = 0; i < RECEIVE_MAX; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        int received = zmq_msg_recv(&frame, zsock_resolve(t->socket), ZMQ_DONTWAIT);
        if (received >= 0)
            take(t, (struct span){zmq_msg_data(&frame), zmq_msg_size(&frame)});
        zmq_msg_close(&frame);
        if (received < 0)
            return;
    }
}

static int is_usable(const struct account *a)
{
    return a->token.bytes && !a->is_rejected && clock_mono_ms() < a->until_ms;
}

/* An account is stopped by the keeper's word, or when nothing was heard for TOKEN_WAIT_MS. */
static void update_stopped(struct token_client *t, struct account *a, int64_t now_ms)
{
    int was_stopped = a->is_stopped;
    if (is_usable(a)) {
        a->missing_ms = 0;
        a->is_stopped = 0;
    } else {
        if (a->missing_ms == 0)
            a->missing_ms = now_ms;
        a->is_stopped = a->reason.bytes > 0 || now_ms - a->missing_ms >= TOKEN_WAIT_MS;
    }
    if (a->is_stopped == was_stopped)
        return;
    t->has_changed = 1;
    int account = (int)(a - t->accounts);
    if (a->is_stopped)
        log_warn("account is stopped", log_str("account", t->conf->accounts[account].name),
                 log_str("reason", token_client_stopped(t, account)));
    else
        log_info("account can send", log_str("account", t->conf->accounts[account].name));
}

int64_t token_client_tick(struct token_client *t)
{
    int64_t now_ms = clock_mono_ms(), next_ms = now_ms + TOKEN_GET_EVERY_MS;
    for (size_t i = 0; i < t->conf->account_count; i++) {
        struct account *a = &t->accounts[i];
        update_stopped(t, a, now_ms);
        int64_t every_ms = is_usable(a) ? TOKEN_GET_EVERY_MS : GET_MISSING_EVERY_MS;
        if (a->next_get_ms > now_ms + every_ms)
            a->next_get_ms = now_ms + every_ms; /* the token has just been lost */
        if (now_ms >= a->next_get_ms) {
            if (a->is_rejected)
                say(t, i, TOKEN_REJECTED); /* the first one may have been lost with a connection */
            say(t, i, TOKEN_GET);
            a->next_get_ms = now_ms + every_ms;
        }
        if (a->next_get_ms < next_ms)
            next_ms = a->next_get_ms;
    }
    return next_ms > now_ms ? next_ms - now_ms : 0;
}

int token_client_account(const struct token_client *t, struct span name)
{
    for (size_t i = 0; i < t->conf->account_count; i++)
        if (span_is(name, t->conf->accounts[i].name))
            return (int)i;
    return -1;
}

uint64_t token_client_number(const struct token_client *t, int account)
{
    const struct account *a = &t->accounts[account];
    return is_usable(a) ? a->number : 0;
}

int64_t token_client_left_ms(const struct token_client *t, int account)
{
    const struct account *a = &t->accounts[account];
    return is_usable(a) ? a->until_ms - clock_mono_ms() : 0;
}

struct span token_client_token(const struct token_client *t, int account)
{
    return buf_span(&t->accounts[account].token);
}

struct span token_client_escaped(const struct token_client *t, int account)
{
    return buf_span(&t->accounts[account].escaped);
}

void token_client_reject(struct token_client *t, int account, uint64_t number)
{
    struct account *a = &t->accounts[account];
    if (a->number != number || a->is_rejected)
        return;
    log_warn("WeChat rejected the access token", log_str("account", t->conf->accounts[account].name),
             log_str("next", "the token keeper is asked for another one"));
    a->is_rejected = 1;
    say(t, (size_t)account, TOKEN_REJECTED);
}

const char *token_client_stopped(const struct token_client *t, int account)
{
    const struct account *a = &t->accounts[account];
    if (!a->is_stopped)
        return NULL;
    if (a->reason.bytes)
        return a->reason.data;
    return a->is_rejected ? NO_OTHER : NO_KEEPER;
}

int token_client_has_changed(struct token_client *t)
{
    int has_changed = t->has_changed;
    t->has_changed = 0;
    return has_changed;
}
