/* Requests and results from anybody. A request is taken or refused with words; what was taken packs and reads
 * back as the same. A result is read or not.
 *
 * Seeds: python3 tests/fuzz/seeds.py FOLDER
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "proto/frontend.h"
#include "proto/mp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was checked has to be so: the broker builds its keys on it. */
static void check_request(const struct request *r)
{
    assert(r->op != OP_NONE && r->ref.bytes <= REF_BYTES_MAX);
    assert(r->id.bytes <= ID_BYTES_MAX && r->app.bytes <= ACCOUNT_BYTES_MAX &&
           r->task.bytes <= TASK_BYTES_MAX);
    assert(r->openid.bytes <= OPENID_BYTES_MAX);
    assert(r->at_ms >= 0 && r->in_ms >= 0 && r->ttl_ms >= 0 && r->in_ms <= AT_AHEAD_MS_MAX &&
           r->ttl_ms <= AT_AHEAD_MS_MAX);
    assert(r->lane >= -1 && r->lane < LANES);
    if (r->op == OP_PUSH || r->op == OP_SEND)
        assert(r->openid.bytes > 0 && span_is_utf8(r->openid) && r->key.data != NULL);
    if (r->vars.bytes > 0) {
        struct mp_cursor c;
        mp_open(&c, r->vars);
        assert(mp_read_map(&c) <= VARS_MAX && !c.failed);
    }
}

static void try_request(struct span packed)
{
    struct request r, again;
    struct buf error = {0}, repacked = {0};
    if (request_unpack(packed, NULL, &r, &error) != 0) {
        assert(error.bytes > 0 && r.ref.bytes <= REF_BYTES_MAX);
    } else {
        assert(error.bytes == 0);
        check_request(&r);
        request_pack(&r, &repacked);
        int wrong = request_unpack(buf_span(&repacked), NULL, &again, &error);
        /* An empty key is given, and left out when packed: the one thing that has two forms. */
        assert(!wrong || r.key.bytes == 0);
        assert(wrong || (again.op == r.op && span_equal(again.id, r.id) && span_equal(again.vars, r.vars)));
    }
    buf_free(&error);
    buf_free(&repacked);
}

/* As the broker reads a frame: each request is as if it stood alone, and every byte is of one. */
static void try_frame(struct span frame)
{
    struct buf error = {0};
    size_t at = 0, used;
    while (at < frame.bytes) {
        struct request r, alone;
        struct span rest = {frame.data + at, frame.bytes - at};
        int wrong = request_unpack(rest, &used, &r, &error);
        assert(used > 0 && used <= rest.bytes);
        int wrong_alone = request_unpack((struct span){rest.data, used}, NULL, &alone, &error);
        assert(wrong == wrong_alone && r.op == alone.op && span_equal(r.id, alone.id));
        at += used;
    }
    buf_free(&error);
}

static void try_result(struct span packed)
{
    struct result r, again;
    struct buf repacked = {0};
    if (result_unpack(packed, NULL, &r) == 0) {
        result_pack(&r, &repacked);
        int wrong = result_unpack(buf_span(&repacked), NULL, &again);
        assert(!wrong && again.code == r.code && again.epoch == r.epoch &&
               span_equal(again.message, r.message));
    }
    buf_free(&repacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span packed = {(const char *)data, size};
    try_request(packed);
    try_frame(packed);
    try_result(packed);
    return 0;
}
