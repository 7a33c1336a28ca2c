/* What an HTTP client sends, from any bytes: the first byte says how it is taken. What becomes an ask is one that its party reads, under the ref
 * that was given and with nothing of another's name in it; what does not says why. */
#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "console/api_answer.h"
#include "console/api_rows.h"
#include "proto/series.h"
#include "proto/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const queue[] = {"status", "list", "show", "pauses", "pause", "resume", "rate", "cancel", "requeue", "purge"};
static const char *const tasks[] = {"open", "rows", "drop", "commit", "list", "show", "start", "failed", "resend", "status"};
static const char *const series[] = {"list", "show", "who", "start", "stop", "plan", "status", "who", "start", "stop"};
static const char *const *const names[] = {[API_QUEUE] = queue, [API_TASKS] = tasks, [API_SERIES] = series};

/* What the party reads of it: 1 when it is the ask `op` under that ref, asked by console:x. */
static int is_read(const struct api_op *op, struct span packed, uint64_t ref)
{
    struct ask a;
    struct task_ask t;
    struct series_ask s;
    struct buf error = {0};
    int is_good = 0;
    if (op->of == API_QUEUE)
        is_good = ask_unpack(packed, &a, &error) == 0 && a.ref == ref && (int)a.op == op->op && span_is(a.by, "console:x");
    else if (op->of == API_TASKS)
        is_good = task_ask_unpack(packed, &t, &error) == 0 && t.ref == ref && (int)t.op == op->op && span_is(t.by, "console:x");
    else
        is_good = series_ask_unpack(packed, &s, &error) == 0 && s.ref == ref && (int)s.op == op->op && span_is(s.by, "console:x");
    buf_free(&error);
    return is_good;
}

static void ask(enum api_of of, unsigned which, struct span json)
{
    struct api_op op;
    struct buf packed = {0}, error = {0};
    uint64_t ref = 7;
    int unknown = api_op_find(of, names[of][which % 10], &op);
    assert(!unknown);
    if (api_ask_pack(&op, json, &ref, span_of("console:x"), &packed, &error)) {
        assert(error.bytes > 0);
    } else {
        assert(ref > 0 && is_read(&op, buf_span(&packed), ref));
    }
    buf_free(&packed);
    buf_free(&error);
}

static void rows(struct span lines)
{
    struct api_rows r = {.count = 0};
    struct buf error = {0};
    int wrong = api_rows_read(&r, lines, &error);
    assert(wrong ? error.bytes > 0 : r.count > 0);
    uint64_t count, all = 0;
    for (size_t at = 0; !wrong && at < r.packed.bytes; all += count)
        at += api_rows_piece(&r, at, &count);
    assert(wrong || all == r.count);
    api_rows_free(&r);
    buf_free(&error);
}

/* An argument of a query becomes one member, whatever it holds. */
static void argument(enum api_of of, struct span text)
{
    struct buf json = {0}, filter = {0};
    char *value = span_dup(text);
    buf_append_str(&json, "");
    api_ask_add_argument(of, "limit", value, &json, &filter);
    api_ask_add_argument(of, "state", value, &json, &filter);
    api_ask_add_argument(of, value, "1", &json, &filter);
    struct buf whole = {0};
    buf_printf(&whole, "{%s,\"filter\":{%s}}", buf_str(&json), buf_str(&filter));
    if (span_is_utf8(text)) {
        struct json_reader r;
        json_open(&r, buf_span(&whole));
        int skipped = json_skip(&r, json_next(&r));
        assert(skipped == 0 && json_next(&r).type == JSON_END);
    }
    ask(of, 1, buf_span(&whole));
    free(value);
    buf_free(&json);
    buf_free(&filter);
    buf_free(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span rest = {(const char *)data + 1, size - 1};
    unsigned which = data[0] >> 3;
    switch (data[0] & 3) {
    case 0:
        ask(API_QUEUE, which, rest);
        break;
    case 1:
        ask(which & 16 ? API_SERIES : API_TASKS, which, rest);
        break;
    case 2:
        rows(rest);
        break;
    default:
        argument(which & 1 ? API_TASKS : API_QUEUE, rest);
    }
    return 0;
}
