/* Feeds bytes to the frame reader as a connection would: frame after frame, in any pieces. Whatever the
 * bytes are, every span lies inside them, and a beginning of a frame never reads differently than the
 * whole. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/frame.h"
#include "proto/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_inside(struct span part, struct span whole)
{
    if (part.bytes > 0)
        assert(part.data >= whole.data && part.data + part.bytes <= whole.data + whole.bytes);
}

static void check_request(const struct frame *f, struct span whole)
{
    check_inside(f->key, whole);
    assert(f->key.bytes > 0 && f->key.bytes <= KEY_TEXT_BYTES_MAX && span_is_utf8(f->key));
    if (f->op == OP_TSET)
        return;
    check_inside(f->openid, whole);
    check_inside(f->body, whole);
    check_inside(f->params.id, whole);
    check_inside(f->params.task, whole);
    check_inside(f->params.app, whole);
    assert(f->openid.bytes > 0 && f->openid.bytes <= OPENID_BYTES_MAX && span_is_utf8(f->openid));
    assert(f->params.at_ms >= 0 && f->params.in_ms >= 0 && f->params.ttl_ms >= 0);
    assert(f->params.lane >= -1 && f->params.lane < LANES);
}

/* A copy that ends where the bytes end, so that the sanitizer sees any look behind them. */
static enum frame_status read_one(const uint8_t *data, size_t bytes, size_t bytes_max, struct frame *f)
{
    char *copy = malloc(bytes > 0 ? bytes : 1);
    memcpy(copy, data, bytes);
    struct span whole = {copy, bytes};
    enum frame_status status = frame_read(whole, bytes_max, f);
    if (status == FRAME_REQUEST)
        check_request(f, whole);
    if (status == FRAME_REFUSED)
        assert(f->message.bytes > 0 && (f->code == CODE_REFUSED || f->closes));
    if (status == FRAME_PARTIAL)
        assert(f->wanted_bytes == 0 || f->wanted_bytes > bytes);
    free(copy);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    size_t at = 0;
    while (at < bytes) {
        struct frame f, half;
        enum frame_status status = read_one(data + at, bytes - at, 4096, &f);
        if (status == FRAME_PARTIAL || (status == FRAME_REFUSED && f.closes))
            break;
        assert(f.bytes >= 4 && f.bytes <= bytes - at);
        assert(read_one(data + at, f.bytes, 4096, &half) == status);
        assert(read_one(data + at, f.bytes - 1, 4096, &half) == FRAME_PARTIAL);
        at += f.bytes;
    }
    return 0;
}
