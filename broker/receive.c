/* The operation `receipt`: joins what WeChat's callback tells of a message to its result. */
#include "broker/broker.h"

#include "broker/message_log.h"
#include "broker/receipts.h"

#define INDEXED_A_TURN 4096 /* messages that the index of recipients is brought on by, so that a receipt without a msgid finds its own */
#define RECORD_BYTES   256  /* that it adds to the store besides its text, with what pages leave empty */

static void answer(struct broker *b, const struct caller *to, const struct final *f, enum store_state state)
{
    struct result r = {.code = CODE_OK, .id = f->id, .state = span_of(store_state_name(state)), .epoch = b->epoch};
    outbox_answer(b->outbox, to, &r);
}

/* Brings the index on, once a turn: 1 when it has all that was accepted before this turn. */
static int is_indexed(struct broker *b)
{
    if (store_index_left_before(b->store, b->turn_seq) == 0)
        return 1;
    if (b->may_index && b->hurried_ms != b->mono_ms) {
        b->hurried_ms = b->mono_ms;
        indexing_hurry(b, INDEXED_A_TURN);
    }
    return store_index_left_before(b->store, b->turn_seq) == 0;
}

static struct span reason_of(const struct request *r, enum store_state state)
{
    if (state == STATE_DELIVERED)
        return (struct span){NULL, 0};
    if (r->message.bytes)
        return r->message;
    return span_of(state == STATE_BLOCKED ? "its recipient has blocked such messages" : "WeChat could not deliver it");
}

static enum code code_of(enum store_state state)
{
    return state == STATE_DELIVERED ? CODE_OK : state == STATE_BLOCKED ? CODE_REFUSED : CODE_FAILED;
}

/* The result as it is from now on. */
static void receive(struct broker *b, int account, const struct receipt_wanted *w, const struct request *r, struct final *f)
{
    static const enum delivery_count counts[] = {
        [STATE_DELIVERED] = DELIVERY_DELIVERED, [STATE_BLOCKED] = DELIVERY_BLOCKED, [STATE_FAILED] = DELIVERY_FAILED};
    f->state = w->state;
    f->code = code_of(w->state);
    f->errcode = 0;
    f->msgid = f->msgid ? f->msgid : w->msgid;
    f->message = reason_of(r, w->state);
    f->received_ms = w->at_ms;
    b->unchecked_bytes += RECORD_BYTES + f->message.bytes;
    message_log_received(f);
    delivery_count(b->delivery, account, f->fallback.bytes ? f->fallback : f->key, counts[w->state]);
    store_receive(b->store, f);
}

void receive_on_receipt(struct broker *b, const struct caller *to, const struct request *r)
{
    static const struct span none = {NULL, 0};
    struct final f;
    int account = accounts_find(&b->accounts, r->app);
    if (account < 0) {
        frontend_refuse(b, to, none, REFUSAL_ACCOUNT, "app: no such account");
        return;
    }
    const struct receipt_wanted w = {.account = accounts_name(&b->accounts, (size_t)account),
                                     .openid = r->openid,
                                     .msgid = r->msgid,
                                     .at_ms = r->at_ms ? r->at_ms : b->now_ms,
                                     .state = receipts_state_of(r->outcome),
                                     .keys = b->keys};
    if (receipts_find_msgid(b->store, &w, &f) != STORE_OK) {
        if (!is_indexed(b)) {
            frontend_refuse(b, to, none, REFUSAL_UNMATCHED, "its recipient's messages are being indexed: ask again");
            return;
        }
        if (receipts_find_recipient(b->store, &w, &f) != STORE_OK) {
            frontend_refuse(b, to, none, REFUSAL_UNMATCHED, "no message of this recipient waits for this receipt, or not yet");
            return;
        }
    }
    int is_news = receipts_is_news(&f, w.state);
    if (is_news && b->closed) { /* what is left of the store is for the results of what is out */
        frontend_refuse(b, to, none, b->closed_why, b->closed);
        return;
    }
    answer(b, to, &f, is_news ? w.state : f.state); /* packs now: the spans of f are gone after the write */
    if (is_news)
        receive(b, account, &w, r, &f);
}
