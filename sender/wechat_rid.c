/* mega wechat rid: what WeChat knows of a request. Source: doc/service/openApi/get_rid_info.html on developers.weixin.qq.com;
 * kept for 7 days. What it tells may hold an access token or the AppSecret, which are masked. */
#include "sender/wechat.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/term.h"
#include "sender/wechat_call.h"
#include "sender/wechat_text.h"

/* Texts of the answer's `request`, in the order in which they are shown. */
static const struct {
    const char *member, *title;
} texts[] = {{"request_url", "url"}, {"client_ip", "client ip"}, {"request_body", "request"}, {"response_body", "response"}};

/* The line breaks at the end of a body say nothing. */
static void append_line(const char *title, struct span text, struct buf *out)
{
    while (text.bytes && (text.data[text.bytes - 1] == '\n' || text.data[text.bytes - 1] == '\r'))
        text.bytes--;
    buf_printf(out, "%-10s ", title);
    term_append(text, out);
    buf_append_str(out, "\n");
}

static void append_times(struct span body, int json, struct buf *out)
{
    int64_t invoke_s, cost_ms;
    struct buf here = {0}, beijing = {0};
    if (wechat_text_number(body, "request", "invoke_time", &invoke_s) == 0) {
        wechat_text_time(invoke_s, 1, &here);
        wechat_text_time(invoke_s, 0, &beijing);
        if (json)
            buf_printf(out, ",\"invoke_time\":%" PRId64, invoke_s);
        else
            buf_printf(out, "%-10s %s\n%-10s %s\n", "at", buf_str(&here), "in Beijing", buf_str(&beijing));
    }
    int has_cost = wechat_text_number(body, "request", "cost_in_ms", &cost_ms) == 0;
    if (has_cost && json)
        buf_printf(out, ",\"cost_ms\":%" PRId64, cost_ms);
    else if (has_cost)
        buf_printf(out, "%-10s %" PRId64 " ms\n", "took", cost_ms);
    buf_free(&here);
    buf_free(&beijing);
}

static void append_texts(const struct wechat *w, int account, struct span body, int json, struct buf *out)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json_token value;
        struct buf plain = {0}, masked = {0};
        if (wechat_text_member(body, "request", texts[i].member, &value) == 0 && value.type == JSON_STRING) {
            json_unescape(value.raw, &plain);
            wechat_mask(w, account, buf_span(&plain), &masked);
            if (json)
                wechat_text_json(texts[i].member, buf_span(&masked), out);
            else
                append_line(texts[i].title, buf_span(&masked), out);
        }
        buf_free(&plain);
        buf_free(&masked);
    }
}

static void print(const struct wechat *w, int account, const struct wechat_options *o, struct span body)
{
    struct buf out = {0};
    if (o->json) {
        buf_append_str(&out, "{");
        wechat_text_json("rid", span_of(o->arguments[0]), &out);
    }
    append_times(body, o->json, &out);
    append_texts(w, account, body, o->json, &out);
    if (o->json)
        buf_append_str(&out, "}\n");
    fputs(buf_str(&out), stdout);
    buf_free(&out);
}

static enum wechat_status ask(struct wechat *w, int account, const struct wechat_options *o)
{
    struct buf question = {0};
    struct wechat_result r = {0};
    struct json_token value;
    buf_append_str(&question, "{");
    wechat_text_json("rid", span_of(o->arguments[0]), &question);
    buf_append_str(&question, "}");
    wechat_call(w,
                &(struct wechat_call){.account = account,
                                      .path = "/cgi-bin/openapi/rid/get",
                                      .body = buf_span(&question),
                                      .base = WECHAT_BASE_ANY},
                &r);
    enum wechat_status status = WECHAT_GOOD;
    if (r.end == WECHAT_OK && wechat_text_member(buf_span(&r.body), NULL, "request", &value)) {
        buf_append_str(&r.text, "WeChat's answer holds no request");
        r.end = WECHAT_LOST;
    }
    if (r.end == WECHAT_OK)
        print(w, account, o, buf_span(&r.body));
    else
        status = wechat_failed(w, o, account, &r);
    buf_free(&question);
    wechat_result_free(&r);
    return status;
}

enum wechat_status wechat_rid(const struct wechat_options *o)
{
    if (!wechat_text_is_rid(span_of(o->arguments[0]))) {
        wechat_error("%s: is no rid; give it as it stands in WeChat's errmsg: three groups of eight hexadecimal digits, "
                     "such as 61725984-6126f6f9-040f19c4",
                     o->arguments[0]);
        return WECHAT_USAGE;
    }
    struct wechat *w = wechat_open(o);
    if (w == NULL)
        return WECHAT_USAGE;
    int account = wechat_account(w, o->app);
    enum wechat_status status = account < 0 ? WECHAT_USAGE : ask(w, account, o);
    wechat_close(&w);
    return status;
}
