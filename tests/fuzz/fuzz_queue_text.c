/* The data of the broker's answers as mega shows it: JSON, CSV, tables, lines for people. Whatever the bytes are, what comes
 * out is JSON, or text that a terminal only shows.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "client/queue_print.h"
#include "client/queue_status.h"
#include "proto/entry_csv.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(struct span packed)
{
    struct buf out = {0};
    if (mp_json(packed, &out) == 0) {
        struct json_reader r;
        json_open(&r, buf_span(&out));
        int wrong = json_skip(&r, json_next(&r));
        assert(!wrong && json_next(&r).type == JSON_END);
    } else {
        assert(out.bytes == 0);
    }
    buf_free(&out);
}

static void check_harmless(const struct buf *out)
{
    assert(span_is_utf8(buf_span(out)));
    for (size_t i = 0; i < out->bytes; i++) {
        unsigned char c = (unsigned char)out->data[i];
        assert(c == '\n' || (c >= ' ' && c != 0x7f));
        assert(c != 0xc2 || (unsigned char)out->data[i + 1] >= 0xa0); /* C1 */
    }
}

static void show_table(struct table *t, void (*row)(struct table *t, struct span entry), struct span packed)
{
    struct buf out = {0};
    struct mp_list entries;
    struct span entry;
    row(t, packed);
    mp_list_open(&entries, packed);
    while (mp_list_next(&entries, &entry))
        row(t, entry);
    table_write(t, 60, &out);
    check_harmless(&out);
    table_destroy(&t);
    buf_free(&out);
}

static void show_all(struct span packed)
{
    struct buf out = {0};
    queue_print_entry(packed, &out);
    queue_status_text(packed, 80, &out);
    queue_status_pauses(packed, 0, &out);
    check_harmless(&out);
    show_table(queue_print_list_new(), queue_print_list_row, packed);
    show_table(queue_print_dead_new(), queue_print_dead_row, packed);
    buf_clear(&out);
    entry_csv_row(packed, &out);
    assert(out.bytes >= 20);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span packed = {(const char *)data, size};
    check_json(packed);
    show_all(packed);
    return 0;
}
