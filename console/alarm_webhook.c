#include "console/alarm_webhook.h"

#include <inttypes.h>

#include "base/iso_time.h"
#include "base/json.h"
#include "base/crypto.h"
#include "base/term.h"
#include "base/url.h"
#include "base/utf8.h"

#define ERROR_COLUMNS_MAX 120

/* --- markdown ----------------------------------------------------------------------------------------------------- */

/* Text of others within markdown: no tags, so that nobody is called by <@all>, and none of the characters that make it bold,
 * a link, code or a quotation. */
static void append_plain(const char *text, struct buf *out)
{
    struct span s = span_of(text);
    uint32_t c;
    for (size_t at = 0, bytes; at < s.bytes; at += bytes) {
        bytes = utf8_read(s, at, &c);
        if (c == '<' || c == '>')
            buf_append_str(out, c == '<' ? "(" : ")");
        else if (c < 0x80 && strchr("*_`[]#", (int)c) != NULL)
            buf_append_str(out, c == '_' ? "-" : "'");
        else
            buf_append(out, text + at, bytes);
    }
}

static void append_title(const struct alarm_event *e, struct buf *out)
{
    char id[ALARM_ID_BYTES_MAX] = "test";
    if (e->kind != ALARM_KINDS)
        alarm_id(e->kind, e->subject, id);
    buf_printf(out, "%s ", alarm_event_word(e->type));
    append_plain(id, out);
}

static void append_times(const struct alarm_event *e, struct buf *out)
{
    if (e->type == ALARM_EVENT_TEST)
        return;
    buf_append_str(out, "since ");
    iso_time_append(e->since_ms, out);
    buf_append_str(out, ", for ");
    term_duration(e->at_ms > e->since_ms ? e->at_ms - e->since_ms : 0, out);
}

static void append_wecom_event(const struct alarm_event *e, struct buf *out)
{
    int is_good = e->type == ALARM_EVENT_RECOVERED || e->type == ALARM_EVENT_TEST;
    buf_printf(out, "\n<font color=\"%s\">", is_good ? "info" : "warning");
    append_title(e, out);
    buf_append_str(out, "</font>\n>");
    append_plain(e->text, out);
    if (e->type != ALARM_EVENT_TEST)
        buf_append_str(out, "\n>");
    append_times(e, out);
    buf_append_str(out, "\n");
}

static void append_dingtalk_event(const struct alarm_event *e, struct buf *out)
{
    buf_append_str(out, "\n\n**");
    append_title(e, out);
    buf_append_str(out, "**\n\n> ");
    append_plain(e->text, out);
    if (e->type != ALARM_EVENT_TEST)
        buf_append_str(out, "\n>\n> ");
    append_times(e, out);
}

/* All that fits into bytes_max; of what does not, the number. */
static void append_markdown(enum conf_webhook type, const struct alarm_notice *n, size_t bytes_max, struct buf *out)
{
    static const size_t end_bytes = 120; /* for the last line */
    struct buf one = {0};
    size_t told = 0;
    for (; told < n->count; told++) {
        buf_clear(&one);
        if (type == WEBHOOK_WECOM)
            append_wecom_event(&n->events[told], &one);
        else
            append_dingtalk_event(&n->events[told], &one);
        if (out->bytes + one.bytes + end_bytes > bytes_max)
            break;
        buf_append(out, one.data, one.bytes);
    }
    size_t more = n->count - told + n->more;
    const char *between = type == WEBHOOK_WECOM ? "\n" : "\n\n";
    if (more)
        buf_printf(out, "%sand %zu more: mega alarm list shows what is raised now", between, more);
    buf_printf(out, "%swhat to do: %s", between, ALARM_HELP);
    buf_free(&one);
}

static void append_string(struct buf *out, const struct buf *text)
{
    buf_append_str(out, "\"");
    json_escape(buf_span(text), out);
    buf_append_str(out, "\"");
}

static void append_robot(enum conf_webhook type, const struct alarm_notice *n, const char *name, struct buf *out)
{
    struct buf subject = {0}, title = {0}, text = {0};
    alarm_notice_subject(n, name, &subject);
    append_plain(buf_str(&subject), &title); /* the brackets around the name become '…' */
    buf_printf(&text, "%s%s", type == WEBHOOK_WECOM ? "**" : "#### ", buf_str(&title));
    buf_append_str(&text, type == WEBHOOK_WECOM ? "**" : "");
    append_markdown(type, n, type == WEBHOOK_WECOM ? ALARM_WECOM_BYTES_MAX : ALARM_DINGTALK_BYTES_MAX, &text);
    buf_append_str(out, "{\"msgtype\":\"markdown\",\"markdown\":{");
    if (type == WEBHOOK_DINGTALK) {
        buf_append_str(out, "\"title\":");
        append_string(out, &title);
        buf_append_str(out, ",");
    }
    buf_printf(out, "\"%s\":", type == WEBHOOK_WECOM ? "content" : "text");
    append_string(out, &text);
    buf_append_str(out, "}}");
    buf_free(&subject);
    buf_free(&title);
    buf_free(&text);
}

void alarm_webhook_body(enum conf_webhook type, const struct alarm_notice *n, const char *name, struct buf *out)
{
    if (type == WEBHOOK_JSON)
        alarm_notice_json(n, name, out);
    else
        append_robot(type, n, name, out);
}

/* --- the address -------------------------------------------------------------------------------------------------- */

void alarm_webhook_url(const struct conf_alarm *conf, int64_t wall_ms, struct buf *out)
{
    unsigned char hash[SHA256_BYTES];
    struct buf signed_text = {0}, sign = {0};
    buf_append_str(out, conf->webhook);
    if (conf->webhook_type != WEBHOOK_DINGTALK || conf->webhook_secret[0] == '\0')
        return;
    buf_printf(&signed_text, "%" PRId64 "\n%s", wall_ms, conf->webhook_secret);
    sha256_hmac(span_of(conf->webhook_secret), buf_span(&signed_text), hash);
    base64_append((struct span){(const char *)hash, sizeof hash}, &sign);
    buf_printf(out, "%ctimestamp=%" PRId64 "&sign=", strchr(conf->webhook, '?') ? '&' : '?', wall_ms);
    url_escape(buf_span(&sign), out);
    explicit_bzero(signed_text.data, signed_text.bytes);
    buf_free(&signed_text);
    buf_free(&sign);
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

/* Finds errcode and errmsg of the answer's object. Returns 0, or -1 when it is none or has no errcode. */
static int read_errcode(struct span body, struct buf *errcode, struct buf *errmsg)
{
    struct json_reader r;
    struct buf name = {0};
    json_open(&r, body);
    if (json_next(&r).type != JSON_OBJECT)
        return -1;
    for (struct json_token t = json_next(&r); t.type == JSON_NAME; t = json_next(&r)) {
        buf_clear(&name);
        json_unescape(t.raw, &name);
        struct json_token value = json_next(&r);
        if (value.type == JSON_NUMBER && strcmp(buf_str(&name), "errcode") == 0)
            buf_append(errcode, value.raw.data, value.raw.bytes);
        if (value.type == JSON_STRING && strcmp(buf_str(&name), "errmsg") == 0)
            json_unescape(value.raw, errmsg);
        if (json_skip(&r, value) != 0)
            break;
    }
    buf_free(&name);
    return errcode->bytes ? 0 : -1;
}

int alarm_webhook_taken(enum conf_webhook type, int status, struct span body, struct buf *error)
{
    struct buf errcode = {0}, errmsg = {0};
    int is_taken = 0;
    if (status < 200 || status > 299)
        buf_printf(error, "HTTP status %d", status);
    else if (type == WEBHOOK_JSON)
        is_taken = 1;
    else if (read_errcode(body, &errcode, &errmsg) != 0)
        buf_append_str(error, "the answer has no errcode; is this the address of a robot?");
    else if (strcmp(buf_str(&errcode), "0") == 0)
        is_taken = 1;
    else {
        buf_printf(error, "errcode %.20s: ", buf_str(&errcode));
        term_cut(buf_span(&errmsg), ERROR_COLUMNS_MAX, error);
    }
    buf_free(&errcode);
    buf_free(&errmsg);
    return is_taken;
}
