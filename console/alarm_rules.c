#include "console/alarm_rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/term.h"
#include "base/utf8.h"
#include "proto/mp_view.h"

#define REASON_COLUMNS_MAX 160 /* of somebody else's text */
#define FAILED_PER_S_MIN   1.0 /* fewer failed calls a second are no storm */

struct look {
    struct alarm_rules *rules;
    const struct conf_alarm *conf;
    const struct alarm_view *view;
    struct alarm_findings *found;
};

static void find(struct look *l, enum alarm_kind kind, struct span subject, int64_t for_ms, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void find(struct look *l, enum alarm_kind kind, struct span subject, int64_t for_ms, const char *format, ...)
{
    struct buf text = {0}, harmless = {0};
    va_list args;
    if (l->found->count == ALARM_FINDINGS_MAX)
        return;
    struct alarm_finding *f = &l->found->list[l->found->count++];
    f->kind = kind;
    f->for_ms = for_ms;
    term_append(subject, &harmless);
    utf8_to_text(f->subject, sizeof f->subject, buf_span(&harmless));
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    buf_clear(&harmless);
    term_append(buf_span(&text), &harmless);
    utf8_to_text(f->text, sizeof f->text, buf_span(&harmless));
    buf_free(&text);
    buf_free(&harmless);
}

/* The text of a span for a format, cut so that figures behind it have room. */
static const char *cut(struct span text, struct buf *out)
{
    buf_clear(out);
    term_cut(text, REASON_COLUMNS_MAX, out);
    return buf_str(out);
}

static const char *duration(int64_t ms, struct buf *out)
{
    buf_clear(out);
    term_duration(ms, out);
    return buf_str(out);
}

static const char *size(int64_t bytes, struct buf *out)
{
    buf_clear(out);
    term_bytes(bytes > 0 ? (uint64_t)bytes : 0, out);
    return buf_str(out);
}

/* --- stages ------------------------------------------------------------------------------------------------------- */

static void see_processes(struct look *l)
{
    struct alarm_stages *stages = &l->rules->stages;
    alarm_stages_begin(stages, 0);
    for (size_t i = 0; i < l->view->process_count; i++) {
        const struct alarm_process *p = &l->view->processes[i];
        alarm_stages_see(stages, p->kind, p->name, p->presence);
    }
}

static void see_broker_stages(struct look *l, const char *list_name)
{
    struct mp_list list;
    struct span one;
    mp_list_open(&list, mp_view(l->view->status, list_name));
    while (mp_list_next(&list, &one)) {
        int has_left = *list_name == 'l';
        enum alarm_presence presence = !has_left                  ? ALARM_THERE
                                       : mp_view_i64(one, "bye") ? ALARM_ENDED
                                                                  : ALARM_VANISHED;
        /* What was there before the broker's restart and was not heard since has its lease to come back. */
        if (!has_left && span_is(mp_view_str(one, "state"), "expected"))
            presence = ALARM_THERE;
        alarm_stages_see(&l->rules->stages, mp_view_str(one, "kind"), mp_view_str(one, "name"), presence);
    }
}

static void find_gone(struct look *l)
{
    const struct alarm_stages *stages = &l->rules->stages;
    int has_status = l->view->status.bytes > 0;
    for (size_t i = 0; i < stages->count; i++) {
        const struct alarm_stage *s = &stages->list[i];
        if (s->presence == ALARM_THERE || (alarm_stages_is_of_broker(s->kind) && !has_status))
            continue;
        find(l, ALARM_STAGE_GONE, span_of(s->name), l->conf->stage_gone_ms, "the %s %s is gone, and it said no goodbye", s->kind,
             s->name);
    }
}

static void find_missing(struct look *l)
{
    struct conf_expect expect[CONF_EXPECT_MAX];
    int kinds = conf_parse_expect(l->conf->expect, expect);
    for (int i = 0; i < kinds; i++) {
        size_t there = alarm_stages_count(&l->rules->stages, expect[i].kind);
        if (alarm_stages_is_of_broker(expect[i].kind) && l->view->status.bytes == 0)
            continue;
        if (there < expect[i].count)
            find(l, ALARM_STAGES_MISSING, span_of(expect[i].kind), l->conf->stage_gone_ms,
                 "%zu of %" PRIu32 " of the kind %s run", there, expect[i].count, expect[i].kind);
    }
}

static void look_at_stages(struct look *l)
{
    see_processes(l);
    if (l->view->status.bytes > 0) {
        alarm_stages_begin(&l->rules->stages, 1);
        see_broker_stages(l, "left"); /* first: who is there counts, whatever was before */
        see_broker_stages(l, "stages");
    }
    if (l->conf->stage_gone_ms == 0)
        return;
    find_gone(l);
    find_missing(l);
}

/* --- the broker --------------------------------------------------------------------------------------------------- */

static void look_at_readiness(struct look *l)
{
    struct span status = l->view->status;
    struct buf why = {0};
    if (l->conf->refusing_ms && !mp_view_i64(status, "accepting"))
        find(l, ALARM_REFUSING, span_of(""), l->conf->refusing_ms, "new messages are refused: %s",
             cut(mp_view_str(status, "closed"), &why));
    if (l->conf->not_ready_ms && !mp_view_i64(status, "ready"))
        find(l, ALARM_NOT_READY, span_of(""), l->conf->not_ready_ms, "messages cannot be sent: %s",
             cut(mp_view_str(status, "unready"), &why));
    buf_free(&why);
}

static void look_at_oldest(struct look *l)
{
    struct buf age = {0}, limit = {0};
    int64_t oldest_ms = mp_view_i64(l->view->status, "oldest_ms");
    if (l->conf->oldest_ms && oldest_ms >= l->conf->oldest_ms)
        find(l, ALARM_OLDEST, span_of(""), l->conf->hold_ms, "the oldest ready message has waited for %s (limit %s), %" PRId64 " are ready",
             duration(oldest_ms, &age), duration(l->conf->oldest_ms, &limit),
             mp_view_i64(mp_view(l->view->status, "depth"), "ready"));
    buf_free(&age);
    buf_free(&limit);
}

static void look_at_growth(struct look *l)
{
    struct span totals = mp_view(l->view->status, "totals");
    struct buf window = {0};
    int64_t dead = alarm_growth_take(&l->rules->dead, l->conf->window_ms, l->view->mono_ms, mp_view_i64(totals, "dead"));
    int64_t damaged = alarm_growth_take(&l->rules->damaged, l->conf->window_ms, l->view->mono_ms, mp_view_i64(totals, "damaged"));
    duration(l->conf->window_ms, &window);
    if (l->conf->dead && dead >= (int64_t)l->conf->dead)
        find(l, ALARM_DEAD, span_of(""), 0, "%" PRId64 " messages died within %s (limit %" PRIu32 "), %" PRId64 " are dead now", dead,
             buf_str(&window), l->conf->dead, mp_view_i64(mp_view(l->view->status, "depth"), "dead"));
    if (l->conf->damaged && damaged >= (int64_t)l->conf->damaged)
        find(l, ALARM_DAMAGED, span_of(""), 0, "%" PRId64 " damaged messages were set aside within %s (limit %" PRIu32 ")", damaged,
             buf_str(&window), l->conf->damaged);
    buf_free(&window);
}

static void look_at_space(struct look *l)
{
    struct span store = mp_view(l->view->status, "store");
    int64_t used = mp_view_i64(store, "bytes"), most = mp_view_i64(store, "bytes_max");
    int64_t disk_free = mp_view_i64(store, "disk_free"), least = mp_view_i64(store, "disk_min");
    int64_t spare = (int64_t)l->conf->disk_spare_bytes;
    struct buf now = {0}, limit = {0};
    /* The largest number stands for a disk that cannot be asked. */
    if (spare && disk_free < INT64_MAX && disk_free - least < spare)
        find(l, ALARM_DISK, span_of(""), l->conf->hold_ms, "the disk of the store has %s left; below %s new messages are refused",
             size(disk_free, &now), size(least, &limit));
    if (l->conf->store_percent && most > 0 && used / (most / 100 + 1) >= l->conf->store_percent)
        find(l, ALARM_STORE, span_of(""), l->conf->hold_ms, "the store uses %s of %s (limit %" PRIu32 "%%)", size(used, &now),
             size(most, &limit), l->conf->store_percent);
    buf_free(&now);
    buf_free(&limit);
}

static void look_at_clock(struct look *l)
{
    struct span clock = mp_view(l->view->status, "clock");
    int64_t step_ms = mp_view_i64(clock, "step_ms"), far_ms = step_ms < 0 ? -step_ms : step_ms;
    struct buf text = {0};
    if (l->conf->clock_step_ms == 0 || far_ms < l->conf->clock_step_ms || mp_view_i64(clock, "ago_ms") >= l->conf->window_ms)
        return;
    find(l, ALARM_CLOCK_STEP, span_of(""), 0, "the wall clock was set %s by %s (limit %" PRId64 " ms)",
         step_ms < 0 ? "back" : "forward", duration(far_ms, &text), l->conf->clock_step_ms);
    buf_free(&text);
}

static void look_at_calls(struct look *l)
{
    struct span rates = mp_view(l->view->status, "rates");
    double failed = mp_view_number(rates, "failed"), all = failed + mp_view_number(rates, "sent");
    if (l->conf->failed_percent && failed >= FAILED_PER_S_MIN && failed * 100 >= all * l->conf->failed_percent)
        find(l, ALARM_FAILED_CALLS, span_of(""), l->conf->hold_ms, "%.0f%% of the calls to WeChat fail, %.1f a second (limit %" PRIu32 "%%)",
             failed * 100 / all, failed, l->conf->failed_percent);
}

/* --- accounts ----------------------------------------------------------------------------------------------------- */

static void look_at_accounts(struct look *l)
{
    struct mp_list list;
    struct span account;
    struct buf why = {0};
    mp_list_open(&list, mp_view(l->view->status, "accounts"));
    while (l->conf->account_stopped_ms && mp_list_next(&list, &account)) {
        struct span stopped = mp_view_str(account, "stopped"), name = mp_view_str(account, "name");
        int64_t errcode = mp_view_i64(account, "errcode");
        if (stopped.bytes == 0)
            continue;
        cut(stopped, &why);
        if (errcode)
            buf_printf(&why, " (errcode %" PRId64 ")", errcode);
        find(l, ALARM_ACCOUNT_STOPPED, name, l->conf->account_stopped_ms, "nothing is sent for the account %.*s: %s; %" PRId64 " wait",
             (int)name.bytes, name.data ? name.data : "", buf_str(&why), mp_view_i64(account, "waiting"));
    }
    buf_free(&why);
}

static void look_at_tokens(struct look *l)
{
    struct mp_list list;
    struct span one;
    struct buf text = {0};
    mp_list_open(&list, mp_view(l->view->tokens, "accounts"));
    while (mp_list_next(&list, &one)) {
        struct span account = mp_view_str(one, "app"), why = mp_view_str(one, "message");
        int is_usable = mp_view_i64(one, "usable") != 0;
        int64_t left_ms = mp_view_i64(one, "ttl");
        if (!is_usable && l->conf->token_missing_ms)
            find(l, ALARM_TOKEN, account, l->conf->token_missing_ms, "there is no access token for the account %.*s: %s",
                 (int)account.bytes, account.data ? account.data : "", cut(why.bytes ? why : span_of("none was given yet"), &text));
        if (is_usable && l->conf->token_left_ms && left_ms < l->conf->token_left_ms)
            find(l, ALARM_TOKEN, account, 0, "the access token of the account %.*s ends in %s and was not replaced",
                 (int)account.bytes, account.data ? account.data : "", duration(left_ms, &text));
    }
    buf_free(&text);
}

/* --- the listener ------------------------------------------------------------------------------------------------- */

static void look_at_callbacks(struct look *l)
{
    struct span status = l->view->listener;
    struct buf window = {0};
    int64_t refused = alarm_growth_take(&l->rules->callbacks, l->conf->window_ms, l->view->mono_ms,
                                        mp_view_i64(mp_view(status, "refused"), "busy"));
    if (l->conf->callbacks_refused && refused >= (int64_t)l->conf->callbacks_refused)
        find(l, ALARM_CALLBACKS_REFUSED, span_of(""), 0,
             "%" PRId64 " callbacks of WeChat could not be written down and were answered 503 within %s (limit %" PRIu32 ")", refused,
             duration(l->conf->window_ms, &window), l->conf->callbacks_refused);
    buf_free(&window);
}

static void look_at_outbox(struct look *l)
{
    struct span outbox = mp_view(l->view->listener, "outbox");
    struct buf age = {0}, limit = {0};
    int64_t oldest_ms = mp_view_i64(outbox, "oldest_ms");
    if (l->conf->oldest_ms && oldest_ms >= l->conf->oldest_ms)
        find(l, ALARM_CALLBACKS_WAITING, span_of(""), l->conf->hold_ms,
             "what follows from callbacks has waited for the broker for %s (limit %s), %" PRId64 " requests wait", duration(oldest_ms, &age),
             duration(l->conf->oldest_ms, &limit), mp_view_i64(outbox, "rows"));
    buf_free(&age);
    buf_free(&limit);
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

static unsigned bit(enum alarm_kind kind)
{
    return 1u << kind;
}

/* Of what a party tells nothing is known while it is silent; a listener that was ended tells nothing for good. */
static unsigned unknown(const struct alarm_rules *rules, const struct alarm_view *view)
{
    unsigned of_token = bit(ALARM_TOKEN), of_listener = bit(ALARM_CALLBACKS_REFUSED) | bit(ALARM_CALLBACKS_WAITING);
    unsigned bits = view->status.bytes > 0 ? 0 : ~(bit(ALARM_BROKER_GONE) | of_token | of_listener);
    if (view->tokens.bytes == 0)
        bits |= of_token;
    if (view->listener.bytes == 0 && alarm_rules_expect(rules, "listener"))
        bits |= of_listener;
    return bits;
}

static void look_without_status(struct look *l)
{
    if (l->conf->broker_gone_ms)
        find(l, ALARM_BROKER_GONE, span_of(""), l->conf->broker_gone_ms, "the broker does not answer");
}

static void look_at_status(struct look *l)
{
    look_at_readiness(l);
    look_at_oldest(l);
    look_at_growth(l);
    look_at_space(l);
    look_at_clock(l);
    look_at_calls(l);
    look_at_accounts(l);
}

int alarm_rules_expect(const struct alarm_rules *rules, const char *kind)
{
    struct conf_expect expect[CONF_EXPECT_MAX];
    int kinds = conf_parse_expect(rules->conf->expect, expect);
    for (int i = 0; i < kinds; i++)
        if (strcmp(expect[i].kind, kind) == 0)
            return 1;
    return alarm_stages_has(&rules->stages, kind);
}

void alarm_rules_look(struct alarm_rules *rules, const struct alarm_view *view, struct alarm_findings *found)
{
    struct look l = {rules, rules->conf, view, found};
    found->count = 0;
    if (view->status.bytes == 0)
        look_without_status(&l);
    look_at_stages(&l);
    found->unknown = unknown(rules, view);
    look_at_tokens(&l);
    if (view->listener.bytes > 0) {
        look_at_callbacks(&l);
        look_at_outbox(&l);
    }
    if (view->status.bytes > 0)
        look_at_status(&l);
    if (found->count == ALARM_FINDINGS_MAX)
        found->unknown = ~0u; /* what had no room is not fine */
}
