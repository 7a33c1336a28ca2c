#include "proto/frontend.h"

#include "base/window.h"
#include "proto/mp.h"

static const char *const op_names[] = {[OP_PUSH] = "push",     [OP_SEND] = "send",     [OP_TSET] = "tset",
                                       [OP_CANCEL] = "cancel", [OP_STATUS] = "status", [OP_PING] = "ping",
                                       [OP_CHECK] = "check",   [OP_RECEIPT] = "receipt", [OP_WINDOW] = "window"};

static const char *const receipt_names[] = {
    [RECEIPT_NONE] = NULL, [RECEIPT_REACHED] = "delivered", [RECEIPT_REJECTED] = "blocked", [RECEIPT_LOST] = "failed"};

static const char *const lane_names[] = {[LANE_EXPRESS] = "express", [LANE_BULK] = "bulk"};

const char *op_name(enum op op)
{
    return op == OP_NONE ? NULL : op_names[op];
}

static enum op op_find(struct span name)
{
    for (int i = OP_PUSH; i < OPS; i++)
        if (span_is(name, op_names[i]))
            return (enum op)i;
    return OP_NONE;
}

const char *receipt_name(enum receipt outcome)
{
    return receipt_names[outcome];
}

enum receipt receipt_find(struct span name)
{
    for (int i = RECEIPT_NONE + 1; i < RECEIPTS; i++)
        if (span_is(name, receipt_names[i]))
            return (enum receipt)i;
    return RECEIPT_NONE;
}

int lane_find(struct span name)
{
    for (int lane = 0; lane < LANES; lane++)
        if (span_is(name, lane_names[lane]))
            return lane;
    return -1;
}

const char *lane_name(int lane)
{
    return lane < 0 ? NULL : lane_names[lane];
}

int name_is_plain(struct span text, size_t bytes_max)
{
    if (text.bytes == 0 || text.bytes > bytes_max)
        return 0;
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte <= ' ' || byte == 0x7f)
            return 0;
    }
    return span_is_utf8(text);
}

/* --- packing ------------------------------------------------------------------------------------------------------ */

void request_pack(const struct request *r, struct buf *out)
{
    size_t place = mp_map_open(out), count = 1;
    mp_put_str(out, "op", op_names[r->op]);
    count += mp_opt_raw(out, "ref", r->ref);
    count += mp_opt_span(out, "id", r->id);
    count += mp_opt_span(out, "app", r->app);
    count += mp_opt_span(out, "openid", r->openid);
    count += mp_opt_span(out, "key", r->key);
    count += mp_opt_raw(out, "vars", r->vars);
    count += mp_opt_i64(out, "at", r->at_ms);
    count += mp_opt_i64(out, "in", r->in_ms);
    count += mp_opt_i64(out, "ttl", r->ttl_ms);
    count += mp_opt_span(out, "task", r->task);
    if (r->lane >= 0)
        count += mp_opt_span(out, "lane", span_of(lane_name(r->lane)));
    count += mp_opt_flag(out, "wait", r->wait);
    count += mp_opt_i64(out, "msgid", r->msgid);
    if (r->outcome)
        count += mp_opt_span(out, "outcome", span_of(receipt_names[r->outcome]));
    count += mp_opt_span(out, "message", r->message);
    count += mp_opt_span(out, "action", r->action);
    mp_map_close(out, place, count);
}

void result_pack(const struct result *r, struct buf *out)
{
    size_t place = mp_map_open(out), count = 2;
    count += mp_opt_raw(out, "ref", r->ref);
    count += mp_opt_span(out, "id", r->id);
    mp_put_i64(out, "code", (int64_t)r->code);
    mp_put_u64(out, "epoch", r->epoch);
    count += mp_opt_span(out, "message", r->message);
    count += mp_opt_i64(out, "errcode", r->errcode);
    count += mp_opt_i64(out, "msgid", r->msgid);
    count += mp_opt_span(out, "state", r->state);
    count += mp_opt_u64(out, "count", r->count);
    count += mp_opt_i64(out, "packs", r->packs);
    mp_map_close(out, place, count);
}

/* --- unpacking ---------------------------------------------------------------------------------------------------- */

static int refuse(struct buf *error, const char *text)
{
    buf_append_str(error, text);
    return -1;
}

static const char *type_name(enum mp_type type)
{
    static const char *const names[] = {
        [MP_ERROR] = "damaged", [MP_NIL] = "nil", [MP_BOOL] = "a bool",    [MP_UINT] = "an integer",
        [MP_INT] = "an integer", [MP_FLOAT] = "a float", [MP_STR] = "a str", [MP_BIN] = "a bin",
        [MP_ARRAY] = "an array", [MP_MAP] = "a map",     [MP_EXT] = "an ext"};
    return names[type];
}

/* Reads a str of at most bytes_max bytes. nil counts as not given. */
static int read_text(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_STR) {
        buf_printf(error, "%s: %s; give a str", field, type_name(v.type));
        return -1;
    }
    if (v.text.bytes > bytes_max) {
        buf_printf(error, "%s: %zu bytes; at most %zu", field, v.text.bytes, bytes_max);
        return -1;
    }
    *out = v.text;
    return 0;
}

static int read_name(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error)
{
    if (read_text(c, field, bytes_max, out, error))
        return -1;
    if (out->data && !name_is_plain(*out, bytes_max)) {
        buf_printf(error, "%s: empty, or not plain UTF-8 without spaces and control characters", field);
        return -1;
    }
    return 0;
}

/* Reads a time of 0 to `max` ms. */
static int read_time(struct mp_cursor *c, const char *field, int64_t max, int64_t *out, struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_UINT && v.type != MP_INT) {
        buf_printf(error, "%s: %s; give an integer of milliseconds", field, type_name(v.type));
        return -1;
    }
    if (v.type == MP_INT || v.as.u64 > (uint64_t)max) {
        buf_printf(error, "%s: out of range; give 0 to %lld ms", field, (long long)max);
        return -1;
    }
    *out = (int64_t)v.as.u64;
    return 0;
}

static int read_lane(struct mp_cursor *c, int *lane, struct buf *error)
{
    struct span text = {NULL, 0};
    if (read_text(c, "lane", 64, &text, error))
        return -1;
    if (text.data == NULL)
        return 0;
    *lane = lane_find(text);
    return *lane >= 0 ? 0 : refuse(error, "lane: unknown; give express or bulk");
}

static int read_flag(struct mp_cursor *c, const char *field, int *flag, struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type != MP_NIL && v.type != MP_BOOL) {
        buf_printf(error, "%s: %s; give true or false", field, type_name(v.type));
        return -1;
    }
    *flag = v.type == MP_BOOL && v.as.boolean;
    return 0;
}

/* WeChat's number of a message. */
static int read_msgid(struct mp_cursor *c, int64_t *msgid, struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_INT && (v.type != MP_UINT || v.as.u64 > INT64_MAX)) {
        buf_printf(error, "msgid: %s; give an integer of 64 bits with sign", v.type == MP_UINT ? "too large" : type_name(v.type));
        return -1;
    }
    *msgid = v.type == MP_INT ? v.as.i64 : (int64_t)v.as.u64;
    return 0;
}

static int read_outcome(struct mp_cursor *c, enum receipt *outcome, struct buf *error)
{
    struct span text = {NULL, 0};
    if (read_text(c, "outcome", 64, &text, error))
        return -1;
    if (text.data == NULL)
        return 0;
    *outcome = receipt_find(text);
    return *outcome ? 0 : refuse(error, "outcome: unknown; give delivered, blocked or failed");
}

static int read_action(struct mp_cursor *c, struct span *action, struct buf *error)
{
    if (read_text(c, "action", 64, action, error))
        return -1;
    if (action->data && window_action_find(*action) < 0)
        return refuse(error, "action: unknown; give " WINDOW_NAMES_TEXT);
    return 0;
}

static int read_op(struct mp_cursor *c, enum op *op, struct buf *error)
{
    struct span text = {NULL, 0};
    if (read_text(c, "op", 64, &text, error))
        return -1;
    *op = op_find(text);
    if (*op == OP_NONE)
        return refuse(error, "op: unknown; give push, send, check, tset, cancel, status, receipt, window or ping");
    return 0;
}

static int read_ref(struct mp_cursor *c, struct span *ref, struct buf *error)
{
    enum mp_type type = mp_peek(c);
    if (type == MP_ARRAY || type == MP_MAP || type == MP_EXT)
        return refuse(error, "ref: give a scalar");
    struct span packed = mp_skip(c);
    if (packed.bytes > REF_BYTES_MAX) {
        buf_printf(error, "ref: %zu bytes packed; at most %d", packed.bytes, REF_BYTES_MAX);
        return -1;
    }
    *ref = packed;
    return 0;
}

static int is_variable(const struct mp_value *v)
{
    if (v->type == MP_STR)
        return span_is_utf8(v->text);
    if (v->type == MP_EXT)
        return v->ext == MP_EXT_NUMBER;
    if (v->type == MP_FLOAT)
        return v->as.number - v->as.number == 0; /* finite */
    return v->type == MP_NIL || v->type == MP_BOOL || v->type == MP_UINT || v->type == MP_INT;
}

/* An ext number is put into templates as it is, so it must be one: an optional minus and digits. */
static int is_number_text(struct span text)
{
    size_t i = text.bytes && text.data[0] == '-' ? 1 : 0;
    if (text.bytes == i || text.bytes > 256 || (text.data[i] == '0' && text.bytes > i + 1))
        return 0;
    for (; i < text.bytes; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
    return 1;
}

static int read_variable(struct mp_cursor *c, struct buf *error)
{
    struct mp_value name = mp_read(c);
    if (name.type != MP_STR)
        return refuse(error, "vars: a name that is no str");
    if (name.text.bytes > VAR_NAME_BYTES_MAX || !span_is_utf8(name.text)) {
        buf_printf(error, "vars: a name over %d bytes or not UTF-8", VAR_NAME_BYTES_MAX);
        return -1;
    }
    struct mp_value v = mp_read(c);
    if (is_variable(&v) && (v.type != MP_EXT || is_number_text(v.text)))
        return 0;
    buf_printf(error, "%.*s: %s; a variable is UTF-8 text, a finite number, a bool or nil", (int)name.text.bytes,
               name.text.data, type_name(v.type));
    return -1;
}

static int read_vars(struct mp_cursor *c, struct span *vars, struct buf *error)
{
    const char *from = c->at;
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_MAP) {
        buf_printf(error, "vars: %s; give a map", type_name(v.type));
        return -1;
    }
    if (v.as.count > VARS_MAX) {
        buf_printf(error, "vars: %u variables; at most %d", v.as.count, VARS_MAX);
        return -1;
    }
    for (uint32_t i = 0; i < v.as.count; i++)
        if (read_variable(c, error))
            return -1;
    *vars = (struct span){from, (size_t)(c->at - from)};
    return 0;
}

static int read_member(struct mp_cursor *c, struct span name, struct request *r, struct buf *error)
{
    if (span_is(name, "op"))
        return read_op(c, &r->op, error);
    if (span_is(name, "ref"))
        return read_ref(c, &r->ref, error);
    if (span_is(name, "id"))
        return read_name(c, "id", ID_BYTES_MAX, &r->id, error);
    if (span_is(name, "app"))
        return read_name(c, "app", ACCOUNT_BYTES_MAX, &r->app, error);
    if (span_is(name, "openid"))
        return read_text(c, "openid", OPENID_BYTES_MAX, &r->openid, error);
    if (span_is(name, "key"))
        return read_text(c, "key", REQUEST_BYTES_MAX, &r->key, error);
    if (span_is(name, "vars"))
        return read_vars(c, &r->vars, error);
    if (span_is(name, "at"))
        return read_time(c, "at", INT64_MAX, &r->at_ms, error);
    if (span_is(name, "in"))
        return read_time(c, "in", AT_AHEAD_MS_MAX, &r->in_ms, error);
    if (span_is(name, "ttl"))
        return read_time(c, "ttl", AT_AHEAD_MS_MAX, &r->ttl_ms, error);
    if (span_is(name, "lane"))
        return read_lane(c, &r->lane, error);
    if (span_is(name, "task"))
        return read_name(c, "task", TASK_BYTES_MAX, &r->task, error);
    if (span_is(name, "wait"))
        return read_flag(c, "wait", &r->wait, error);
    if (span_is(name, "msgid"))
        return read_msgid(c, &r->msgid, error);
    if (span_is(name, "outcome"))
        return read_outcome(c, &r->outcome, error);
    if (span_is(name, "message"))
        return read_text(c, "message", RECEIPT_TEXT_BYTES_MAX, &r->message, error);
    if (span_is(name, "action"))
        return read_action(c, &r->action, error);
    buf_printf(error, "%.*s: unknown member", (int)(name.bytes > 64 ? 64 : name.bytes), name.data);
    return -1;
}

static int check_openid(const struct request *r, struct buf *error)
{
    if (r->openid.bytes == 0)
        return refuse(error, "openid: empty or missing; give 1 to 128 bytes");
    return span_is_utf8(r->openid) ? 0 : refuse(error, "openid: not UTF-8");
}

static int check_receipt(const struct request *r, struct buf *error)
{
    if (r->op != OP_RECEIPT)
        return r->outcome || r->msgid || r->message.data ? refuse(error, "outcome, msgid, message: only a receipt has them") : 0;
    if (r->outcome == RECEIPT_NONE)
        return refuse(error, "outcome: missing; give delivered, blocked or failed");
    if (!span_is_utf8(r->message))
        return refuse(error, "message: not UTF-8");
    return check_openid(r, error);
}

static int check_window(const struct request *r, struct buf *error)
{
    if (r->op != OP_WINDOW)
        return r->action.data ? refuse(error, "action: only a window has one") : 0;
    if (r->action.data == NULL)
        return refuse(error, "action: missing; give " WINDOW_NAMES_TEXT);
    return check_openid(r, error);
}

/* What an operation cannot do without. */
static int check_complete(const struct request *r, struct buf *error)
{
    if (r->op == OP_NONE)
        return refuse(error, "op: missing; give push, send, check, tset, cancel, status, receipt, window or ping");
    if (r->op == OP_TSET && r->key.data == NULL)
        return refuse(error, "key: missing");
    if (r->op == OP_STATUS && r->id.bytes == 0)
        return refuse(error, "id: missing");
    /* An empty text that was meant to narrow the search must not widen it. */
    if (r->op == OP_CANCEL && r->openid.data && r->openid.bytes == 0)
        return refuse(error, "openid: empty; leave it out, or say whose messages");
    if (r->op == OP_CANCEL && r->key.data && r->key.bytes == 0)
        return refuse(error, "key: empty; leave it out, or say of which template");
    if (r->op == OP_CANCEL && r->id.bytes == 0 && r->openid.bytes == 0 && r->task.bytes == 0)
        return refuse(error, "id: missing; give an id, or an openid or a task to cancel all that wait of it");
    if (r->op == OP_CANCEL && r->id.bytes && (r->openid.bytes || r->task.bytes))
        return refuse(error, "id: given together with openid or task; give one id, or what is to be found");
    if (r->wait && r->op != OP_STATUS)
        return refuse(error, "wait: only a status waits");
    if (check_receipt(r, error))
        return -1;
    if (check_window(r, error))
        return -1;
    if (r->op != OP_PUSH && r->op != OP_SEND && r->op != OP_CHECK)
        return 0;
    if (check_openid(r, error))
        return -1;
    if (r->key.data == NULL)
        return refuse(error, "key: missing");
    if (r->at_ms && r->in_ms)
        return refuse(error, "at: given together with in; give one of them");
    return 0;
}

/* Finds the ref of a request that is refused for another field, so that its caller can match the answer. */
static void find_ref(struct span packed, struct request *r)
{
    struct mp_cursor c;
    struct buf ignored = {0};
    if (mp_find(packed, "ref", &c))
        read_ref(&c, &r->ref, &ignored);
    buf_free(&ignored);
}

static int unpack_map(struct span packed, size_t *used, struct request *r, struct buf *error)
{
    struct mp_cursor c;
    mp_open(&c, packed);
    struct mp_value v = mp_read(&c);
    if (v.type == MP_ERROR)
        return refuse(error, "request: not msgpack");
    if (v.type != MP_MAP) {
        buf_printf(error, "request: %s; give a map with str names", type_name(v.type));
        return -1;
    }
    for (uint32_t i = 0; i < v.as.count; i++) {
        struct span name;
        if (mp_read_name(&c, &name))
            return refuse(error, "request: a member's name that is no str");
        if (read_member(&c, name, r, error))
            return -1;
        if (c.failed)
            return refuse(error, "request: damaged msgpack");
    }
    *used = (size_t)(c.at - packed.data);
    if (*used > REQUEST_BYTES_MAX) {
        buf_printf(error, "request: %zu bytes; at most %d", *used, REQUEST_BYTES_MAX);
        return -1;
    }
    return check_complete(r, error);
}

/* The bytes of the map at the beginning; all when there is none. Text that was sent by mistake is a row of msgpack integers: it is
 * refused once, not byte by byte. */
static size_t bytes_of_map(struct span packed)
{
    struct mp_cursor c;
    mp_open(&c, packed);
    int is_map = mp_peek(&c) == MP_MAP;
    struct span first = mp_skip(&c);
    return is_map && first.bytes ? first.bytes : packed.bytes;
}

int request_unpack(struct span packed, size_t *used, struct request *r, struct buf *error)
{
    size_t bytes = 0;
    *r = (struct request){.lane = -1};
    buf_clear(error);
    int wrong = unpack_map(packed, &bytes, r, error);
    if (!wrong && used == NULL && bytes < packed.bytes)
        wrong = refuse(error, "request: bytes behind the map");
    if (wrong) {
        bytes = bytes_of_map(packed);
        if (r->ref.bytes == 0)
            find_ref(packed, r);
    }
    if (used)
        *used = bytes;
    return wrong;
}

int result_unpack(struct span packed, size_t *used, struct result *r)
{
    struct mp_cursor c;
    *r = (struct result){0};
    mp_open(&c, packed);
    uint32_t count = mp_read_map(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        struct span name = mp_read_str(&c);
        if (span_is(name, "ref"))
            r->ref = mp_skip(&c);
        else if (span_is(name, "id"))
            r->id = mp_read_str(&c);
        else if (span_is(name, "code"))
            r->code = (enum code)mp_read_i64(&c);
        else if (span_is(name, "message"))
            r->message = mp_read_str(&c);
        else if (span_is(name, "errcode"))
            r->errcode = mp_read_i64(&c);
        else if (span_is(name, "msgid"))
            r->msgid = mp_read_i64(&c);
        else if (span_is(name, "state"))
            r->state = mp_read_str(&c);
        else if (span_is(name, "epoch"))
            r->epoch = mp_read_u64(&c);
        else if (span_is(name, "count"))
            r->count = mp_read_u64(&c);
        else if (span_is(name, "packs"))
            r->packs = mp_read_u64(&c) != 0;
        else
            mp_skip(&c);
    }
    if (used)
        *used = (size_t)(c.at - packed.data);
    return c.failed || r->code == 0 ? -1 : 0;
}
