/* Values from the store's disk. As they are, hardly any input gets past the checksum; so each input is also
 * tried as the content of a value whose checksum is right, as another release may have written it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"
#include "broker/store_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_message(struct span value)
{
    struct message m, again;
    struct buf out = {0};
    if (record_unpack_message(value, &m) == 0) {
        assert(m.lane == LANE_EXPRESS || m.lane == LANE_BULK);
        record_pack_message(&m, &out);
        int wrong = record_unpack_message(buf_span(&out), &again);
        assert(!wrong && again.due_ms == m.due_ms && again.turn == m.turn && span_equal(again.vars, m.vars));
    }
    buf_free(&out);
}

static void try_final(struct span value)
{
    struct final f, again;
    struct buf out = {0};
    if (record_unpack_final(value, &f) == 0) {
        assert(f.state >= STATE_SENT && f.state <= STATE_DEAD);
        record_pack_final(&f, &out);
        int wrong = record_unpack_final(buf_span(&out), &again);
        assert(!wrong && again.state == f.state && span_equal(again.message, f.message));
    }
    buf_free(&out);
}

static void try_all(struct span value)
{
    struct mark mark;
    struct span blob;
    uint64_t seq, content;
    try_message(value);
    try_final(value);
    record_unpack_mark(value, &mark);
    record_unpack_id(value, &seq, &content);
    if (record_unpack_blob(value, &blob) == 0)
        assert(blob.data >= value.data && blob.data + blob.bytes <= value.data + value.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf sealed = {0};
    uint64_t sum = hash_64(data, size);
    for (unsigned i = 0; i < 8; i++)
        buf_append(&sealed, &(char){(char)(sum >> (8 * i) & 0xff)}, 1);
    buf_append(&sealed, data, size);
    try_all((struct span){(const char *)data, size});
    try_all(buf_span(&sealed));
    buf_free(&sealed);
    return 0;
}
