/* Reads what a token service gives. */
#include "sender/token_external.h"

#include <string.h>

#include "base/json.h"
#include "proto/token.h"
#include "sender/answer.h"
#include "sender/errcode.h"

#define LIFETIME_S_MAX   86400 /* WeChat's are 7,200 s at most; more than a day is not believed */
#define PLAIN_BYTES_MIN  16    /* of a token that stands alone: WeChat's have over a hundred, words like "error" fewer */
#define SECONDS_DIGITS_MAX 18

static const char plain_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=";

void token_external_ask(const struct conf_account *account, struct buf *url)
{
    buf_clear(url);
    buf_append_str(url, account->token_url);
}

static void begin(struct fetched *fetched)
{
    fetched->end = FETCH_FAILED;
    fetched->errcode = 0;
    fetched->ttl_ms = 0;
    buf_clear(&fetched->token);
    buf_clear(&fetched->reason);
}

static void fail(struct fetched *fetched, const char *why)
{
    buf_clear(&fetched->token);
    buf_append_str(&fetched->reason, "no WeChat access token: ");
    buf_append_str(&fetched->reason, why);
}

/* Letters, digits and a few marks: what cannot be a token is not handed on. */
static int is_token(struct span token, size_t bytes_min)
{
    if (token.bytes < bytes_min || token.bytes > TOKEN_BYTES_MAX)
        return 0;
    for (size_t i = 0; i < token.bytes; i++)
        if (token.data[i] == '\0' || strchr(plain_characters, token.data[i]) == NULL)
            return 0;
    return 1;
}

static void take(struct span token, int64_t lifetime_s, struct fetched *fetched)
{
    int is_known = lifetime_s > 0 && lifetime_s <= LIFETIME_S_MAX;
    buf_clear(&fetched->token);
    buf_append(&fetched->token, token.data, token.bytes);
    fetched->ttl_ms = is_known ? lifetime_s * 1000 : TOKEN_UNKNOWN_MS;
    fetched->end = FETCH_TOKEN;
}

/* http.c speaks of WeChat, which is not who was asked. */
static void tell_network(const char *error, struct fetched *fetched)
{
    static const char wechat[] = "WeChat";
    size_t bytes = sizeof wechat - 1;
    fail(fetched, "");
    if (strncmp(error, wechat, bytes) != 0)
        bytes = 0;
    buf_append_str(&fetched->reason, bytes ? "the token service" : "the token service: ");
    buf_append_str(&fetched->reason, error + bytes);
}

/* A service that hands on WeChat's refusal. Its errmsg is left out: it may hold anything. */
static void tell_errcode(int64_t errcode, struct fetched *fetched)
{
    const struct errcode *row = errcode_find(errcode);
    fail(fetched, "");
    fetched->errcode = errcode;
    buf_printf(&fetched->reason, "the token service answered errcode %lld (%s); see to that service", (long long)errcode,
               row ? row->meaning : "unknown code");
}

static void read_json(struct span body, struct fetched *fetched)
{
    struct answer a;
    struct buf token = {0};
    if (answer_parse(body, &a) != 0) {
        fail(fetched, "the token service's answer is no JSON object");
        return;
    }
    if (a.has_errcode && a.errcode != 0) {
        tell_errcode(a.errcode, fetched);
        return;
    }
    if (a.token.bytes)
        json_unescape(a.token, &token);
    if (!is_token(buf_span(&token), 1))
        fail(fetched, "the token service's answer holds no access_token");
    else if (a.expires_in_s < 0)
        fail(fetched, "the token service gives a token whose time is over");
    else
        take(buf_span(&token), a.expires_in_s, fetched);
    buf_free(&token);
}

static struct span trim(struct span text)
{
    while (text.bytes && strchr(" \t\r\n", text.data[text.bytes - 1]) != NULL && text.data[text.bytes - 1] != '\0')
        text.bytes--;
    while (text.bytes && strchr(" \t\r\n", text.data[0]) != NULL && text.data[0] != '\0') {
        text.data++;
        text.bytes--;
    }
    return text;
}

void token_external_read(const struct http_answer *answer, struct fetched *fetched)
{
    begin(fetched);
    if (answer->end != HTTP_ANSWERED) {
        tell_network(answer->error, fetched);
        return;
    }
    if (answer->status != 200) {
        fail(fetched, "");
        buf_printf(&fetched->reason, "the token service answered HTTP %d; see to that service and to token_url",
                   answer->status);
        return;
    }
    struct span text = trim(answer->body);
    if (text.bytes && text.data[0] == '{')
        read_json(text, fetched);
    else if (is_token(text, PLAIN_BYTES_MIN))
        take(text, 0, fetched);
    else
        fail(fetched, "the token service's answer is neither JSON with access_token nor a token alone");
}

/* Whole seconds; a fraction is left out, as in 7199.0000. Returns -1 when it is no such number. */
static int read_seconds(struct span text, int64_t *seconds)
{
    size_t at = 0;
    int is_negative = text.bytes && text.data[0] == '-';
    *seconds = 0;
    for (at = (size_t)is_negative; at < text.bytes && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        if (at >= SECONDS_DIGITS_MAX)
            return -1;
        *seconds = *seconds * 10 + (text.data[at] - '0');
    }
    int is_whole = at == text.bytes || text.data[at] == '.';
    if (at == (size_t)is_negative || !is_whole)
        return -1;
    if (is_negative)
        *seconds = -*seconds;
    return 0;
}

void token_external_row(const struct token_row *row, struct fetched *fetched)
{
    int64_t seconds = 0;
    begin(fetched);
    if (row->error.bytes) {
        fail(fetched, "token_sql: ");
        buf_append(&fetched->reason, row->error.data, row->error.bytes);
    } else if (row->count != 1) {
        fail(fetched, row->count ? "token_sql yields more than one row; have it yield just one"
                                 : "token_sql yields no row; see to what fills the table, and to its WHERE");
    } else if (!is_token(buf_span(&row->token), 1)) {
        fail(fetched, "the first column of token_sql holds no token");
    } else if (row->has_seconds && read_seconds(buf_span(&row->seconds), &seconds) != 0) {
        fail(fetched, "the second column of token_sql is no number of seconds");
    } else if (seconds > LIFETIME_S_MAX) {
        fail(fetched, "the second column of token_sql is over a day; have it yield the seconds that are left");
    } else if (row->has_seconds && seconds <= 0) {
        fail(fetched, "the token of token_sql is over; see to what renews it");
    } else {
        take(buf_span(&row->token), seconds, fetched);
    }
}
