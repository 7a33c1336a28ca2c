#include "broker/receipts.h"

#define LOOKED_MAX 64 /* latest results of a recipient that are looked at for one receipt */

enum store_state receipts_state_of(enum receipt outcome)
{
    return outcome == RECEIPT_REACHED ? STATE_DELIVERED : outcome == RECEIPT_REJECTED ? STATE_BLOCKED : STATE_FAILED;
}

static int has_receipt(const struct final *f)
{
    return f->state == STATE_DELIVERED || f->state == STATE_BLOCKED || f->state == STATE_FAILED;
}

static int waits_for_one(const struct final *f)
{
    return f->state == STATE_SENT || f->state == STATE_PENDING;
}

int receipts_is_news(const struct final *f, enum store_state state)
{
    return waits_for_one(f) || (state == STATE_DELIVERED && f->state != STATE_DELIVERED);
}

enum store_answer receipts_find_msgid(struct store *s, const struct receipt_wanted *w, struct final *f)
{
    if (w->msgid == 0 || store_find_msgid(s, w->account, w->openid, w->msgid, f) != STORE_OK)
        return STORE_NONE;
    return has_receipt(f) || waits_for_one(f) ? STORE_OK : STORE_NONE;
}

/* 1 when the result has just this receipt. */
static int is_repeat(const struct receipt_wanted *w, const struct final *f)
{
    return w->msgid == 0 && has_receipt(f) && f->received_ms == w->at_ms && f->state == w->state;
}

/* 1 when the result is the one by msgid after all: listed by nobody, as an earlier version left it. */
static int is_it(const struct receipt_wanted *w, const struct final *f)
{
    return w->msgid && f->msgid == w->msgid && (has_receipt(f) || waits_for_one(f));
}

static int may_be_it(const struct receipt_wanted *w, const struct final *f)
{
    struct span key = f->fallback.bytes ? f->fallback : f->key;
    const struct key_info *info = w->keys ? keys_find(w->keys, key) : NULL;
    int has_none = f->msgid == 0 && (f->state == STATE_PENDING || keys_is_without_msgid(info));
    int is_told = f->msgid != 0 || !keys_is_custom(info);
    return waits_for_one(f) && is_told && (w->msgid == 0 || has_none) && f->settled_ms <= w->at_ms + RECEIPT_EARLY_MS && f->settled_ms >= w->at_ms - RECEIPT_LATE_MS;
}

/* All of them are looked at: what is surely meant may stand behind what may be. */
enum store_answer receipts_find_recipient(struct store *s, const struct receipt_wanted *w, struct final *f)
{
    uint64_t before = UINT64_MAX, latest = 0;
    enum store_answer answer = STORE_EXISTS;
    for (int i = 0; i < LOOKED_MAX && answer != STORE_NONE; i++) {
        answer = store_walk_back(s, w->account, w->openid, &before, f);
        if (answer != STORE_OK)
            continue;
        if (is_repeat(w, f) || is_it(w, f))
            return STORE_OK;
        if (latest == 0 && may_be_it(w, f))
            latest = before;
    }
    if (latest == 0)
        return STORE_NONE;
    before = latest + 1;
    return store_walk_back(s, w->account, w->openid, &before, f);
}
