#include "console/api_answer.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/utf8.h"
#include "proto/mp_json.h"

static void put_text(const char *name, struct span text, struct buf *out)
{
    struct buf valid = {0};
    if (text.bytes == 0)
        return;
    utf8_append(text, &valid);
    buf_printf(out, ",\"%s\":\"", name);
    json_escape(buf_span(&valid), out);
    buf_append_str(out, "\"");
    buf_free(&valid);
}

static void put_count(const char *name, uint64_t count, struct buf *out)
{
    if (count)
        buf_printf(out, ",\"%s\":%" PRIu64, name, count);
}

void api_answer_write(const struct api_op *op, const struct answer *answer, uint64_t ref, struct buf *out)
{
    buf_printf(out, "{\"code\":%d", (int)answer->code);
    put_text("message", answer->message, out);
    put_count("done", answer->done, out);
    put_count("left", answer->left, out);
    put_count("looked", answer->looked, out);
    put_count("indexing", answer->indexing, out);
    put_count("ref", op->is_long ? ref : 0, out);
    if (answer->next.bytes) {
        buf_append_str(out, ",\"next\":\"");
        api_token_append(answer->next, out);
        buf_append_str(out, "\"");
    }
    size_t before = out->bytes;
    if (answer->data.bytes) {
        buf_append_str(out, ",\"data\":");
        if (mp_json(answer->data, out) != 0)
            out->bytes = before;
    }
    buf_append_str(out, "}\n");
}

void api_answer_refuse(int code, const char *message, struct buf *out)
{
    buf_printf(out, "{\"code\":%d", code);
    put_text("message", span_of(message), out);
    buf_append_str(out, "}\n");
}

unsigned api_answer_status(const struct api_op *op, const struct answer *answer)
{
    if (answer->code == CODE_QUEUED)
        return op->is_long ? 202 : 200;
    return answer->code >= 200 && answer->code < 600 ? (unsigned)answer->code : 500;
}
