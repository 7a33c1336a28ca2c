#include "broker/verdict.h"

#include <assert.h>

#include "base/hash.h"

static const struct verdict bury = {.action = VERDICT_BURY, .state = STATE_DEAD, .code = CODE_FAILED};
static const struct verdict put_back = {.action = VERDICT_PUT_BACK};
static const struct verdict defer = {.action = VERDICT_DEFER};

static struct verdict settle(enum store_state state, enum code code)
{
    return (struct verdict){.action = VERDICT_SETTLE, .state = state, .code = code};
}

/* The wait after so many failures. Its random part is made of message and number, so that this stays a function of its
 * arguments; messages that failed together part all the same. */
static int64_t backoff_of(const struct message *m, const struct verdict_rules *rules)
{
    assert(rules->backoff_count > 0 && m->failures > 0);
    size_t i = m->failures - 1 < rules->backoff_count ? m->failures - 1 : rules->backoff_count - 1;
    const uint64_t dice[] = {m->seq, m->failures};
    int64_t most_ms = rules->backoff_ms[i] * rules->jitter_percent / 100;
    return rules->backoff_ms[i] + (int64_t)(hash_64(dice, sizeof dice) % (uint64_t)(most_ms + 1));
}

/* 1 when a message that has just failed is not tried again. */
static int is_exhausted(const struct message *m, int64_t now_ms, const struct verdict_rules *rules)
{
    return m->failures >= rules->attempts_max || (m->first_out_ms && now_ms - m->first_out_ms >= rules->age_max_ms);
}

/* When the caller of a Send gives up; 0 for other messages. */
static int64_t patience_end_ms(const struct message *m, const struct verdict_rules *rules)
{
    return m->is_send && m->first_out_ms ? m->first_out_ms + rules->send_patience_ms : 0;
}

/* A time to wait until, cut to when the caller of a Send gives up; 0 when that is over. */
static int64_t within_patience(const struct message *m, int64_t at_ms, int64_t now_ms, const struct verdict_rules *rules)
{
    int64_t end_ms = patience_end_ms(m, rules);
    if (end_ms == 0 || at_ms <= end_ms)
        return at_ms;
    return now_ms < end_ms ? end_ms : 0;
}

static struct verdict defer_until(struct message *m, int64_t at_ms)
{
    if (at_ms == 0)
        return bury;
    m->due_ms = at_ms;
    m->timed = TIMED_ORDER;
    return defer;
}

/* Lets the message wait for its back-off. A Send waits until its caller gives up at the most, and is buried there. */
static struct verdict defer_after_failure(struct message *m, int64_t now_ms, const struct verdict_rules *rules)
{
    if (is_exhausted(m, now_ms, rules))
        return bury;
    return defer_until(m, within_patience(m, now_ms + backoff_of(m, rules), now_ms, rules));
}

/* Nothing goes to its recipient before its back-off is over; it keeps its place before others for him. */
static struct verdict cool_after_failure(struct message *m, int64_t now_ms, const struct verdict_rules *rules)
{
    int64_t until_ms = is_exhausted(m, now_ms, rules) ? 0 : within_patience(m, now_ms + backoff_of(m, rules), now_ms, rules);
    return until_ms ? (struct verdict){.action = VERDICT_COOL, .until_ms = until_ms} : bury;
}

/* 1 when the call failed for the sake of the account, its token or the template: the message itself has done nothing wrong. */
static int is_for_others(enum cause cause)
{
    return cause == CAUSE_TOKEN || cause == CAUSE_PACE || cause == CAUSE_TEMPLATE || cause == CAUSE_QUOTA || cause == CAUSE_ACCOUNT;
}

/* It keeps its place; but the one that has shown that the account is stopped goes behind all that is due, so that another one is the
 * next probe. Only where a person has to
 * act is that counted: the code may be meant for this one message. */
static struct verdict stand_back(struct message *m, const struct outcome_report *report, int64_t now_ms,
                                 const struct verdict_rules *rules)
{
    m->errcode = report->errcode;
    m->note = report->message;
    if (!rules->steps_back)
        return put_back;
    if (report->cause == CAUSE_ACCOUNT) {
        m->failures++;
        if (is_exhausted(m, now_ms, rules))
            return bury;
    }
    return defer_until(m, within_patience(m, now_ms, now_ms, rules));
}

/* Two access tokens were rejected in one turn. A message that brings this about by itself must not hold up its account, so it waits, and
 * longer each time; but none is dead for it before max_age, since it may be the account's trouble. */
static struct verdict wait_uncounted(struct message *m, const struct outcome_report *report, int64_t now_ms,
                                     const struct verdict_rules *rules)
{
    struct message as = *m;
    as.failures = m->calls / 2 ? m->calls / 2 : 1;
    m->errcode = report->errcode;
    m->note = report->message;
    if (m->first_out_ms && now_ms - m->first_out_ms >= rules->age_max_ms)
        return bury;
    return defer_until(m, within_patience(m, now_ms + backoff_of(&as, rules), now_ms, rules));
}

/* "Repeated": after a try of unknown outcome under the same client_msg_id this says that it had arrived. Source: 40241, official
 * community; 44007, open platform return codes. */
static int is_duplicate(int64_t errcode)
{
    return errcode == 40241 || errcode == 44007;
}

/* 1 when WeChat still knows the first try at that time. A time before that try means that the clock went back while the broker was
 * down: nobody knows how long ago it was, so it counts as forgotten. */
static int is_remembered(const struct message *m, int64_t at_ms)
{
    return at_ms >= m->unknown_since_ms && at_ms - m->unknown_since_ms < UNKNOWN_RETRY_MS_MAX;
}

static struct verdict on_unknown(struct message *m, const struct mark *mark, int64_t now_ms, const struct verdict_rules *rules)
{
    if (mark->begun) { /* WeChat would take it twice */
        m->call++;
        return rules->on_unknown == ON_UNKNOWN_DEAD ? bury : defer_after_failure(m, now_ms, rules);
    }
    if (m->unknown_since_ms == 0)
        m->unknown_since_ms = mark->out_ms;
    struct verdict v = defer_after_failure(m, now_ms, rules);
    int64_t last_ms = m->unknown_since_ms + UNKNOWN_RETRY_MS_MAX - UNKNOWN_LAST_TRY_MS;
    /* A wait that is longer than WeChat remembers ends a little before that, if there is time for one more try. */
    if (v.action == VERDICT_DEFER && m->due_ms > last_ms && now_ms + rules->backoff_ms[0] <= last_ms && is_remembered(m, last_ms))
        m->due_ms = last_ms;
    if (v.action != VERDICT_DEFER || is_remembered(m, m->due_ms))
        return v;
    if (rules->on_unknown == ON_UNKNOWN_DEAD)
        return bury;
    m->call++;
    m->unknown_since_ms = 0;
    return v;
}

/* WeChat is known to give this code by mistake: a Push gets a second try. The caller of a Send is there to decide for himself. */
static int may_be_mistaken(const struct message *m, const struct outcome_report *report)
{
    return report->cause == CAUSE_DOUBTFUL && !m->is_send && m->unknown_since_ms == 0 && m->errcode != report->errcode;
}

struct verdict verdict_on_report(struct message *m, const struct outcome_report *report, const struct mark *mark, int64_t now_ms,
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
        if (may_be_mistaken(m, report))
            break;
        return settle(STATE_REFUSED, CODE_REFUSED);
    case OUTCOME_DEAD:
        return bury;
    case OUTCOME_RETURNED:
        return put_back;
    case OUTCOME_RETRY:
        if (is_for_others(report->cause))
            return stand_back(m, report, now_ms, rules);
        if (report->cause == CAUSE_TOKENS)
            return wait_uncounted(m, report, now_ms, rules);
        break;
    case OUTCOME_NONE:
    case OUTCOME_UNKNOWN:
        break;
    }
    m->failures++;
    m->errcode = report->errcode;
    m->note = report->message;
    /* After an earlier try with an unknown outcome the number stays, whatever came after it: that try may have arrived. */
    if (report->outcome == OUTCOME_UNKNOWN || m->unknown_since_ms)
        return on_unknown(m, mark, now_ms, rules);
    /* Every try of this number is known to have failed; a new one keeps clear of what WeChat remembers of it. */
    m->call++;
    return report->cause == CAUSE_RECIPIENT ? cool_after_failure(m, now_ms, rules) : defer_after_failure(m, now_ms, rules);
}

const char *verdict_why_buried(const struct message *m, const struct outcome_report *report, int64_t now_ms,
                               const struct verdict_rules *rules)
{
    int64_t end_ms = patience_end_ms(m, rules);
    if (report->outcome == OUTCOME_DEAD)
        return BURIAL_UNSENDABLE;
    if (m->failures >= rules->attempts_max)
        return BURIAL_ATTEMPTS;
    if (m->first_out_ms && now_ms - m->first_out_ms >= rules->age_max_ms)
        return BURIAL_AGE;
    if (report->outcome != OUTCOME_UNKNOWN && m->unknown_since_ms == 0)
        return BURIAL_PATIENCE;
    return end_ms && end_ms <= now_ms ? BURIAL_PATIENCE : BURIAL_UNKNOWN;
}

struct verdict verdict_on_lost(struct message *m, const struct mark *mark, const struct verdict_rules *rules)
{
    /* A message that ends its senders must not go on to end all of them, for ever. */
    if (++m->failures >= rules->attempts_max)
        return bury;
    if (mark->begun) {
        m->call++;
        return rules->on_unknown == ON_UNKNOWN_DEAD ? bury : put_back;
    }
    if (m->unknown_since_ms == 0)
        m->unknown_since_ms = mark->out_ms;
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
