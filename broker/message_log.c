#include "broker/message_log.h"

#include "base/log.h"

/* Who and what, in every line; `m` may be a message or a result. */
#define ABOUT(m)                                                                                                        \
    log_span("id", (m)->id), log_span("app", (m)->account), log_span("key", (m)->key), log_span("openid", (m)->openid), \
        log_u64("seq", (m)->seq)

void message_log_accepted(const struct message *m, enum op op, int64_t due_in_ms)
{
    log_step("message accepted", ABOUT(m), log_str("op", op_name(op)), log_some("task", m->task),
             log_str("lane", lane_name(m->lane)), log_some_i64("due_in_ms", due_in_ms));
}

void message_log_known(const struct message *asked, enum store_state state)
{
    log_step("message known already", log_span("id", asked->id), log_span("app", asked->account),
             log_str("state", store_state_name(state)));
}

void message_log_refused(const struct request *r, enum code code, const char *reason)
{
    log_trouble(LEVEL_INFO, "message not accepted", log_some("id", r->id), log_some("app", r->app), log_some("key", r->key),
                log_some("openid", r->openid), log_str("op", op_name(r->op)), log_i64("code", (int64_t)code), log_str("reason", reason));
}

void message_log_given_out(const struct message *m, const struct job *job, const char *sender)
{
    log_step("message given out", log_span("id", m->id), log_span("app", m->account), log_span("key", job->key), log_u64("seq", m->seq),
             log_u64("turn", job->turn), log_u64("call", job->call), log_str("sender", sender));
}

void message_log_stays(const struct message *m, const struct outcome_report *report, struct verdict v, int64_t wait_ms)
{
    const char *next = v.action == VERDICT_PUT_BACK ? "given out again"
                       : v.action == VERDICT_COOL   ? "its recipient is left alone"
                                                    : "tried again";
    /* The text of a refusal repeats the recipient and what WeChat was sent; its errcode says enough. */
    int has_text = report->outcome != OUTCOME_REFUSED;
    log_trouble(LEVEL_INFO, "message waits", ABOUT(m), log_u64("turn", report->turn),
                log_str("outcome", outcome_name(report->outcome)), log_some_i64("errcode", report->errcode),
                log_some_i64("http_status", report->http_status), log_u64("failures", m->failures),
                log_some("reason", has_text ? report->message : (struct span){"", 0}), log_str("next", next),
                log_some_i64("in_ms", wait_ms));
}

void message_log_falls_back(const struct message *m, const struct outcome_report *report, struct span fallback)
{
    log_trouble(LEVEL_INFO, "message falls back", ABOUT(m), log_u64("turn", report->turn), log_i64("errcode", report->errcode),
                log_span("fallback", fallback), log_str("next", "given out again"));
}

void message_log_lost(const struct message *m, struct verdict v, int was_called)
{
    const char *next = v.action == VERDICT_BURY ? "dead" : v.action == VERDICT_DEFER ? "tried again" : "given out again";
    log_trouble(LEVEL_INFO, "message lost its sender", ABOUT(m), log_u64("turn", m->turn),
                log_str("call", was_called ? "may have been made" : "not made"), log_str("next", next));
}

/* A refusal's text repeats the recipient; of what was sent there is none. */
static struct span reason_of(const struct final *f)
{
    return f->state == STATE_DEAD || f->state == STATE_EXPIRED ? f->message : (struct span){"", 0};
}

void message_log_settled(const struct message *m, const struct final *f)
{
    int is_well = f->state != STATE_DEAD && f->state != STATE_REFUSED && f->state != STATE_EXPIRED;
    if (log_messages_now() < (is_well ? MESSAGES_ALL : MESSAGES_FAILED))
        return;
    log_trouble(f->state == STATE_DEAD ? LEVEL_WARN : LEVEL_INFO, "message settled", ABOUT(m), log_u64("turn", m->turn),
                log_str("state", store_state_name(f->state)), log_i64("code", (int64_t)f->code), log_some_i64("errcode", f->errcode),
                log_some_i64("msgid", f->msgid), log_u64("calls", f->calls), log_some("reason", reason_of(f)));
}

void message_log_received(const struct final *f)
{
    int is_well = f->state == STATE_DELIVERED;
    if (log_messages_now() < (is_well ? MESSAGES_ALL : MESSAGES_FAILED))
        return;
    log_trouble(LEVEL_INFO, "message receipt", ABOUT(f), log_str("state", store_state_name(f->state)), log_i64("code", (int64_t)f->code),
                log_some_i64("msgid", f->msgid), log_some("reason", f->message));
}

void message_log_revised(const struct message *m, const struct final *f)
{
    log_trouble(LEVEL_INFO, "message was dead and has its true result", ABOUT(m), log_str("state", store_state_name(f->state)));
}

void message_log_requeued(const struct message *m)
{
    log_trouble(LEVEL_INFO, "message requeued", ABOUT(m), log_str("next", "given out again"));
}

void message_log_purged(const struct final *f)
{
    log_trouble(LEVEL_INFO, "message purged", ABOUT(f));
}
