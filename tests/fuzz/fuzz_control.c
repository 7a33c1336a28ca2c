/* Messages of stages and of the token keeper: control messages with the arrays inside them, jobs, rendered
 * jobs, reports, tokens. What was read packs and reads again.
 *
 * Seeds: python3 tests/fuzz/seeds.py FOLDER
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "proto/control.h"
#include "proto/mp.h"
#include "proto/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every array is walked as each kind, whatever its member: none may run over its end or go on for ever. */
static void walk(struct span array)
{
    struct mp_cursor c;
    struct holding h;
    struct key_info k;
    struct outcome_report r;
    control_array_open(&c, array);
    while (control_holding_next(&c, &h) > 0)
        continue;
    control_array_open(&c, array);
    while (control_key_next(&c, &k) > 0)
        assert(k.needs.data >= array.data && k.needs.data + k.needs.bytes <= array.data + array.bytes);
    control_array_open(&c, array);
    while (!c.failed && c.at != c.end && outcome_read(&c, &r) == 0)
        assert(r.outcome != OUTCOME_NONE);
}

static void try_control(struct span packed)
{
    struct control m, again;
    struct buf repacked = {0}, third = {0};
    if (control_unpack(packed, &m) == 0) {
        walk(m.holdings);
        walk(m.results);
        walk(m.keys);
        walk(m.endpoints);
        control_pack(&m, &repacked);
        int wrong = control_unpack(buf_span(&repacked), &again);
        assert(!wrong);
        control_pack(&again, &third);
        assert(span_equal(buf_span(&third), buf_span(&repacked)));
    }
    buf_free(&repacked);
    buf_free(&third);
}

static void try_jobs(struct span packed)
{
    struct job j, j_again;
    struct rendered r, r_again;
    struct buf repacked = {0};
    if (job_unpack(packed, &j) == 0) {
        job_pack(&j, &repacked);
        int wrong = job_unpack(buf_span(&repacked), &j_again);
        assert(!wrong && j_again.seq == j.seq && j_again.turn == j.turn && span_equal(j_again.vars, j.vars));
        buf_clear(&repacked);
    }
    if (rendered_unpack(packed, &r) == 0) {
        rendered_pack(&r, &repacked);
        int wrong = rendered_unpack(buf_span(&repacked), &r_again);
        assert(!wrong && r_again.seq == r.seq && span_equal(r_again.body, r.body));
    }
    buf_free(&repacked);
}

static void try_token(struct span packed)
{
    struct token_message m, again;
    struct buf repacked = {0};
    if (token_unpack(packed, &m) == 0) {
        assert(m.token.bytes <= TOKEN_BYTES_MAX);
        token_pack(&m, &repacked);
        int wrong = token_unpack(buf_span(&repacked), &again);
        assert(!wrong && again.type == m.type);
        assert(m.type == TOKEN_STATUS || span_equal(again.app, m.app)); /* a status is of no account: one that is named is not packed */
    }
    buf_free(&repacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span packed = {(const char *)data, size};
    try_control(packed);
    try_jobs(packed);
    try_token(packed);
    walk(packed);
    return 0;
}
