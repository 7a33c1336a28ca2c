/* mega wechat ping: can each account send, and how far away is each address of api_base. The call is get_api_domain_ip, which
 * changes nothing (doc/service/api/base/api_getapidomainip on developers.weixin.qq.com); WeChat looks at its token first, so
 * errcode 48001 (the account may not make this call) shows as well that the token is good. */
#include "sender/wechat.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/term.h"
#include "sender/wechat_call.h"
#include "sender/wechat_text.h"

#define CALLS            3 /* of each address; the shortest one counts */
#define NOT_ALLOWED      48001
#define NOT_IN_WHITELIST 40164
#define NOT_IN_WHITELIST_NEW 61004 /* the same, in newer documents */
#define DAY_S            86400

enum known { UNKNOWN, NO, YES };

/* What is known of one address. */
struct reached {
    struct http_measured first; /* name, connection, certificate: of the call that made the connection */
    int64_t call_us;            /* the shortest answered one; 0 = none was answered */
    struct wechat_result last;
};

struct ping {
    struct wechat *wechat;
    const struct wechat_options *options;
    struct table *table;
    struct buf json;  /* of the addresses of the account at hand, then of all accounts */
    struct buf notes; /* lines below the table */
};

static int is_whitelist_code(int64_t code)
{
    return code == NOT_IN_WHITELIST || code == NOT_IN_WHITELIST_NEW;
}

/* The token was taken, or would have been. */
static int is_good(const struct wechat_result *r)
{
    return r->end == WECHAT_OK || (r->end == WECHAT_REFUSED && r->errcode == NOT_ALLOWED);
}

static int is_answered(const struct wechat_result *r)
{
    return r->end == WECHAT_OK || r->end == WECHAT_REFUSED;
}

/* Calls on a connection of its own, first with the way there and then without. */
static void reach(struct wechat *w, int account, size_t base, struct reached *reached)
{
    wechat_forget_connections(w);
    for (int i = 0; i < CALLS; i++) {
        struct http_measured measured = {0};
        struct wechat_call call = {.account = account,
                                   .path = "/cgi-bin/get_api_domain_ip",
                                   .is_lone = 1,
                                   .base = base,
                                   .measured = &measured};
        wechat_call(w, &call, &reached->last);
        if (i == 0)
            reached->first = measured;
        if (!is_answered(&reached->last))
            return;
        if (reached->call_us == 0 || measured.total_us < reached->call_us)
            reached->call_us = measured.total_us;
    }
}

static void cell_ms(struct table *table, int64_t us)
{
    if (us)
        table_printf(table, "%.1f", (double)us / 1000);
    else
        table_cell(table, span_of("-"));
}

static const char *http_name(int version)
{
    return version == 10 ? "1.0" : version == 11 ? "1.1" : version == 20 ? "2" : version == 30 ? "3" : "-";
}

static int64_t cert_days(const struct http_measured *m)
{
    return (m->cert_until_s - clock_wall_ms() / 1000) / DAY_S;
}

/* Columns of the address; those of the account are before them. */
static void add_address(struct ping *p, struct span base, int has_token, struct reached *reached)
{
    const struct http_measured *m = &reached->first;
    const struct wechat_result *r = &reached->last;
    table_cell(p->table, base);
    cell_ms(p->table, m->name_us);
    cell_ms(p->table, m->connect_us);
    cell_ms(p->table, reached->call_us);
    table_cell(p->table, span_of(http_name(m->version)));
    table_cell(p->table, span_of(*m->ip ? m->ip : "-"));
    if (m->cert_until_s)
        table_printf(p->table, "%" PRId64, cert_days(m));
    else
        table_cell(p->table, span_of("-"));
    if (r->end == WECHAT_OK)
        table_cell(p->table, span_of("ok"));
    else if (is_answered(r) && !has_token)
        table_cell(p->table, span_of("answers")); /* a call without a token is refused, of course */
    else
        table_cell(p->table, buf_span(&r->text));
}

static void add_address_json(struct ping *p, struct span base, int has_token, struct reached *reached)
{
    const struct http_measured *m = &reached->first;
    struct buf *out = &p->json;
    buf_append_str(out, "{");
    wechat_text_json("address", base, out);
    buf_printf(out, ",\"answers\":%s", is_answered(&reached->last) ? "true" : "false");
    buf_printf(out, ",\"name_us\":%" PRId64 ",\"connect_us\":%" PRId64 ",\"call_us\":%" PRId64, m->name_us, m->connect_us,
               reached->call_us);
    if (m->version)
        wechat_text_json("http", span_of(http_name(m->version)), out);
    if (*m->ip)
        wechat_text_json("ip", span_of(m->ip), out);
    if (m->cert_until_s)
        buf_printf(out, ",\"cert_days\":%" PRId64, cert_days(m));
    if (reached->last.end != WECHAT_OK && (has_token || !is_answered(&reached->last)))
        wechat_failure_json(&reached->last, out);
    buf_append_str(out, "}");
}

static void cell_account(struct ping *p, const char *name, int64_t left_ms, enum known whitelisted)
{
    struct buf left = {0};
    table_cell(p->table, span_of(name));
    if (left_ms)
        term_duration(left_ms, &left);
    table_cell(p->table, left_ms ? buf_span(&left) : span_of("none"));
    table_cell(p->table, span_of(whitelisted == YES ? "yes" : whitelisted == NO ? "no" : "?"));
    buf_free(&left);
}

/* The keeper fetches tokens from this host or another one: only a call from here says yes. */
static enum known whitelisted_by(const struct wechat_result *r, int64_t reason_code)
{
    if (is_whitelist_code(reason_code) || (r->end == WECHAT_REFUSED && is_whitelist_code(r->errcode)))
        return NO;
    return r->end == WECHAT_OK ? YES : UNKNOWN;
}

static void end_account_json(struct ping *p, size_t began, const char *name, int64_t left_ms, struct span reason,
                             enum known whitelisted, int can_send)
{
    struct buf addresses = {0}, *out = &p->json;
    buf_append(&addresses, out->data + began, out->bytes - began);
    out->bytes = began;
    buf_append_str(out, began > 1 ? ",{" : "{");
    wechat_text_json("account", span_of(name), out);
    buf_printf(out, ",\"can_send\":%s", can_send ? "true" : "false");
    if (left_ms)
        buf_printf(out, ",\"token_ms\":%" PRId64, left_ms);
    if (reason.bytes)
        wechat_text_json("no_token", reason, out);
    if (whitelisted != UNKNOWN)
        buf_printf(out, ",\"whitelisted\":%s", whitelisted == YES ? "true" : "false");
    buf_printf(out, ",\"addresses\":[%.*s]}", (int)addresses.bytes, addresses.data);
    buf_free(&addresses);
}

/* Returns how long the token is still valid, or 0 and why there is none. To be asked after a call: WeChat may have rejected the token
 * that was there before. */
static int64_t read_token(struct wechat *w, int account, struct buf *reason)
{
    const char *raw = wechat_wait_token(w, account);
    buf_clear(reason);
    wechat_mask(w, account, span_of(raw ? raw : ""), reason);
    return wechat_token_left_ms(w, account);
}

/* Returns 1 when the account can send. */
static int ping_account(struct ping *p, int account)
{
    const struct conf_account *conf = &wechat_conf(p->wechat)->accounts[account];
    struct buf reason = {0};
    int64_t left_ms = 0;
    int can_send = 0;
    enum known whitelisted = UNKNOWN;
    size_t began = p->json.bytes;
    for (size_t i = 0; conf_base(conf, i).bytes; i++) {
        struct reached reached = {0};
        reach(p->wechat, account, i, &reached);
        left_ms = read_token(p->wechat, account, &reason);
        enum known here = whitelisted_by(&reached.last, wechat_text_reason_code(buf_span(&reason)));
        can_send |= left_ms > 0 && is_good(&reached.last);
        whitelisted = here != UNKNOWN ? here : whitelisted;
        cell_account(p, conf->name, left_ms, here);
        add_address(p, conf_base(conf, i), left_ms > 0, &reached);
        buf_append_str(&p->json, i ? "," : "");
        add_address_json(p, conf_base(conf, i), left_ms > 0, &reached);
        wechat_result_free(&reached.last);
    }
    end_account_json(p, began, conf->name, left_ms, buf_span(&reason), whitelisted, can_send);
    if (reason.bytes) {
        buf_printf(&p->notes, "%s: ", conf->name);
        term_append(buf_span(&reason), &p->notes);
        buf_append_str(&p->notes, "\n");
    }
    buf_free(&reason);
    return can_send;
}

static enum wechat_status ping_all(struct ping *p, int from, int until)
{
    int all_can_send = 1;
    buf_append_str(&p->json, "[");
    for (int i = from; i < until; i++)
        all_can_send &= ping_account(p, i);
    buf_append_str(&p->json, "]\n");
    if (p->options->json) {
        fputs(buf_str(&p->json), stdout);
    } else {
        struct buf out = {0};
        table_write(p->table, 0, &out);
        printf("%s%s%s", buf_str(&out), p->notes.bytes ? "\n" : "", buf_str(&p->notes));
        buf_free(&out);
    }
    return all_can_send ? WECHAT_GOOD : WECHAT_NO;
}

enum wechat_status wechat_ping(const struct wechat_options *o)
{
    static const struct column columns[] = {{"ACCOUNT", 0, 0},  {"TOKEN", 0, 0},      {"WHITELIST", 0, 0}, {"ADDRESS", 0, 0},
                                            {"NAME ms", 0, 1},  {"CONNECT ms", 0, 1}, {"CALL ms", 0, 1},   {"HTTP", 0, 0},
                                            {"IP", 0, 0},       {"CERT days", 0, 1},  {"ANSWER", 0, 0}};
    struct ping p = {.options = o, .wechat = wechat_open(o)};
    enum wechat_status status = WECHAT_USAGE;
    if (p.wechat == NULL)
        return WECHAT_USAGE;
    int one = o->app ? wechat_account(p.wechat, o->app) : 0;
    p.table = table_new(columns, sizeof columns / sizeof *columns);
    if (one >= 0)
        status = ping_all(&p, one, o->app ? one + 1 : (int)wechat_conf(p.wechat)->account_count);
    table_destroy(&p.table);
    buf_free(&p.json);
    buf_free(&p.notes);
    wechat_close(&p.wechat);
    return status;
}
