/* mega wechat followers: the openids of all followers, one a line, in WeChat's order. Source: follower_page.h's.
 *
 * A page is written as a whole once it is there, so that what is printed before an error ends with the openid that is told for
 * --from. One page is in memory at a time. The end is asked for: only an empty page says that there are no more, since
 * `total` goes up and down meanwhile.
 */
#include "sender/wechat.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/term.h"
#include "base/url.h"
#include "sender/errcode.h"
#include "sender/follower_page.h"
#include "sender/wechat_call.h"

#define BACKOFF_MS     500   /* before the second try of a page, and twice as long before each further one */
#define BACKOFF_MS_MAX 15000
#define UNKNOWN_OPENID 40003 /* nothing to go on from */

struct listing {
    const struct wechat_options *options;
    struct wechat *wechat;
    int account;
    struct buf from;     /* the page that is asked for begins behind it; empty = the first one */
    uint64_t listed;     /* openids printed */
    unsigned page_count; /* pages had */
    struct follower_page page;
    struct wechat_result result;
    int has_progress; /* a line of progress is wanted */
    int is_shown;     /* there is one, which has to be taken away */
};

/* --- progress ----------------------------------------------------------------------------------------------- */

static void hide(struct listing *l)
{
    if (l->is_shown)
        fputs("\r\033[K", stderr);
    l->is_shown = 0;
}

/* `trouble` is empty or why a page is asked for again. */
static void show(struct listing *l, struct span trouble)
{
    struct buf text = {0};
    size_t columns, rows;
    if (!l->has_progress)
        return;
    hide(l);
    buf_printf(&text, "followers %" PRIu64, l->listed);
    if (l->page.total >= 0 && l->options->from == NULL)
        buf_printf(&text, " of %" PRId64, l->page.total);
    if (trouble.bytes)
        buf_printf(&text, "; again soon: %.*s", (int)trouble.bytes, trouble.data);
    struct buf line = {0};
    term_size(STDERR_FILENO, &columns, &rows);
    term_cut(buf_span(&text), columns > 1 ? columns - 1 : 79, &line);
    fputs(buf_str(&line), stderr);
    l->is_shown = 1;
    buf_free(&line);
    buf_free(&text);
}

/* --- one page ----------------------------------------------------------------------------------------------- */

/* Calls once. Returns 0 with the page read, or -1 with the reason in the result. */
static int call_page(struct listing *l)
{
    struct buf query = {0};
    buf_append_str(&query, "&next_openid=");
    url_escape(buf_span(&l->from), &query);
    wechat_call(l->wechat,
                &(struct wechat_call){.account = l->account,
                                      .path = "/cgi-bin/user/get",
                                      .query = l->from.bytes ? buf_span(&query) : (struct span){0},
                                      .base = WECHAT_BASE_ANY},
                &l->result);
    buf_free(&query);
    if (l->result.end != WECHAT_OK)
        return -1;
    const char *error = follower_page_read(buf_span(&l->result.body), &l->page);
    if (error == NULL && l->page.count && l->from.bytes && span_equal(buf_span(&l->page.next), buf_span(&l->from)))
        error = "WeChat gives the same next_openid again";
    if (error == NULL)
        return 0;
    l->result.end = WECHAT_LOST;
    buf_append_str(&l->result.text, error);
    return -1;
}

static int is_passing(int64_t errcode)
{
    enum errcode_class class = errcode_class(errcode);
    return class == ERRCODE_RETRY || class == ERRCODE_PACE || class == ERRCODE_TOKEN;
}

/* 1 when the same call may do better later. A keeper that is not there at the very start is a mistake rather than a restart. */
static int may_pass(const struct listing *l)
{
    const struct wechat_result *r = &l->result;
    switch (r->end) {
    case WECHAT_LOST:
    case WECHAT_NOT_SENT:
        return 1;
    case WECHAT_REFUSED:
        return is_passing(r->errcode);
    case WECHAT_NO_TOKEN:
        return l->page_count > 0 && (r->errcode == 0 || is_passing(r->errcode));
    case WECHAT_OK:
        break;
    }
    return 0;
}

/* Returns 0 with the page, or -1 with the reason in the result: it makes no sense to go on, or --timeout is over. */
static int fetch_page(struct listing *l)
{
    int64_t until_ms = clock_mono_ms() + l->options->timeout_ms;
    int64_t wait_ms = BACKOFF_MS;
    while (call_page(l) != 0) {
        if (!may_pass(l) || clock_mono_ms() + wait_ms > until_ms)
            return -1;
        show(l, buf_span(&l->result.text));
        poll(NULL, 0, (int)wait_ms);
        wait_ms = wait_ms * 2 < BACKOFF_MS_MAX ? wait_ms * 2 : BACKOFF_MS_MAX;
    }
    l->page_count++;
    return 0;
}

/* --- all pages ---------------------------------------------------------------------------------------------- */

/* Says how to go on. `what` is in front of it. */
static void tell_from(struct listing *l, const char *what)
{
    const char *name = wechat_conf(l->wechat)->accounts[l->account].name;
    if (l->from.bytes)
        wechat_error("%s: %sto go on behind what is printed: mega wechat followers%s%s --from %s", name, what,
                     l->options->app ? " --app " : "", l->options->app ? l->options->app : "", buf_str(&l->from));
}

static enum wechat_status fail(struct listing *l)
{
    hide(l);
    enum wechat_status status = wechat_failed(l->wechat, l->options, l->account, &l->result);
    if (l->result.end == WECHAT_REFUSED && l->result.errcode == UNKNOWN_OPENID)
        wechat_error("WeChat takes no %s as a place to go on from; begin without --from", buf_str(&l->from));
    else
        tell_from(l, "");
    return status;
}

/* Returns 0, or -1 when standard output does not take it, with the reason printed. */
static int write_page(struct listing *l)
{
    const struct buf *lines = &l->page.lines;
    if (fwrite(lines->data, 1, lines->bytes, stdout) == lines->bytes && fflush(stdout) == 0)
        return 0;
    int error = errno;
    hide(l);
    wechat_error("standard output: %s", strerror(error));
    tell_from(l, "a part of a page may have been printed; ");
    return -1;
}

static enum wechat_status list(struct listing *l)
{
    for (;;) {
        if (fetch_page(l) != 0)
            return fail(l);
        if (l->page.count == 0)
            break;
        if (write_page(l) != 0)
            return WECHAT_UNWRITTEN;
        l->listed += l->page.count;
        show(l, (struct span){0});
        if (l->page.next.bytes == 0)
            break;
        buf_clear(&l->from);
        buf_append(&l->from, l->page.next.data, l->page.next.bytes);
    }
    hide(l);
    return WECHAT_GOOD;
}

enum wechat_status wechat_followers(const struct wechat_options *o)
{
    if (o->from && !follower_page_is_openid(span_of(o->from))) {
        wechat_error("--from: is no openid; give the one that was told");
        return WECHAT_USAGE;
    }
    struct listing l = {.options = o, .wechat = wechat_open(o), .page = {.total = -1}};
    if (l.wechat == NULL)
        return WECHAT_USAGE;
    enum wechat_status status = WECHAT_USAGE;
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is told like a full disk, with where to go on */
    l.has_progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    l.account = wechat_account(l.wechat, o->app);
    if (l.account >= 0) {
        buf_append_str(&l.from, o->from ? o->from : "");
        status = list(&l);
    }
    follower_page_free(&l.page);
    wechat_result_free(&l.result);
    buf_free(&l.from);
    wechat_close(&l.wechat);
    return status;
}
