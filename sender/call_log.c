#include "sender/call_log.h"

#include <string.h>

#include "base/log.h"
#include "base/url.h"
#include "sender/wechat_text.h"

void call_log_begun(const struct call *call, struct span host)
{
    log_step("call begun", log_span("id", call->job.id), log_span("app", call->job.app), log_u64("seq", call->job.seq),
             log_u64("turn", call->result.turn), log_span("kind", call->job.kind), log_span("host", host));
}

static int is_in(const struct buf *text, const struct buf *part)
{
    return text->bytes && part->bytes && memmem(text->data, text->bytes, part->data, part->bytes) != NULL;
}

void call_log_hide_token(struct call *call, struct buf *escaped)
{
    buf_clear(escaped);
    if (call->text.bytes)
        url_escape(buf_span(&call->token), escaped);
    if (!is_in(&call->text, &call->token) && !is_in(&call->text, escaped))
        return;
    buf_clear(&call->text);
    buf_printf(&call->text, "WeChat answered %lld; its words repeat the access token and are left out",
               (long long)call->result.errcode);
    call->result.message = buf_span(&call->text);
}

/* What becomes of the message: the broker decides where it is called again. */
static const char *next_of(const struct outcome_report *r, int repeats)
{
    if (repeats)
        return "called again in this turn";
    return outcome_is_final(r->outcome) ? "" : "the broker decides";
}

void call_log_ended(const struct call *call, int64_t latency_ms, int repeats)
{
    const struct outcome_report *r = &call->result;
    int is_well = r->outcome == OUTCOME_SENT || r->outcome == OUTCOME_PENDING;
    enum log_level level = is_well || r->outcome == OUTCOME_REFUSED ? LEVEL_INFO : LEVEL_WARN;
    if (log_messages_now() < (is_well ? MESSAGES_ALL : MESSAGES_FAILED))
        return;
    /* The text of a refusal holds the recipient; the errcode says enough. */
    int has_text = r->outcome == OUTCOME_RETRY || r->outcome == OUTCOME_UNKNOWN;
    log_trouble(level, "call ended", log_span("id", call->job.id), log_span("app", call->job.app), log_u64("seq", call->job.seq),
                log_u64("turn", r->turn), log_str("outcome", outcome_name(r->outcome)), log_some_i64("errcode", r->errcode),
                log_some_i64("msgid", r->msgid), log_some_i64("http_status", r->http_status), log_i64("latency_ms", latency_ms),
                log_u64("calls", r->calls), log_some("rid", wechat_text_find_rid(r->message)),
                log_some("reason", has_text ? r->message : (struct span){"", 0}), log_some("next", span_of(next_of(r, repeats))));
}

void call_log_end(struct calls *c, struct call *call, enum outcome outcome, int64_t now_ms, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    log_trouble(outcome == OUTCOME_DEAD ? LEVEL_WARN : LEVEL_INFO, "call not made", log_span("id", call->job.id),
                log_span("app", call->job.app), log_u64("seq", call->job.seq), log_u64("turn", call->result.turn),
                log_str("outcome", outcome_name(outcome)), log_span("reason", buf_span(&text)),
                log_some("next", span_of(outcome == OUTCOME_DEAD ? "" : "the broker decides")));
    calls_end(c, call, outcome, now_ms, "%s", buf_str(&text));
    buf_free(&text);
}
