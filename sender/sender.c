/* DESIGN
 *
 * One thread, one loop. A turn: hear the broker, hear the token keeper, let libcurl work (calls end), take
 * jobs, begin calls, ask leave for those that need it in one message, and offer all new results in one.
 *
 * A message of a kind without key (kind.h) takes its slot and waits for the broker's leave: `begun` for just
 * this turn, which the broker has on disk by then. So the broker knows of each one that is lost whether it
 * may have been sent. The call begins in the moment in which the leave is read: a fence that comes right
 * behind it finds the call held.
 *
 * A call that was not sent (http.h) is made again at the account's next address in the same turn, each address
 * at most once: WeChat has seen nothing of it, so the broker's leave covers that as it covers the repetition
 * with another token. What may have been sent is never repeated here.
 *
 * What bounds it: calls in flight and those that wait for leave <= slots; jobs in the table <= 2 x slots,
 * beyond which the inbox is not read; results wait in the table, and take its room, until the broker confirms
 * them.
 *
 * How it stops (TERM): nothing more is begun or read; when the last call has ended what was not begun is
 * returned, when the last result is confirmed it says goodbye. A broker that does not confirm is waited for
 * at most the time of a call and GRACE_MS; what it has not confirmed then counts there as lost. A second TERM ends it at once, as a kill
 * would: what was in flight goes out again.
 */
#include "sender/sender.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "proto/member.h"
#include "proto/mp.h"
#include "sender/call_log.h"
#include "sender/calls.h"
#include "sender/hosts.h"
#include "sender/hosts_log.h"
#include "sender/http.h"
#include "sender/inbox.h"
#include "sender/tls.h"
#include "sender/token_client.h"
#include "sender/judge.h"
#include "sender/latency.h"

#define JOBS_A_TURN      256    /* read before anything else is looked at again */
#define RESULTS_A_MESSAGE 512
#define RESULT_BYTES_A_MESSAGE (1024 * 1024)
#define BEGINS_A_MESSAGE 4096
#define OFFER_LEASES     2      /* an unconfirmed result is offered again after so many */
#define GRACE_MS         2000   /* on TERM, for the broker to confirm */
/* Both together are below the minute that the broker keeps of the 10 for which WeChat remembers a call. */
#define QUEUED_MS_MAX    30000
#define ELSEWHERE_MS_MAX 20000  /* since a turn's first call: later it is not tried at another address any more */

struct sender {
    struct program *program;
    const struct conf *conf;
    uint32_t slots;       /* calls in flight, and those that wait for leave */
    struct calls *calls;
    struct http *http;
    struct inbox *inbox;
    struct token_client *tokens;
    struct hosts *hosts;  /* of each account, as in conf->accounts */
    struct member *member;
    struct latency *latency;
    struct buf url;       /* reused; holds a token */
    struct buf escaped;   /* reused; holds a token */
    struct buf stopped;   /* packed map that a beat carries */
    struct buf packed;    /* reused for packing an array */
    struct buf elements;  /* likewise: what is in it */
    int64_t end_ms;       /* stopping: when to end anyway; 0 = running */
    int is_killed;        /* a second TERM came */
};

static size_t on_hold(void *self, uint64_t generation, struct buf *holdings);
static void on_welcomed(void *self, const struct control *m);
static void on_message(void *self, const struct control *m);
static void on_beat(void *self, struct control *beat);
static void on_done(void *self, const struct http_answer *answer);
static int may_write(void *self);
static void take_jobs(struct sender *s);
static void begin_calls(struct sender *s);
static void take_leave(struct sender *s, const struct holding *h);
static void ask_leave(struct sender *s);
static void end_waiting(struct sender *s);
static void offer_results(struct sender *s);

static struct member *new_member(struct sender *s)
{
    struct member_options options = {.control = s->conf->broker.control,
                                     .keys = &s->conf->curve.keys,
                                     .kind = STAGE_SENDER,
                                     .name = s->program->name,
                                     .slots = s->slots,
                                     .endpoint = inbox_endpoint(s->inbox),
                                     .lease_ms = s->conf->broker.lease_ms,
                                     .events = {on_hold, on_welcomed, on_message, on_beat},
                                     .self = s};
    return member_new(&options);
}

static int check_conf(const struct conf *conf)
{
    if (conf->account_count == 0) {
        log_error("no account: the configuration needs a section [wechat] with app_id and app_secret");
        return -1;
    }
    return tls_check_ca_file(conf);
}

struct sender *sender_new(struct program *program)
{
    const struct conf *conf = program->conf;
    if (check_conf(conf) != 0)
        return NULL;
    struct sender *s = mem_new(sizeof *s);
    s->program = program;
    s->conf = conf;
    s->slots = http_calls_max(conf->sender.slots);
    s->calls = calls_new(s->slots, s);
    s->latency = latency_new(s->conf);
    s->http = http_new(&(struct http_options){.calls_max = s->slots,
                                              .ca_file = conf->sender.ca_file,
                                              .timeout_ms = conf->sender.timeout_ms,
                                              .connect_timeout_ms = conf->sender.connect_timeout_ms});
    s->hosts = mem_new(conf->account_count * sizeof *s->hosts);
    for (size_t i = 0; i < conf->account_count; i++)
        hosts_open(&s->hosts[i], &conf->accounts[i]);
    s->inbox = inbox_new(conf, program->name);
    s->tokens = token_client_new(conf);
    if (s->inbox && s->tokens)
        s->member = new_member(s);
    else
        sender_destroy(&s);
    return s;
}

void sender_destroy(struct sender **self)
{
    struct sender *s = *self;
    if (s == NULL)
        return;
    http_destroy(&s->http);
    member_destroy(&s->member);
    inbox_destroy(&s->inbox);
    token_client_destroy(&s->tokens);
    calls_destroy(&s->calls);
    latency_destroy(&s->latency);
    free(s->hosts);
    buf_free(&s->url);
    buf_free(&s->escaped);
    buf_free(&s->stopped);
    buf_free(&s->packed);
    buf_free(&s->elements);
    free(s);
    *self = NULL;
}

uint32_t sender_slots(const struct sender *s)
{
    return s->slots;
}

/* --- the loop ------------------------------------------------------------------------------------------- */

/* Waits until there is something to do, at most wait_ms. */
static void wait_for_events(struct sender *s, int64_t wait_ms)
{
    int64_t http_ms = http_wait_ms(s->http);
    int reads = !s->end_ms && member_is_welcome(s->member) && !calls_are_full(s->calls);
    zmq_pollitem_t items[] = {{zsock_resolve(member_socket(s->member)), 0, ZMQ_POLLIN, 0},
                              {zsock_resolve(token_client_socket(s->tokens)), 0, ZMQ_POLLIN, 0},
                              {NULL, http_fd(s->http), ZMQ_POLLIN, 0},
                              {NULL, s->program->signal_fd, ZMQ_POLLIN, 0},
                              {zsock_resolve(inbox_socket(s->inbox)), 0, ZMQ_POLLIN, 0}};
    int count = (int)(sizeof items / sizeof *items);
    if (http_ms >= 0 && http_ms < wait_ms)
        wait_ms = http_ms;
    wait_ms = notify_wait_ms(&s->program->notify, wait_ms);
    if (zmq_poll(items, reads ? count : count - 1, (long)wait_ms) < 0 && errno != EINTR)
        log_error("poll failed", log_str("error", zmq_strerror(errno)));
}

static int check_reload(void *self, const struct conf *next)
{
    (void)self;
    return tls_check_ca_file(next);
}

/* What was read again counts for calls that begin from now on. */
static void apply_reload(void *self)
{
    struct sender *s = self;
    http_configure(s->http, s->conf->sender.timeout_ms, s->conf->sender.connect_timeout_ms);
    for (size_t i = 0; i < s->conf->account_count; i++)
        hosts_change(&s->hosts[i], &s->conf->accounts[i]);
}

static void begin_stop(struct sender *s)
{
    s->is_killed = s->end_ms != 0;
    if (s->is_killed) {
        log_warn("told to stop again; stopping now", log_u64("in_flight", calls_count(s->calls, CALL_RUNNING)));
        return;
    }
    s->end_ms = clock_mono_ms() + s->conf->sender.timeout_ms + GRACE_MS;
    member_beat_now(s->member); /* it says so */
    log_info("stopping", log_u64("in_flight", calls_count(s->calls, CALL_RUNNING)),
             log_u64("queued", calls_count(s->calls, CALL_QUEUED)),
             log_u64("without_leave", calls_count(s->calls, CALL_WANTING) + calls_count(s->calls, CALL_ASKED)));
}

static void take_signals(struct sender *s)
{
    const struct program_reload reload = {check_reload, apply_reload, s};
    int signal_number;
    while (!s->is_killed && (signal_number = program_signal(s->program)) != 0) {
        if (signal_number == SIGTERM)
            begin_stop(s);
        else if (signal_number == SIGHUP)
            program_reload(s->program, &reload);
    }
}

static void return_unbegun(struct sender *s)
{
    struct call *call;
    for (int state = CALL_QUEUED; state <= CALL_ASKED; state++)
        while ((call = calls_first(s->calls, (enum call_state)state)) != NULL)
            call_log_end(s->calls, call, OUTCOME_RETURNED, clock_mono_ms(), "the sender is stopping");
}

/* 1 when a sender that is stopping has nothing more to wait for. */
static int has_stopped(struct sender *s)
{
    if (calls_count(s->calls, CALL_RUNNING) == 0 && member_is_welcome(s->member))
        return_unbegun(s);
    if (clock_mono_ms() >= s->end_ms)
        return 1;
    return calls_count(s->calls, CALL_RUNNING) + calls_count(s->calls, CALL_DONE)
               + calls_count(s->calls, CALL_OFFERED)
           == 0;
}

/* Returns the milliseconds until the next turn at the latest. */
static int64_t turn(struct sender *s)
{
    member_receive(s->member);
    int64_t wait_ms = member_tick(s->member);
    token_client_receive(s->tokens);
    int64_t token_ms = token_client_tick(s->tokens);
    http_run(s->http);
    take_jobs(s);
    end_waiting(s);
    begin_calls(s);
    ask_leave(s);
    if (token_client_has_changed(s->tokens))
        member_beat_now(s->member); /* before the results: what is returned must not come back at once */
    offer_results(s);
    return token_ms < wait_ms ? token_ms : wait_ms;
}

int sender_run(struct sender *s)
{
    int64_t wait_ms = 0;
    notify_await(&s->program->notify, "the broker", clock_mono_ms());
    while (!member_is_refused(s->member)) {
        wait_for_events(s, wait_ms);
        take_signals(s);
        if (s->is_killed)
            return 0;
        wait_ms = turn(s);
        if (s->end_ms && has_stopped(s)) {
            member_bye(s->member);
            return 0;
        }
    }
    return 1;
}

/* --- what the broker says ------------------------------------------------------------------------------- */

static size_t on_hold(void *self, uint64_t generation, struct buf *holdings)
{
    struct sender *s = self;
    return calls_hold(s->calls, generation, holdings);
}

static void on_welcomed(void *self, const struct control *m)
{
    struct sender *s = self;
    int64_t now_ms = clock_mono_ms();
    (void)m;
    if (!s->end_ms)
        notify_ready(&s->program->notify, "running: welcomed by the broker");
    calls_offer_again(s->calls, now_ms);
    calls_ask_again(s->calls, now_ms + 1, now_ms); /* asked or answered in vain, perhaps */
    member_beat_now(s->member); /* a broker that is new does not know which accounts are stopped */
}

static void on_message(void *self, const struct control *m)
{
    struct sender *s = self;
    struct mp_cursor c;
    struct holding h;
    if (m->type != CONTROL_CONFIRM && m->type != CONTROL_BEGUN)
        return;
    control_array_open(&c, m->holdings);
    while (control_holding_next(&c, &h) > 0) {
        if (m->type == CONTROL_BEGUN)
            take_leave(s, &h);
        else
            calls_confirm(s->calls, &h);
    }
}

static void on_beat(void *self, struct control *beat)
{
    struct sender *s = self;
    size_t count = 0;
    buf_clear(&s->stopped);
    size_t place = mp_map_open(&s->stopped);
    for (size_t i = 0; i < s->conf->account_count; i++) {
        const char *reason = token_client_stopped(s->tokens, (int)i);
        if (reason) {
            mp_put_str(&s->stopped, s->conf->accounts[i].name, reason);
            count++;
        }
    }
    mp_map_close(&s->stopped, place, count);
    beat->behind = s->end_ms != 0;
    beat->stopped = count ? buf_span(&s->stopped) : (struct span){NULL, 0};
    latency_on_beat(s->latency, beat);
}

/* --- jobs ----------------------------------------------------------------------------------------------- */

static void take_job(struct sender *s, struct span packed)
{
    struct rendered job;
    if (rendered_unpack(packed, &job) != 0) {
        log_error("rendered job was not understood", log_u64("bytes", packed.bytes));
        return;
    }
    if (!member_accepts(s->member, job.generation)) {
        log_step("message dropped", log_span("id", job.id), log_span("app", job.app), log_u64("seq", job.seq),
                 log_u64("turn", job.turn), log_str("next", "the broker gives it out again"));
        return;
    }
    int64_t now_ms = clock_mono_ms();
    struct call *call = calls_take(s->calls, &job, packed, now_ms);
    if (call == NULL)
        return;
    if (call->kind == NULL)
        call_log_end(s->calls, call, OUTCOME_DEAD, now_ms,
                  "messages of kind \"%.*s\" cannot be sent to WeChat: this sender does not know the kind",
                  (int)job.kind.bytes, job.kind.data);
    else if (job.body.bytes == 0) /* would be a GET, which no fence holds back */
        call_log_end(s->calls, call, OUTCOME_DEAD, now_ms, "the templater rendered an empty message, which WeChat does not take");
}

static void take_jobs(struct sender *s)
{
    struct span packed;
    if (s->end_ms || !member_is_welcome(s->member))
        return;
    for (int i = 0; i < JOBS_A_TURN && !calls_are_full(s->calls) && inbox_next(s->inbox, &packed); i++)
        take_job(s, packed);
}

/* --- calls ---------------------------------------------------------------------------------------------- */

static void begin_call(struct sender *s, struct call *call, int account)
{
    struct http_request request = {
        .body = call->job.body, .self = call, .may_write = may_write, .done = on_done};
    int64_t now_ms = clock_mono_ms();
    hosts_pick(&s->hosts[account], &call->host_use, now_ms);
    buf_clear(&s->url);
    struct span base = conf_base(&s->conf->accounts[account], call->host_use.host);
    buf_append(&s->url, base.data, base.bytes);
    buf_append_str(&s->url, call->kind->path);
    buf_append_str(&s->url, "?access_token=");
    struct span token = token_client_escaped(s->tokens, account);
    buf_append(&s->url, token.data, token.bytes);
    request.url = buf_str(&s->url);
    call->token_number = token_client_number(s->tokens, account);
    token = token_client_token(s->tokens, account);
    buf_clear(&call->token);
    buf_append(&call->token, token.data, token.bytes);
    call->result.calls++;
    if (call->begun_ms == 0)
        call->begun_ms = now_ms;
    calls_move(s->calls, call, CALL_RUNNING, now_ms);
    call_log_begun(call, base);
    int failed = http_begin(s->http, &request);
    assert(!failed); /* it has as many places as there are slots */
}

/* Begins the call if it can be begun now, or has its leave asked for; ends it if its account cannot send. */
static void begin_if_possible(struct sender *s, struct call *call)
{
    int account = token_client_account(s->tokens, call->job.app);
    if (account < 0) {
        call_log_end(s->calls, call, OUTCOME_RETRY, clock_mono_ms(),
                  "account %.*s is not in the configuration of the sender: add [wechat:%.*s] and restart it",
                  (int)call->job.app.bytes, call->job.app.data, (int)call->job.app.bytes, call->job.app.data);
        return;
    }
    uint64_t number = token_client_number(s->tokens, account);
    const char *reason = token_client_stopped(s->tokens, account);
    /* The leave counts for the whole turn: WeChat certainly did nothing when it rejected the token or was not
     * reached. */
    int needs_leave = !call->kind->has_key && call->state == CALL_QUEUED;
    if (number && needs_leave)
        calls_move(s->calls, call, CALL_WANTING, clock_mono_ms());
    else if (number) /* never that of a token which WeChat rejected: for CALL_REPEAT it is another one */
        begin_call(s, call, account);
    else if (reason && call->state == CALL_QUEUED)
        call_log_end(s->calls, call, OUTCOME_RETURNED, clock_mono_ms(), "%s", reason);
}

/* What fills the slots. */
static size_t count_slots(const struct sender *s)
{
    static const enum call_state states[] = {CALL_WANTING, CALL_ASKED, CALL_RUNNING, CALL_REPEAT};
    size_t count = 0;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        count += calls_count(s->calls, states[i]);
    return count;
}

/* Each list is gone through once, since begun calls leave it. A job that cannot go yet does not hold up the
 * others. */
static void begin_of(struct sender *s, enum call_state state)
{
    struct call *next;
    for (struct call *call = calls_first(s->calls, state); call; call = next) {
        if (state == CALL_QUEUED && count_slots(s) >= s->slots)
            return;
        if (!member_may_begin(s->member))
            return;
        next = call->next;
        begin_if_possible(s, call);
    }
}

static void begin_calls(struct sender *s)
{
    if (s->end_ms)
        return;
    begin_of(s, CALL_REPEAT);
    begin_of(s, CALL_QUEUED);
}

/* The broker has it on disk that this call may be made. What cannot begin at this moment keeps waiting: it is
 * asked for again, or a fence drops it. */
static void take_leave(struct sender *s, const struct holding *h)
{
    struct call *call = calls_find_asked(s->calls, h);
    if (call == NULL || s->end_ms)
        return;
    if (!member_may_begin(s->member) || !member_accepts(s->member, call->job.generation))
        return;
    int account = token_client_account(s->tokens, call->job.app);
    if (token_client_number(s->tokens, account)) {
        begin_call(s, call, account);
        return;
    }
    const char *reason = token_client_stopped(s->tokens, account);
    call_log_end(s->calls, call, OUTCOME_RETURNED, clock_mono_ms(), "%s",
              reason ? reason : "the access token was lost while the broker's leave was waited for");
}

/* Both the question and its answer may have been lost: after half a lease it is asked again. */
static void ask_leave(struct sender *s)
{
    int64_t now_ms = clock_mono_ms();
    if (s->end_ms || !member_may_begin(s->member))
        return;
    calls_ask_again(s->calls, now_ms - s->conf->broker.lease_ms / 2, now_ms);
    while (calls_count(s->calls, CALL_WANTING)) {
        buf_clear(&s->elements);
        buf_clear(&s->packed);
        size_t count = calls_ask(s->calls, BEGINS_A_MESSAGE, now_ms, &s->elements);
        mp_array(&s->packed, count);
        mp_raw(&s->packed, buf_span(&s->elements));
        struct control message = {.type = CONTROL_BEGIN, .holdings = buf_span(&s->packed)};
        member_send(s->member, &message);
    }
}

/* A call that was to be repeated ends as its answer said when no token comes or it cannot begin; one that never had a token is given
 * back. */
static void end_waiting(struct sender *s)
{
    struct call *call;
    int64_t now_ms = clock_mono_ms();
    while ((call = calls_first(s->calls, CALL_REPEAT)) != NULL
           && (s->end_ms || now_ms - call->since_ms >= TOKEN_WAIT_MS))
        calls_move(s->calls, call, CALL_DONE, now_ms);
    /* The broker reckons that a job is called soon after it was given out: WeChat forgets an earlier call of it after 10 minutes. */
    while ((call = calls_first(s->calls, CALL_QUEUED)) != NULL && now_ms - call->since_ms >= QUEUED_MS_MAX)
        call_log_end(s->calls, call, OUTCOME_RETURNED, now_ms, "not called within 30 s: no access token");
}

/* The lease alone would not do: a sender that was lost and is welcome again has a new one, and its jobs are somebody else's by then. */
static int may_write(void *self)
{
    struct call *call = self;
    struct sender *s = call->owner;
    return member_may_begin(s->member) && member_accepts(s->member, call->job.generation);
}

/* What the end of a call says of its address; `result` and `text` are judged already. Anybody can answer HTTP, a proxy for one:
 * only an errcode is WeChat's. */
static void note_host(struct sender *s, struct call *call, int account, const struct http_answer *answer)
{
    const struct outcome_report *r = &call->result;
    size_t host = call->host_use.host;
    int has_errcode = answer->end == HTTP_ANSWERED && (r->errcode != 0 || r->outcome == OUTCOME_SENT);
    enum host_end end = has_errcode                      ? HOST_ANSWERED
                        : answer->end == HTTP_NOT_SENT ? HOST_NOT_SENT
                                                         : HOST_MISSED;
    enum host_news news = hosts_end(&s->hosts[account], &call->host_use, end, clock_mono_ms());
    hosts_log(&s->hosts[account], &s->conf->accounts[account], host, news, r->message);
}

/* 1 when the call is to be made again in this turn. */
static int is_repeated(const struct sender *s, struct call *call, int account, int is_token,
                       const struct http_answer *answer)
{
    int is_first = is_token && !call->was_rejected;
    if (is_token)
        call->was_rejected = 1;
    return is_first
           || (answer->end == HTTP_NOT_SENT && hosts_have_other(&s->hosts[account], &call->host_use)
               && clock_mono_ms() - call->begun_ms < ELSEWHERE_MS_MAX);
}

/* The lease ran out before the request was written: the call was not made. */
static void give_up_call(struct sender *s, struct call *call)
{
    call->result.calls--;
    if (call->result.calls)
        calls_move(s->calls, call, CALL_DONE, clock_mono_ms()); /* as the first call's answer said */
    else
        call_log_end(s->calls, call, OUTCOME_RETURNED, clock_mono_ms(),
                  "not written: the broker was not heard within the lease, or has fenced the ring meanwhile");
}

static void on_done(void *self, const struct http_answer *answer)
{
    struct call *call = self;
    struct sender *s = call->owner;
    int account = token_client_account(s->tokens, call->job.app);
    if (answer->is_held) {
        hosts_end(&s->hosts[account], &call->host_use, HOST_DROPPED, clock_mono_ms());
        give_up_call(s, call);
        return;
    }
    latency_note(s->latency, account, call->kind, clock_mono_ms() - call->since_ms);
    int is_token = judge_answer(answer, call->job.openid, &call->result, &call->text);
    call_log_hide_token(call, &s->escaped);
    if (is_token)
        token_client_reject(s->tokens, account, call->token_number);
    if (is_token && call->was_rejected)
        call->result.cause = CAUSE_TOKENS;
    note_host(s, call, account, answer);
    int repeats = is_repeated(s, call, account, is_token, answer);
    call_log_ended(call, clock_mono_ms() - call->since_ms, repeats);
    calls_move(s->calls, call, repeats ? CALL_REPEAT : CALL_DONE, clock_mono_ms());
}

/* --- results -------------------------------------------------------------------------------------------- */

static void offer_results(struct sender *s)
{
    int64_t now_ms = clock_mono_ms();
    if (!member_is_welcome(s->member))
        return;
    calls_offer_late(s->calls, now_ms - OFFER_LEASES * s->conf->broker.lease_ms, now_ms);
    while (calls_count(s->calls, CALL_DONE)) {
        buf_clear(&s->elements);
        buf_clear(&s->packed);
        size_t count = calls_offer(s->calls, RESULTS_A_MESSAGE, RESULT_BYTES_A_MESSAGE, now_ms, &s->elements);
        mp_array(&s->packed, count);
        mp_raw(&s->packed, buf_span(&s->elements));
        struct control message = {.type = CONTROL_RESULTS, .results = buf_span(&s->packed)};
        member_send(s->member, &message);
    }
}
