/* Asks of operators and the answers to them. An ask is taken or refused with words; what was taken packs and reads back as
 * the same. An answer is read or not.
 *
 * Seeds: python3 tests/fuzz/seeds.py FOLDER
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "proto/mp.h"
#include "proto/operator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was checked has to be so: the broker looks into its store with it. */
static void check_ask(const struct ask *a)
{
    const struct filter *f = &a->filter;
    assert(a->op > ASK_NONE && a->op <= ASK_DISCARD && a->limit <= LIST_ENTRIES_MAX && a->by.bytes <= 64);
    assert(f->app.bytes <= ACCOUNT_BYTES_MAX && f->id.bytes <= ID_BYTES_MAX &&
           f->task.bytes <= TASK_BYTES_MAX);
    assert(f->openid.bytes <= OPENID_BYTES_MAX && f->key.bytes <= KEY_TEXT_BYTES_MAX);
    assert((f->states & ~(unsigned)ENTRY_ALL) == 0 && f->since_ms >= 0 && f->until_ms >= 0);
    assert(a->for_ms >= 0 && a->for_ms <= AT_AHEAD_MS_MAX && a->ttl_ms >= 0 && a->ttl_ms <= AT_AHEAD_MS_MAX);
    if (a->op == ASK_CANCEL)
        assert(a->ref != 0 && (f->states & ~(unsigned)ENTRY_WAITING) == 0);
    assert(a->rate_per_s >= RATE_OF_CONF && a->rate_per_s <= RATE_MAX);
    if (a->op == ASK_RATE)
        assert(f->app.bytes > 0);
    if (a->op == ASK_SHOW)
        assert(f->id.bytes > 0);
}

static void try_ask(struct span packed)
{
    struct ask a, again;
    struct buf error = {0}, repacked = {0}, third = {0};
    if (ask_unpack(packed, &a, &error) != 0) {
        assert(error.bytes > 0 && error.bytes < 512);
    } else {
        assert(error.bytes == 0 && a.filter.all >= 0 && a.filter.all <= 1);
        check_ask(&a);
        ask_pack(&a, &repacked);
        int wrong = ask_unpack(buf_span(&repacked), &again, &error);
        assert(!wrong && ask_is(buf_span(&repacked)));
        ask_pack(&again, &third);
        assert(span_equal(buf_span(&third), buf_span(&repacked)));
    }
    buf_free(&error);
    buf_free(&repacked);
    buf_free(&third);
}

static void try_answer(struct span packed)
{
    struct answer a, again;
    struct buf repacked = {0};
    if (answer_unpack(packed, &a) == 0) {
        answer_pack(&a, &repacked);
        int wrong = answer_unpack(buf_span(&repacked), &again);
        assert(!wrong && again.code == a.code && again.ref == a.ref && again.done == a.done);
        assert(span_equal(again.next, a.next) && span_equal(again.data, a.data) &&
               span_equal(again.message, a.message));
    }
    buf_free(&repacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span packed = {(const char *)data, size};
    ask_is(packed);
    try_ask(packed);
    try_answer(packed);
    entry_states_read(packed);
    return 0;
}
