/* mega wechat quota: how many calls of today are used. Source: doc/channels/API/apimgnt/getApiQuota.html on
 * developers.weixin.qq.com; the figures there are right to about 1 %. */
#include "sender/wechat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/table.h"
#include "sender/errcode.h"
#include "sender/wechat_call.h"
#include "sender/wechat_text.h"

#define PATH_BYTES_MAX 256
#define UNKNOWN_MIN    76000 /* codes of quota/get and rid/get: no such path, or none of this account */
#define UNKNOWN_MAX    76099
#define NOT_ALLOWED    48001 /* the account may not make that call */

static const char *const message_paths[] = {
    "/cgi-bin/message/template/send",      "/cgi-bin/message/custom/send",        "/cgi-bin/message/subscribe/send",
    "/cgi-bin/message/subscribe/bizsend",  "/cgi-bin/message/template/subscribe",
};

struct figures {
    int64_t limit, used, left;
    int64_t rate_calls, rate_s; /* 0 = not told */
};

/* What is printed of one answer after the other. */
struct report {
    struct table *table;
    struct buf json;
    size_t good, unknown;
};

/* 1 when it can be asked for: a path as it stands in WeChat's documentation. */
static int is_path(const char *path)
{
    size_t bytes = strlen(path);
    for (size_t i = 0; i < bytes; i++)
        if (path[i] <= ' ' || path[i] > '~' || strchr("\"\\?#", path[i]))
            return 0;
    return bytes > 1 && bytes <= PATH_BYTES_MAX && strstr(path, "://") == NULL;
}

static int read_figures(struct span body, struct figures *f)
{
    *f = (struct figures){0};
    if (wechat_text_number(body, "quota", "daily_limit", &f->limit) || wechat_text_number(body, "quota", "used", &f->used)
        || wechat_text_number(body, "quota", "remain", &f->left))
        return -1;
    if (wechat_text_number(body, "rate_limit", "call_count", &f->rate_calls)
        || wechat_text_number(body, "rate_limit", "refresh_second", &f->rate_s))
        f->rate_calls = f->rate_s = 0;
    return 0;
}

static void add_row(struct report *report, const char *path, const struct figures *f)
{
    table_cell(report->table, span_of(path));
    table_printf(report->table, "%" PRId64, f->limit);
    table_printf(report->table, "%" PRId64, f->used);
    table_printf(report->table, "%" PRId64, f->left);
    if (f->rate_s)
        table_printf(report->table, "%" PRId64 " in %" PRId64 " s", f->rate_calls, f->rate_s);
    else
        table_cell(report->table, span_of("-"));
    table_cell(report->table, span_of(""));
}

static void add_figures(struct report *report, const char *path, const struct figures *f)
{
    report->good++;
    add_row(report, path, f);
    wechat_text_json("path", span_of(path), &report->json);
    buf_printf(&report->json, ",\"limit\":%" PRId64 ",\"used\":%" PRId64 ",\"left\":%" PRId64, f->limit, f->used, f->left);
    if (f->rate_s)
        buf_printf(&report->json, ",\"rate_calls\":%" PRId64 ",\"rate_s\":%" PRId64, f->rate_calls, f->rate_s);
}

static void add_unknown(struct report *report, const char *path, struct wechat_result *r)
{
    report->unknown++;
    table_cell(report->table, span_of(path));
    for (int i = 0; i < 4; i++)
        table_cell(report->table, span_of("-"));
    table_cell(report->table, buf_span(&r->text));
    wechat_text_json("path", span_of(path), &report->json);
    wechat_failure_json(r, &report->json);
}

static void ask(struct wechat *w, int account, const char *path, struct wechat_result *r)
{
    struct buf body = {0};
    buf_append_str(&body, "{");
    wechat_text_json("cgi_path", span_of(path), &body);
    buf_append_str(&body, "}");
    wechat_call(w,
                &(struct wechat_call){.account = account,
                                      .path = "/cgi-bin/openapi/quota/get",
                                      .body = buf_span(&body),
                                      .base = WECHAT_BASE_ANY},
                r);
    buf_free(&body);
}

/* Returns 0 to go on with the next path; -1 when the whole is in vain, with the reason in `r`. */
static int ask_one(struct wechat *w, int account, const char *path, struct report *report, struct wechat_result *r)
{
    struct buf whole = {0};
    struct figures figures;
    int failed = 0;
    if (*path != '/')
        buf_append_str(&whole, "/");
    buf_append_str(&whole, path);
    ask(w, account, buf_str(&whole), r);
    int is_unknown = r->end == WECHAT_REFUSED
                     && ((r->errcode >= UNKNOWN_MIN && r->errcode <= UNKNOWN_MAX) || r->errcode == NOT_ALLOWED);
    if (r->end == WECHAT_OK && read_figures(buf_span(&r->body), &figures)) {
        buf_append_str(&r->text, "WeChat's answer holds no quota");
        failed = -1;
    } else if (r->end == WECHAT_OK || is_unknown) {
        buf_append_str(&report->json, report->json.bytes ? ",{" : "{");
        if (r->end == WECHAT_OK)
            add_figures(report, buf_str(&whole), &figures);
        else
            add_unknown(report, buf_str(&whole), r);
        buf_append_str(&report->json, "}");
    } else {
        failed = -1;
    }
    buf_free(&whole);
    return failed;
}

static void print(const struct wechat_options *o, const char *account, struct report *report)
{
    struct buf out = {0};
    if (o->json) {
        buf_append_str(&out, "{");
        wechat_text_json("account", span_of(account), &out);
        buf_printf(&out, ",\"paths\":[%s]}\n", buf_str(&report->json));
    } else if (report->good + report->unknown) {
        table_write(report->table, 0, &out);
        buf_append_str(&out, "\ncalls of today; WeChat's figures are right to about 1 %\n");
    }
    fputs(buf_str(&out), stdout);
    buf_free(&out);
}

static enum wechat_status ask_all(struct wechat *w, int account, const struct wechat_options *o)
{
    static const struct column columns[] = {{"PATH", 0, 0}, {"LIMIT", 0, 1}, {"USED", 0, 1},
                                            {"LEFT", 0, 1}, {"RATE", 0, 0},  {"", 0, 0}};
    struct report report = {.table = table_new(columns, sizeof columns / sizeof *columns)};
    struct wechat_result r = {0};
    int is_given = o->argument_count > 0, failed = 0;
    size_t count = is_given ? o->argument_count : sizeof message_paths / sizeof *message_paths;
    for (size_t i = 0; i < count && !failed; i++)
        failed = ask_one(w, account, is_given ? o->arguments[i] : message_paths[i], &report, &r);
    if (!failed || !o->json)
        print(o, wechat_conf(w)->accounts[account].name, &report);
    if (failed)
        wechat_failed(w, o, account, &r);
    enum wechat_status status = failed || report.good == 0 ? WECHAT_NO : WECHAT_GOOD;
    table_destroy(&report.table);
    buf_free(&report.json);
    wechat_result_free(&r);
    return status;
}

enum wechat_status wechat_quota(const struct wechat_options *o)
{
    for (size_t i = 0; i < o->argument_count; i++)
        if (!is_path(o->arguments[i])) {
            wechat_error("%s: is no path; give one such as /cgi-bin/message/template/send", o->arguments[i]);
            return WECHAT_USAGE;
        }
    struct wechat *w = wechat_open(o);
    if (w == NULL)
        return WECHAT_USAGE;
    int account = wechat_account(w, o->app);
    enum wechat_status status = account < 0 ? WECHAT_USAGE : ask_all(w, account, o);
    wechat_close(&w);
    return status;
}
