#include "listener/callback.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/url.h"
#include "listener/dedupe.h"
#include "listener/series_enrol.h"

#define TEXT        "text/plain; charset=utf-8"
#define SPACE_LOOK_MS 1000
#define TYPE_BYTES_MAX 128 /* of a Content-Type that is passed on */

struct call {
    struct call *next, **link;
    struct callback *c;
    struct exchange *x; /* NULL: its client has gone */
    const struct conf_account *account;
    int64_t row;         /* of what is passed on; 0 = nothing is */
    int64_t deadline_ms; /* monotonic: it is answered then, with a reply or without */
    struct forward_wait *wait; /* the owner is asked for a reply */
};

struct callback {
    const struct conf *conf;
    struct db *db;
    struct series_set *series;
    struct forward *forward;
    struct call *calls;   /* whose event is in this turn's transaction */
    struct call *waiting; /* whose event is in the file, and whose owner may have a reply */
    size_t held;
    int64_t now_ms;
    int64_t space_ms;   /* wall: free space is looked at again then */
    int has_no_space;
    int is_ending;
    struct reading reading; /* of the call that is looked at now */
    struct buf query;       /* of the call that is passed on now */
    struct callback_counts counts;
};

static void link_call(struct call *call, struct call **list)
{
    call->next = *list;
    call->link = list;
    if (call->next)
        call->next->link = &call->next;
    *list = call;
}

static void unlink_call(struct call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    call->c->held--;
    free(call);
}

struct callback *callback_new(const struct conf *conf, struct db *db, struct series_set *series, struct forward *forward)
{
    struct callback *c = mem_new(sizeof *c);
    c->conf = conf;
    c->db = db;
    c->series = series;
    c->forward = forward;
    return c;
}

void callback_destroy(struct callback **self)
{
    struct callback *c = *self;
    if (c == NULL)
        return;
    while (c->calls)
        unlink_call(c->calls);
    while (c->waiting)
        unlink_call(c->waiting);
    genuine_free(&c->reading);
    buf_free(&c->query);
    free(c);
    *self = NULL;
}

const struct callback_counts *callback_counts(const struct callback *c)
{
    return &c->counts;
}

size_t callback_held(const struct callback *c)
{
    return c->held;
}

/* --- answers -------------------------------------------------------------------------------------------------------- */

static void answer(struct exchange *x, unsigned status, struct span text)
{
    struct buf body = {0};
    buf_append(&body, text.data, text.bytes);
    web_answer(x, status, TEXT, &body);
}

static const struct {
    const char *name, *text;
    unsigned status;
} refusals[CALLBACK_REFUSALS] = {
    [REFUSED_ADDRESS] = {"address", "no such address\n", 404},
    [REFUSED_METHOD] = {"method", "use GET or POST\n", 405},
    [REFUSED_SIGNATURE] = {"signature", "wrong signature\n", 403},
    [REFUSED_TIMESTAMP] = {"timestamp", "wrong signature\n", 403},
    [REFUSED_MODE] = {"mode", "wrong signature\n", 403},
    [REFUSED_ENVELOPE] = {"envelope", "wrong signature\n", 403},
    [REFUSED_SIZE] = {"size", "the body is too large\n", 413}, /* answered by web.c */
    [REFUSED_FORM] = {"form", "no callback of WeChat\n", 400},
    [REFUSED_BUSY] = {"busy", "not now\n", 503},
    [REFUSED_STOPPING] = {"stopping", "not now\n", 503},
};

const char *callback_refusal_name(enum callback_refusal refusal)
{
    return refusals[refusal].name;
}

/* `hint` is for the log only: whoever calls wrongly is told nothing that helps him. Never holds anything of the call. */
static void refuse(struct callback *c, struct exchange *x, const struct conf_account *account, enum callback_refusal refusal,
                   const char *hint)
{
    c->counts.refused[refusal]++;
    if (refusal == REFUSED_BUSY)
        log_error("callback is not taken now", log_str("account", account->name), log_str("reason", hint));
    else
        log_warn("callback is refused", log_some("account", span_of(account ? account->name : "")),
                 log_str("for", refusals[refusal].name), log_i64("status", refusals[refusal].status), log_str("reason", hint));
    if (refusal != REFUSED_SIZE)
        answer(x, refusals[refusal].status, span_of(refusals[refusal].text));
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

static size_t on_header(void *self, struct exchange *x)
{
    struct callback *c = self;
    struct reading *r = &c->reading;
    r->x = x;
    r->now_ms = c->now_ms;
    if (!genuine_header(r, c->conf)) {
        refuse(c, x, r->account, r->refusal, r->hint);
        return 0;
    }
    x->owner = (void *)(uintptr_t)r->account; /* accounts stay where they are: a reload changes them in place */
    return x->method == WEB_POST ? EVENT_BODY_BYTES_MAX : 0;
}

/* Less free disk than [broker] min_free_space leaves: what is there is for the broker, and for what has been taken already. */
static int has_space(struct callback *c)
{
    struct statvfs disk;
    if (c->now_ms >= c->space_ms || c->space_ms > c->now_ms + SPACE_LOOK_MS) {
        c->space_ms = c->now_ms + SPACE_LOOK_MS;
        c->has_no_space = statvfs(c->conf->listener.dir, &disk) == 0 &&
                          (uint64_t)disk.f_bavail * disk.f_frsize < c->conf->broker.free_bytes_min;
    }
    return !c->has_no_space;
}

/* --- what follows from it ------------------------------------------------------------------------------------------- */

/* The client has gone, or was answered. */
static void on_gone(struct exchange *x)
{
    struct call *call = x->owner;
    if (call == NULL)
        return;
    call->x = NULL;
    if (call->wait == NULL)
        return; /* this turn's end frees it */
    forward_leave(call->wait);
    unlink_call(call);
}

static void hold(struct callback *c, const struct reading *r, int64_t row)
{
    struct call *call = mem_new(sizeof *call);
    *call = (struct call){.c = c, .x = r->x, .account = r->account, .row = row};
    call->deadline_ms = clock_mono_ms() + c->conf->listener.forward_timeout_ms;
    link_call(call, &c->calls);
    c->held++;
    r->x->owner = call;
    r->x->gone = on_gone;
}

/* --- passing on ----------------------------------------------------------------------------------------------------- */

static void append_query(void *self, const char *name, const char *value)
{
    static const char *const of_signature[] = {"signature", "msg_signature", "timestamp", "nonce"};
    struct buf *out = self;
    for (size_t i = 0; i < sizeof of_signature / sizeof *of_signature; i++)
        if (strcmp(name, of_signature[i]) == 0)
            return;
    if (out->bytes)
        buf_append_str(out, "&");
    url_escape(span_of(name), out);
    buf_append_str(out, "=");
    url_escape(span_of(value), out);
}

/* What WeChat's query has beside its signatures. Its bytes are in c->query. */
static struct span query_of(struct callback *c, const struct exchange *x)
{
    buf_clear(&c->query);
    web_each_query(x, append_query, &c->query);
    return c->query.bytes ? buf_span(&c->query) : span_of(""); /* there is one, be it empty */
}

static struct span type_of(const struct exchange *x)
{
    const char *type = web_header(x, "Content-Type");
    return span_of(type && strlen(type) < TYPE_BYTES_MAX ? type : "text/xml");
}

/* WeChat is told what the owner says; else that its event is here. */
static void on_reply(void *self, const struct forward_reply *reply)
{
    struct call *call = self;
    struct exchange *x = call->x;
    unlink_call(call);
    if (x == NULL)
        return;
    x->owner = NULL;
    if (reply == NULL || reply->body.bytes == 0) {
        answer(x, 200, span_of("success"));
        return;
    }
    struct buf body = {0};
    buf_append(&body, reply->body.data, reply->body.bytes);
    web_answer(x, 200, reply->type ? reply->type : "text/xml; charset=utf-8", &body);
}

static void pass_on(struct callback *c, struct call *call)
{
    struct exchange *x = call->x;
    link_call(call, &c->waiting);
    struct forward_wait *wait = forward_begin(c->forward, call->row, span_of(call->account->name), query_of(c, x), type_of(x),
                                              buf_span(&x->body), call->deadline_ms, on_reply, call);
    if (wait) /* else it is answered, and gone */
        call->wait = wait;
}

/* Returns 0, with the row of what is passed on; or -1: it is not written down. A repeat is not passed on again. */
static int take(struct callback *c, const struct reading *r, int64_t *row)
{
    struct span app = span_of(r->account->name);
    if (db_begin(c->db) != 0)
        return -1;
    int is_new = dedupe_note(c->db, app, &r->event, c->now_ms / 1000);
    if (is_new < 0)
        return -1;
    if (is_new && (apply_event(c->db, &r->event, app, c->now_ms) != 0 ||
                   series_on_event(c->series, c->db, &r->event, r->account->name, c->now_ms) != 0))
        return -1;
    if (is_new)
        *row = forward_add(c->forward, app, query_of(c, r->x), type_of(r->x), buf_span(&r->x->body), c->now_ms);
    if (*row < 0)
        return -1;
    if (is_new)
        c->counts.events[r->event.kind]++;
    else
        c->counts.repeats++;
    return 0;
}

static void on_post(struct callback *c, struct exchange *x, const struct conf_account *account)
{
    struct reading *r = &c->reading;
    int64_t row = 0;
    r->x = x;
    r->account = account;
    r->now_ms = c->now_ms;
    if (!genuine_body(r))
        refuse(c, x, account, r->refusal, r->hint);
    else if (c->is_ending)
        refuse(c, x, account, REFUSED_STOPPING, "mega-listener is stopping; WeChat repeats it");
    else if (!has_space(c))
        refuse(c, x, account, REFUSED_BUSY, "less disk is free than [broker] min_free_space; make room");
    else if (take(c, r, &row) != 0)
        refuse(c, x, account, REFUSED_BUSY, "it could not be written down; WeChat repeats it");
    else
        hold(c, r, row);
}

/* WeChat's console looks whether the address is ours. */
static void on_get(struct callback *c, struct exchange *x, const struct conf_account *account)
{
    const char *echo = web_query(x, "echostr");
    if (echo == NULL || *echo == '\0') {
        refuse(c, x, account, REFUSED_FORM, "echostr: is missing");
        return;
    }
    c->counts.echoes++;
    answer(x, 200, span_of(echo));
}

static void on_request(void *self, struct exchange *x)
{
    struct callback *c = self;
    const struct conf_account *account = x->owner;
    x->owner = NULL;
    if (x->method == WEB_POST)
        on_post(c, x, account);
    else
        on_get(c, x, account);
}

static void on_answered(void *self, const struct exchange *x, unsigned status)
{
    struct callback *c = self;
    if (status == 413)
        refuse(c, NULL, x->owner, REFUSED_SIZE, "over 64 KiB");
}

struct web_handler callback_handler(struct callback *c)
{
    return (struct web_handler){.on_header = on_header, .on_request = on_request, .on_answered = on_answered, .self = c};
}

void callback_begin_turn(struct callback *c, int64_t now_ms, int is_ending)
{
    c->now_ms = now_ms;
    c->is_ending = is_ending;
}

void callback_after_commit(struct callback *c, int is_kept)
{
    while (c->calls) {
        struct call *call = c->calls;
        struct exchange *x = call->x;
        if (x && is_kept && call->row) {
            *call->link = call->next;
            if (call->next)
                call->next->link = call->link;
            pass_on(c, call);
            continue;
        }
        unlink_call(call);
        if (x == NULL)
            continue;
        x->owner = NULL;
        if (!is_kept)
            c->counts.refused[REFUSED_BUSY]++;
        answer(x, is_kept ? 200 : 503, span_of(is_kept ? "success" : refusals[REFUSED_BUSY].text));
    }
}
