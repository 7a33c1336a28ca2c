/* Feeds bytes to the body reader. What it takes must be what the frontend takes; what it refuses must have
 * a message. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/body.h"
#include "proto/frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_packed(struct span vars)
{
    struct buf packed = {0}, error = {0};
    struct request r = {.op = OP_PUSH, .openid = span_of("o"), .key = span_of("k"), .vars = vars, .lane = -1};
    request_pack(&r, &packed);
    struct request again;
    assert(request_unpack(buf_span(&packed), NULL, &again, &error) == 0);
    assert(span_equal(again.vars, vars));
    buf_free(&packed);
    buf_free(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct body b = {0};
    char *copy = malloc(bytes > 0 ? bytes : 1); /* ends where the bytes end */
    memcpy(copy, data, bytes);
    if (body_read(&b, (struct span){copy, bytes}) == 0)
        check_packed(buf_span(&b.vars));
    else
        assert(b.error.bytes > 0 && span_is_utf8(buf_span(&b.error)));
    free(copy);
    body_free(&b);
    return 0;
}
