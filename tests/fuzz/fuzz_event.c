/* Whatever is posted to the callback address: what is taken is whole and within its limits and lies where it says; what is refused says why,
 * in a short line. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "listener/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Most that the reader adds to texts of the body: "errcode " and 20 digits for each receipt. */
#define ADDED_BYTES_MAX (EVENT_RECEIPTS_MAX * 28)

static void check_text(struct span text, const struct buf *scratch)
{
    assert(text.data == NULL || (text.data >= scratch->data && text.data + text.bytes <= scratch->data + scratch->bytes));
    assert(span_is_utf8(text) && (text.bytes == 0 || memchr(text.data, '\0', text.bytes) == NULL));
}

static void check_receipts(const struct event *e, const struct buf *scratch)
{
    int has_receipts = e->kind == EVENT_RECEIPT || e->kind == EVENT_RECEIPTS;
    assert(e->receipt_count <= EVENT_RECEIPTS_MAX && (e->receipt_count > 0) == has_receipts);
    for (size_t i = 0; i < e->receipt_count; i++) {
        const struct event_receipt *receipt = &e->receipts[i];
        assert(receipt->msgid >= 0);
        check_text(receipt->template_id, scratch);
        check_text(receipt->reason, scratch);
        assert((receipt->reason.bytes == 0) == (receipt->outcome == RECEIPT_DELIVERED));
    }
}

static void check_event(const struct event *e, const struct buf *scratch)
{
    const struct span texts[] = {e->to_user, e->openid, e->type, e->name, e->key, e->content};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_text(texts[i], scratch);
    assert(e->openid.bytes >= 1 && e->openid.bytes <= OPENID_BYTES_MAX && e->type.bytes > 0);
    assert(e->created_s >= 0 && e->msg_id >= 0);
    assert(e->kind == EVENT_MESSAGE ? e->name.bytes == 0 : e->name.bytes > 0 && e->msg_id == 0);
    check_receipts(e, scratch);
}

static void check_refusal(struct buf *error)
{
    assert(error->bytes > 0 && error->bytes < 200 && span_is_utf8(buf_span(error)));
    buf_clear(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf scratch = {0}, error = {0};
    struct event event;
    struct span encrypt;
    char *copy = malloc(size > 0 ? size : 1); /* ends where the bytes end */
    memcpy(copy, data, size);
    if (event_read((struct span){copy, size}, &event, &scratch, &error) == 0)
        check_event(&event, &scratch);
    else
        check_refusal(&error);
    assert(scratch.bytes <= size + ADDED_BYTES_MAX);
    if (event_read_encrypted((struct span){copy, size}, &encrypt, &scratch, &error) == 0) {
        assert(encrypt.bytes > 0);
        check_text(encrypt, &scratch);
    } else {
        check_refusal(&error);
    }
    free(copy);
    buf_free(&scratch);
    buf_free(&error);
    return 0;
}
