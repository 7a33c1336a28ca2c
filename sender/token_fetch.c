/* Builds token calls and reads their answers. */
#include "sender/token_fetch.h"

#include <string.h>

#include "base/json.h"
#include "base/url.h"
#include "proto/token.h"
#include "sender/answer.h"
#include "sender/errcode.h"

#define EXPIRES_IN_S_MAX 86400 /* WeChat's are 7,200 s at most; more than a day is not believed */
#define ERRMSG_BYTES_MAX 256

static void append_base(const struct conf_account *account, size_t host, struct buf *url)
{
    struct span base = conf_base(account, host);
    buf_append(url, base.data, base.bytes);
}

static void ask_stable(const struct conf_account *account, size_t host, int is_forced, struct buf *url,
                       struct buf *body)
{
    append_base(account, host, url);
    buf_append_str(url, "/cgi-bin/stable_token");
    buf_append_str(body, "{\"grant_type\":\"client_credential\",\"appid\":\"");
    json_escape(span_of(account->app_id), body);
    buf_append_str(body, "\",\"secret\":\"");
    json_escape(span_of(account->app_secret), body);
    buf_printf(body, "\",\"force_refresh\":%s}", is_forced ? "true" : "false");
}

static void ask_classic(const struct conf_account *account, size_t host, struct buf *url)
{
    append_base(account, host, url);
    buf_append_str(url, "/cgi-bin/token?grant_type=client_credential&appid=");
    url_escape(span_of(account->app_id), url);
    buf_append_str(url, "&secret=");
    url_escape(span_of(account->app_secret), url);
}

void token_fetch_ask(const struct conf_account *account, size_t host, int is_forced, struct buf *url,
                     struct buf *body)
{
    buf_clear(url);
    buf_clear(body);
    if (account->token_mode == TOKEN_CLASSIC)
        ask_classic(account, host, url);
    else
        ask_stable(account, host, is_forced, url, body);
}

/* 1 when the text repeats the secret, as it is or as a URL has it. */
static int shows_secret(const struct conf_account *account, struct span text)
{
    struct buf escaped = {0};
    url_escape(span_of(account->app_secret), &escaped);
    int found = escaped.bytes && text.bytes
                && (memmem(text.data, text.bytes, account->app_secret, strlen(account->app_secret))
                    || memmem(text.data, text.bytes, escaped.data, escaped.bytes));
    buf_free(&escaped);
    return found;
}

/* Appends WeChat's own words, unless they repeat the secret. */
static void append_errmsg(const struct conf_account *account, const struct answer *a, struct buf *reason)
{
    struct buf errmsg = {0};
    if (a->errmsg.bytes)
        json_unescape(a->errmsg, &errmsg);
    if (errmsg.bytes && errmsg.bytes <= ERRMSG_BYTES_MAX && !shows_secret(account, buf_span(&errmsg))) {
        buf_append_str(reason, ": ");
        buf_append(reason, errmsg.data, errmsg.bytes);
    }
    buf_free(&errmsg);
}

static void read_errcode(const struct conf_account *account, const struct answer *a, struct fetched *fetched)
{
    const struct errcode *row = errcode_find(a->errcode);
    const char *advice = errcode_advice(a->errcode);
    enum errcode_class class = errcode_class(a->errcode);
    fetched->errcode = a->errcode;
    fetched->end = class == ERRCODE_QUOTA                          ? FETCH_QUOTA
                   : class == ERRCODE_RETRY || class == ERRCODE_PACE ? FETCH_FAILED
                                                                     : FETCH_WRONG;
    buf_printf(&fetched->reason, "WeChat gave no access token: %lld (%s)", (long long)a->errcode,
               row ? row->meaning : "unknown code");
    append_errmsg(account, a, &fetched->reason);
    if (advice)
        buf_printf(&fetched->reason, "; %s", advice);
}

/* Visible ASCII only: `mega token show` prints it to a terminal, and scripts read it as one word of one line. */
static int is_token(const struct answer *a, const struct buf *token)
{
    for (size_t i = 0; i < token->bytes; i++)
        if ((unsigned char)token->data[i] <= ' ' || (unsigned char)token->data[i] > '~')
            return 0;
    return token->bytes > 0 && token->bytes <= TOKEN_BYTES_MAX && a->expires_in_s > 0
           && a->expires_in_s <= EXPIRES_IN_S_MAX;
}

static void read_body(const struct conf_account *account, struct span body, struct fetched *fetched)
{
    struct answer a;
    int failed = answer_parse(body, &a);
    if (!failed && a.has_errcode && a.errcode != 0) {
        read_errcode(account, &a, fetched);
        return;
    }
    if (!failed && a.token.bytes)
        json_unescape(a.token, &fetched->token);
    if (!failed && is_token(&a, &fetched->token)) {
        fetched->end = FETCH_TOKEN;
        fetched->ttl_ms = a.expires_in_s * 1000;
        return;
    }
    buf_clear(&fetched->token);
    buf_append_str(&fetched->reason, "WeChat's answer holds no access token");
}

void token_fetch_read(const struct conf_account *account, const struct http_answer *answer,
                      struct fetched *fetched)
{
    fetched->end = FETCH_FAILED;
    fetched->errcode = 0;
    fetched->ttl_ms = 0;
    buf_clear(&fetched->token);
    buf_clear(&fetched->reason);
    if (answer->end != HTTP_ANSWERED)
        buf_append_str(&fetched->reason, answer->error);
    else if (answer->status != 200)
        buf_printf(&fetched->reason, "WeChat answered HTTP %d when asked for a token", answer->status);
    else
        read_body(account, answer->body, fetched);
}
