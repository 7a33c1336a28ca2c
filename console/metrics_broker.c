/* What the broker says of messages, accounts, its store and the requests of callers. */
#include "console/metrics.h"

#include "proto/mp_view.h"

static double seconds(int64_t ms)
{
    return (double)ms / 1000;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void gauge(struct exposition *e, const char *name, const char *help, double value)
{
    family(e, name, "gauge", help);
    sample(e, NO_LABELS, value);
}

static void depth(struct exposition *e, struct span status)
{
    static const char *const states[] = {"ready", "scheduled", "parked", "paused", "paced", "out", "dead", "settled", "damaged"};
    struct span map = mp_view(status, "depth");
    family(e, "megawechat_messages", "gauge", "Messages by state; paced ones are counted as ready too, settled ones are the results that are kept.");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        sample(e, LABELS(LABEL("state", span_of(states[i]))), mp_view_number(map, states[i]));
    gauge(e, "megawechat_messages_ready_at_least", "1 when there are more ready messages than were counted.", mp_view_number(map, "ready_more"));
}

static void store(struct exposition *e, struct span status)
{
    struct span map = mp_view(status, "store");
    gauge(e, "megawechat_store_bytes", "What the store takes on disk.", mp_view_number(map, "bytes"));
    gauge(e, "megawechat_store_max_bytes", "Beyond which the store never grows: [broker] store_size.", mp_view_number(map, "bytes_max"));
    gauge(e, "megawechat_disk_free_bytes", "Free on the disk of the store.", mp_view_number(map, "disk_free"));
    gauge(e, "megawechat_disk_min_free_bytes", "Below which new messages are refused: [broker] min_free_space.", mp_view_number(map, "disk_min"));
    gauge(e, "megawechat_index_left_messages", "Messages that the index of recipients and tasks has not reached yet.", mp_view_number(map, "index_left"));
    family(e, "megawechat_fences_total", "counter", "Fences since the store was made: each is a stage lost, gone or come back.");
    sample(e, NO_LABELS, mp_view_number(map, "generation"));
}

static void histogram(struct exposition *e, struct span map)
{
    sample_histogram(e, NO_LABELS, mp_view(map, "le"), mp_view(map, "n"), mp_view_number(map, "sum"));
}

static void requests(struct exposition *e, struct span status)
{
    struct mp_list list, row;
    struct span name, value, code, word;
    family(e, "megawechat_requests_total", "counter", "Requests of callers at the frontend by operation.");
    mp_list_open_map(&list, mp_view(status, "requests"));
    while (mp_list_next(&list, &name) && mp_list_next(&list, &value))
        sample(e, LABELS(LABEL("op", mp_value_str(name))), mp_value_number(value));
    family(e, "megawechat_requests_refused_total", "counter", "Requests of callers that were refused by code and reason.");
    mp_list_open(&list, mp_view(status, "refusals"));
    while (mp_list_next(&list, &value)) {
        struct buf text = {0};
        mp_list_open(&row, value);
        if (mp_list_next(&row, &code) && mp_list_next(&row, &word) && mp_list_next(&row, &value)) {
            buf_printf(&text, "%lld", (long long)mp_value_i64(code));
            sample(e, LABELS(LABEL("code", buf_span(&text)), LABEL("reason", mp_value_str(word))), mp_value_number(value));
        }
        buf_free(&text);
    }
}

static void pauses(struct exposition *e, struct span status)
{
    static const char *const kinds[] = {"all", "account", "template", "task"};
    size_t counts[sizeof kinds / sizeof *kinds] = {0};
    struct mp_list list;
    struct span one;
    mp_list_open(&list, mp_view(status, "pauses"));
    while (mp_list_next(&list, &one))
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            counts[i] += span_is(mp_view_str(one, "kind"), kinds[i]) != 0;
    family(e, "megawechat_pauses", "gauge", "Pauses by what they hold back.");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        sample(e, LABELS(LABEL("kind", span_of(kinds[i]))), (double)counts[i]);
}

void metrics_broker(struct exposition *e, struct span status)
{
    gauge(e, "megawechat_accepting", "1 when new messages are accepted.", mp_view_number(status, "accepting"));
    gauge(e, "megawechat_ready", "1 when messages can be accepted and sent.", mp_view_number(status, "ready"));
    depth(e, status);
    gauge(e, "megawechat_oldest_ready_age_seconds", "How long the oldest ready message has been due; 0: there is none.",
          seconds(mp_view_i64(status, "oldest_ms")));
    family(e, "megawechat_lag_seconds", "histogram", "From the moment in which a message fell due until it was given to a sender.");
    histogram(e, mp_view(status, "lag"));
    family(e, "megawechat_commit_duration_seconds", "histogram", "How long a commit of the store takes.");
    histogram(e, mp_view(status, "commits"));
    requests(e, status);
    pauses(e, status);
    store(e, status);
}

/* --- accounts ----------------------------------------------------------------------------------------------------- */

/* A family with a sample for each account. */
static void by_account(struct exposition *e, struct span accounts, const char *member)
{
    struct mp_list list;
    struct span one;
    mp_list_open(&list, accounts);
    while (mp_list_next(&list, &one))
        sample(e, LABELS(LABEL("account", mp_view_str(one, "name"))), mp_view_number(one, member));
}

static void counters(struct exposition *e, struct span accounts)
{
    static const struct {
        const char *name, *member, *help;
    } table[] = {
        {"megawechat_messages_accepted_total", "accepted", "Messages accepted."},
        {"megawechat_messages_sent_total", "sent", "Messages that WeChat took."},
        {"megawechat_messages_pending_total", "pending", "Messages that WeChat took and reviews first."},
        {"megawechat_messages_refused_total", "refused", "Messages that WeChat refused for good."},
        {"megawechat_messages_expired_total", "expired", "Messages that were not sent within their ttl."},
        {"megawechat_messages_cancelled_total", "cancelled", "Messages that were cancelled."},
        {"megawechat_messages_dead_total", "dead", "Messages that could not be sent and wait for a person."},
        {"megawechat_messages_requeued_total", "requeued", "Dead messages that were put back to the queue."},
        {"megawechat_messages_revised_total", "revised", "Dead messages whose true result came after all; it is counted as well."},
        {"megawechat_messages_damaged_total", "damaged", "Messages set aside because their bytes on disk are wrong."},
        {"megawechat_messages_fallen_back_total", "fallbacks", "Messages that fell back to another template."},
        {"megawechat_calls_failed_total", "failed", "Turns of messages that ended in a failed call."},
        {"megawechat_calls_retried_total", "retried", "Failed calls after which the message is tried again."}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        family(e, table[i].name, "counter", table[i].help);
        by_account(e, accounts, table[i].member);
    }
}

/* One row of an account's reasons: [word, errcode or nil, count]. */
static void reason(struct exposition *e, struct span account, const char *word_label, int has_errcode, struct span row)
{
    struct mp_list list;
    struct span word, errcode, count;
    struct buf code = {0};
    struct label labels[3] = {LABEL("account", account)};
    size_t used = 1;
    mp_list_open(&list, row);
    if (!mp_list_next(&list, &word) || !mp_list_next(&list, &errcode) || !mp_list_next(&list, &count))
        return;
    struct mp_cursor c;
    mp_open(&c, errcode);
    if (mp_peek(&c) == MP_NIL)
        buf_append_str(&code, "other");
    else
        buf_printf(&code, "%lld", (long long)mp_value_i64(errcode));
    if (word_label)
        labels[used++] = (struct label)LABEL(word_label, mp_value_str(word).bytes ? mp_value_str(word) : span_of("other"));
    if (has_errcode)
        labels[used++] = (struct label)LABEL("errcode", buf_span(&code));
    sample(e, labels, used, mp_value_number(count));
    buf_free(&code);
}

static void reasons(struct exposition *e, struct span accounts, const char *kind, const char *word_label, int has_errcode)
{
    struct mp_list list, rows;
    struct span one, row;
    mp_list_open(&list, accounts);
    while (mp_list_next(&list, &one)) {
        mp_list_open(&rows, mp_view(mp_view(one, "reasons"), kind));
        while (mp_list_next(&rows, &row))
            reason(e, mp_view_str(one, "name"), word_label, has_errcode, row);
    }
}

/* One row of an account's templates: [template or nil, sent, delivered, blocked, failed]. `from` and `until`: which of the four. */
static void template_row(struct exposition *e, struct span account, struct span row, int from, int until)
{
    static const char *const outcomes[] = {NULL, "delivered", "blocked", "failed"};
    struct mp_list list;
    struct span key, count;
    mp_list_open(&list, row);
    if (!mp_list_next(&list, &key))
        return;
    struct span template = mp_value_str(key).bytes ? mp_value_str(key) : span_of("other");
    for (int i = 0; i < until && mp_list_next(&list, &count); i++) {
        if (i < from)
            continue;
        struct label labels[] = {LABEL("account", account), LABEL("template", template), LABEL("outcome", span_of(outcomes[i] ? outcomes[i] : ""))};
        sample(e, labels, outcomes[i] ? 3 : 2, mp_value_number(count));
    }
}

static void by_template(struct exposition *e, struct span accounts, int from, int until)
{
    struct mp_list list, rows;
    struct span one, row;
    mp_list_open(&list, accounts);
    while (mp_list_next(&list, &one)) {
        mp_list_open(&rows, mp_view(one, "delivery"));
        while (mp_list_next(&rows, &row))
            template_row(e, mp_view_str(one, "name"), row, from, until);
    }
}

static void stopped(struct exposition *e, struct span accounts)
{
    static const char *const causes[] = {"token", "quota", "account", "pace"};
    struct mp_list list;
    struct span one;
    family(e, "megawechat_account_stopped", "gauge", "1 while nothing of the account goes out, by cause: WeChat has stopped it, or it has no token.");
    mp_list_open(&list, accounts);
    while (mp_list_next(&list, &one)) {
        struct span cause = mp_view_str(one, "cause"), why = mp_view_str(one, "stopped");
        for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
            int is_it = why.bytes && (cause.bytes ? span_is(cause, causes[i]) : i == 0);
            sample(e, LABELS(LABEL("account", mp_view_str(one, "name")), LABEL("cause", span_of(causes[i]))), is_it);
        }
    }
}

void metrics_accounts(struct exposition *e, struct span status)
{
    struct span accounts = mp_view(status, "accounts");
    counters(e, accounts);
    family(e, "megawechat_messages_dead_reason_total", "counter", "Dead messages by reason.");
    reasons(e, accounts, "dead", "reason", 0);
    family(e, "megawechat_messages_refused_errcode_total", "counter", "Messages that WeChat refused for good, by its errcode.");
    reasons(e, accounts, "refused", NULL, 1);
    family(e, "megawechat_calls_failed_cause_total", "counter", "Failed calls by whom the failure concerns and WeChat's errcode; 0: there was none.");
    reasons(e, accounts, "failed", "cause", 1);
    family(e, "megawechat_template_messages_sent_total", "counter", "Messages that WeChat took, by the template they went by.");
    by_template(e, accounts, 0, 1);
    family(e, "megawechat_receipts_total", "counter", "What WeChat's receipts say of them: delivered, blocked by the recipient, failed.");
    by_template(e, accounts, 1, 4);
    family(e, "megawechat_account_waiting_messages", "gauge", "Messages of the account that are accepted, and neither out nor settled.");
    by_account(e, accounts, "waiting");
    family(e, "megawechat_account_out_messages", "gauge", "Messages of the account that are being sent.");
    by_account(e, accounts, "out");
    family(e, "megawechat_account_rate_per_second", "gauge", "Messages a second that are set for the account; 0: no limit.");
    by_account(e, accounts, "rate");
    family(e, "megawechat_account_rate_limit_per_second", "gauge", "A limit below that while WeChat is overloaded or called too fast; 0: there is none.");
    by_account(e, accounts, "rate_limit");
    family(e, "megawechat_account_paused", "gauge", "1 while an operator has paused the account.");
    by_account(e, accounts, "paused");
    stopped(e, accounts);
}
