/* Definition files of series, and asks about them. A file is taken or refused with words, and what was taken can be planned for any
 * start; an ask that was taken packs and reads back as the same.
 *
 * Seeds: python3 tests/fuzz/seeds.py FOLDER
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "listener/series_file.h"
#include "listener/series_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_series(const struct series *s)
{
    assert(s->start_count > 0 && s->start_count <= SERIES_TRIGGERS_MAX && s->end_count <= SERIES_TRIGGERS_MAX);
    assert(s->step_count > 0 && s->step_count <= SERIES_STEPS_MAX);
    for (size_t i = 0; i < s->step_count; i++)
        for (int64_t start_ms = 1700000000000; start_ms < 1700000000000 + 3 * 86400000LL; start_ms += 7 * 3600000) {
            int64_t due_ms = series_plan_due_ms(s, i, start_ms);
            assert(due_ms >= start_ms && due_ms <= start_ms + AT_AHEAD_MS_MAX);
        }
    for (size_t i = 0; i < s->start_count; i++)
        assert(series_plan_starts(s, &s->starts[i].trigger) && !series_plan_ends(s, &s->starts[i].trigger));
}

static void try_file(const uint8_t *data, size_t size)
{
    struct buf errors = {0};
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    assert(file);
    struct series *s = series_file_read(file, "f.ini", "f", NULL, &errors);
    assert((s == NULL) == (errors.bytes > 0));
    if (s)
        check_series(s);
    series_destroy(&s);
    fclose(file);
    buf_free(&errors);
}

static void check_ask(const struct series_ask *a)
{
    assert(a->op > SERIES_NONE && a->op <= SERIES_STATUS && a->at_ms >= 0 && a->limit <= SERIES_WHO_MAX);
    assert(a->name.bytes == 0 || series_name_is_good(a->name));
    assert(a->openid.bytes <= OPENID_BYTES_MAX && a->app.bytes <= ACCOUNT_BYTES_MAX && a->by.bytes <= 64);
    assert(a->from.bytes <= SERIES_FROM_BYTES_MAX && a->event.bytes <= SERIES_EVENT_BYTES_MAX);
}

static void try_ask(struct span packed)
{
    struct series_ask a, again;
    struct buf error = {0}, repacked = {0}, third = {0};
    if (series_ask_unpack(packed, &a, &error) != 0) {
        assert(error.bytes > 0 && error.bytes < 512);
    } else {
        assert(error.bytes == 0);
        check_ask(&a);
        series_ask_pack(&a, &repacked);
        int wrong = series_ask_unpack(buf_span(&repacked), &again, &error);
        assert(!wrong && again.op == a.op && again.ref == a.ref);
        series_ask_pack(&again, &third);
        assert(span_equal(buf_span(&third), buf_span(&repacked)));
    }
    buf_free(&error);
    buf_free(&repacked);
    buf_free(&third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_ask((struct span){(const char *)data, size});
    if (size > 0)
        try_file(data, size);
    return 0;
}
