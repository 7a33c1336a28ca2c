#include "listener/requests.h"

#include <string.h>

#include "listener/outbox.h"

#define LATER_MS_MIN    2000
#define LATER_MS_MAX    (3 * 60 * 1000)
#define CANCEL_LATER_MS 5000
#define TEXT_BYTES      1024 /* of a text of a row, with its NUL */

/* libmega wants C strings. NULL: there is none, or it is too long for anything. */
struct texts {
    char app[TEXT_BYTES], openid[TEXT_BYTES], id[TEXT_BYTES], key[TEXT_BYTES], task[TEXT_BYTES], lane[TEXT_BYTES], word[TEXT_BYTES],
        message[TEXT_BYTES];
};

static const char *text(char to[TEXT_BYTES], struct span from)
{
    if (from.data == NULL || from.bytes == 0)
        return NULL;
    span_to_text(to, TEXT_BYTES, from);
    return to;
}

static int send_push(struct mega *mega, const struct outbox_row *row, struct texts *t, mega_done *done, void *argument)
{
    const struct mega_message message = {.openid = text(t->openid, row->openid), .key = text(t->key, row->key), .id = text(t->id, row->id),
                                         .app = text(t->app, row->app), .lane = text(t->lane, row->lane), .task = text(t->task, row->task),
                                         .at_ms = row->at_ms, .ttl_ms = row->ttl_ms, .packed_vars = row->vars.data,
                                         .packed_bytes = row->vars.bytes};
    return mega_push_async(mega, &message, done, argument);
}

static int send_cancel(struct mega *mega, const struct outbox_row *row, struct texts *t, mega_done *done, void *argument)
{
    struct mega_selection selection = {.app = text(t->app, row->app), .id = text(t->id, row->id)};
    if (selection.id == NULL) { /* one id says all; the broker takes nothing beside it */
        selection.openid = text(t->openid, row->openid);
        selection.key = text(t->key, row->key);
        selection.task = text(t->task, row->task);
    }
    return mega_cancel_async(mega, &selection, done, argument);
}

static int send_receipt(struct mega *mega, const struct outbox_row *row, struct texts *t, mega_done *done, void *argument)
{
    const struct mega_receipt receipt = {.app = text(t->app, row->app), .openid = text(t->openid, row->openid), .msgid = row->msgid,
                                         .state = text(t->word, row->word), .at_ms = row->at_ms,
                                         .message = text(t->message, row->message)};
    return mega_receipt_async(mega, &receipt, done, argument);
}

static int send_window(struct mega *mega, const struct outbox_row *row, struct texts *t, mega_done *done, void *argument)
{
    const struct mega_window window = {.app = text(t->app, row->app), .openid = text(t->openid, row->openid),
                                       .action = text(t->word, row->word), .at_ms = row->at_ms};
    return mega_window_async(mega, &window, done, argument);
}

int request_send(struct mega *mega, const struct outbox_row *row, mega_done *done, void *argument)
{
    struct texts t;
    switch (row->kind) {
    case OUTBOX_PUSH:
        return send_push(mega, row, &t, done, argument);
    case OUTBOX_CANCEL:
        return send_cancel(mega, row, &t, done, argument);
    case OUTBOX_RECEIPT:
        return send_receipt(mega, row, &t, done, argument);
    case OUTBOX_WINDOW:
        return send_window(mega, row, &t, done, argument);
    }
    return MEGA_INVALID;
}

/* A broker of before there were receipts and windows: it is to be upgraded, too, in whatever order. */
static int is_of_earlier_broker(const struct mega_result *result)
{
    return result->code == 400 && strncmp(result->message, "op: unknown", 11) == 0;
}

enum request_verdict request_judge(enum outbox_kind kind, int is_later, int64_t age_ms, const struct mega_result *result)
{
    if (result->error != 0 || result->code == 503)
        return REQUEST_AGAIN;
    if (is_of_earlier_broker(result))
        return age_ms < OUTBOX_UPGRADE_MS ? REQUEST_LATER : REQUEST_REFUSED;
    if (result->code == 404 && kind == OUTBOX_RECEIPT)
        return age_ms < OUTBOX_RECEIPT_MS ? REQUEST_LATER : REQUEST_UNMATCHED;
    if (result->code == 404 && kind == OUTBOX_CANCEL)
        return is_later ? REQUEST_DONE : REQUEST_LATER;
    if (result->state[0] && (kind == OUTBOX_PUSH || kind == OUTBOX_CANCEL))
        return REQUEST_DONE; /* it had been taken before, and this is what became of it, be it a refusal of WeChat */
    if (kind == OUTBOX_PUSH && (result->code == 408 || result->code == 409 || result->code == 500))
        return REQUEST_DONE;
    return result->code == 200 || result->code == 100 ? REQUEST_DONE : REQUEST_REFUSED;
}

int64_t request_later_ms(enum outbox_kind kind, int64_t age_ms)
{
    if (kind == OUTBOX_CANCEL)
        return CANCEL_LATER_MS;
    return age_ms < LATER_MS_MIN ? LATER_MS_MIN : age_ms > LATER_MS_MAX ? LATER_MS_MAX : age_ms;
}

const char *request_name(enum outbox_kind kind)
{
    static const char *const names[] = {
        [OUTBOX_PUSH] = "push", [OUTBOX_CANCEL] = "cancel", [OUTBOX_RECEIPT] = "receipt", [OUTBOX_WINDOW] = "window"};
    return kind >= OUTBOX_PUSH && kind <= OUTBOX_WINDOW ? names[kind] : "unknown";
}
