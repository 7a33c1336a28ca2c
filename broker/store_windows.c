/* The customer-service windows of recipients, by account and openid. They stand for themselves: nothing leads to them. */
#include "broker/store_internal.h"

#include "base/log.h"

enum store_answer store_windows_read(struct store *s, struct span account, struct span openid, struct windows *w)
{
    struct key key = key_parked_prefix(account, openid);
    struct span value;
    if (engine_get(s->engine, WINDOWS, &key, &value) != STORE_OK)
        return STORE_NONE;
    return record_unpack_windows(value, w) ? STORE_DAMAGED : STORE_OK;
}

void store_windows_write(struct store *s, struct span account, struct span openid, const struct windows *w)
{
    struct key key = key_parked_prefix(account, openid);
    record_pack_windows(w, &s->scratch);
    engine_put(s->engine, WINDOWS, &key, buf_span(&s->scratch));
}

/* 1 when the entry goes. One that is damaged is of no use to anybody: WeChat is asked for its recipient then. */
static int goes(struct span key, struct span value, int64_t now_ms)
{
    struct windows w;
    struct span account, openid;
    if (key_read_windows(key, &account, &openid) == 0 && record_unpack_windows(value, &w) == 0)
        return windows_are_old(&w, now_ms);
    log_error("damaged windows of a recipient are forgotten", log_u64("key_bytes", key.bytes), log_u64("bytes", value.bytes));
    return 1;
}

size_t store_windows_purge(struct store *s, int64_t now_ms, size_t budget)
{
    struct key *from = &s->windows_from;
    struct span key, value;
    size_t gone = 0;
    for (size_t i = 0; i < budget; i++) {
        if (from->used == 0)
            key_u8(from, 0); /* LMDB has no empty key */
        if (engine_seek(s->engine, WINDOWS, from, &key, &value) != STORE_OK) {
            from->used = 0;
            return gone;
        }
        if (goes(key, value, now_ms)) {
            engine_del_found(s->engine, WINDOWS, from);
            gone++;
        } else {
            *from = key_copy(key); /* sound, so there is room behind it */
            key_u8(from, 0);       /* the next key there can be */
        }
    }
    return gone;
}
