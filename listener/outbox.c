/* Adding to the outbox. Sending is outbox_sender.c's. */
#include "listener/outbox.h"

#include "listener/outbox_row.h"

static int add(struct db *db, const struct outbox_row *row, int64_t now_ms)
{
    struct db_query *q = db_query(db, "INSERT INTO outbox(kind, app, openid, added_ms, at_ms, msgid, word, message, id, key, lane, task,"
                                      " ttl_ms, vars) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    db_set_i64(q, 1, (int64_t)row->kind);
    db_set_text(q, 2, row->app);
    db_set_text(q, 3, row->openid);
    db_set_i64(q, 4, now_ms);
    db_set_i64(q, 5, row->at_ms);
    db_set_i64(q, 6, row->msgid);
    db_set_text(q, 7, row->word);
    db_set_text(q, 8, row->message);
    db_set_text(q, 9, row->id);
    db_set_text(q, 10, row->key);
    db_set_text(q, 11, row->lane);
    db_set_text(q, 12, row->task);
    db_set_i64(q, 13, row->ttl_ms);
    db_set_blob(q, 14, row->vars);
    return db_run(q) == 1 ? 0 : -1;
}

int outbox_add_push(struct db *db, const struct outbox_push *push, int64_t now_ms)
{
    const struct outbox_row row = {.kind = OUTBOX_PUSH, .app = push->app, .openid = push->openid, .id = push->id, .key = push->key,
                                   .lane = push->lane, .task = push->task, .at_ms = push->at_ms, .ttl_ms = push->ttl_ms,
                                   .vars = push->vars};
    return add(db, &row, now_ms);
}

/* One that is on its way stays on its way: the cancel goes after its answer. */
static int remove_pushes(struct db *db, const struct outbox_cancel *cancel)
{
    struct db_query *q = db_query(db, "DELETE FROM outbox WHERE openid = ?1 AND app = ?2 AND kind = ?3 AND (?4 IS NULL OR id = ?4)"
                                      " AND (?5 IS NULL OR key = ?5) AND (?6 IS NULL OR task = ?6)");
    db_set_text(q, 1, cancel->openid);
    db_set_text(q, 2, cancel->app);
    db_set_i64(q, 3, OUTBOX_PUSH);
    db_set_text(q, 4, cancel->id);
    db_set_text(q, 5, cancel->key);
    db_set_text(q, 6, cancel->task);
    return db_run(q) >= 0 ? 0 : -1;
}

int outbox_add_cancel(struct db *db, const struct outbox_cancel *cancel, int64_t now_ms)
{
    const struct outbox_row row = {.kind = OUTBOX_CANCEL, .app = cancel->app, .openid = cancel->openid, .id = cancel->id,
                                   .key = cancel->key, .task = cancel->task};
    return remove_pushes(db, cancel) == 0 ? add(db, &row, now_ms) : -1;
}

int outbox_add_receipt(struct db *db, const struct outbox_receipt *receipt, int64_t now_ms)
{
    const struct outbox_row row = {.kind = OUTBOX_RECEIPT, .app = receipt->app, .openid = receipt->openid, .msgid = receipt->msgid,
                                   .word = span_of(receipt->outcome), .at_ms = receipt->at_ms, .message = receipt->message};
    return add(db, &row, now_ms);
}

int outbox_add_window(struct db *db, struct span app, struct span openid, const char *action, int64_t at_ms, int64_t now_ms)
{
    const struct outbox_row row = {
        .kind = OUTBOX_WINDOW, .app = app, .openid = openid, .word = span_of(action), .at_ms = at_ms};
    return add(db, &row, now_ms);
}
