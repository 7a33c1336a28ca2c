/* What a failed call means for others than its message: the account stops or slows down, the template is paused. life.c asks here with
 * each report of a job that is out. */
#include "broker/broker.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* What has changed in an account's stop. Calls a person where one is needed, with every probe that fails again. */
static void tell(struct broker *b, size_t account, const struct stop *before)
{
    const struct stop *now = stops_find(b->stops, account, b->order_ms);
    struct span name = accounts_name(&b->accounts, account);
    if (now == NULL) {
        if (before->state == STOP_PROBING)
            log_info("account runs again", log_span("account", name), log_i64("stopped_for_ms", b->now_ms - before->since_ms));
        return;
    }
    if (now->state == before->state && now->next_ms == before->next_ms)
        return;
    log_write(now->state == STOP_WAITING ? LEVEL_WARN : LEVEL_ERROR,
              now->state == STOP_WAITING ? "account waits, it called WeChat too fast" : "account is stopped by WeChat",
              log_span("account", name), log_i64("errcode", now->errcode), log_str("reason", now->reason),
              log_i64("next_try_ms", now->next_ms - b->order_ms));
}

/* Messages of the template wait from now on; of an operator's own pause nothing is changed. */
static void pause_template(struct broker *b, size_t account, const struct message *m, const struct outcome_report *report)
{
    struct pause target = {.kind = PAUSE_TEMPLATE, .since_ms = b->now_ms, .until_ms = INT64_MAX};
    struct buf by = {0}, next = {0};
    span_to_text(target.account, sizeof target.account, accounts_name(&b->accounts, account));
    span_to_text(target.name, sizeof target.name, message_template(m));
    if (pauses_has(b->pauses, PAUSE_TEMPLATE, span_of(target.account), span_of(target.name)))
        return;
    buf_printf(&by, "WeChat:%lld", (long long)report->errcode);
    span_to_text(target.by, sizeof target.by, buf_span(&by));
    buf_free(&by);
    if (pauses_add(b->pauses, &target))
        return; /* it is tried again and again until there is room */
    buf_printf(&next, "mega queue resume --key %s --app %s, or mega tset %s, lets its messages go", target.name, target.account,
               target.name);
    log_error("template is stopped by WeChat", log_str("account", target.account), log_str("template", target.name),
              log_span("reason", report->message), log_str("next", buf_str(&next)));
    b->order_used = 1;
    buf_free(&next);
}

/* 1 when it was given out by an earlier start of the broker: its outcome says nothing of the pace of this one, which has hardly begun, and
 * would be brought down to next to nothing. */
static int is_of_before(const struct broker *b, const struct out *o)
{
    return o->out_mono_ms <= b->began_ms;
}

int trouble_on_report(struct broker *b, const struct out *o, const struct outcome_report *report)
{
    static const struct stop runs = {.state = STOP_RUNNING};
    size_t account = o->account;
    const struct stop *known = stops_find(b->stops, account, b->order_ms);
    const struct stop before = known ? *known : runs;
    if (!is_of_before(b, o))
        accounts_on_report(&b->accounts, account, report, clock_mono_us());
    int steps_back = stops_on_report(b->stops, account, o->seq, report, b->order_ms, b->now_ms);
    tell(b, account, &before);
    return steps_back;
}

void trouble_with_template(struct broker *b, size_t account, const struct message *m, const struct outcome_report *report)
{
    if (report->outcome == OUTCOME_RETRY && report->cause == CAUSE_TEMPLATE)
        pause_template(b, account, m, report);
}

size_t trouble_lift_template(struct broker *b, struct span key)
{
    size_t count = 0;
    const struct pause *one = pauses_next(b->pauses, NULL), *next;
    for (; one; one = next) {
        next = pauses_next(b->pauses, one);
        int is_ours = one->kind == PAUSE_TEMPLATE && strncmp(one->by, "WeChat:", 7) == 0 && span_is(key, one->name);
        if (is_ours && !one->releasing && pauses_end(b->pauses, one->kind, span_of(one->account), span_of(one->name)) == 0)
            count++;
    }
    return count;
}
