#include "listener/applied.h"

#include "base/utf8.h"
#include "listener/outbox.h"
#include "proto/limits.h"

const char *event_kind_name(enum event_kind kind)
{
    static const char *const names[EVENT_KINDS] = {
        [EVENT_OTHER] = "other",       [EVENT_MESSAGE] = "message", [EVENT_FOLLOW] = "follow",   [EVENT_UNFOLLOW] = "unfollow",
        [EVENT_SCAN] = "scan",         [EVENT_CLICK] = "click",     [EVENT_RECEIPT] = "receipt", [EVENT_RECEIPTS] = "receipts"};
    return names[kind];
}

const char *event_action(const struct event *event)
{
    switch (event->kind) {
    case EVENT_MESSAGE:
        return "message";
    case EVENT_FOLLOW:
        return "follow";
    case EVENT_UNFOLLOW:
        return "unfollow";
    case EVENT_SCAN:
        return "scan";
    case EVENT_CLICK:
        return "menu";
    default:
        return NULL;
    }
}

static const char *outcome_name(enum receipt_outcome outcome)
{
    return outcome == RECEIPT_DELIVERED ? "delivered" : outcome == RECEIPT_BLOCKED ? "blocked" : "failed";
}

/* Of an event that is dated ahead of our clock, which may be slow, the time of arrival: the broker takes none from the future. */
static int64_t time_of(const struct event *event, int64_t now_ms)
{
    return event->created_s < now_ms / 1000 ? event->created_s * 1000 : now_ms;
}

static int apply_receipts(struct db *db, const struct event *event, struct span app, int64_t now_ms)
{
    for (size_t i = 0; i < event->receipt_count; i++) {
        const struct event_receipt *r = &event->receipts[i];
        char reason[RECEIPT_TEXT_BYTES_MAX + 1];
        utf8_to_text(reason, sizeof reason, r->reason); /* the broker takes no longer one */
        const struct outbox_receipt receipt = {.app = app, .openid = event->openid, .msgid = r->msgid, .outcome = outcome_name(r->outcome),
                                               .at_ms = time_of(event, now_ms), .message = span_of(reason)};
        if (outbox_add_receipt(db, &receipt, now_ms) != 0)
            return -1;
    }
    return 0;
}

int apply_event(struct db *db, const struct event *event, struct span app, int64_t now_ms)
{
    const char *action = event_action(event);
    if (apply_receipts(db, event, app, now_ms) != 0)
        return -1;
    return action ? outbox_add_window(db, app, event->openid, action, time_of(event, now_ms), now_ms) : 0;
}
