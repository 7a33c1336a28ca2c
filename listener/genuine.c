#include "listener/genuine.h"

#include <string.h>

#include "listener/envelope.h"

#define PATH "/callback"

static int refuse(struct reading *r, enum callback_refusal refusal, const char *hint)
{
    r->refusal = refusal;
    r->hint = hint;
    return 0;
}

/* --- the header: who is called, and by whom ------------------------------------------------------------------------- */

static const struct conf_account *find_account(const struct conf *conf, const char *path)
{
    size_t bytes = strlen(PATH);
    if (strncmp(path, PATH, bytes) != 0 || (path[bytes] != '\0' && path[bytes] != '/'))
        return NULL;
    const char *name = path[bytes] == '\0' || path[bytes + 1] == '\0' ? CONF_ACCOUNT_DEFAULT : path + bytes + 1;
    return conf_account_find(conf, span_of(name));
}

/* 1 when it is a number of seconds that is near enough. */
static int is_timely(const char *timestamp, int64_t now_ms)
{
    int64_t seconds = 0;
    size_t digits = strspn(timestamp, "0123456789");
    if (digits == 0 || digits > 15 || timestamp[digits] != '\0')
        return 0;
    for (size_t i = 0; i < digits; i++)
        seconds = 10 * seconds + (timestamp[i] - '0');
    int64_t off_s = seconds - now_ms / 1000;
    return off_s >= -CALLBACK_SKEW_S && off_s <= CALLBACK_SKEW_S;
}

static int is_encrypted(const struct exchange *x)
{
    const char *type = web_query(x, "encrypt_type");
    return type && strcmp(type, "aes") == 0;
}

/* The URL's signature, and whether the call is of the mode that the account has. An encrypted call without `signature` has its
 * msg_signature, which is looked at when its text is known. */
static int is_signed(struct reading *r)
{
    const struct exchange *x = r->x;
    const char *timestamp = web_query(x, "timestamp"), *nonce = web_query(x, "nonce"), *signature = web_query(x, "signature");
    int encrypted = x->method == WEB_POST && is_encrypted(x), wants = r->account->encoding_aes_key[0] != '\0';
    if ((signature || !encrypted || !web_query(x, "msg_signature")) &&
        !envelope_is_signed(span_of(r->account->token), timestamp, nonce, (struct span){NULL, 0}, signature))
        return refuse(r, REFUSED_SIGNATURE, "its signature is not made with [wechat] token");
    if (timestamp == NULL || !is_timely(timestamp, r->now_ms))
        return refuse(r, REFUSED_TIMESTAMP, "it is a replay, or this host's clock is wrong: the timestamp is over 10 minutes off");
    if (x->method == WEB_POST && encrypted != wants)
        return refuse(r, REFUSED_MODE,
                      wants ? "it is plain; with encoding_aes_key only encrypted calls are taken" : "it is encrypted; give encoding_aes_key");
    return 1;
}

int genuine_header(struct reading *r, const struct conf *conf)
{
    r->account = find_account(conf, r->x->path);
    if (r->account == NULL)
        return refuse(r, REFUSED_ADDRESS, "it is of no account");
    if (r->account->token[0] == '\0')
        return refuse(r, REFUSED_ADDRESS, "[wechat] token is empty");
    if (r->x->method == WEB_OTHER)
        return refuse(r, REFUSED_METHOD, "neither GET nor POST");
    return is_signed(r);
}

/* --- the body: what is said ----------------------------------------------------------------------------------------- */

/* Decrypts it into r->plain. */
static int open_envelope(struct reading *r, struct span *body)
{
    struct span text;
    if (event_read_encrypted(*body, &text, &r->scratch, &r->error) != 0)
        return refuse(r, REFUSED_FORM, buf_str(&r->error));
    if (!envelope_is_signed(span_of(r->account->token), web_query(r->x, "timestamp"), web_query(r->x, "nonce"), text,
                            web_query(r->x, "msg_signature")))
        return refuse(r, REFUSED_SIGNATURE, "its msg_signature is not made with [wechat] token and its text");
    if (envelope_open(span_of(r->account->encoding_aes_key), span_of(r->account->app_id), text, &r->plain, &r->error) != 0)
        return refuse(r, REFUSED_ENVELOPE, buf_str(&r->error));
    *body = buf_span(&r->plain);
    return 1;
}

int genuine_body(struct reading *r)
{
    struct span body = buf_span(&r->x->body);
    buf_clear(&r->error);
    if (is_encrypted(r->x) && !open_envelope(r, &body))
        return 0;
    if (event_read(body, &r->event, &r->scratch, &r->error) != 0)
        return refuse(r, REFUSED_FORM, buf_str(&r->error));
    if (r->event.created_s > r->now_ms / 1000 + CALLBACK_AHEAD_S)
        return refuse(r, REFUSED_FORM, "CreateTime: more than a day ahead of this host's clock");
    return 1;
}

void genuine_free(struct reading *r)
{
    buf_free(&r->plain);
    buf_free(&r->scratch);
    buf_free(&r->error);
}
