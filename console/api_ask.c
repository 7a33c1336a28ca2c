#include "console/api_ask.h"

#include <stdio.h>
#include <string.h>

#include "proto/json_mp.h"
#include "proto/series.h"
#include "proto/task.h"

#define TOKEN_BYTES_MAX 1400 /* of the text; of its bytes the broker takes 1,024 */

/* --- operations --------------------------------------------------------------------------------------------------- */

static int is_named(const char *name, const char *known)
{
    return known && strcmp(name, known) == 0;
}

static int find_queue(const char *name, struct api_op *op)
{
    if (strcmp(name, "purge") == 0)
        name = ask_name(ASK_DISCARD);
    for (int i = ASK_NONE + 1; i <= ASK_DISCARD; i++) {
        if (!is_named(name, ask_name((enum ask_op)i)))
            continue;
        *op = (struct api_op){.of = API_QUEUE, .op = i, .name = ask_name((enum ask_op)i)};
        op->reads_only = i == ASK_STATUS || i == ASK_LIST || i == ASK_SHOW || i == ASK_PAUSES || i == ASK_WINDOWS;
        op->is_long = i == ASK_CANCEL || i == ASK_REQUEUE || i == ASK_DISCARD;
        return 0;
    }
    return -1;
}

static int find_task(const char *name, struct api_op *op)
{
    for (int i = TASK_NONE + 1; i <= TASK_STATUS; i++) {
        if (!is_named(name, task_op_name((enum task_op)i)))
            continue;
        *op = (struct api_op){.of = API_TASKS, .op = i, .name = task_op_name((enum task_op)i)};
        op->reads_only = i == TASK_LIST || i == TASK_SHOW || i == TASK_FAILED || i == TASK_STATUS;
        return 0;
    }
    return -1;
}

static int find_series(const char *name, struct api_op *op)
{
    for (int i = SERIES_NONE + 1; i <= SERIES_STATUS; i++) {
        if (!is_named(name, series_op_name((enum series_op)i)))
            continue;
        *op = (struct api_op){.of = API_SERIES, .op = i, .name = series_op_name((enum series_op)i)};
        op->reads_only = i != SERIES_START && i != SERIES_STOP;
        return 0;
    }
    return -1;
}

int api_op_find(enum api_of of, const char *name, struct api_op *op)
{
    if (of == API_SERIES)
        return find_series(name, op);
    return of == API_QUEUE ? find_queue(name, op) : find_task(name, op);
}

/* --- a query as JSON ---------------------------------------------------------------------------------------------- */

static int is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return 1;
    return 0;
}

static int is_number(const char *value)
{
    size_t sign = value[0] == '-';
    size_t digits = strspn(value + sign, "0123456789");
    return digits > 0 && digits < 20 && value[sign + digits] == '\0' && (value[sign] != '0' || digits == 1) && strcmp(value, "-0") != 0;
}

void api_ask_add_argument(enum api_of of, const char *name, const char *value, struct buf *members, struct buf *filter)
{
    static const char *const in_filter[] = {"app", "id", "openid", "key", "task", "state", "since", "until", "errcode", "all", NULL};
    static const char *const numbers[] = {"since", "until", "errcode", "for", "ttl", "rate", "limit", "ref", "at", "row", "rows", "bad", NULL};
    static const char *const flags[] = {"all", "start", "failed", "cancelled", NULL};
    struct buf *out = of == API_QUEUE && is_among(name, in_filter) ? filter : members;
    int is_true = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
    int is_false = strcmp(value, "false") == 0 || strcmp(value, "0") == 0;
    buf_append_str(out, out->bytes ? ",\"" : "\"");
    json_escape(span_of(name), out);
    buf_append_str(out, "\":");
    if (is_among(name, numbers) && is_number(value)) {
        buf_append_str(out, value);
    } else if (is_among(name, flags) && (is_true || is_false)) {
        buf_append_str(out, is_true ? "true" : "false");
    } else {
        buf_append_str(out, "\"");
        json_escape(span_of(value), out);
        buf_append_str(out, "\"");
    }
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void api_token_append(struct span next, struct buf *out)
{
    for (size_t i = 0; i < next.bytes; i += 3) {
        size_t left = next.bytes - i;
        unsigned char in[3] = {(unsigned char)next.data[i], left > 1 ? (unsigned char)next.data[i + 1] : 0,
                               left > 2 ? (unsigned char)next.data[i + 2] : 0};
        char four[4] = {digits64[in[0] >> 2], digits64[(in[0] & 3) << 4 | in[1] >> 4], digits64[(in[1] & 15) << 2 | in[2] >> 6],
                        digits64[in[2] & 63]};
        buf_append(out, four, left > 2 ? 4 : left + 1);
    }
}

int api_token_read(struct span text, struct buf *out)
{
    uint32_t bits = 0;
    unsigned count = 0;
    if (text.bytes > TOKEN_BYTES_MAX || text.bytes % 4 == 1)
        return -1;
    for (size_t i = 0; i < text.bytes; i++) {
        const char *digit = text.data[i] ? strchr(digits64, text.data[i]) : NULL;
        if (digit == NULL)
            return -1;
        bits = bits << 6 | (uint32_t)(digit - digits64);
        count += 6;
        if (count >= 8) {
            count -= 8;
            char byte = (char)(bits >> count & 0xff);
            buf_append(out, &byte, 1);
        }
    }
    return 0;
}

/* --- a body as an ask --------------------------------------------------------------------------------------------- */

struct translation {
    const struct api_op *op;
    struct json_reader r;
    uint64_t *ref;
    struct buf *out, *error;
    size_t count; /* members written */
};

static int refuse(struct translation *t, const char *text)
{
    buf_append_str(t->error, text);
    return -1;
}

/* `from`: bytes for broker and listener, the number that these are for the task runner. */
static int pack_from(struct translation *t, struct json_token token)
{
    struct buf text = {0}, bytes = {0};
    int wrong = 0;
    if (token.type == JSON_STRING)
        json_unescape(token.raw, &text);
    if (token.type != JSON_STRING || api_token_read(buf_span(&text), &bytes) || (t->op->of == API_TASKS && bytes.bytes > 8)) {
        wrong = refuse(t, "from: give `next` of the answer before, as it was");
    } else if (t->op->of != API_TASKS) {
        mp_str(t->out, "from");
        mp_bin(t->out, buf_span(&bytes));
        t->count++;
    } else {
        uint64_t from = 0;
        for (size_t i = 0; i < bytes.bytes; i++)
            from = from << 8 | (unsigned char)bytes.data[i];
        mp_put_u64(t->out, "from", from);
        t->count++;
    }
    buf_free(&text);
    buf_free(&bytes);
    return wrong;
}

/* `data`: rows, one packed behind the other. */
static int pack_rows(struct translation *t, struct json_token token)
{
    struct buf rows = {0};
    int wrong = 0;
    if (token.type != JSON_ARRAY)
        return refuse(t, "data: give an array of rows, each an array [line, openid, vars]");
    for (token = json_next(&t->r); token.type != JSON_ARRAY_END && !wrong; token = json_next(&t->r))
        wrong = json_mp_value(&t->r, token, &rows, t->error);
    if (!wrong) {
        mp_str(t->out, "data");
        mp_bin(t->out, buf_span(&rows));
        t->count++;
    }
    buf_free(&rows);
    return wrong;
}

static int read_ref(struct translation *t, struct json_token token)
{
    struct buf packed = {0};
    struct mp_cursor c;
    if (token.type != JSON_NUMBER || json_mp_number(token.raw, &packed)) {
        buf_free(&packed);
        return refuse(t, "ref: give `ref` of the answer before, as it was");
    }
    mp_open(&c, buf_span(&packed));
    uint64_t ref = mp_read_u64(&c);
    int is_good = !c.failed && ref > 0 && ref <= INT64_MAX;
    buf_free(&packed);
    if (!is_good)
        return refuse(t, "ref: give `ref` of the answer before, as it was");
    *t->ref = ref;
    return 0;
}

static int read_member(struct translation *t, struct span name, struct json_token value)
{
    static const char *const ours[] = {"t", "op", "by"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (span_is(name, ours[i]))
            return refuse(t, "t, op, by: are given by the address and the header X-Operator; leave them out");
    if (value.type == JSON_NULL)
        return 0; /* counts as not given */
    if (span_is(name, "ref"))
        return read_ref(t, value);
    if (span_is(name, "from"))
        return pack_from(t, value);
    if (t->op->of == API_TASKS && span_is(name, "data"))
        return pack_rows(t, value);
    mp_span(t->out, name);
    t->count++;
    return json_mp_value(&t->r, value, t->out, t->error);
}

static int refuse_json(struct translation *t)
{
    buf_printf(t->error, "body: not JSON at byte %zu: %s", t->r.at, json_error(&t->r) ? json_error(&t->r) : "something is behind the object");
    return -1;
}

static int read_members(struct translation *t, struct span json)
{
    struct buf name = {0};
    int wrong = 0;
    json_open(&t->r, json);
    struct json_token token = json_next(&t->r);
    if (token.type == JSON_ERROR)
        return refuse_json(t);
    if (token.type != JSON_OBJECT)
        return refuse(t, "body: give a JSON object with the members of the ask");
    for (token = json_next(&t->r); token.type == JSON_NAME && !wrong; token = json_next(&t->r)) {
        buf_clear(&name);
        json_unescape(token.raw, &name);
        wrong = read_member(t, buf_span(&name), json_next(&t->r));
    }
    buf_free(&name);
    if (wrong)
        return -1;
    return token.type == JSON_OBJECT_END && json_next(&t->r).type == JSON_END ? 0 : refuse_json(t);
}

static int is_blank(struct span text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (memchr(" \t\r\n", text.data[i], 4) == NULL)
            return 0;
    return 1;
}

/* Read as its party will read it. */
static int check(const struct api_op *op, struct span packed, struct buf *error)
{
    struct ask ask;
    struct task_ask task;
    struct series_ask series;
    if (op->of == API_SERIES)
        return series_ask_unpack(packed, &series, error);
    return op->of == API_QUEUE ? ask_unpack(packed, &ask, error) : task_ask_unpack(packed, &task, error);
}

int api_ask_pack(const struct api_op *op, struct span json, uint64_t *ref, struct span by, struct buf *out, struct buf *error)
{
    struct translation t = {.op = op, .ref = ref, .out = out, .error = error};
    size_t from = out->bytes, place = mp_map_open(out);
    if (!is_blank(json) && read_members(&t, json))
        return -1;
    mp_put_str(out, "t", "ask");
    mp_put_str(out, "op", op->name);
    mp_put_u64(out, "ref", *ref);
    t.count += 3 + mp_opt_span(out, "by", by);
    if (t.count > 65535)
        return refuse(&t, "body: more than 65535 members");
    mp_map_close(out, place, t.count);
    return check(op, (struct span){out->data + from, out->bytes - from}, error);
}
