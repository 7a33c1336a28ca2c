/* Asks to mega-task, and rows. An ask is taken or refused with words; what was taken packs and reads back as the same, and so does a row.
 *
 * Seeds: python3 tests/fuzz/seeds.py FOLDER
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mp.h"
#include "proto/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An array whose elements can be read one by one, as the task runner does. */
static void check_array(struct span array, uint32_t count_max, int is_text)
{
    struct mp_cursor c;
    if (array.bytes == 0)
        return;
    mp_open(&c, array);
    uint32_t count = mp_read_array(&c);
    assert(count <= count_max);
    for (uint32_t i = 0; i < count; i++) {
        if (is_text)
            assert(span_is_utf8(mp_read_str(&c)));
        else
            mp_read_u64(&c);
    }
    assert(!c.failed && c.at == c.end);
}

/* What was checked has to be so: the name becomes a folder, texts are copied into fields of their size. */
static void check_ask(const struct task_ask *a)
{
    assert(a->op > TASK_NONE && a->op <= TASK_STATUS && a->lane >= -1 && a->lane < LANES);
    assert(a->op == TASK_LIST || a->op == TASK_STATUS || a->name.bytes > 0);
    assert(a->name.bytes == 0 || (task_name_is_good(a->name) && !memchr(a->name.data, '/', a->name.bytes)));
    assert(a->upload.bytes == TASK_UPLOAD_BYTES || (a->upload.bytes == 0 && a->op > TASK_ABORT));
    assert(a->key.bytes <= KEY_TEXT_BYTES_MAX && a->app.bytes <= ACCOUNT_BYTES_MAX && a->source.bytes <= TASK_SOURCE_BYTES_MAX);
    assert(span_is_utf8(a->key) && span_is_utf8(a->app) && span_is_utf8(a->source) && a->by.bytes <= 64);
    assert(a->rate_per_s >= 0 && a->rate_per_s <= RATE_MAX && a->at_ms >= 0 && a->ttl_ms >= 0 && a->ttl_ms <= AT_AHEAD_MS_MAX);
    assert(a->row <= TASK_ROWS_MAX && a->rows <= TASK_ROWS_MAX && a->limit <= TASK_FAILED_MAX && a->from <= INT64_MAX);
    assert(a->data.bytes <= TASK_DATA_BYTES_MAX && a->bad <= INT64_MAX);
    check_array(a->columns, TASK_COLUMNS_MAX, 1);
    check_array(a->drops, TASK_DROPS_MAX, 0);
}

static void try_rows(struct span data)
{
    struct task_row row, again;
    struct buf packed = {0};
    int found;
    while ((found = task_row_next(&data, &row)) == 1) {
        assert(row.packed.bytes > 0 && row.packed.bytes <= TASK_ROW_BYTES_MAX && row.packed.data + row.packed.bytes == data.data);
        assert(row.openid.bytes > 0 && row.openid.bytes <= OPENID_BYTES_MAX && span_is_utf8(row.openid));
        buf_clear(&packed);
        task_row_pack(&row, &packed);
        struct span left = buf_span(&packed);
        int reads = task_row_next(&left, &again);
        assert(reads == 1 && left.bytes == 0 && again.line == row.line);
        assert(span_equal(again.openid, row.openid) && span_equal(again.vars, row.vars));
    }
    assert(found < 0 || data.bytes == 0);
    buf_free(&packed);
}

static void try_ask(struct span packed)
{
    struct task_ask a, again;
    struct buf error = {0}, repacked = {0}, third = {0};
    if (task_ask_unpack(packed, &a, &error) != 0) {
        assert(error.bytes > 0 && error.bytes < 512);
    } else {
        assert(error.bytes == 0);
        check_ask(&a);
        try_rows(a.data);
        task_ask_pack(&a, &repacked);
        int wrong = task_ask_unpack(buf_span(&repacked), &again, &error);
        assert(!wrong && again.op == a.op && again.ref == a.ref);
        task_ask_pack(&again, &third);
        assert(span_equal(buf_span(&third), buf_span(&repacked)));
    }
    buf_free(&error);
    buf_free(&repacked);
    buf_free(&third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {(const char *)data, size};
    try_ask(bytes);
    try_rows(bytes);
    return 0;
}
