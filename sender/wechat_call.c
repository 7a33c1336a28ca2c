#include "sender/wechat_call.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/term.h"
#include "base/url.h"
#include "sender/answer.h"
#include "sender/errcode.h"
#include "sender/token_client.h"
#include "sender/wechat_text.h"

#define WAIT_MS_MAX      1000
#define ERRMSG_BYTES_MAX 1024

struct wechat {
    struct conf *conf;
    struct token_client *tokens;
    struct http *http;
};

/* A call under way: what its callback fills in. */
struct flight {
    const struct wechat *wechat;
    const struct wechat_call *call;
    struct wechat_result *result;
    int is_over;
};

static struct http *new_http(const struct conf *conf)
{
    return http_new(&(struct http_options){.calls_max = 1,
                                           .ca_file = conf->sender.ca_file,
                                           .timeout_ms = conf->sender.timeout_ms,
                                           .connect_timeout_ms = conf->sender.connect_timeout_ms});
}

struct wechat *wechat_open(const struct wechat_options *o)
{
    struct buf errors = {0}, warnings = {0};
    struct wechat *w = mem_new(sizeof *w);
    zsys_handler_set(NULL); /* Ctrl-C ends the program, as people expect */
    w->conf = conf_load(o->config, &errors, &warnings);
    if (w->conf == NULL)
        fputs(buf_str(&errors), stderr);
    else if (w->conf->account_count == 0)
        wechat_error("%s: holds no account; it needs a section [wechat] with app_id and app_secret", o->config);
    else if ((w->tokens = token_client_new(w->conf)) != NULL)
        w->http = new_http(w->conf);
    buf_free(&errors);
    buf_free(&warnings);
    if (w->http == NULL)
        wechat_close(&w);
    return w;
}

void wechat_close(struct wechat **self)
{
    struct wechat *w = *self;
    if (w == NULL)
        return;
    http_destroy(&w->http);
    token_client_destroy(&w->tokens);
    conf_destroy(&w->conf);
    free(w);
    *self = NULL;
}

const struct conf *wechat_conf(const struct wechat *w)
{
    return w->conf;
}

void wechat_forget_connections(struct wechat *w)
{
    http_destroy(&w->http);
    w->http = new_http(w->conf);
}

int wechat_account(const struct wechat *w, const char *app)
{
    const char *name = app ? app : CONF_ACCOUNT_DEFAULT;
    int account = token_client_account(w->tokens, span_of(name));
    if (account < 0 && app)
        wechat_error("--app %s: the configuration has no section [wechat:%s]", app, app);
    else if (account < 0)
        wechat_error("there is no section [wechat]: name the account with --app, such as --app %s", w->conf->accounts[0].name);
    return account;
}

/* --- the token ---------------------------------------------------------------------------------------------- */

/* token_client says why within TOKEN_WAIT_MS even when the keeper says nothing. */
const char *wechat_wait_token(struct wechat *w, int account)
{
    for (;;) {
        int64_t wait_ms = token_client_tick(w->tokens);
        token_client_receive(w->tokens);
        if (token_client_number(w->tokens, account))
            return NULL;
        const char *reason = token_client_stopped(w->tokens, account);
        if (reason)
            return reason;
        zmq_pollitem_t items[] = {{zsock_resolve(token_client_socket(w->tokens)), 0, ZMQ_POLLIN, 0}};
        if (zmq_poll(items, 1, (long)(wait_ms < WAIT_MS_MAX ? wait_ms : WAIT_MS_MAX)) < 0 && errno != EINTR)
            return "the token keeper cannot be asked: poll failed";
    }
}

int64_t wechat_token_left_ms(const struct wechat *w, int account)
{
    return token_client_left_ms(w->tokens, account);
}

void wechat_mask(const struct wechat *w, int account, struct span text, struct buf *out)
{
    const struct span secrets[] = {span_of(w->conf->accounts[account].app_secret), token_client_token(w->tokens, account),
                                   token_client_escaped(w->tokens, account)};
    wechat_text_mask(text, secrets, sizeof secrets / sizeof *secrets, out);
}

/* --- one call ----------------------------------------------------------------------------------------------- */

static void fail(struct wechat_result *r, enum wechat_end end, const char *text)
{
    r->end = end;
    buf_append_str(&r->text, text);
}

static void take_refusal(const struct flight *f, const struct answer *a)
{
    struct wechat_result *r = f->result;
    struct buf plain = {0};
    if (a->errmsg.bytes)
        json_unescape(a->errmsg, &plain);
    wechat_mask(f->wechat, f->call->account, buf_span(&plain), &r->errmsg);
    if (r->errmsg.bytes > ERRMSG_BYTES_MAX) /* only now: half a secret would not have been known as one */
        r->errmsg.bytes = ERRMSG_BYTES_MAX;
    r->end = WECHAT_REFUSED;
    r->errcode = a->errcode;
    buf_append_str(&r->text, "errcode ");
    wechat_text_code(a->errcode, &r->text);
    if (r->errmsg.bytes) {
        buf_append_str(&r->text, "; WeChat's words: ");
        buf_append(&r->text, r->errmsg.data, r->errmsg.bytes);
    }
    buf_free(&plain);
}

static void take_body(const struct flight *f, struct span body)
{
    struct answer a;
    if (answer_parse(body, &a) != 0) {
        fail(f->result, WECHAT_LOST, "WeChat's answer is no JSON object");
        return;
    }
    buf_append(&f->result->body, body.data, body.bytes);
    if (a.has_errcode && a.errcode != 0)
        take_refusal(f, &a);
    else
        f->result->end = WECHAT_OK;
}

static void on_done(void *self, const struct http_answer *answer)
{
    struct flight *f = self;
    struct wechat_result *r = f->result;
    f->is_over = 1;
    if (answer->end == HTTP_ANSWERED && answer->status == 200) {
        take_body(f, answer->body);
    } else if (answer->end == HTTP_ANSWERED) {
        r->end = WECHAT_LOST;
        buf_printf(&r->text, "WeChat answered HTTP %d", answer->status);
    } else {
        fail(r, answer->end == HTTP_NOT_SENT ? WECHAT_NOT_SENT : WECHAT_LOST, answer->error);
    }
}

static void append_query(const struct wechat *w, const struct wechat_call *call, struct buf *url)
{
    const struct conf_account *account = &w->conf->accounts[call->account];
    if (call->by_secret) {
        buf_append_str(url, "?appid=");
        url_escape(span_of(account->app_id), url);
        buf_append_str(url, "&appsecret=");
        url_escape(span_of(account->app_secret), url);
    } else if (token_client_number(w->tokens, call->account)) {
        struct span token = token_client_escaped(w->tokens, call->account);
        buf_append_str(url, "?access_token=");
        buf_append(url, token.data, token.bytes);
        buf_append(url, call->query.data, call->query.bytes);
    }
}

static void clear(struct wechat_result *r)
{
    r->end = WECHAT_LOST;
    r->errcode = 0;
    buf_clear(&r->body);
    buf_clear(&r->errmsg);
    buf_clear(&r->text);
}

/* Calls one address. The keeper is not heard meanwhile, which it does not mind for TOKEN_PEER_MS. */
static void call_base(struct wechat *w, const struct wechat_call *call, struct span base, struct wechat_result *r)
{
    struct buf url = {0};
    struct flight flight = {.wechat = w, .call = call, .result = r};
    clear(r);
    buf_append(&url, base.data, base.bytes);
    buf_append_str(&url, call->path);
    append_query(w, call, &url);
    struct http_request request = {
        .url = buf_str(&url), .body = call->body, .self = &flight, .measured = call->measured, .done = on_done};
    int failed = http_begin(w->http, &request);
    assert(!failed); /* one call at a time */
    buf_free(&url);
    while (!flight.is_over) {
        int64_t wait_ms = http_wait_ms(w->http);
        zmq_pollitem_t items[] = {{NULL, http_fd(w->http), ZMQ_POLLIN, 0}};
        zmq_poll(items, 1, (long)(wait_ms < 0 || wait_ms > WAIT_MS_MAX ? WAIT_MS_MAX : wait_ms));
        http_run(w->http);
    }
}

static void call_bases(struct wechat *w, const struct wechat_call *call, struct wechat_result *r)
{
    const struct conf_account *account = &w->conf->accounts[call->account];
    if (call->base != WECHAT_BASE_ANY) {
        call_base(w, call, conf_base(account, call->base), r);
        return;
    }
    size_t i = 0;
    do {
        call_base(w, call, conf_base(account, i++), r);
    } while (r->end == WECHAT_NOT_SENT && conf_base(account, i).bytes);
}

static void take_no_token(const struct wechat *w, const struct wechat_call *call, const char *reason, struct wechat_result *r)
{
    clear(r);
    r->end = WECHAT_NO_TOKEN;
    r->errcode = wechat_text_reason_code(span_of(reason));
    wechat_mask(w, call->account, span_of(reason), &r->text);
}

/* 1 when another token may help: the keeper was told, and has another one. */
static int has_other_token(struct wechat *w, const struct wechat_call *call, uint64_t number, const struct wechat_result *r)
{
    if (r->end != WECHAT_REFUSED || errcode_class(r->errcode) != ERRCODE_TOKEN || call->by_secret || number == 0)
        return 0;
    token_client_reject(w->tokens, call->account, number);
    /* Waited for in any case: the word must have reached the keeper before this process ends. */
    return wechat_wait_token(w, call->account) == NULL && !call->is_lone;
}

void wechat_call(struct wechat *w, const struct wechat_call *call, struct wechat_result *r)
{
    const char *reason = call->by_secret ? NULL : wechat_wait_token(w, call->account);
    if (reason && !call->is_lone) {
        take_no_token(w, call, reason, r);
        return;
    }
    uint64_t number = token_client_number(w->tokens, call->account);
    call_bases(w, call, r);
    if (has_other_token(w, call, number, r))
        call_bases(w, call, r);
}

void wechat_result_free(struct wechat_result *r)
{
    buf_free(&r->body);
    buf_free(&r->errmsg);
    buf_free(&r->text);
}

/* --- failures ----------------------------------------------------------------------------------------------- */

void wechat_failure_json(struct wechat_result *r, struct buf *out)
{
    const struct errcode *row = r->errcode ? errcode_find(r->errcode) : NULL;
    const char *advice = r->errcode ? errcode_advice(r->errcode) : NULL;
    struct span rid = wechat_text_find_rid(buf_span(&r->errmsg));
    wechat_text_json("error", buf_span(&r->text), out);
    if (r->errcode)
        buf_printf(out, ",\"errcode\":%lld", (long long)r->errcode);
    if (r->errmsg.bytes)
        wechat_text_json("errmsg", buf_span(&r->errmsg), out);
    if (row)
        wechat_text_json("meaning", span_of(row->meaning), out);
    if (advice)
        wechat_text_json("advice", span_of(advice), out);
    if (rid.bytes)
        wechat_text_json("rid", rid, out);
}

enum wechat_status wechat_failed(const struct wechat *w, const struct wechat_options *o, int account, struct wechat_result *r)
{
    struct buf text = {0}, json = {0};
    struct span rid = wechat_text_find_rid(buf_span(&r->errmsg));
    const char *name = w->conf->accounts[account].name;
    term_append(buf_span(&r->text), &text);
    wechat_error("%s: %s", name, buf_str(&text));
    if (rid.bytes && o->command != WECHAT_RID) /* of such a question WeChat knows nothing more */
        wechat_error("%s: mega wechat rid %.*s tells more", name, (int)rid.bytes, rid.data);
    if (o->json) {
        buf_append_str(&json, "{");
        wechat_text_json("account", span_of(name), &json);
        wechat_failure_json(r, &json);
        printf("%s}\n", buf_str(&json));
    }
    buf_free(&text);
    buf_free(&json);
    return WECHAT_NO;
}
