/* Requests of callers. Nothing here is answered before the commit: answers go to the outbox. */
#include "broker/broker.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "broker/audit_log.h"
#include "broker/message_log.h"
#include "proto/mp.h"

#define RECORD_BYTES    1024                /* what a message takes in the store beside its variables, at most */
#define ID_USED         "id: already used for another message"
#define SHORT_VARS_BYTES 3000               /* a message with no more fits into a single page of the store */

static void answer(struct broker *b, const struct caller *to, struct result *r)
{
    r->epoch = b->epoch;
    outbox_answer(b->outbox, to, r);
}

static void refuse(struct broker *b, const struct caller *to, struct span id, enum refusal why, const char *message)
{
    frontend_refuse(b, to, id, why, message);
}

void frontend_refuse(struct broker *b, const struct caller *to, struct span id, enum refusal why, const char *message)
{
    struct result r = {.code = refusal_code(why), .id = id, .message = span_of(message)};
    b->refusals.counts[why]++;
    answer(b, to, &r);
}

const char *frontend_unready(struct broker *b)
{
    if (b->closed)
        return b->closed;
    if (!keys_are_known(b->keys))
        return "no templater has told its templates yet";
    if (!ring_can_render(&b->ring))
        return "no templater is ready";
    if (ring_slots(&b->ring) == 0)
        return "no sender is connected";
    size_t stopped = 0;
    for (size_t i = 0; i < b->accounts.count; i++) {
        struct span reason;
        if (!ring_account_stopped(&b->ring, accounts_name(&b->accounts, i), &reason) && !stops_refuses(b->stops, i, b->order_ms))
            return NULL;
        stopped += stops_refuses(b->stops, i, b->order_ms) != 0;
    }
    return stopped ? "no account can send: WeChat has stopped it, or it has no token" : "no account has a token";
}

/* The same of a message that was to be kept: it has a line in the log. */
static void refuse_message(struct broker *b, const struct caller *to, const struct request *r, enum refusal why, const char *message)
{
    message_log_refused(r, refusal_code(why), message);
    refuse(b, to, r->id, why, message);
}

/* --- push and send ------------------------------------------------------------------------------------------------ */

/* What a caller may not change under the same id. */
static uint64_t content_of(const struct request *r, struct buf *scratch)
{
    buf_clear(scratch);
    mp_span(scratch, r->openid);
    mp_span(scratch, r->key);
    buf_append(scratch, r->vars.data, r->vars.bytes);
    return hash_64(scratch->data, scratch->bytes);
}

/* Why nobody of the client may wait for an outcome now (in b->scratch or constant), or NULL. */
static const char *no_room_to_wait(struct broker *b, const struct caller *to, enum refusal *why)
{
    *why = REFUSAL_WAITERS;
    if (!waiters_have_room(b->waiters))
        return "too many callers wait; try again";
    if (to->client->waiting < b->conf->broker.client_sends)
        return NULL;
    *why = REFUSAL_CLIENT_SENDS;
    buf_clear(&b->scratch);
    buf_printf(&b->scratch, "too many callers of this client wait: at most %u (client_sends); try again", b->conf->broker.client_sends);
    return buf_str(&b->scratch);
}

/* An id that is known: a question, not a second message. */
static void answer_known(struct broker *b, const struct caller *to, const struct request *r, const struct message *asked)
{
    struct message m;
    struct final f;
    enum store_state state;
    uint64_t content;
    if (store_find(b->store, asked->account, asked->id, &state, &m, &f, &content) != STORE_OK) {
        refuse(b, to, asked->id, REFUSAL_DAMAGED, "what is kept under this id is damaged");
        return;
    }
    if (content != asked->content && r->op == OP_CHECK) {
        answer(b, to, &(struct result){.code = CODE_REFUSED, .id = asked->id, .message = span_of(ID_USED)});
        return;
    }
    if (content != asked->content) {
        refuse_message(b, to, r, REFUSAL_ID_USED, ID_USED);
        return;
    }
    if (r->op != OP_CHECK)
        message_log_known(asked, state);
    struct result known = life_result_of(state, &m, &f);
    known.id = asked->id;
    if (r->op != OP_SEND) {
        known.code = CODE_OK; /* it is kept, which is what a push asks */
        known.message = (struct span){NULL, 0};
    }
    if (r->op != OP_SEND || known.code != CODE_QUEUED) {
        answer(b, to, &known);
        return;
    }
    enum refusal why;
    const char *full = no_room_to_wait(b, to, &why);
    if (full || waiters_add(b->waiters, m.seq, to))
        refuse(b, to, asked->id, full ? why : REFUSAL_WAITERS, full ? full : "too many callers wait; ask for its status");
}

/* Checks what depends on templates and accounts. Returns NULL, or why the request is refused (in b->scratch or constant). */
static const char *check_template(struct broker *b, const struct request *r, const struct key_info **info, enum refusal *why)
{
    struct span missing;
    *info = keys_find(b->keys, r->key);
    *why = *info ? REFUSAL_VARIABLE : REFUSAL_TEMPLATE;
    if (*info == NULL)
        return "template key not exists";
    const struct key_info *fallback = (*info)->fallback.bytes ? keys_find(b->keys, (*info)->fallback) : NULL;
    int is_missing = keys_find_missing(*info, r->vars, &missing);
    if (!is_missing && (fallback == NULL || !keys_find_missing(fallback, r->vars, &missing)))
        return NULL;
    buf_clear(&b->scratch);
    buf_printf(&b->scratch, "%.*s: missing; the template%s needs this variable", (int)missing.bytes, missing.data,
               is_missing ? "" : "'s fallback");
    return buf_str(&b->scratch);
}

/* Sets due, expiry and lane. Returns NULL, or why not. */
static const char *set_times(struct broker *b, const struct request *r, const struct key_info *info, struct message *m)
{
    int64_t due_ms = r->in_ms ? b->now_ms + r->in_ms : r->at_ms;
    int64_t ttl_ms = r->ttl_ms ? r->ttl_ms : info->ttl_ms;
    if (due_ms > b->now_ms + AT_AHEAD_MS_MAX)
        return "at: more than 400 days ahead";
    m->timed = due_ms > b->now_ms ? TIMED_WALL : TIMED_NOW;
    m->due_ms = m->timed == TIMED_WALL ? due_ms : b->order_ms;
    m->expires_ms = ttl_ms && m->timed == TIMED_WALL ? due_ms + ttl_ms : 0;
    m->give_up_ms = ttl_ms && m->timed == TIMED_NOW ? b->order_ms + ttl_ms : 0;
    m->lane = r->lane >= 0 ? r->lane : info->lane >= 0 ? info->lane : LANE_BULK;
    return NULL;
}

static void accept_message(struct broker *b, const struct caller *to, const struct request *r, struct message *m,
                           size_t account)
{
    enum refusal why;
    const char *full = r->op == OP_SEND ? no_room_to_wait(b, to, &why) : NULL;
    if (full) {
        refuse_message(b, to, r, why, full);
        return;
    }
    b->unchecked_bytes += m->vars.bytes + RECORD_BYTES;
    if (store_append(b->store, m) == STORE_EXISTS) {
        answer_known(b, to, r, m);
        return;
    }
    figures_count(b->figures, (int)account, FIGURE_ACCEPTED);
    message_log_accepted(m, r->op, m->timed == TIMED_WALL ? m->due_ms - b->now_ms : 0);
    dispatch_wake(b, account, m->timed, m->due_ms);
    /* One whose template or task is paused is set aside at once: it never stands before others. */
    uint64_t hold = m->timed == TIMED_NOW ? pauses_hold_of(b->pauses, m) : 0;
    if (hold)
        store_hold(b->store, m, hold);
    if (r->op == OP_PUSH) {
        struct result done = {.code = CODE_OK, .id = m->id, .state = span_of("waiting")};
        answer(b, to, &done);
    } else {
        waiters_add(b->waiters, m->seq, to);
    }
}

/* Why the message is not accepted for the account now; or NULL. */
static const char *closed_for(struct broker *b, const struct request *r, size_t account, enum refusal *why)
{
    struct span reason;
    int is_stopped = stops_refuses(b->stops, account, b->order_ms);
    *why = b->closed ? b->closed_why : REFUSAL_IN_PIECES;
    if (b->closed)
        return b->closed;
    if (b->closed_for_long && r->vars.bytes > SHORT_VARS_BYTES)
        return b->closed_for_long;
    *why = REFUSAL_NO_TEMPLATES;
    if (!keys_are_known(b->keys))
        return "no templater has told its templates yet; try again";
    if (is_stopped)
        reason = span_of(stops_find(b->stops, account, b->order_ms)->reason);
    else
        is_stopped = ring_account_stopped(&b->ring, accounts_name(&b->accounts, account), &reason);
    if (r->op != OP_SEND || !is_stopped)
        return NULL;
    *why = REFUSAL_STOPPED;
    buf_clear(&b->scratch);
    buf_printf(&b->scratch, "account stopped: %.*s", (int)reason.bytes, reason.data);
    return buf_str(&b->scratch);
}

/* A message that is refused, or only checked. An id that is known already is answered all the same: the message may have been
 * accepted before. */
static void answer_without_keeping(struct broker *b, const struct caller *to, const struct request *r, const struct message *m,
                                   enum refusal why, const char *message)
{
    struct message known;
    struct final f;
    enum store_state state;
    uint64_t content;
    if (r->id.bytes && store_find(b->store, m->account, r->id, &state, &known, &f, &content) == STORE_OK)
        answer_known(b, to, r, m);
    else if (message && r->op != OP_CHECK)
        refuse_message(b, to, r, why, message);
    else /* a check counts as no refusal: nobody wanted to send anything */
        answer(b, to, &(struct result){.code = message ? refusal_code(why) : CODE_OK, .id = r->id, .message = span_of(message ? message : "")});
}

static void on_message(struct broker *b, const struct caller *to, const struct request *r)
{
    char id[ID_BYTES_MAX];
    const struct key_info *info;
    int account = accounts_find(&b->accounts, r->app);
    b->busy_ms = b->mono_ms;
    if (account < 0) {
        refuse_message(b, to, r, REFUSAL_ACCOUNT, "app: no such account");
        return;
    }
    struct message m = {.account = accounts_name(&b->accounts, (size_t)account),
                        .id = r->id,
                        .openid = r->openid,
                        .key = r->key,
                        .task = r->task,
                        .vars = r->vars,
                        .content = content_of(r, &b->scratch),
                        .accepted_ms = b->now_ms,
                        .is_send = r->op == OP_SEND};
    enum refusal why;
    const char *wrong = closed_for(b, r, (size_t)account, &why);
    if (wrong == NULL)
        wrong = check_template(b, r, &info, &why);
    if (wrong == NULL) {
        wrong = set_times(b, r, info, &m);
        why = REFUSAL_TIME;
    }
    if (wrong || r->op == OP_CHECK) {
        answer_without_keeping(b, to, r, &m, why, wrong);
        return;
    }
    if (m.id.bytes == 0)
        m.id = id_maker_next(&b->ids, id);
    accept_message(b, to, r, &m, (size_t)account);
}

/* --- the other operations ----------------------------------------------------------------------------------------- */

/* What is known under an id. */
struct known {
    enum store_state state;
    struct message m; /* while it waits or is out */
    struct final f;   /* once it is settled */
};

/* Finds what a request asks about. Returns 0, or -1 when there is nothing; that is answered then. */
static int find_known(struct broker *b, const struct caller *to, const struct request *r, struct known *known)
{
    uint64_t content;
    int account = accounts_find(&b->accounts, r->app);
    struct span name = account < 0 ? r->app : accounts_name(&b->accounts, (size_t)account);
    enum store_answer found = store_find(b->store, name, r->id, &known->state, &known->m, &known->f, &content);
    if (found == STORE_OK)
        return 0;
    if (found == STORE_DAMAGED)
        refuse(b, to, r->id, REFUSAL_DAMAGED, "what is kept under this id is damaged");
    else
        refuse(b, to, r->id, REFUSAL_UNKNOWN_ID, "id: unknown");
    return -1;
}

static void on_status(struct broker *b, const struct caller *to, const struct request *r)
{
    struct known known;
    if (find_known(b, to, r, &known))
        return;
    struct result found = life_result_of(known.state, &known.m, &known.f);
    if (!r->wait || found.code != CODE_QUEUED) {
        answer(b, to, &found);
        return;
    }
    enum refusal why;
    const char *full = no_room_to_wait(b, to, &why);
    if (full || waiters_add(b->waiters, known.m.seq, to))
        refuse(b, to, r->id, full ? why : REFUSAL_WAITERS, full ? full : "too many callers wait; ask for its status without wait");
}

/* By recipient, task or both: they are looked for piece by piece, and the caller is answered when that is done. */
static void cancel_all_of(struct broker *b, const struct caller *to, const struct request *r)
{
    struct filter filter = {.app = r->app, .openid = r->openid, .key = r->key, .task = r->task};
    int account = accounts_find(&b->accounts, r->app);
    if (account < 0) {
        refuse(b, to, r->id, REFUSAL_ACCOUNT, "app: no such account");
        return;
    }
    filter.app = accounts_name(&b->accounts, (size_t)account);
    struct sweep_asker asker = {.caller = *to};
    audit_log_who(b, (struct span){NULL, 0}, &asker.who);
    if (sweep_begin(b, SWEEP_CANCEL, &filter, 0, &asker))
        refuse(b, to, r->id, REFUSAL_SWEEPS, "too many operations on many messages at once; try again");
}

static void on_cancel(struct broker *b, const struct caller *to, const struct request *r)
{
    struct known known;
    if (r->id.bytes == 0) {
        cancel_all_of(b, to, r);
        return;
    }
    if (find_known(b, to, r, &known))
        return;
    if (known.state == STATE_OUT) {
        refuse(b, to, r->id, REFUSAL_SENDING, "it is being sent; ask for its status");
        return;
    }
    if (known.state != STATE_WAITING) {
        struct result found = life_result_of(known.state, &known.m, &known.f);
        answer(b, to, &found);
        return;
    }
    struct result done = {.code = CODE_OK, .id = r->id, .state = span_of("cancelled")};
    answer(b, to, &done);
    life_settle(b, &known.m, STATE_CANCELLED, CODE_CANCELLED, span_of("cancelled"));
}

static void on_ping(struct broker *b, const struct caller *to)
{
    const char *why = frontend_unready(b);
    struct result r = {.code = CODE_OK, .state = span_of(why ? "unready" : "ready"), .message = span_of(why ? why : ""), .packs = 1};
    answer(b, to, &r);
}

static void on_tset(struct broker *b, const struct caller *to, const struct request *r)
{
    if (r->key.bytes == 0 || r->key.bytes > KEY_TEXT_BYTES_MAX || !span_is_utf8(r->key))
        refuse(b, to, (struct span){NULL, 0}, REFUSAL_TEMPLATE, "template key not exists");
    else
        tset_begin(b, to, r->key);
}

/* Why no request of the client is taken now (in b->scratch), or NULL. */
static const char *over_its_rate(struct broker *b, const struct caller *to)
{
    if (clients_rate_allows(b->clients, to->client))
        return NULL;
    buf_clear(&b->scratch);
    buf_printf(&b->scratch, "too many requests from this client: at most %u a second (client_rate); try again", b->conf->broker.client_rate);
    return buf_str(&b->scratch);
}

size_t frontend_take(struct broker *b, struct caller *to, struct span rest)
{
    const char *too_many;
    struct request r;
    struct buf error = {0};
    size_t bytes_max = b->conf->setting.package_bytes_max + REQUEST_BYTES_EXTRA, bytes;
    int wrong = request_unpack(rest, to->envelope ? NULL : &bytes, &r, &error);
    if (to->envelope) /* a REQ reads one answer: it asks one thing */
        bytes = rest.bytes;
    if (!wrong && bytes > bytes_max) {
        wrong = 1;
        buf_clear(&error);
        buf_printf(&error, "request: %zu bytes; at most %zu (package_max_length and %d)", bytes, bytes_max, REQUEST_BYTES_EXTRA);
    }
    assert(r.ref.bytes <= REF_BYTES_MAX);
    to->packs |= bytes < rest.bytes;
    to->ref_bytes = (uint8_t)r.ref.bytes;
    memcpy(to->ref, r.ref.data ? r.ref.data : "", r.ref.bytes);
    if (!wrong)
        b->refusals.requests[r.op]++;
    if (wrong)
        refuse_message(b, to, &r, REFUSAL_REQUEST, buf_str(&error));
    else if (r.op == OP_PING)
        on_ping(b, to);
    else if ((too_many = over_its_rate(b, to)) != NULL)
        refuse(b, to, r.id, REFUSAL_CLIENT_RATE, too_many);
    else if (r.op == OP_PUSH || r.op == OP_SEND || r.op == OP_CHECK)
        on_message(b, to, &r);
    else if (r.op == OP_STATUS)
        on_status(b, to, &r);
    else if (r.op == OP_CANCEL)
        on_cancel(b, to, &r);
    else if (r.op == OP_RECEIPT)
        receive_on_receipt(b, to, &r);
    else if (r.op == OP_WINDOW)
        window_on_request(b, to, &r);
    else
        on_tset(b, to, &r);
    buf_free(&error);
    return bytes;
}
