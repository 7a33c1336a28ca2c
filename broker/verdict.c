#include "broker/verdict.h"

#include <assert.h>

static const struct verdict bury = {.action = VERDICT_BURY, .state = STATE_DEAD, .code = CODE_FAILED};
static const struct verdict put_back = {.action = VERDICT_PUT_BACK};
static const struct verdict defer = {.action = VERDICT_DEFER};

static struct verdict settle(enum store_state state, enum code code)
{
    return (struct verdict){.action = VERDICT_SETTLE, .state = state, .code = code};
}

static int64_t backoff_of(uint32_t failures, const struct verdict_rules *rules)
{
    assert(rules->backoff_count > 0 && failures > 0);
    size_t i = failures - 1 < rules->backoff_count ? failures - 1 : rules->backoff_count - 1;
    return rules->backoff_ms[i];
}

/* When the caller of a Send gives up; 0 for other messages. */
static int64_t patience_end_ms(const struct message *m, const struct verdict_rules *rules)
{
    return m->is_send && m->first_out_ms ? m->first_out_ms + rules->send_patience_ms : 0;
}

/* Lets the message wait for its back-off. A Send waits until its caller gives up at the most, and is buried there. */
static struct verdict defer_after_failure(struct message *m, int64_t now_ms, const struct verdict_rules *rules)
{
    int64_t end_ms = patience_end_ms(m, rules);
    if (m->failures >= rules->attempts_max || (end_ms && now_ms >= end_ms))
        return bury;
    m->due_ms = now_ms + backoff_of(m->failures, rules);
    if (end_ms && m->due_ms > end_ms)
        m->due_ms = end_ms;
    m->timed = 1;
    return defer;
}

/* "Repeated": after a try of unknown outcome under the same client_msg_id this says that it had arrived. Source: 40241, official
 * community; 44007, open platform return codes. */
static int is_duplicate(int64_t errcode)
{
    return errcode == 40241 || errcode == 44007;
}

/* 1 when WeChat still knows the first try at that time. A time before that try means that the clock was set back: nobody knows how
 * long ago it was, so it counts as forgotten. */
static int is_remembered(const struct message *m, int64_t at_ms)
{
    return at_ms >= m->unknown_since_ms && at_ms - m->unknown_since_ms < UNKNOWN_RETRY_MS_MAX;
}

static struct verdict on_unknown(struct message *m, int64_t out_ms, int64_t now_ms, const struct verdict_rules *rules)
{
    if (m->unknown_since_ms == 0)
        m->unknown_since_ms = out_ms;
    struct verdict v = defer_after_failure(m, now_ms, rules);
    if (v.action != VERDICT_DEFER || is_remembered(m, m->due_ms))
        return v;
    if (rules->on_unknown == ON_UNKNOWN_DEAD)
        return bury;
    m->call++;
    m->unknown_since_ms = 0;
    return v;
}

struct verdict verdict_on_report(struct message *m, const struct outcome_report *report, int64_t out_ms, int64_t now_ms,
                                 const struct verdict_rules *rules)
{
    m->calls += report->calls;
    switch (report->outcome) {
    case OUTCOME_SENT:
        return settle(STATE_SENT, CODE_OK);
    case OUTCOME_PENDING:
        return settle(STATE_PENDING, CODE_OK);
    case OUTCOME_REFUSED:
        if (m->unknown_since_ms && is_duplicate(report->errcode))
            return settle(STATE_SENT, CODE_OK);
        return settle(STATE_REFUSED, CODE_REFUSED);
    case OUTCOME_DEAD:
        return bury;
    case OUTCOME_RETURNED:
        return put_back;
    case OUTCOME_NONE:
    case OUTCOME_RETRY:
    case OUTCOME_UNKNOWN:
        break;
    }
    m->failures++;
    m->errcode = report->errcode;
    m->note = report->message;
    /* After an earlier try with an unknown outcome the number stays, whatever came after it: that try may have arrived. */
    if (report->outcome == OUTCOME_UNKNOWN || m->unknown_since_ms)
        return on_unknown(m, out_ms, now_ms, rules);
    /* Every try of this number is known to have failed; a new one keeps clear of what WeChat remembers of it. */
    m->call++;
    return defer_after_failure(m, now_ms, rules);
}

struct verdict verdict_on_lost(struct message *m, int64_t out_ms)
{
    if (m->unknown_since_ms == 0)
        m->unknown_since_ms = out_ms;
    return put_back;
}

int verdict_before_turn(struct message *m, int64_t now_ms, const struct verdict_rules *rules, const char **note)
{
    int64_t end_ms = patience_end_ms(m, rules);
    *note = NULL;
    if (end_ms && now_ms >= end_ms) {
        if (m->note.bytes == 0)
            *note = "not settled within send_patience of its first call";
        return 0;
    }
    if (m->unknown_since_ms == 0 || is_remembered(m, now_ms))
        return 1;
    if (rules->on_unknown == ON_UNKNOWN_DEAD) {
        *note = "its sender was lost in mid-call more than 9 minutes ago: it may have arrived";
        return 0;
    }
    m->call++;
    m->unknown_since_ms = 0;
    return 1;
}
