/* One call to WeChat at a time, waited for: what the commands of mega-wechat share.
 *
 * Used by the commands of mega-wechat. The access token is the keeper's; one that WeChat rejects is told to the keeper, as a
 * sender would, and the call is made once more with the next one. A call goes to the addresses of api_base in their order: to
 * the next one only when not one byte of its body has left this process.
 */
#ifndef SENDER_WECHAT_CALL_H
#define SENDER_WECHAT_CALL_H

#include <stdint.h>

#include "base/conf.h"
#include "sender/http.h"
#include "sender/wechat.h"

#define WECHAT_BASE_ANY ((size_t)-1)

struct wechat; /* the configuration, the keeper's end, HTTP */

enum wechat_end {
    WECHAT_OK,       /* errcode 0, or an answer without one */
    WECHAT_REFUSED,  /* another errcode */
    WECHAT_NO_TOKEN, /* nothing was called */
    WECHAT_NOT_SENT, /* no byte of the request left this process */
    WECHAT_LOST      /* no answer that makes sense: it may have been taken */
};

struct wechat_call {
    int account;
    const char *path;   /* "/cgi-bin/…" */
    struct span query;  /* behind the access_token in the URL: "&name=value", escaped; may be empty */
    struct span body;   /* POSTed; empty = GET */
    int by_secret;      /* the URL's query is appid and appsecret instead of access_token */
    int is_lone;        /* without a token the call is made all the same, without any; it is not repeated with another one */
    size_t base;        /* the address to call, or WECHAT_BASE_ANY */
    struct http_measured *measured; /* of the last call; NULL = not wanted */
};

struct wechat_result {
    enum wechat_end end;
    int64_t errcode;   /* WECHAT_REFUSED; of WECHAT_NO_TOKEN the one that the keeper's reason names, or 0 */
    struct buf body;   /* WeChat's JSON object; may hold secrets */
    struct buf errmsg; /* WECHAT_REFUSED: WeChat's words; masked */
    struct buf text;   /* what went wrong and what to do, for people, a line; masked. Empty when WECHAT_OK */
};

/* Reads the configuration and connects to the keeper. NULL with the reason printed. */
struct wechat *wechat_open(const struct wechat_options *o);
void wechat_close(struct wechat **self);

const struct conf *wechat_conf(const struct wechat *w);

/* The account that --app names, or the default one. -1 with the reason printed. */
int wechat_account(const struct wechat *w, const char *app);

/* Waits until the keeper has said the token or why there is none. Returns NULL when there is one, else the reason, valid until
 * the next call. */
const char *wechat_wait_token(struct wechat *w, int account);

/* Milliseconds until the token's end; 0 = there is none. */
int64_t wechat_token_left_ms(const struct wechat *w, int account);

/* Makes the call and waits for its end. `r` is a zeroed or used one. */
void wechat_call(struct wechat *w, const struct wechat_call *call, struct wechat_result *r);
void wechat_result_free(struct wechat_result *r);

/* Drops the kept connections: the next call makes a new one. */
void wechat_forget_connections(struct wechat *w);

/* Appends the text with every secret of the account masked. */
void wechat_mask(const struct wechat *w, int account, struct span text, struct buf *out);

/* Prints why a call failed: on standard error; with --json also an object on standard output. Returns WECHAT_NO. */
enum wechat_status wechat_failed(const struct wechat *w, const struct wechat_options *o, int account, struct wechat_result *r);

/* Appends the members account, errcode, errmsg, meaning, advice, rid and error of a failure to an open JSON object. */
void wechat_failure_json(struct wechat_result *r, struct buf *out);

#endif
