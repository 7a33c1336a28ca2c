/* Receipts: which result of the ledger one is about. Decides by what the store holds and writes nothing.
 *
 * WeChat tells of a message that it took, seconds later as a rule, that it was delivered, that its recipient has blocked such messages or
 * that it could not be delivered. It names the msgid that it gave, or 0; and a message that went to review (errcode 40252) never had one.
 * So a receipt is about
 *   1. the result of that account and recipient with that msgid; or else, when it names none,
 *   2. the recipient's latest message that was sent or is pending and has no receipt, but for customer-service messages, of which WeChat
 *      tells nothing; when it names one, the latest of those to which WeChat gave none: pending ones, and those of kind bizsubscribe, whose
 *      msgid only the receipt has. What was settled at the receipt's time, up to RECEIPT_EARLY_MS after it (the two clocks are WeChat's, in whole seconds, and
 *      ours) or up to RECEIPT_LATE_MS before it (a review takes half an hour at most; what is older will get no receipt any more and must
 *      not take that of another message).
 * The latest, since a receipt comes before the next message goes out, as a rule, and what goes out later is ruled out by the time.
 *
 * The same receipt again finds the same result: by msgid; without one by its time and outcome, which the result has kept.
 */
#ifndef BROKER_RECEIPTS_H
#define BROKER_RECEIPTS_H

#include "broker/keys.h"
#include "broker/store.h"

#define RECEIPT_EARLY_MS 5000
#define RECEIPT_LATE_MS  (3600 * 1000)

struct receipt_wanted {
    struct span account, openid;
    int64_t msgid;          /* 0 = it names none */
    int64_t at_ms;          /* wall time of the receipt */
    enum store_state state; /* DELIVERED, BLOCKED or FAILED */
    const struct keys *keys; /* tell the kinds of templates; NULL: none is known */
};

/* Results with a msgid are always found. STORE_OK with `f`, else STORE_NONE. */
enum store_answer receipts_find_msgid(struct store *s, const struct receipt_wanted *w, struct final *f);

/* By recipient. What the index of recipients has not come to yet is not found: bring it up to date before. */
enum store_answer receipts_find_recipient(struct store *s, const struct receipt_wanted *w, struct final *f);

/* What an outcome makes of a message. */
enum store_state receipts_state_of(enum receipt outcome);

/* 1 when the receipt changes the result: it is the first one; or it says delivered where an earlier one said otherwise (WeChat tries
 * again by itself, and who has the message has it). Any other one changes nothing. */
int receipts_is_news(const struct final *f, enum store_state state);

#endif
