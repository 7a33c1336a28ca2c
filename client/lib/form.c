/* What callers ask, as a request. Here is checked what proto/ cannot see any more in a packed request (an empty text would be left out,
 * a NULL would end the process) and what only the broker checks otherwise (the length of a key, a time too far ahead). The rest is
 * checked by request_unpack, with the same words as the broker's.
 */
#include "base/clock.h"
#include "base/window.h"
#include "client/lib/call.h"
#include "client/lib/error.h"
#include "proto/mp.h"

/* An empty text is a mistake: left out, it would widen a cancel, or make a message without the id that was meant. */
static int take(const char *field, const char *text, size_t bytes_max, struct span *out)
{
    if (text == NULL)
        return 0;
    *out = span_of(text);
    if (out->bytes == 0)
        return error_set(MEGA_INVALID, "%s: empty; give 1 to %zu bytes, or NULL", field, bytes_max);
    if (out->bytes > bytes_max)
        return error_set(MEGA_INVALID, "%s: %zu bytes; at most %zu", field, out->bytes, bytes_max);
    return 0;
}

static int take_name(const char *field, const char *text, size_t bytes_max, struct span *out)
{
    if (take(field, text, bytes_max, out))
        return MEGA_INVALID;
    if (text && !name_is_plain(*out, bytes_max))
        return error_set(MEGA_INVALID, "%s: not plain UTF-8 without spaces and control characters", field);
    return 0;
}

static int take_text(const char *field, const char *text, size_t bytes_max, struct span *out)
{
    if (take(field, text, bytes_max, out))
        return MEGA_INVALID;
    if (text && !span_is_utf8(*out))
        return error_set(MEGA_INVALID, "%s: not UTF-8", field);
    return 0;
}

static int take_key(const char *key, struct span *out)
{
    if (take_text("key", key, KEY_TEXT_BYTES_MAX, out))
        return MEGA_INVALID;
    size_t characters = 0;
    for (size_t i = 0; i < out->bytes; i++)
        characters += (out->data[i] & 0xC0) != 0x80;
    if (characters > KEY_BYTES_MAX)
        return error_set(MEGA_INVALID, "key: %zu characters; at most %d", characters, KEY_BYTES_MAX);
    return 0;
}

static int take_lane(const char *lane, int *out)
{
    if (lane == NULL)
        return 0;
    struct span text = span_of(lane);
    *out = lane_find(text);
    if (*out < 0)
        return error_set(MEGA_INVALID, "lane: unknown; give express or bulk, or NULL");
    return 0;
}

static int take_times(const struct mega_message *m, struct request *r)
{
    if (m->at_ms < 0 || m->at_ms > clock_wall_ms() + AT_AHEAD_MS_MAX)
        return error_set(MEGA_INVALID, "at_ms: out of range; give ms since 1970, at most 400 days ahead");
    if (m->in_ms < 0 || m->in_ms > AT_AHEAD_MS_MAX)
        return error_set(MEGA_INVALID, "in_ms: out of range; give 0 to %lld ms", AT_AHEAD_MS_MAX);
    if (m->ttl_ms < 0 || m->ttl_ms > AT_AHEAD_MS_MAX)
        return error_set(MEGA_INVALID, "ttl_ms: out of range; give 0 to %lld ms", AT_AHEAD_MS_MAX);
    if (m->at_ms && m->in_ms)
        return error_set(MEGA_INVALID, "at_ms: given together with in_ms; give one of them");
    r->at_ms = m->at_ms;
    r->in_ms = m->in_ms;
    r->ttl_ms = m->ttl_ms;
    return 0;
}

/* One map and nothing behind it: what follows would be taken for members of the request. */
static int take_packed(const struct mega_message *m, struct span *vars)
{
    if (m->vars || m->var_count)
        return error_set(MEGA_INVALID, "packed_vars: given together with vars; give one of them");
    if (m->packed_vars == NULL || m->packed_bytes == 0)
        return error_set(MEGA_INVALID, "packed_vars: empty; give a msgpack map with its packed_bytes, or NULL and 0");
    struct span packed = {m->packed_vars, m->packed_bytes};
    struct mp_cursor c;
    mp_open(&c, packed);
    if (mp_peek(&c) != MP_MAP || mp_skip(&c).bytes != packed.bytes)
        return error_set(MEGA_INVALID, "packed_vars: not one msgpack map of %zu bytes", packed.bytes);
    *vars = packed;
    return 0;
}

static int take_vars(const struct mega_message *m, struct form *f)
{
    if (m->packed_vars || m->packed_bytes)
        return take_packed(m, &f->request.vars);
    if (m->var_count > VARS_MAX)
        return error_set(MEGA_INVALID, "vars: %zu variables; at most %d", m->var_count, VARS_MAX);
    if (m->vars == NULL && m->var_count)
        return error_set(MEGA_INVALID, "vars: NULL, but var_count is %zu", m->var_count);
    for (size_t i = 0; i < m->var_count; i++) {
        const struct mega_var *v = &m->vars[i];
        if (v->name == NULL)
            return error_set(MEGA_INVALID, "vars: the name of variable %zu is NULL", i);
        if (strlen(v->name) > VAR_NAME_BYTES_MAX)
            return error_set(MEGA_INVALID, "vars: the name of variable %zu has %zu bytes; at most %d", i, strlen(v->name), VAR_NAME_BYTES_MAX);
        if ((unsigned)v->type > MEGA_NULL)
            return error_set(MEGA_INVALID, "%s: type %d is none of enum mega_type", v->name, (int)v->type);
        if (v->type == MEGA_TEXT && v->as.text == NULL)
            return error_set(MEGA_INVALID, "%s: its text is NULL; give a text, or the type MEGA_NULL", v->name);
    }
    f->vars = m->vars;
    f->var_count = m->var_count;
    return 0;
}

int form_message(enum op op, const struct mega_message *m, struct form *f)
{
    *f = (struct form){.request = {.op = op, .lane = -1}};
    struct request *r = &f->request;
    if (m == NULL)
        return error_set(MEGA_INVALID, "message: NULL");
    if (m->openid == NULL)
        return error_set(MEGA_INVALID, "openid: missing; give 1 to %d bytes", OPENID_BYTES_MAX);
    if (m->key == NULL)
        return error_set(MEGA_INVALID, "key: missing; give 1 to %d characters", KEY_BYTES_MAX);
    if (take_text("openid", m->openid, OPENID_BYTES_MAX, &r->openid) || take_key(m->key, &r->key) ||
        take_name("id", m->id, ID_BYTES_MAX, &r->id) || take_name("app", m->app, ACCOUNT_BYTES_MAX, &r->app) ||
        take_name("task", m->task, TASK_BYTES_MAX, &r->task) || take_lane(m->lane, &r->lane) || take_times(m, r))
        return MEGA_INVALID;
    return take_vars(m, f);
}

int form_status(const char *app, const char *id, int waits, struct form *f)
{
    *f = (struct form){.request = {.op = OP_STATUS, .lane = -1, .wait = waits}};
    if (id == NULL)
        return error_set(MEGA_INVALID, "id: missing; give 1 to %d bytes", ID_BYTES_MAX);
    if (take_name("id", id, ID_BYTES_MAX, &f->request.id))
        return MEGA_INVALID;
    return take_name("app", app, ACCOUNT_BYTES_MAX, &f->request.app);
}

int form_selection(const struct mega_selection *s, struct form *f)
{
    *f = (struct form){.request = {.op = OP_CANCEL, .lane = -1}};
    struct request *r = &f->request;
    if (s == NULL)
        return error_set(MEGA_INVALID, "selection: NULL");
    if (take_name("id", s->id, ID_BYTES_MAX, &r->id) || take_text("openid", s->openid, OPENID_BYTES_MAX, &r->openid) ||
        take_key(s->key, &r->key) || take_name("task", s->task, TASK_BYTES_MAX, &r->task))
        return MEGA_INVALID;
    return take_name("app", s->app, ACCOUNT_BYTES_MAX, &r->app);
}

int form_receipt(const struct mega_receipt *receipt, struct form *f)
{
    *f = (struct form){.request = {.op = OP_RECEIPT, .lane = -1}};
    struct request *r = &f->request;
    if (receipt == NULL)
        return error_set(MEGA_INVALID, "receipt: NULL");
    if (receipt->openid == NULL)
        return error_set(MEGA_INVALID, "openid: missing; give 1 to %d bytes", OPENID_BYTES_MAX);
    if (receipt->at_ms < 0)
        return error_set(MEGA_INVALID, "at_ms: out of range; give ms since 1970, or 0 for now");
    r->outcome = receipt->state ? receipt_find(span_of(receipt->state)) : RECEIPT_NONE;
    if (r->outcome == RECEIPT_NONE)
        return error_set(MEGA_INVALID, "state: %s; give delivered, blocked or failed", receipt->state ? "unknown" : "missing");
    r->msgid = receipt->msgid;
    r->at_ms = receipt->at_ms;
    if (take_text("openid", receipt->openid, OPENID_BYTES_MAX, &r->openid) ||
        take_text("message", receipt->message, RECEIPT_TEXT_BYTES_MAX, &r->message))
        return MEGA_INVALID;
    return take_name("app", receipt->app, ACCOUNT_BYTES_MAX, &r->app);
}

int form_window(const struct mega_window *w, struct form *f)
{
    *f = (struct form){.request = {.op = OP_WINDOW, .lane = -1}};
    struct request *r = &f->request;
    if (w == NULL)
        return error_set(MEGA_INVALID, "window: NULL");
    if (w->openid == NULL)
        return error_set(MEGA_INVALID, "openid: missing; give 1 to %d bytes", OPENID_BYTES_MAX);
    if (w->action == NULL || window_action_find(span_of(w->action)) < 0)
        return error_set(MEGA_INVALID, "action: %s; give " WINDOW_NAMES_TEXT, w->action ? "unknown" : "missing");
    if (w->at_ms < 0)
        return error_set(MEGA_INVALID, "at_ms: out of range; give ms since 1970, or 0 for now");
    r->action = span_of(w->action);
    r->at_ms = w->at_ms;
    if (take_text("openid", w->openid, OPENID_BYTES_MAX, &r->openid))
        return MEGA_INVALID;
    return take_name("app", w->app, ACCOUNT_BYTES_MAX, &r->app);
}

int form_tset(const char *key, struct form *f)
{
    *f = (struct form){.request = {.op = OP_TSET, .lane = -1}};
    if (key == NULL)
        return error_set(MEGA_INVALID, "key: missing; give 1 to %d characters", KEY_BYTES_MAX);
    return take_key(key, &f->request.key);
}

int form_ping(struct form *f)
{
    *f = (struct form){.request = {.op = OP_PING, .lane = -1}};
    return 0;
}
