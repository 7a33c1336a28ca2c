#include "listener/dedupe.h"

#include "base/hash.h"

/* With its length in front, so that no two lists of texts are the same bytes. */
static void append(struct buf *b, struct span text)
{
    buf_append_u32be(b, (uint32_t)text.bytes);
    buf_append(b, text.data, text.bytes);
}

static void append_number(struct buf *b, int64_t number)
{
    buf_append_u32be(b, (uint32_t)((uint64_t)number >> 32));
    buf_append_u32be(b, (uint32_t)number);
}

void dedupe_hash(struct span app, const struct event *event, char out[DEDUPE_HASH_BYTES])
{
    struct buf b = {0};
    append(&b, app);
    append(&b, event->openid);
    append_number(&b, event->msg_id);
    if (event->msg_id == 0) {
        append_number(&b, event->created_s);
        append(&b, event->type);
        append(&b, event->name);
        append(&b, event->key);
        for (size_t i = 0; i < event->receipt_count; i++)
            append_number(&b, event->receipts[i].msgid);
    }
    struct hash128 hash = hash_128(b.data, b.bytes);
    memcpy(out, &hash.high, sizeof hash.high);
    memcpy(out + sizeof hash.high, &hash.low, sizeof hash.low);
    buf_free(&b);
}

int dedupe_note(struct db *db, struct span app, const struct event *event, int64_t now_s)
{
    char hash[DEDUPE_HASH_BYTES];
    dedupe_hash(app, event, hash);
    struct db_query *q = db_query(db, "INSERT OR IGNORE INTO seen(created_s, hash, received_s) VALUES(?1, ?2, ?3)");
    db_set_i64(q, 1, event->created_s);
    db_set_blob(q, 2, (struct span){hash, sizeof hash});
    db_set_i64(q, 3, now_s);
    return (int)db_run(q);
}

int dedupe_purge(struct db *db, int64_t now_s)
{
    struct db_query *q = db_query(db, "SELECT 1 FROM seen WHERE created_s < ?1 AND received_s < ?1 LIMIT 1");
    db_set_i64(q, 1, now_s - DEDUPE_KEPT_S);
    int rc = db_step(q);
    db_end(q);
    if (rc != 1)
        return rc;
    if (db_begin(db) != 0)
        return -1;
    q = db_query(db, "DELETE FROM seen WHERE (created_s, hash) IN"
                     " (SELECT created_s, hash FROM seen WHERE created_s < ?1 AND received_s < ?1 LIMIT ?2)");
    db_set_i64(q, 1, now_s - DEDUPE_KEPT_S);
    db_set_i64(q, 2, DEDUPE_PURGE_ROWS);
    int64_t removed = db_run(q);
    return removed < 0 ? -1 : removed == DEDUPE_PURGE_ROWS;
}
