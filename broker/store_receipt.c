/* Results by WeChat's msgid, and by recipient from the latest one backwards: how a receipt finds what it is about; and what it makes of
 * that.
 *
 * The list of msgids is written with the result, so a receipt that comes a moment later finds it; the index of recipients follows behind.
 */
#include "broker/store_internal.h"

#include "proto/limits.h"

#define SAME_MSGID_MAX 16 /* results looked at for one msgid: it is unique in an account, and of several accounts as good as */

void store_list_msgid(struct store *s, int64_t msgid, uint64_t seq)
{
    struct key key = key_msgid(msgid, seq);
    if (msgid)
        engine_put_nothing(s->engine, MSGIDS, &key);
}

void store_unlist_msgid(struct store *s, int64_t msgid, uint64_t seq)
{
    struct key key = key_msgid(msgid, seq);
    if (msgid)
        engine_del(s->engine, MSGIDS, &key);
}

enum store_answer store_find_msgid(struct store *s, struct span account, struct span openid, int64_t msgid, struct final *f)
{
    struct key from = key_msgid(msgid, 0);
    struct span key;
    for (int i = 0; i < SAME_MSGID_MAX; i++) {
        if (store_seek(s, MSGIDS, &from, KEY_SEQ_BYTES, KEY_SEQ_BYTES, &key, NULL) != STORE_OK)
            return STORE_NONE;
        uint64_t seq = key_read_seq(key);
        if (store_read_final(s, seq, f) == STORE_OK && f->msgid == msgid && span_equal(f->account, account) &&
            span_equal(f->openid, openid))
            return STORE_OK;
        from = key_msgid(msgid, seq + 1);
    }
    return STORE_NONE;
}

enum store_answer store_walk_back(struct store *s, struct span account, struct span openid, uint64_t *before, struct final *f)
{
    struct span key;
    if (account.bytes > ACCOUNT_BYTES_MAX || openid.bytes > OPENID_BYTES_MAX)
        return STORE_NONE;
    struct key until = key_person(account, openid, *before);
    if (engine_seek_back(s->engine, PEOPLE, &until, &key) != STORE_OK || !key_begins_with(key, &until, until.used - KEY_SEQ_BYTES))
        return STORE_NONE;
    if (!key_is_sound(key, until.used)) { /* damage: whoever walks forward takes it out */
        *before = key.bytes == until.used ? key_read_seq(key) : 0;
        return STORE_EXISTS;
    }
    *before = key_read_seq(key);
    int is_theirs = store_read_final(s, *before, f) == STORE_OK && span_equal(f->account, account) && span_equal(f->openid, openid);
    return is_theirs ? STORE_OK : STORE_EXISTS;
}

void store_receive(struct store *s, const struct final *f)
{
    struct key seq = key_seq(f->seq);
    const int64_t msgid = f->msgid;
    const uint64_t number = f->seq;
    record_pack_final(f, &s->scratch);
    engine_put(s->engine, LEDGER, &seq, buf_span(&s->scratch));
    store_list_msgid(s, msgid, number); /* of one that had none it is news; of any other nothing changes */
}
