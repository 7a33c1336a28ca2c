/* What operators ask on the control socket: what there is, what is in it, and what is to be done with it. Each ask is answered in
 * its turn with a bounded amount of work; what takes longer is a page with a place to go on, or a sweep. */
#include "broker/broker.h"

#include <string.h>

#include "base/log.h"
#include "broker/audit_log.h"
#include "broker/entry.h"
#include "proto/mp.h"

#define LOOKS_A_PAGE   5000 /* messages looked at for one page of a list */
#define INDEX_A_PAGE   4000
#define BYTES_A_PAGE   (512 * 1024)

static void answer(struct broker *b, const char *name, const struct ask *ask, struct answer *a)
{
    a->ref = ask->ref;
    audit_log_ask(b, ask, a);
    outbox_operator(b->outbox, name, a);
}

static void refuse(struct broker *b, const char *name, const struct ask *ask, enum code code, const char *message)
{
    struct answer a = {.code = code, .message = span_of(message)};
    answer(b, name, ask, &a);
}

/* --- what is paused ----------------------------------------------------------------------------------------------- */

static void answer_pauses(struct broker *b, const char *name, const struct ask *ask)
{
    struct buf data = {0};
    status_pack_pauses(b, &data);
    struct answer a = {.code = CODE_OK, .data = buf_span(&data)};
    answer(b, name, ask, &a);
    buf_free(&data);
}

/* What a pause or resume names; that it is one scope was checked when it was read. Returns NULL, or what is wrong with it. */
static const char *read_target(struct broker *b, const struct filter *f, struct pause *target)
{
    int account = f->app.bytes || f->task.bytes ? accounts_find(&b->accounts, f->app) : 0;
    if (account < 0)
        return "app: no such account";
    if (f->app.bytes || f->task.bytes)
        span_to_text(target->account, sizeof target->account, accounts_name(&b->accounts, (size_t)account));
    target->kind = f->task.bytes ? PAUSE_TASK : f->key.bytes ? PAUSE_TEMPLATE : f->app.bytes ? PAUSE_ACCOUNT : PAUSE_ALL;
    span_to_text(target->name, sizeof target->name, f->task.bytes ? f->task : f->key);
    return NULL;
}

static void on_pause(struct broker *b, const char *name, const struct ask *ask)
{
    struct pause target = {.since_ms = b->now_ms, .until_ms = ask->for_ms ? b->order_ms + ask->for_ms : INT64_MAX};
    const char *wrong = read_target(b, &ask->filter, &target);
    if (wrong) {
        refuse(b, name, ask, CODE_REFUSED, wrong);
        return;
    }
    span_to_text(target.by, sizeof target.by, ask->by);
    if (pauses_add(b->pauses, &target)) {
        refuse(b, name, ask, CODE_BUSY, "1024 things are paused already; resume some of them");
        return;
    }
    log_warn("paused", log_str("what", pause_kind_name(target.kind)), log_str("account", target.account),
             log_str("name", target.name), log_i64("for_ms", ask->for_ms), log_str("by", target.by));
    b->order_used = 1;
    dispatch_find_paused(b);
    answer_pauses(b, name, ask);
}

/* Accounts that WeChat has stopped: the next message of each is a probe, at once. Returns how many there were. */
static size_t resume_stopped(struct broker *b, const struct pause *target)
{
    size_t count = 0;
    for (size_t i = 0; i < b->accounts.count; i++) {
        int is_meant = target->kind == PAUSE_ALL ||
                       (target->kind == PAUSE_ACCOUNT && span_is(accounts_name(&b->accounts, i), target->account));
        if (is_meant && stops_resume(b->stops, i, b->order_ms) == 0)
            count++;
    }
    return count;
}

/* An account without an access token looks stopped as well, but only the token keeper can end that. */
static const char *why_not_resumed(const struct broker *b, const struct pause *target)
{
    struct span reason;
    if (target->kind == PAUSE_ACCOUNT && ring_account_stopped(&b->ring, span_of(target->account), &reason))
        return "it is not paused; it has no access token, which is asked for again by itself: mega token status";
    return "it is not paused; mega queue pauses shows what is, and with which account";
}

/* The pauses, and in words what they do not show: that accounts which WeChat had stopped are tried. */
static void answer_resumed(struct broker *b, const char *name, const struct ask *ask, size_t probes)
{
    struct buf data = {0}, words = {0};
    status_pack_pauses(b, &data);
    if (probes)
        buf_printf(&words, "%zu stopped %s tried again now; mega queue status tells what comes of it", probes,
                   probes == 1 ? "account is" : "accounts are");
    struct answer a = {.code = CODE_OK, .message = buf_span(&words), .data = buf_span(&data)};
    answer(b, name, ask, &a);
    buf_free(&data);
    buf_free(&words);
}

static void on_resume(struct broker *b, const char *name, const struct ask *ask)
{
    struct pause target = {.kind = PAUSE_ALL};
    const char *wrong = read_target(b, &ask->filter, &target);
    if (wrong) {
        refuse(b, name, ask, CODE_REFUSED, wrong);
        return;
    }
    size_t probes = resume_stopped(b, &target);
    /* Each of WeChat's own pauses is one of a single account: whoever names none means all of them. */
    int is_anywhere = target.kind == PAUSE_TEMPLATE && target.account[0] == 0;
    size_t lifted = is_anywhere ? trouble_lift_template(b, span_of(target.name)) : 0;
    if (pauses_end(b->pauses, target.kind, span_of(target.account), span_of(target.name)) && probes + lifted == 0) {
        refuse(b, name, ask, CODE_NOT_FOUND, why_not_resumed(b, &target));
        return;
    }
    log_info("resumed", log_str("what", pause_kind_name(target.kind)), log_str("account", target.account),
             log_str("name", target.name), log_u64("probes", probes), log_span("by", ask->by));
    dispatch_find_paused(b);
    answer_resumed(b, name, ask, probes);
}

/* --- rates -------------------------------------------------------------------------------------------------------- */

static void on_rate(struct broker *b, const char *name, const struct ask *ask)
{
    int account = accounts_find(&b->accounts, ask->filter.app);
    struct buf data = {0};
    if (account < 0) {
        refuse(b, name, ask, CODE_REFUSED, "app: no such account");
        return;
    }
    int64_t per_s = ask->rate_per_s == RATE_OF_CONF ? PACE_NO_OVERRIDE : ask->rate_per_s;
    accounts_set_rate(&b->accounts, b->store, (size_t)account, per_s);
    log_warn("rate set", log_span("account", accounts_name(&b->accounts, (size_t)account)),
             log_u64("messages_per_s", pace_set_per_s(&b->accounts.list[account].pace)),
             log_str("from", per_s == PACE_NO_OVERRIDE ? "configuration" : "operator"), log_span("by", ask->by));
    status_pack_account(b, (size_t)account, &data);
    struct answer a = {.code = CODE_OK, .data = buf_span(&data)};
    answer(b, name, ask, &a);
    buf_free(&data);
}

/* --- customer-service windows ------------------------------------------------------------------------------------- */

static void on_windows(struct broker *b, const char *name, const struct ask *ask)
{
    struct buf data = {0};
    int account = accounts_find(&b->accounts, ask->filter.app);
    if (account < 0) {
        refuse(b, name, ask, CODE_REFUSED, "app: no such account");
    } else if (window_pack(b, (size_t)account, ask->filter.openid, &data)) {
        refuse(b, name, ask, CODE_NOT_FOUND, "nothing is known of what this recipient did: WeChat decides what he may be sent");
    } else {
        struct answer a = {.code = CODE_OK, .data = buf_span(&data)};
        answer(b, name, ask, &a);
    }
    buf_free(&data);
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

/* A recipient, a task and an id belong to an account; without a name it is the default one. Returns NULL, or what is wrong. */
static const char *find_account(struct broker *b, struct filter *f)
{
    int needs = f->id.bytes || f->openid.bytes || f->task.bytes;
    int account = accounts_find(&b->accounts, f->app);
    if (f->app.bytes == 0 && !needs)
        return NULL;
    if (account >= 0)
        f->app = accounts_name(&b->accounts, (size_t)account);
    else if (f->app.bytes == 0)
        return "app: missing; there is no default account";
    return NULL; /* an account that is not configured any more may still have messages */
}

/* Fills a page. Returns 1 when there may be more behind it. */
static int fill_page(struct broker *b, struct search *s, uint32_t limit, struct buf *list, uint32_t *count, uint64_t *looked)
{
    for (int i = 0; i < LOOKS_A_PAGE && *count < limit && list->bytes < BYTES_A_PAGE; i++) {
        struct found found;
        enum store_answer got = search_next(s, b->store, b->now_ms, b->order_ms, &found);
        if (got == STORE_NONE)
            return 0;
        ++*looked;
        if (got != STORE_OK)
            continue;
        entry_pack(&found, entry_state_of(&found, b->now_ms, b->order_ms), list);
        ++*count;
    }
    return s->at < s->path_count;
}

static void on_list(struct broker *b, const char *name, struct ask *ask)
{
    struct search s;
    struct buf list = {0}, data = {0}, next = {0};
    uint32_t count = 0, limit = ask->limit ? ask->limit : LIST_ENTRIES_MAX;
    struct answer a = {.code = CODE_OK};
    search_begin(&s, b->store, &ask->filter);
    if (ask->from.bytes && search_unpack(&s, ask->from)) {
        refuse(b, name, ask, CODE_REFUSED, "from: give `next` of the page before, with the same filter");
        return;
    }
    a.indexing = search_waits_for(&s, b->store);
    if (a.indexing && b->may_index)
        indexing_hurry(b, INDEX_A_PAGE);
    if (a.indexing || fill_page(b, &s, limit, &list, &count, &a.looked)) {
        a.code = CODE_QUEUED;
        search_pack(&s, &next);
    }
    mp_array(&data, count);
    mp_raw(&data, buf_span(&list));
    a.next = buf_span(&next);
    a.data = buf_span(&data);
    answer(b, name, ask, &a);
    buf_free(&list);
    buf_free(&data);
    buf_free(&next);
}

static void on_show(struct broker *b, const char *name, const struct ask *ask)
{
    uint64_t seq;
    struct found found;
    struct buf data = {0};
    if (ask->filter.id.bytes == 0) {
        refuse(b, name, ask, CODE_REFUSED, "id: missing; give the id of a message");
        return;
    }
    enum store_answer got = store_find_seq(b->store, ask->filter.app, ask->filter.id, &seq);
    if (got == STORE_OK)
        got = store_look(b->store, seq, &found);
    if (got != STORE_OK) {
        refuse(b, name, ask, got == STORE_NONE ? CODE_NOT_FOUND : CODE_FAILED,
               got == STORE_NONE ? "id: unknown" : "what is kept under this id is damaged");
        return;
    }
    const struct stage *sender = found.state == STATE_OUT ? ring_find_epoch(&b->ring, found.mark.sender) : NULL;
    entry_pack_all(&found, entry_state_of(&found, b->now_ms, b->order_ms), sender ? sender->name : NULL, &data);
    struct answer a = {.code = CODE_OK, .data = buf_span(&data)};
    answer(b, name, ask, &a);
    buf_free(&data);
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

static void on_change(struct broker *b, const char *name, const struct ask *ask, enum sweep_kind kind)
{
    const struct filter *f = &ask->filter;
    struct sweep_asker asker = {.ref = ask->ref};
    uint64_t seq;
    span_to_text(asker.name, sizeof asker.name, span_of(name));
    audit_log_who(b, ask->by, &asker.who);
    if (f->id.bytes && store_find_seq(b->store, f->app, f->id, &seq) == STORE_NONE)
        refuse(b, name, ask, CODE_NOT_FOUND, "id: unknown");
    else if (sweep_begin(b, kind, f, ask->ttl_ms, &asker))
        refuse(b, name, ask, CODE_BUSY, "16 operations on many messages run already; try again");
}

static void on_status(struct broker *b, const char *name, const struct ask *ask)
{
    struct buf data = {0};
    status_pack(b, &data);
    struct answer a = {.code = CODE_OK, .data = buf_span(&data)};
    answer(b, name, ask, &a);
    buf_free(&data);
}

/* --- asks --------------------------------------------------------------------------------------------------------- */

static void carry_out(struct broker *b, const char *name, struct ask *ask)
{
    switch (ask->op) {
    case ASK_STATUS:
        on_status(b, name, ask);
        return;
    case ASK_LIST:
        on_list(b, name, ask);
        return;
    case ASK_SHOW:
        on_show(b, name, ask);
        return;
    case ASK_PAUSES:
        answer_pauses(b, name, ask);
        return;
    case ASK_PAUSE:
        on_pause(b, name, ask);
        return;
    case ASK_RESUME:
        on_resume(b, name, ask);
        return;
    case ASK_RATE:
        on_rate(b, name, ask);
        return;
    case ASK_WINDOWS:
        on_windows(b, name, ask);
        return;
    case ASK_CANCEL:
        on_change(b, name, ask, SWEEP_CANCEL);
        return;
    case ASK_REQUEUE:
        on_change(b, name, ask, SWEEP_REQUEUE);
        return;
    case ASK_DISCARD:
        on_change(b, name, ask, SWEEP_DISCARD);
        return;
    case ASK_NONE:
        break;
    }
}

/* Pauses and rates name what they mean by themselves; everything else that names a recipient, a task or an id means one account. */
static int names_messages(enum ask_op op)
{
    return op != ASK_PAUSE && op != ASK_RESUME && op != ASK_RATE && op != ASK_STATUS && op != ASK_PAUSES;
}

void operator_on_ask(struct broker *b, const char *name, struct span packed)
{
    struct ask ask;
    struct buf error = {0};
    const char *wrong = NULL;
    if (ask_unpack(packed, &ask, &error))
        wrong = buf_str(&error);
    else if (names_messages(ask.op))
        wrong = find_account(b, &ask.filter);
    if (wrong)
        refuse(b, name, &ask, CODE_REFUSED, wrong);
    else
        carry_out(b, name, &ask);
    buf_free(&error);
}
