#include "proto/task.h"

#include <assert.h>
#include <string.h>

#include "proto/field.h"
#include "proto/mp.h"

#define BY_BYTES_MAX      64

static const char *const op_names[] = {
    [TASK_OPEN] = "open",     [TASK_ROWS] = "rows",     [TASK_DROP] = "drop",     [TASK_COMMIT] = "commit",
    [TASK_ABORT] = "abort",   [TASK_LIST] = "list",     [TASK_SHOW] = "show",     [TASK_START] = "start",
    [TASK_PAUSE] = "pause",   [TASK_RESUME] = "resume", [TASK_STOP] = "stop",     [TASK_RATE] = "rate",
    [TASK_FAILED] = "failed", [TASK_RESEND] = "resend", [TASK_DELETE] = "delete",
    [TASK_STATUS] = "status"};

const char *task_op_name(enum task_op op)
{
    return op == TASK_NONE ? NULL : op_names[op];
}

int task_name_is_good(struct span text)
{
    return field_is_plain(text, TASK_NAME_BYTES_MAX);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

void task_row_pack(const struct task_row *r, struct buf *out)
{
    mp_array(out, 3);
    mp_u64(out, r->line);
    mp_span(out, r->openid);
    if (r->vars.bytes)
        mp_raw(out, r->vars);
    else
        mp_nil(out);
}

int task_row_next(struct span *data, struct task_row *r)
{
    struct mp_cursor c;
    if (data->bytes == 0)
        return 0;
    mp_open(&c, *data);
    if (mp_read_array(&c) != 3)
        return -1;
    r->line = mp_read_u64(&c);
    r->openid = mp_read_str(&c);
    int has_vars = mp_peek(&c) == MP_MAP;
    if (!has_vars && mp_peek(&c) != MP_NIL)
        return -1;
    struct span vars = mp_skip(&c);
    if (c.failed || r->openid.bytes == 0 || r->openid.bytes > OPENID_BYTES_MAX || !span_is_utf8(r->openid))
        return -1;
    r->vars = has_vars ? vars : (struct span){NULL, 0};
    r->packed = (struct span){data->data, (size_t)(c.at - data->data)};
    if (r->packed.bytes > TASK_ROW_BYTES_MAX)
        return -1;
    *data = (struct span){c.at, data->bytes - r->packed.bytes};
    return 1;
}

/* --- packing: what is zero or empty is left out ------------------------------------------------------------------- */

void task_ask_pack(const struct task_ask *a, struct buf *out)
{
    assert(a->op > TASK_NONE && a->op <= TASK_STATUS);
    size_t place = mp_map_open(out), count = 2;
    mp_put_str(out, "t", "ask");
    count += mp_opt_u64(out, "ref", a->ref);
    mp_put_str(out, "op", op_names[a->op]);
    count += mp_opt_span(out, "name", a->name);
    count += mp_opt_span(out, "upload", a->upload);
    count += mp_opt_span(out, "key", a->key);
    count += mp_opt_span(out, "app", a->app);
    count += mp_opt_span(out, "source", a->source);
    count += mp_opt_raw(out, "columns", a->columns);
    if (a->op == TASK_OPEN && a->lane >= 0)
        count += mp_opt_span(out, "lane", span_of(lane_name(a->lane)));
    count += mp_opt_i64(out, "rate", a->rate_per_s);
    count += mp_opt_i64(out, "at", a->at_ms);
    count += mp_opt_i64(out, "ttl", a->ttl_ms);
    count += mp_opt_u64(out, "row", a->row);
    count += mp_opt_bin(out, "data", a->data);
    count += mp_opt_raw(out, "drops", a->drops);
    count += mp_opt_u64(out, "rows", a->rows);
    count += mp_opt_u64(out, "bad", a->bad);
    count += mp_opt_flag(out, "start", a->start);
    count += mp_opt_u64(out, "from", a->from);
    count += mp_opt_u64(out, "limit", a->limit);
    count += mp_opt_flag(out, "failed", a->failed);
    count += mp_opt_flag(out, "cancelled", a->cancelled);
    count += mp_opt_span(out, "by", a->by);
    mp_map_close(out, place, count);
}

/* --- unpacking ---------------------------------------------------------------------------------------------------- */

static int refuse(struct buf *error, const char *text)
{
    buf_append_str(error, text);
    return -1;
}

static int read_op(struct mp_cursor *c, enum task_op *op, struct buf *error)
{
    int found = field_op(c, op_names, TASK_OPEN, TASK_STATUS,
                         "open, rows, drop, commit, abort, list, show, start, pause, resume, stop, rate, "
                         "failed, resend or delete", error);
    *op = found > 0 ? (enum task_op)found : TASK_NONE;
    return found > 0 ? 0 : -1;
}

static int read_upload(struct mp_cursor *c, struct span *upload, struct buf *error)
{
    if (field_name(c, "upload", TASK_UPLOAD_BYTES, upload, error))
        return -1;
    size_t digits = 0;
    while (digits < upload->bytes && strchr("0123456789abcdef", upload->data[digits]))
        digits++;
    if (upload->data == NULL || digits == TASK_UPLOAD_BYTES)
        return 0;
    buf_printf(error, "upload: give %d hexadecimal digits", TASK_UPLOAD_BYTES);
    return -1;
}

static int read_lane(struct mp_cursor *c, int *lane, struct buf *error)
{
    struct span text = {NULL, 0};
    if (field_text(c, "lane", 16, &text, error))
        return -1;
    if (text.data == NULL)
        return 0;
    *lane = lane_find(text);
    return *lane >= 0 ? 0 : refuse(error, "lane: unknown; give express or bulk");
}

/* An array whose elements are all of one type. */
static int read_array(struct mp_cursor *c, const char *field, enum mp_type type, uint32_t count_max, struct span *out,
                      struct buf *error)
{
    const char *from = c->at;
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_ARRAY || v.as.count > count_max) {
        buf_printf(error, "%s: give an array of at most %u", field, count_max);
        return -1;
    }
    for (uint32_t i = 0; i < v.as.count; i++) {
        struct mp_value element = mp_read(c);
        if (element.type == type &&
            (type != MP_STR || (element.text.bytes <= VAR_NAME_BYTES_MAX && span_is_utf8(element.text))))
            continue;
        buf_printf(error, "%s: %s in it; give %s", field, field_type_name(element.type),
                   type == MP_STR ? "str of at most 256 bytes of UTF-8" : "integers that are not negative");
        return -1;
    }
    *out = (struct span){from, (size_t)(c->at - from)};
    return 0;
}

static int read_making(struct mp_cursor *c, struct span name, struct task_ask *a, struct buf *error)
{
    if (span_is(name, "upload"))
        return read_upload(c, &a->upload, error);
    if (span_is(name, "key"))
        return field_text(c, "key", KEY_TEXT_BYTES_MAX, &a->key, error);
    if (span_is(name, "app"))
        return field_name(c, "app", ACCOUNT_BYTES_MAX, &a->app, error);
    if (span_is(name, "source"))
        return field_text(c, "source", TASK_SOURCE_BYTES_MAX, &a->source, error);
    if (span_is(name, "columns"))
        return read_array(c, "columns", MP_STR, TASK_COLUMNS_MAX, &a->columns, error);
    if (span_is(name, "lane"))
        return read_lane(c, &a->lane, error);
    if (span_is(name, "at"))
        return field_int(c, "at", 0, INT64_MAX, "ms", &a->at_ms, error);
    if (span_is(name, "ttl"))
        return field_int(c, "ttl", 0, AT_AHEAD_MS_MAX, "ms", &a->ttl_ms, error);
    if (span_is(name, "row"))
        return field_count(c, "row", TASK_ROWS_MAX, &a->row, error);
    if (span_is(name, "data"))
        return field_bin(c, "data", TASK_DATA_BYTES_MAX, &a->data, error);
    if (span_is(name, "drops"))
        return read_array(c, "drops", MP_UINT, TASK_DROPS_MAX, &a->drops, error);
    if (span_is(name, "rows"))
        return field_count(c, "rows", TASK_ROWS_MAX, &a->rows, error);
    if (span_is(name, "bad"))
        return field_count(c, "bad", INT64_MAX, &a->bad, error);
    if (span_is(name, "start"))
        return field_bool(c, "start", &a->start, error);
    return field_unknown("", name, error);
}

static int read_member(struct mp_cursor *c, struct span name, void *ask, struct buf *error)
{
    struct task_ask *a = ask;
    uint64_t limit = 0;
    if (span_is(name, "t"))
        return field_ask_type(c, error);
    if (span_is(name, "ref"))
        return field_count(c, "ref", INT64_MAX, &a->ref, error);
    if (span_is(name, "op"))
        return read_op(c, &a->op, error);
    if (span_is(name, "name"))
        return field_plain(c, "name", TASK_NAME_BYTES_MAX, &a->name, error);
    if (span_is(name, "rate"))
        return field_int(c, "rate", 0, RATE_MAX, "messages a second", &a->rate_per_s, error);
    if (span_is(name, "from"))
        return field_count(c, "from", INT64_MAX, &a->from, error);
    if (span_is(name, "failed"))
        return field_bool(c, "failed", &a->failed, error);
    if (span_is(name, "cancelled"))
        return field_bool(c, "cancelled", &a->cancelled, error);
    if (span_is(name, "by"))
        return field_name(c, "by", BY_BYTES_MAX, &a->by, error);
    if (!span_is(name, "limit"))
        return read_making(c, name, a, error);
    if (field_count(c, "limit", TASK_FAILED_MAX, &limit, error))
        return -1;
    a->limit = (uint32_t)limit;
    return 0;
}

static int check_complete(const struct task_ask *a, struct buf *error)
{
    if (a->op == TASK_NONE)
        return refuse(error, "op: missing; say what is to be done");
    if (a->op != TASK_LIST && a->op != TASK_STATUS && a->name.bytes == 0)
        return refuse(error, "name: missing; say which task");
    if (a->op >= TASK_OPEN && a->op <= TASK_ABORT && a->upload.bytes == 0)
        return refuse(error, "upload: missing; name this making of the task");
    if (a->op == TASK_OPEN && a->key.bytes == 0)
        return refuse(error, "key: missing; say which template");
    if (a->op == TASK_RESEND && !a->failed && !a->cancelled)
        return refuse(error, "failed: missing; say whom to send to again: failed, cancelled or both");
    return 0;
}

int task_ask_unpack(struct span packed, struct task_ask *a, struct buf *error)
{
    struct mp_cursor c;
    *a = (struct task_ask){.lane = -1};
    buf_clear(error);
    if (field_ask(packed, read_member, a, error) == 0 && check_complete(a, error) == 0)
        return 0;
    /* Refused for a member that stands before the ref: the asker still has to know which ask it was. */
    if (a->ref == 0 && mp_find(packed, "ref", &c))
        a->ref = mp_read_u64(&c);
    return -1;
}
