/* mega wechat clear-quota: sets an account's calls of today back to 0. Source: doc/service/openApi/clear_quota.html and, without
 * a token, doc/store/API/apimgnt/clearQuotaByAppSecret.html on developers.weixin.qq.com. Ten a month, shared with the console. */
#include "sender/wechat.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "sender/wechat_call.h"
#include "sender/wechat_text.h"
#include "sender/wechat_used.h"

#define TOKEN_QUOTA_USED_UP 45009 /* as the reason of the keeper: token calls themselves have a quota */
#define NO_CLEARS_LEFT      48006

struct clearing {
    struct wechat *wechat;
    const struct wechat_options *options;
    const struct conf_account *account;
    int index;       /* of the account */
    int by_secret;
    struct buf path; /* of the file with the counts */
    int64_t month;
};

static enum wechat_status usage_yes(void)
{
    wechat_error("clear-quota: uses up one of %d a month, so it asks first; without a terminal give --yes", WECHAT_CLEARS_MAX);
    return WECHAT_USAGE;
}

/* Says how many are left, for the question or for whoever reads the output of a script. */
static void print_left(struct clearing *c, FILE *to)
{
    unsigned used;
    if (wechat_used_read(buf_str(&c->path), c->account->app_id, c->month, &used) != 0) {
        fprintf(to, "%s: how many were used this month is not known here: %s: %s\n", c->account->name, buf_str(&c->path),
                strerror(errno));
        return;
    }
    fprintf(to,
            "%s: %u of the %d of this month were used from here, so at most %u are left (the console and others use "
            "them too)\n",
            c->account->name, used, WECHAT_CLEARS_MAX, WECHAT_CLEARS_MAX - used);
}

/* 1 when it may go on. */
static int is_confirmed(struct clearing *c)
{
    char answer[16] = "";
    if (c->options->yes)
        return 1;
    print_left(c, stderr);
    fprintf(stderr, "Set the calls of today of %s (%s) back to 0%s? Type yes: ", c->account->name, c->account->app_id,
            c->by_secret ? " with its AppSecret, since there is no access token" : "");
    fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        fputc('\n', stderr);
    answer[strcspn(answer, "\n")] = 0;
    if (strcmp(answer, "yes") == 0)
        return 1;
    fputs("nothing was done\n", stderr);
    return 0;
}

/* Without a token that the used-up allowance of token calls withholds, only the AppSecret helps. Returns 0, or -1 with the reason
 * printed. */
static int choose_way(struct clearing *c)
{
    struct wechat_result r = {.end = WECHAT_NO_TOKEN};
    c->by_secret = c->options->with_secret;
    const char *reason = c->by_secret ? NULL : wechat_wait_token(c->wechat, c->index);
    if (reason == NULL)
        return 0;
    r.errcode = wechat_text_reason_code(span_of(reason));
    c->by_secret = r.errcode == TOKEN_QUOTA_USED_UP;
    if (!c->by_secret) {
        wechat_mask(c->wechat, c->index, span_of(reason), &r.text);
        wechat_failed(c->wechat, c->options, c->index, &r);
    }
    wechat_result_free(&r);
    return c->by_secret ? 0 : -1;
}

static void call(struct clearing *c, struct wechat_result *r)
{
    struct buf body = {0};
    buf_append_str(&body, "{");
    wechat_text_json("appid", span_of(c->account->app_id), &body);
    if (c->by_secret)
        wechat_text_json("appsecret", span_of(c->account->app_secret), &body);
    buf_append_str(&body, "}");
    wechat_call(c->wechat,
                &(struct wechat_call){.account = c->index,
                                      .path = c->by_secret ? "/cgi-bin/clear_quota/v2" : "/cgi-bin/clear_quota",
                                      .body = buf_span(&body),
                                      .by_secret = c->by_secret,
                                      .base = WECHAT_BASE_ANY},
                r);
    buf_free(&body);
}

/* While a call is made and counted, Ctrl-C and TERM wait: what was begun is in the count. They end the program right after. */
static void hold_signals(int how)
{
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    sigprocmask(how, &both, NULL);
}

/* One whose answer was lost was taken most likely. 48006 tells that all are used. */
static void count(struct clearing *c, const struct wechat_result *r)
{
    int is_used_up = r->end == WECHAT_REFUSED && r->errcode == NO_CLEARS_LEFT;
    unsigned add = is_used_up ? WECHAT_CLEARS_MAX : r->end == WECHAT_OK || r->end == WECHAT_LOST ? 1 : 0;
    if (add && wechat_used_add(buf_str(&c->path), c->account->app_id, c->month, add) != 0)
        wechat_error("%s: the count of this month cannot be kept: %s", buf_str(&c->path), strerror(errno));
    if (r->end == WECHAT_LOST)
        wechat_error("%s: it may have been done; it is counted", c->account->name);
}

static void print_done(struct clearing *c)
{
    unsigned used = 0;
    int is_unknown = wechat_used_read(buf_str(&c->path), c->account->app_id, c->month, &used);
    if (!c->options->json) {
        printf("%s: the calls of today are set back to 0\n", c->account->name);
        print_left(c, stdout);
        return;
    }
    struct buf out = {0};
    buf_append_str(&out, "{");
    wechat_text_json("account", span_of(c->account->name), &out);
    buf_append_str(&out, ",\"cleared\":true");
    if (!is_unknown)
        buf_printf(&out, ",\"used\":%u,\"left_at_most\":%u", used, WECHAT_CLEARS_MAX - used);
    printf("%s}\n", buf_str(&out));
    buf_free(&out);
}

static enum wechat_status clear(struct clearing *c)
{
    struct wechat_result r = {0};
    enum wechat_status status = WECHAT_GOOD;
    wechat_used_path(wechat_conf(c->wechat)->token.cache_file, &c->path);
    if (choose_way(c) != 0 || !is_confirmed(c))
        return WECHAT_NO;
    hold_signals(SIG_BLOCK);
    call(c, &r);
    count(c, &r);
    hold_signals(SIG_UNBLOCK);
    if (r.end == WECHAT_OK)
        print_done(c);
    else
        status = wechat_failed(c->wechat, c->options, c->index, &r);
    wechat_result_free(&r);
    return status;
}

enum wechat_status wechat_clear_quota(const struct wechat_options *o)
{
    if (!o->yes && !isatty(STDIN_FILENO))
        return usage_yes();
    struct clearing c = {.options = o, .wechat = wechat_open(o), .month = wechat_used_month(clock_wall_ms())};
    if (c.wechat == NULL)
        return WECHAT_USAGE;
    enum wechat_status status = WECHAT_USAGE;
    c.index = wechat_account(c.wechat, o->app);
    if (c.index >= 0) {
        c.account = &wechat_conf(c.wechat)->accounts[c.index];
        status = clear(&c);
    }
    buf_free(&c.path);
    wechat_close(&c.wechat);
    return status;
}
