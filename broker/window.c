/* Customer-service windows at work: what callers tell of recipients, which message is not tried, what a call counts for. The rules are
 * in windows.c. */
#include "broker/broker.h"

#include <string.h>

#include "base/log.h"
#include "proto/mp.h"

#define ERRCODE_NO_WINDOW   45015
#define ERRCODE_WINDOW_USED 45047

#define RECORD_BYTES 512          /* of one recipient in the store, with its key and what pages leave empty */
#define AHEAD_MS_MAX (86400 * 1000LL) /* of our clock: a window that opened far in the future would never be opened anew */

static const struct conf_window *rules_of(const struct broker *b, size_t account)
{
    return b->conf->accounts[account].windows;
}

/* --- what recipients do ------------------------------------------------------------------------------------------- */

static void act(struct broker *b, size_t account, const struct request *r)
{
    struct windows w = {.unfollowed_ms = 0};
    struct span name = accounts_name(&b->accounts, account);
    int action = window_action_find(r->action);
    if (store_windows_read(b->store, name, r->openid, &w) != STORE_OK)
        w = (struct windows){.unfollowed_ms = 0};
    if (!windows_act(&w, (enum window_action)action, r->at_ms ? r->at_ms : b->now_ms, rules_of(b, account)))
        return;
    b->unchecked_bytes += RECORD_BYTES;
    store_windows_write(b->store, name, r->openid, &w);
}

void window_on_request(struct broker *b, const struct caller *to, const struct request *r)
{
    static const struct span no_id = {NULL, 0};
    struct result done = {.code = CODE_OK, .epoch = b->epoch};
    int account = accounts_find(&b->accounts, r->app);
    if (account < 0) {
        frontend_refuse(b, to, no_id, REFUSAL_ACCOUNT, "app: no such account");
    } else if (r->at_ms > b->now_ms + AHEAD_MS_MAX) {
        frontend_refuse(b, to, no_id, REFUSAL_TIME, "at: more than a day ahead of the broker's clock; set the clocks");
    } else if (b->closed) {
        frontend_refuse(b, to, no_id, b->closed_why, b->closed);
    } else {
        act(b, (size_t)account, r);
        outbox_answer(b->outbox, to, &done);
    }
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

int64_t window_errcode_of(struct broker *b, size_t account, const struct message *m, const char **why)
{
    struct windows w;
    if (!windows_are_counted(rules_of(b, account)) || store_windows_read(b->store, m->account, m->openid, &w) != STORE_OK)
        return 0;
    switch (windows_state(&w, b->now_ms)) {
    case WINDOWS_OPEN:
        break;
    case WINDOWS_NONE:
        *why = "not asked: no customer-service window of the recipient is open, as counted here";
        return ERRCODE_NO_WINDOW;
    case WINDOWS_USED:
        *why = "not asked: the recipient's customer-service windows are used up, as counted here";
        return ERRCODE_WINDOW_USED;
    }
    return 0;
}

int window_note(const struct broker *b, const struct message *m, const struct outcome_report *report, int64_t asked_ms,
                struct window_note *note)
{
    int is_sent = report->outcome == OUTCOME_SENT;
    int is_refused = report->outcome == OUTCOME_REFUSED &&
                     (report->errcode == ERRCODE_NO_WINDOW || report->errcode == ERRCODE_WINDOW_USED);
    if ((!is_sent && !is_refused) || !keys_is_custom(keys_find(b->keys, message_template(m))))
        return 0;
    int account = accounts_find(&b->accounts, m->account);
    if (account < 0 || m->openid.bytes > sizeof note->bytes)
        return 0;
    note->account = (size_t)account;
    note->asked_ms = asked_ms;
    note->errcode = is_sent ? 0 : report->errcode;
    memcpy(note->bytes, m->openid.data, m->openid.bytes);
    note->openid = (struct span){note->bytes, m->openid.bytes};
    return 1;
}

void window_count(struct broker *b, const struct window_note *note)
{
    struct windows w;
    struct span name = accounts_name(&b->accounts, note->account);
    if (store_windows_read(b->store, name, note->openid, &w) != STORE_OK)
        return;
    int changed = note->errcode == 0                   ? windows_take(&w, note->asked_ms)
                  : note->errcode == ERRCODE_NO_WINDOW ? windows_close(&w, note->asked_ms)
                                                       : windows_use_up(&w, note->asked_ms);
    if (changed)
        store_windows_write(b->store, name, note->openid, &w);
}

/* --- for people --------------------------------------------------------------------------------------------------- */

/* An unfollow has a time alone. Of a window that is open `left` is there even when it is 0; any number has none. */
static void pack_window(enum window_action action, const struct window *one, int64_t now_ms, struct buf *out)
{
    size_t place = mp_map_open(out), count = 2;
    int is_open = one->until_ms > now_ms;
    mp_put_str(out, "action", window_action_name(action));
    mp_put_i64(out, "at", one->at_ms);
    count += mp_opt_i64(out, "until", one->until_ms);
    count += mp_opt_flag(out, "open", is_open);
    if (is_open && one->left != WINDOWS_ANY) {
        mp_put_u64(out, "left", one->left);
        count++;
    }
    mp_map_close(out, place, count);
}

int window_pack(struct broker *b, size_t account, struct span openid, struct buf *out)
{
    struct windows w;
    struct buf list = {0};
    size_t count = 0;
    if (store_windows_read(b->store, accounts_name(&b->accounts, account), openid, &w) != STORE_OK)
        return -1;
    for (int i = 0; i < WINDOW_ACTIONS; i++) {
        if (w.of[i].at_ms == 0)
            continue;
        pack_window((enum window_action)i, &w.of[i], b->now_ms, &list);
        count++;
    }
    if (w.unfollowed_ms) {
        pack_window(WINDOW_UNFOLLOW, &(struct window){.at_ms = w.unfollowed_ms}, b->now_ms, &list);
        count++;
    }
    mp_array(out, count);
    mp_raw(out, buf_span(&list));
    buf_free(&list);
    return 0;
}
