/* Two gates stand before a try. The row's own: next_ms, later after each failure. The account's: closed for a while after FORWARD_FAILURES
 * in a row, and then open for one try at a time until one has gone well. */
#include "listener/forward.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "http/fetch.h"
#include "listener/envelope.h"
#include "listener/event.h"

#define TICK_MS_MAX      1000
#define TIMEOUT_LATER_MS 15000 /* of a later try, for which nobody waits */
#define ACCOUNT_LATER_MAX 8    /* later tries of one account at once */

struct forward_wait {
    struct forward *f;
    struct forward_wait *next, **link; /* all calls under way */
    int64_t row, added_ms;
    int64_t tries; /* before this one */
    size_t account;
    int is_first;
    int is_probe; /* it was begun while its owner was down */
    void (*done)(void *self, const struct forward_reply *reply); /* NULL: nobody waits any more */
    void *self;
};

struct account_gate {
    uint32_t failures; /* in a row */
    uint32_t under_way, first; /* later tries, first ones */
    int64_t open_ms;   /* wall time: no try before, while it is down */
};

struct forward {
    const struct conf *conf;
    struct db *db;
    struct fetch *fetch;
    struct forward_wait *calls;
    size_t later;
    int64_t tick_ms; /* wall time of the next look at the rows */
    struct account_gate gates[CONF_ACCOUNTS_MAX]; /* as conf->accounts */
    struct forward_counts counts;
    struct buf scratch, error;
};

struct forward *forward_new(const struct conf *conf, struct db *db)
{
    struct forward *f = mem_new(sizeof *f);
    f->conf = conf;
    f->db = db;
    f->fetch = fetch_new(FORWARD_CALLS_MAX);
    return f;
}

void forward_destroy(struct forward **self)
{
    struct forward *f = *self;
    if (f == NULL)
        return;
    fetch_destroy(&f->fetch);
    while (f->calls) {
        struct forward_wait *call = f->calls;
        f->calls = call->next;
        free(call);
    }
    buf_free(&f->scratch);
    buf_free(&f->error);
    free(f);
    *self = NULL;
}

/* After so many failed tries of a row, or failures in a row of its owner: [listener] forward_retry, doubled each time. */
static int64_t wait_after(const struct forward *f, int64_t failures)
{
    int64_t wait_ms = f->conf->listener.forward_retry_ms;
    for (int64_t i = 1; i < failures && wait_ms < FORWARD_WAIT_MS_MAX; i++)
        wait_ms *= 2;
    return wait_ms < FORWARD_WAIT_MS_MAX ? wait_ms : FORWARD_WAIT_MS_MAX;
}

static int is_down(const struct account_gate *gate)
{
    return gate->failures >= FORWARD_FAILURES;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

int64_t forward_add(struct forward *f, struct span app, struct span query, struct span type, struct span body, int64_t now_ms)
{
    const struct conf_account *account = conf_account_find(f->conf, app);
    if (account == NULL || account->forward[0] == '\0')
        return 0;
    struct db_query *q = db_query(f->db, "INSERT INTO forwards (app, query, type, body, added_ms, next_ms, tries) "
                                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)");
    db_set_text(q, 1, app);
    db_set_text(q, 2, query);
    db_set_text(q, 3, type);
    db_set_blob(q, 4, body);
    db_set_i64(q, 5, now_ms);
    db_set_i64(q, 6, now_ms + f->conf->listener.forward_timeout_ms + f->conf->listener.forward_retry_ms);
    return db_run(q) == 1 ? db_last_row(f->db) : -1;
}

static void remove_row(struct forward *f, int64_t row)
{
    if (db_begin(f->db) != 0)
        return;
    struct db_query *q = db_query(f->db, "DELETE FROM forwards WHERE row = ?1");
    db_set_i64(q, 1, row);
    db_run(q);
}

static void put_off_row(struct forward *f, int64_t row, int64_t tries, int64_t next_ms)
{
    if (db_begin(f->db) != 0)
        return;
    struct db_query *q = db_query(f->db, "UPDATE forwards SET tries = ?2, next_ms = ?3 WHERE row = ?1");
    db_set_i64(q, 1, row);
    db_set_i64(q, 2, tries);
    db_set_i64(q, 3, next_ms);
    db_run(q);
}

/* --- a call's end ------------------------------------------------------------------------------------------------- */

static void note_taken(struct forward *f, const struct forward_wait *call)
{
    struct account_gate *gate = &f->gates[call->account];
    if (is_down(gate))
        log_info("events are passed on again", log_str("account", f->conf->accounts[call->account].name));
    gate->failures = 0;
    gate->open_ms = 0;
    f->counts.taken++;
    remove_row(f, call->row);
}

static void note_failed(struct forward *f, const struct forward_wait *call, const struct fetch_answer *answer, int64_t now_ms)
{
    struct account_gate *gate = &f->gates[call->account];
    const char *name = f->conf->accounts[call->account].name;
    /* Those that were under way when the last of the eight failed say nothing new: else the end of a burst would close the gate for long. */
    int is_news = !is_down(gate) || call->is_probe;
    gate->failures += (uint32_t)is_news;
    f->counts.failed++;
    log_warn("an event was not taken by the account's owner", log_str("account", name), log_i64("status", answer->status),
             log_str("error", answer->error ? answer->error : "the answer must be HTTP status 200"), log_i64("try", call->tries + 1));
    if (is_news && is_down(gate))
        gate->open_ms = now_ms + wait_after(f, (int64_t)gate->failures - FORWARD_FAILURES + 1);
    if (now_ms - call->added_ms < FORWARD_KEPT_MS) {
        put_off_row(f, call->row, call->tries + 1, now_ms + wait_after(f, call->tries + 1));
        return;
    }
    f->counts.dropped++;
    log_error("an event is not passed on any more: its owner has not taken it for a day; see [wechat] forward", log_str("account", name));
    remove_row(f, call->row);
}

static void unlink_call(struct forward_wait *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    if (call->is_first) {
        call->f->gates[call->account].first--;
        return;
    }
    call->f->later--;
    call->f->gates[call->account].under_way--;
    call->f->tick_ms = 0; /* the next one may go at once */
}

static void on_answer(void *self, const struct fetch_answer *answer)
{
    struct forward_wait *call = self;
    struct forward *f = call->f;
    struct forward_reply reply = {answer->type, answer->body};
    int is_taken = answer->error == NULL && answer->status == 200;
    unlink_call(call);
    if (is_taken)
        note_taken(f, call);
    else
        note_failed(f, call, answer, clock_wall_ms());
    if (is_taken && answer->is_cut)
        log_warn("an owner's reply is too long and is not handed on", log_str("account", f->conf->accounts[call->account].name),
                 log_u64("bytes_max", FORWARD_REPLY_BYTES_MAX));
    if (call->done)
        call->done(call->self, is_taken && !answer->is_cut ? &reply : NULL);
    free(call);
}

/* --- trying ------------------------------------------------------------------------------------------------------- */

/* The parameters that WeChat signs a call with, as it signs each of its tries: with a timestamp and a nonce of its own. */
static void append_signatures(struct forward *f, const struct conf_account *account, struct span query, struct span body, struct buf *out)
{
    char timestamp[32], nonce[32], signature[ENVELOPE_SIGNATURE_CHARS + 1];
    struct span token = span_of(account->token), text = {NULL, 0};
    snprintf(timestamp, sizeof timestamp, "%" PRId64, clock_wall_ms() / 1000);
    snprintf(nonce, sizeof nonce, "%" PRIu64, hash_random_u64() % 10000000000);
    envelope_sign(token, span_of(timestamp), span_of(nonce), text, signature);
    buf_printf(out, "signature=%s&timestamp=%s&nonce=%s", signature, timestamp, nonce);
    int is_encrypted = memmem(query.data, query.bytes, "encrypt_type=aes", 16) != NULL;
    if (!is_encrypted || event_read_encrypted(body, &text, &f->scratch, &f->error) != 0)
        return;
    envelope_sign(token, span_of(timestamp), span_of(nonce), text, signature);
    buf_printf(out, "&msg_signature=%s", signature);
}

static void append_url(struct forward *f, const struct conf_account *account, struct span query, struct span body, struct buf *out)
{
    buf_append_str(out, account->forward);
    buf_append_str(out, strchr(account->forward, '?') ? "&" : "?");
    append_signatures(f, account, query, body, out);
    if (query.bytes) {
        buf_append_str(out, "&");
        buf_append(out, query.data, query.bytes);
    }
}

/* Returns 0, or -1 when as many are under way as may be. The call is then still the caller's. */
static int begin(struct forward_wait *call, struct span query, struct span type, struct span body, int64_t timeout_ms)
{
    struct forward *f = call->f;
    struct buf url = {0}, header = {0};
    const char *headers[] = {NULL, NULL};
    append_url(f, &f->conf->accounts[call->account], query, body, &url);
    buf_printf(&header, "Content-Type: %.*s", type.bytes ? (int)type.bytes : 8, type.bytes ? type.data : "text/xml");
    headers[0] = buf_str(&header);
    struct fetch_call fetch = {.url = buf_str(&url), .body = body, .headers = headers, .timeout_ms = timeout_ms > 0 ? timeout_ms : 1,
                               .answer_bytes_max = FORWARD_REPLY_BYTES_MAX, .is_kept = 1, .self = call, .done = on_answer};
    int failed = fetch_begin(f->fetch, &fetch);
    explicit_bzero(url.data, url.bytes);
    buf_free(&url);
    buf_free(&header);
    if (failed)
        return -1;
    call->next = f->calls;
    call->link = &f->calls;
    if (call->next)
        call->next->link = &call->next;
    f->calls = call;
    return 0;
}

struct forward_wait *forward_begin(struct forward *f, int64_t row, struct span app, struct span query, struct span type, struct span body,
                                   int64_t deadline_ms, void (*done)(void *self, const struct forward_reply *reply), void *self)
{
    const struct conf_account *account = conf_account_find(f->conf, app);
    struct forward_wait *call = mem_new(sizeof *call);
    *call = (struct forward_wait){.f = f, .row = row, .added_ms = clock_wall_ms(), .is_first = 1, .done = done, .self = self};
    call->account = account ? (size_t)(account - f->conf->accounts) : 0;
    struct account_gate *gate = &f->gates[call->account];
    int may = account && account->forward[0] && !is_down(gate) && gate->first < FORWARD_FIRST_MAX;
    if (may && begin(call, query, type, body, deadline_ms - clock_mono_ms()) == 0) {
        gate->first++;
        return call;
    }
    free(call);
    done(self, NULL); /* its row falls due in a moment */
    return NULL;
}

void forward_leave(struct forward_wait *wait)
{
    wait->done = NULL;
}

/* The row whose columns these are. What cannot be put off in the file would be tried again at once, and is not tried. */
static void try_row(struct forward *f, size_t account, struct db_query *q, int64_t now_ms)
{
    if (db_begin(f->db) != 0)
        return;
    struct forward_wait *call = mem_new(sizeof *call);
    *call = (struct forward_wait){.f = f, .row = db_i64(q, 0), .account = account, .tries = db_i64(q, 4), .added_ms = db_i64(q, 5)};
    call->is_probe = is_down(&f->gates[account]);
    if (begin(call, db_text(q, 1), db_text(q, 2), db_text(q, 3), TIMEOUT_LATER_MS) != 0) {
        free(call);
        return;
    }
    f->later++;
    f->gates[account].under_way++;
    put_off_row(f, call->row, call->tries, now_ms + TIMEOUT_LATER_MS + f->conf->listener.forward_retry_ms);
}

static void try_later_ones(struct forward *f, size_t account, int64_t now_ms)
{
    const struct account_gate *gate = &f->gates[account];
    const char *name = f->conf->accounts[account].name;
    uint32_t most = is_down(gate) ? 1 : ACCOUNT_LATER_MAX;
    if (is_down(gate) && now_ms < gate->open_ms)
        return;
    while (gate->under_way < most && f->later < FORWARD_LATER_MAX) {
        struct db_query *q = db_query(f->db, "SELECT row, query, type, body, tries, added_ms FROM forwards "
                                             "WHERE app = ?1 AND next_ms <= ?2 ORDER BY next_ms, row LIMIT 1");
        uint32_t before = gate->under_way;
        db_set_text(q, 1, span_of(name));
        db_set_i64(q, 2, now_ms);
        if (db_step(q) == 1)
            try_row(f, account, q, now_ms);
        db_end(q);
        if (gate->under_way == before)
            return;
    }
}

void forward_tick(struct forward *f, int64_t now_ms)
{
    int64_t every_ms = f->conf->listener.forward_retry_ms < TICK_MS_MAX ? f->conf->listener.forward_retry_ms : TICK_MS_MAX;
    if (now_ms < f->tick_ms && f->tick_ms - now_ms <= every_ms)
        return;
    f->tick_ms = now_ms + every_ms;
    for (size_t i = 0; i < f->conf->account_count; i++)
        if (f->conf->accounts[i].forward[0])
            try_later_ones(f, i, now_ms);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

struct forward_counts forward_counts(struct forward *f)
{
    f->counts.waiting = (uint64_t)db_number(f->db, "SELECT n FROM totals WHERE name = 'forwards'", 0);
    return f->counts;
}

int forward_fd(const struct forward *f)
{
    return fetch_fd(f->fetch);
}

int64_t forward_wait_ms(const struct forward *f, int64_t now_ms, int64_t limit_ms)
{
    int64_t left_ms = f->tick_ms - now_ms;
    if (left_ms < limit_ms)
        limit_ms = left_ms > 0 ? left_ms : 0;
    return fetch_wait_ms(f->fetch, limit_ms);
}

void forward_run(struct forward *f)
{
    fetch_run(f->fetch);
}
