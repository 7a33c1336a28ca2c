#include "console/api.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "console/api_answer.h"
#include "console/bearer.h"
#include "console/console.h"
#include "proto/mp_json.h"

static const char queue_path[] = "/api/queue/", tasks_path[] = "/api/tasks/", series_path[] = "/api/series/", alarms_path[] = "/api/alarms";

void api_refuse(struct exchange *x, unsigned status, const char *message)
{
    struct buf body = {0};
    api_answer_refuse((int)status, message, &body);
    if (status == 401)
        web_answer_with(x, status, API_TYPE, &body, "WWW-Authenticate", "Bearer");
    else if (status == 405)
        web_answer_with(x, status, API_TYPE, &body, "Allow", "GET, POST");
    else
        web_answer(x, status, API_TYPE, &body);
}

size_t api_on_header(struct console *c, struct exchange *x)
{
    const char *token = c->conf->console.token;
    if (*token == '\0')
        api_refuse(x, 403, "the API is off: set [console] token and send mega-console HUP");
    else if (!bearer_is(web_header(x, "Authorization"), token))
        api_refuse(x, 401, "give the token of [console] token: Authorization: Bearer TOKEN");
    else if (x->method == WEB_OTHER)
        api_refuse(x, 405, "use GET or POST");
    else
        return x->method == WEB_POST ? API_BODY_BYTES_MAX : 0;
    return 0;
}

static const enum party parties[] = {[API_QUEUE] = PARTY_BROKER, [API_TASKS] = PARTY_TASK, [API_SERIES] = PARTY_LISTENER};

struct dealer *api_dealer(const struct console *c, enum api_of of)
{
    return c->dealers[parties[of]];
}

const char *api_away(enum api_of of)
{
    static const char *const texts[] = {[API_QUEUE] = "the broker does not answer; try again",
                                        [API_TASKS] = "the task runner does not answer; try again",
                                        [API_SERIES] = "the listener does not answer; try again"};
    return texts[of];
}

int api_is_full(struct console *c, struct exchange *x, enum api_of of)
{
    int is_away = !heard_is_up(&c->heard[parties[of]], clock_mono_ms());
    if (!is_away && c->api.held < API_HELD_MAX)
        return 0;
    api_refuse(x, 503, is_away ? api_away(of) : "too many requests at once; try again");
    return 1;
}

struct span api_by(const struct console *c, const struct exchange *x, char by[API_BY_BYTES])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@+";
    const char *operator = web_header(x, "X-Operator");
    size_t bytes = 8;
    memcpy(by, "console:", bytes);
    for (const char *at = operator && *operator ? operator : c->program->name; *at && bytes < API_BY_BYTES - 1; at++)
        by[bytes++] = strchr(plain, *at) ? *at : '_';
    by[bytes] = '\0';
    return (struct span){by, bytes};
}

/* --- a query as JSON ---------------------------------------------------------------------------------------------- */

struct query {
    enum api_of of;
    const char *const *without;
    struct buf members, filter;
};

static void on_argument(void *self, const char *name, const char *value)
{
    struct query *q = self;
    for (const char *const *one = q->without; *one; one++)
        if (strcmp(name, *one) == 0)
            return;
    api_ask_add_argument(q->of, name, value, &q->members, &q->filter);
}

void api_query_json(const struct exchange *x, enum api_of of, const char *const *without, struct buf *out)
{
    struct query q = {.of = of, .without = without};
    web_each_query(x, on_argument, &q);
    buf_append_str(out, "{");
    buf_append(out, q.members.data, q.members.bytes);
    if (q.filter.bytes) {
        buf_append_str(out, q.members.bytes ? ",\"filter\":{" : "\"filter\":{");
        buf_append(out, q.filter.data, q.filter.bytes);
        buf_append_str(out, "}");
    }
    buf_append_str(out, "}");
    buf_free(&q.members);
    buf_free(&q.filter);
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static void end_call(struct api_call *call)
{
    call->console->api.held--;
    call->x->gone = NULL;
    buf_free(&call->packed);
    free(call);
}

/* The console ends: nobody is answered any more. */
static void on_gone(struct exchange *x)
{
    struct api_call *call = x->owner;
    dealer_forget(api_dealer(call->console, call->op.of), call);
    end_call(call);
}

static void answer_call(struct api_call *call, const struct answer *answer)
{
    struct exchange *x = call->x;
    struct buf body = {0};
    unsigned status = api_answer_status(&call->op, answer);
    api_answer_write(&call->op, answer, call->ref, &body);
    end_call(call);
    web_answer(x, status, API_TYPE, &body);
}

static int ask(struct api_call *call);

static int on_answer(void *self, const struct answer *answer)
{
    struct api_call *call = self;
    int has_time = clock_mono_ms() < call->until_ms;
    if (answer == NULL) {
        struct exchange *x = call->x;
        enum api_of of = call->op.of;
        end_call(call);
        api_refuse(x, 503, api_away(of));
        return 0;
    }
    if (answer->code == CODE_QUEUED && call->op.is_long && has_time)
        return 1;
    if (answer->code == CODE_QUEUED && answer->indexing && has_time && !call->op.is_long && ask(call) == 0)
        return 0; /* the same again, until the index is there */
    answer_call(call, answer);
    return 0;
}

static int ask(struct api_call *call)
{
    return dealer_ask(api_dealer(call->console, call->op.of), call->ref, buf_span(&call->packed), API_TIMEOUT_MS,
                      (struct ear){on_answer, call});
}

static void begin_call(struct console *c, struct exchange *x, const struct api_op *op, uint64_t ref, struct buf *packed)
{
    struct api_call *call = mem_new(sizeof *call);
    *call = (struct api_call){.console = c, .x = x, .op = *op, .ref = ref, .packed = *packed,
                              .until_ms = clock_mono_ms() + API_WAIT_MS};
    *packed = (struct buf){0};
    c->api.held++;
    x->owner = call;
    x->gone = on_gone;
    if (ask(call) == 0)
        return;
    end_call(call);
    api_refuse(x, 503, "too many requests at once; try again");
}

static void on_operation(struct console *c, struct exchange *x, const struct api_op *op)
{
    static const char *const none[] = {NULL};
    char by[API_BY_BYTES];
    struct buf json = {0}, packed = {0}, error = {0};
    uint64_t ref = dealer_ref(api_dealer(c, op->of));
    if (x->method == WEB_GET)
        api_query_json(x, op->of, none, &json);
    struct span body = x->method == WEB_GET ? buf_span(&json) : buf_span(&x->body);
    if (x->method == WEB_GET && !op->reads_only)
        api_refuse(x, 405, "this changes something; use POST");
    else if (api_ask_pack(op, body, &ref, api_by(c, x, by), &packed, &error))
        api_refuse(x, 400, buf_str(&error));
    else if (!api_is_full(c, x, op->of))
        begin_call(c, x, op, ref, &packed);
    buf_free(&json);
    buf_free(&packed);
    buf_free(&error);
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

/* Of what was heard last; the keeper is not asked for each request. */
static void on_tokens(struct console *c, struct exchange *x)
{
    const struct heard *h = &c->heard[PARTY_TOKEN];
    struct buf body = {0};
    if (!heard_is_up(h, clock_mono_ms())) {
        api_refuse(x, 503, "the token keeper does not answer; try again");
        return;
    }
    buf_append_str(&body, "{\"code\":200,\"data\":");
    if (mp_json(buf_span(&h->data), &body) != 0)
        buf_append_str(&body, "null");
    buf_append_str(&body, "}\n");
    web_answer(x, 200, API_TYPE, &body);
}

static void on_party(struct console *c, struct exchange *x, enum api_of of, const char *name)
{
    struct api_op op;
    if (of != API_SERIES && strcmp(name, "export") == 0)
        api_export(c, x, of);
    else if (of == API_TASKS && strcmp(name, "create") == 0)
        api_create(c, x);
    else if (api_op_find(of, name, &op) == 0)
        on_operation(c, x, &op);
    else
        api_refuse(x, 404, "no such operation; README.md of mega-console lists them");
}

void api_on_request(struct console *c, struct exchange *x)
{
    size_t bytes = sizeof queue_path - 1;
    if (strncmp(x->path, queue_path, bytes) == 0)
        on_party(c, x, API_QUEUE, x->path + bytes);
    else if (strncmp(x->path, tasks_path, bytes) == 0)
        on_party(c, x, API_TASKS, x->path + bytes);
    else if (strncmp(x->path, series_path, sizeof series_path - 1) == 0)
        on_party(c, x, API_SERIES, x->path + sizeof series_path - 1);
    else if (strcmp(x->path, "/api/tokens") == 0)
        on_tokens(c, x);
    else if (strncmp(x->path, alarms_path, sizeof alarms_path - 1) == 0)
        api_alarms(c, x, x->path + sizeof alarms_path - 1);
    else
        api_refuse(x, 404, "no such address; there are /api/queue/OPERATION, /api/tasks/OPERATION, /api/series/OPERATION, /api/tokens and /api/alarms");
}
