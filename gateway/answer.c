/* Results to frames. A 200 has no message; every refusal has one, ours if the broker gave none. */
#include "gateway/answer.h"

#include <assert.h>

#define HEADER_BYTES 10 /* "result 200" */

static const char *default_message(const struct result *r);

struct answer answer_of(enum op op, const struct result *r)
{
    if (r->code == CODE_OK)
        return (struct answer){.code = CODE_OK};
    struct answer a = {.code = r->code == CODE_REFUSED ? CODE_REFUSED : CODE_FAILED, .message = r->message};
    if (a.message.bytes == 0)
        a.message = span_of(default_message(r));
    /* The original closed the connection when its template source failed; a 503 is ours and does not. */
    a.closes = op == OP_TSET && r->code == CODE_FAILED;
    return a;
}

static const char *default_message(const struct result *r)
{
    switch (r->code) {
    case CODE_REFUSED:
        return "message refused";
    case CODE_NOT_FOUND:
        return "message unknown";
    case CODE_EXPIRED:
        return "message expired";
    case CODE_CANCELLED:
        return "message cancelled";
    case CODE_BUSY:
        return "not accepted now; try again";
    default:
        return span_is(r->state, "dead") ? "message dead" : "message failed";
    }
}

void answer_write(enum code code, uint32_t opaque, struct span message, struct buf *out)
{
    assert(code == CODE_OK || code == CODE_REFUSED || code == CODE_FAILED);
    assert(message.bytes <= UINT32_MAX - 64);
    buf_append_u32be(out, (uint32_t)(4 + HEADER_BYTES + 4 + 4 + message.bytes));
    buf_append_u32be(out, HEADER_BYTES);
    buf_append_str(out, code == CODE_OK ? "result 200" : code == CODE_REFUSED ? "result 400" : "result 500");
    buf_append_u32be(out, opaque);
    buf_append_u32be(out, (uint32_t)message.bytes);
    buf_append(out, message.data, message.bytes);
}
