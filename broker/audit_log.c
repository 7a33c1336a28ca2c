#include "broker/audit_log.h"

#include "broker/broker.h"

#define FIELDS(fields) fields, sizeof(fields) / sizeof *(fields)

void audit_log_who(const struct broker *b, struct span by, struct audit_who *out)
{
    audit_find_who(b->reading, b->reads_curve, by, out);
}


/* Only what was said not to work: answers that went well say it in numbers. */
static struct log_field field_of_reason(const struct answer *a)
{
    return log_some("reason", a->code >= CODE_REFUSED ? a->message : (struct span){"", 0});
}

/* "paused,scheduled"; empty when all states are meant. */
static struct span states_of(unsigned states, struct buf *out)
{
    for (unsigned bit = ENTRY_READY; states != 0 && states != ENTRY_LIVE && states != ENTRY_DEAD && bit <= ENTRY_LAST; bit <<= 1)
        if (states & bit)
            buf_printf(out, "%s%s", out->bytes ? "," : "", entry_state_name((enum entry_state)bit));
    return buf_span(out);
}

void audit_log_sweep(struct broker *b, const char *op, const struct audit_who *who, const struct filter *f, int64_t ttl_ms,
                     const struct answer *a)
{
    struct buf states = {0};
    const char *name = strcmp(op, ask_name(ASK_DISCARD)) == 0 ? "purge" : op; /* as people call it */
    int has_ended = a->code == CODE_OK;
    const struct log_field fields[] = {log_some("app", f->app),
                                       log_some("id", f->id),
                                       log_some("key", f->key),
                                       log_some("task", f->task),
                                       log_some("openid", f->openid),
                                       log_some("state", states_of(f->states, &states)),
                                       log_some_i64("since", f->since_ms),
                                       log_some_i64("until", f->until_ms),
                                       log_some_i64("errcode", f->errcode),
                                       log_some("all", span_of(f->all ? "yes" : "")),
                                       log_some_i64("ttl_ms", ttl_ms),
                                       log_i64("code", (int64_t)a->code),
                                       log_u64(has_ended ? "changed" : NULL, a->done),
                                       log_some_i64("left", has_ended ? (int64_t)a->left : 0),
                                       field_of_reason(a)};
    audit_write(b->audit, name, who, FIELDS(fields));
    buf_free(&states);
}

/* Pause, resume, rate. */
static void write_scope(struct broker *b, const struct ask *ask, const struct audit_who *who, const struct answer *a)
{
    const struct filter *f = &ask->filter;
    struct buf rate = {0};
    if (ask->op == ASK_RATE && ask->rate_per_s != RATE_OF_CONF)
        buf_printf(&rate, "%lld", (long long)ask->rate_per_s);
    else if (ask->op == ASK_RATE)
        buf_append_str(&rate, "default");
    const struct log_field fields[] = {log_some("app", f->app),
                                       log_some("key", f->key),
                                       log_some("task", f->task),
                                       log_some("all", span_of(f->all ? "yes" : "")),
                                       log_some_i64("for_ms", ask->for_ms),
                                       log_some("rate_per_s", buf_span(&rate)),
                                       log_i64("code", (int64_t)a->code),
                                       field_of_reason(a)};
    audit_write(b->audit, ask_name(ask->op), who, FIELDS(fields));
    buf_free(&rate);
}

static int is_sweep(enum ask_op op)
{
    return op == ASK_CANCEL || op == ASK_REQUEUE || op == ASK_DISCARD;
}

void audit_log_ask(struct broker *b, const struct ask *ask, const struct answer *a)
{
    struct audit_who who;
    if (!is_sweep(ask->op) && ask->op != ASK_PAUSE && ask->op != ASK_RESUME && ask->op != ASK_RATE)
        return;
    audit_log_who(b, ask->by, &who);
    if (is_sweep(ask->op))
        audit_log_sweep(b, ask_name(ask->op), &who, &ask->filter, ask->ttl_ms, a);
    else
        write_scope(b, ask, &who, a);
}

void audit_log_tset(struct broker *b, const struct audit_who *who, struct span key, enum code code, struct span message)
{
    const struct log_field fields[] = {log_span("key", key), log_i64("code", (int64_t)code), log_some("reason", message)};
    audit_write(b->audit, "tset", who, FIELDS(fields));
}
