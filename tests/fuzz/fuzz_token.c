/* A message to or from the token keeper, from any bytes: what is understood is packed and understood again as the
 * same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct token_message m, again;
    struct buf packed = {0};
    if (token_unpack((struct span){(const char *)data, size}, &m) != 0)
        return 0;
    assert(m.token.bytes <= TOKEN_BYTES_MAX && m.app.bytes <= size && m.message.bytes <= size);
    assert(m.ttl_ms >= -TOKEN_TTL_MS_MAX && m.ttl_ms <= TOKEN_TTL_MS_MAX);
    token_pack(&m, &packed);
    int failed = token_unpack(buf_span(&packed), &again);
    assert(!failed && again.type == m.type && (m.type == TOKEN_STATUS || span_equal(again.app, m.app)));
    if (m.type == TOKEN_TOKEN)
        assert(span_equal(again.token, m.token) && again.ttl_ms == m.ttl_ms);
    if (m.type == TOKEN_REJECTED)
        assert(span_equal(again.token, m.token));
    if (m.type == TOKEN_NONE)
        assert(span_equal(again.message, m.message) && again.retry_ms == m.retry_ms);
    if (m.type == TOKEN_STATUS)
        assert(again.ref == m.ref);
    buf_free(&packed);
    return 0;
}
