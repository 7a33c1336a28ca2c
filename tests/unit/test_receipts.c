/* Receipts find the result they are about: by msgid, by recipient and time, the same one again; what they make of it is kept; nothing of it
 * is left after the purge. */
#include "broker/receipts.h"

#include "tests/unit/store_inside.h"

#define AT (FIXTURE_NOW_MS + 60000) /* when everything here is settled, where nothing else is said */

/* A message that was settled; returns its seq. */
static uint64_t settled(struct store *s, const char *id, const char *openid, enum store_state state, int64_t msgid, int64_t settled_ms)
{
    uint64_t seq = fixture_append(s, fixture_message("a", id, openid));
    fixture_take(s, seq);
    struct message m = fixture_read(s, seq);
    struct final f = {.state = state,
                      .code = state == STATE_REFUSED ? CODE_REFUSED : CODE_OK,
                      .msgid = msgid,
                      .errcode = state == STATE_PENDING ? 40252 : 0,
                      .settled_ms = settled_ms,
                      .account = m.account,
                      .id = m.id,
                      .openid = m.openid,
                      .key = m.key};
    store_settle(s, &m, &f);
    return seq;
}

static struct receipt_wanted wanted(const char *openid, int64_t msgid, int64_t at_ms, enum store_state state)
{
    return (struct receipt_wanted){.account = span_of("a"), .openid = span_of(openid), .msgid = msgid, .at_ms = at_ms, .state = state};
}

/* The seq that the receipt is about, as the broker looks for it; 0 = nothing. */
static uint64_t find(struct store *s, struct receipt_wanted w, struct final *f)
{
    if (receipts_find_msgid(s, &w, f) == STORE_OK || receipts_find_recipient(s, &w, f) == STORE_OK)
        return f->seq;
    return 0;
}

/* Finds and writes it. */
static uint64_t receive(struct store *s, struct receipt_wanted w)
{
    struct final f;
    uint64_t seq = find(s, w, &f);
    if (seq == 0 || !receipts_is_news(&f, w.state))
        return seq;
    f.state = w.state;
    f.received_ms = w.at_ms;
    f.msgid = f.msgid ? f.msgid : w.msgid;
    store_receive(s, &f);
    return seq;
}

static enum store_state state_of(struct store *s, uint64_t seq)
{
    struct found found;
    CHECK_INT(store_look(s, seq, &found), STORE_OK);
    return found.state;
}

static void test_by_msgid(void)
{
    struct store *s = fixture_open("msgid");
    uint64_t one = settled(s, "1", "o", STATE_SENT, 71, AT), two = settled(s, "2", "o", STATE_SENT, 72, AT);
    uint64_t refused = settled(s, "3", "o", STATE_REFUSED, 0, AT);
    struct final f;
    CHECK_U64(find(s, wanted("o", 71, AT, STATE_DELIVERED), &f), one); /* not indexed yet, and found all the same */
    CHECK_U64(find(s, wanted("o", 71, AT + 100 * 86400000LL, STATE_DELIVERED), &f), one); /* whenever it comes */
    CHECK_U64(find(s, wanted("p", 71, AT, STATE_DELIVERED), &f), 0); /* another recipient's */
    CHECK_U64(find(s, wanted("o", 73, AT, STATE_DELIVERED), &f), 0);
    CHECK_U64(store_index_step(s, 100), 3);
    CHECK_U64(find(s, wanted("o", 73, AT, STATE_DELIVERED), &f), 0); /* a msgid that nothing has is not the latest message's */
    CHECK_U64(receive(s, wanted("o", 72, AT, STATE_BLOCKED)), two);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "msgid");
    CHECK_INT(state_of(s, one), STATE_SENT);
    CHECK_INT(state_of(s, two), STATE_BLOCKED);
    CHECK_INT(state_of(s, refused), STATE_REFUSED);
    CHECK_U64(find(s, wanted("o", 72, AT, STATE_BLOCKED), &f), two);
    CHECK_INT(f.received_ms, AT);
    store_close(&s);
}

/* Negative ones and those of other accounts are kept apart. */
static void test_odd_msgids(void)
{
    struct store *s = fixture_open("odd");
    struct final f;
    uint64_t first = settled(s, "1", "o", STATE_SENT, -5, AT), other = settled(s, "2", "p", STATE_SENT, -5, AT);
    CHECK_U64(find(s, wanted("o", -5, AT, STATE_FAILED), &f), first);
    CHECK_U64(find(s, wanted("p", -5, AT, STATE_FAILED), &f), other);
    struct receipt_wanted w = wanted("o", -5, AT, STATE_FAILED);
    w.account = span_of("b");
    CHECK_U64(find(s, w, &f), 0);
    store_close(&s);
}

static void test_without_msgid(void)
{
    struct store *s = fixture_open("recipient");
    struct final f;
    uint64_t first = settled(s, "1", "o", STATE_SENT, 71, AT), second = settled(s, "2", "o", STATE_SENT, 72, AT + 20000);
    settled(s, "3", "o", STATE_REFUSED, 0, AT + 20000);
    uint64_t other = settled(s, "4", "p", STATE_SENT, 74, AT + 20000);
    CHECK_U64(find(s, wanted("o", 0, AT + 20000, STATE_DELIVERED), &f), 0); /* nothing is indexed */
    store_index_step(s, 100);
    CHECK_U64(find(s, wanted("o", 0, AT + 20000, STATE_DELIVERED), &f), second); /* the latest */
    CHECK_U64(find(s, wanted("o", 0, AT + 14999, STATE_DELIVERED), &f), first); /* the later one was not sent by then */
    CHECK_U64(find(s, wanted("o", 0, AT + 15000, STATE_DELIVERED), &f), second);
    CHECK_U64(find(s, wanted("o", 0, AT - 5001, STATE_DELIVERED), &f), 0);
    CHECK_U64(find(s, wanted("o", 0, AT + 3600000 + 20000, STATE_DELIVERED), &f), second);
    CHECK_U64(find(s, wanted("o", 0, AT + 3600000 + 20001, STATE_DELIVERED), &f), 0);
    CHECK_U64(receive(s, wanted("o", 0, AT + 21000, STATE_DELIVERED)), second);
    CHECK_U64(receive(s, wanted("o", 0, AT + 21000, STATE_DELIVERED)), second); /* the same one again */
    CHECK_INT(state_of(s, first), STATE_SENT);
    CHECK_U64(receive(s, wanted("o", 0, AT + 22000, STATE_BLOCKED)), first); /* what has a receipt is not meant */
    CHECK_U64(receive(s, wanted("o", 0, AT + 23000, STATE_BLOCKED)), 0);
    CHECK_INT(state_of(s, other), STATE_SENT);
    store_close(&s);
}

/* What went to review has no msgid, whatever the receipt names. */
static void test_pending(void)
{
    struct store *s = fixture_open("pending");
    struct final f;
    uint64_t sent = settled(s, "1", "o", STATE_SENT, 0, AT), pending = settled(s, "2", "o", STATE_PENDING, 0, AT);
    uint64_t latest = settled(s, "3", "o", STATE_SENT, 73, AT);
    store_index_step(s, 100);
    CHECK_U64(find(s, wanted("o", 99, AT + 3600001, STATE_DELIVERED), &f), 0);
    CHECK_U64(receive(s, wanted("o", 99, AT + 1800000, STATE_DELIVERED)), pending);
    CHECK_U64(receive(s, wanted("o", 99, AT + 1800000, STATE_DELIVERED)), pending); /* it has that msgid from now on */
    CHECK_U64(receive(s, wanted("o", 98, AT + 1800000, STATE_DELIVERED)), 0);
    CHECK_INT(state_of(s, sent), STATE_SENT);
    CHECK_INT(state_of(s, latest), STATE_SENT);
    CHECK_INT(state_of(s, pending), STATE_DELIVERED);
    store_close(&s);
}

/* Delivered overrules the others, whichever came first; else the first one stays. */
static void test_which_counts(void)
{
    static const struct {
        enum store_state has, comes;
        int is_news;
    } cases[] = {{STATE_SENT, STATE_BLOCKED, 1},      {STATE_PENDING, STATE_FAILED, 1},    {STATE_FAILED, STATE_DELIVERED, 1},
                 {STATE_BLOCKED, STATE_DELIVERED, 1}, {STATE_DELIVERED, STATE_FAILED, 0},  {STATE_DELIVERED, STATE_DELIVERED, 0},
                 {STATE_FAILED, STATE_BLOCKED, 0},    {STATE_BLOCKED, STATE_BLOCKED, 0},   {STATE_REFUSED, STATE_BLOCKED, 0},
                 {STATE_DEAD, STATE_BLOCKED, 0},      {STATE_CANCELLED, STATE_FAILED, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct final f = {.state = cases[i].has};
        CHECK_INT(receipts_is_news(&f, cases[i].comes), cases[i].is_news);
    }
    CHECK_INT(receipts_state_of(RECEIPT_REACHED), STATE_DELIVERED);
    CHECK_INT(receipts_state_of(RECEIPT_REJECTED), STATE_BLOCKED);
    CHECK_INT(receipts_state_of(RECEIPT_LOST), STATE_FAILED);
}

/* A bounded number is looked at, however many one recipient has. */
static void test_many(void)
{
    struct store *s = fixture_open("many");
    struct final f;
    char id[16];
    uint64_t first = settled(s, "first", "o", STATE_PENDING, 0, AT);
    for (int i = 0; i < 63; i++) {
        snprintf(id, sizeof id, "m%d", i);
        settled(s, id, "o", STATE_SENT, 100 + i, AT);
    }
    store_index_step(s, 100);
    CHECK_U64(find(s, wanted("o", 7, AT, STATE_DELIVERED), &f), first);
    settled(s, "last", "o", STATE_SENT, 200, AT);
    store_index_step(s, 100);
    CHECK_U64(find(s, wanted("o", 7, AT, STATE_DELIVERED), &f), 0);
    CHECK_U64(find(s, wanted("o", 100, AT, STATE_DELIVERED), &f), 2); /* by msgid all of them */
    store_close(&s);
}

/* What an earlier version settled is in no list of msgids; its recipient leads to it. */
static void test_unlisted(void)
{
    struct store *s = fixture_open("unlisted");
    uint64_t seq = settled(s, "1", "o", STATE_SENT, 71, AT);
    store_index_step(s, 100);
    struct engine *e = go_inside(&s, "unlisted");
    struct key key = key_msgid(71, seq), other = key_msgid(71, 99);
    CHECK_INT(engine_del(e, MSGIDS, &key), 1);
    engine_put_nothing(e, MSGIDS, &other); /* and one that leads nowhere is not believed */
    come_back(&e, &s, "unlisted");
    CHECK_U64(receive(s, wanted("o", 71, AT, STATE_DELIVERED)), seq);
    CHECK_U64(receive(s, wanted("o", 71, AT, STATE_DELIVERED)), seq);
    CHECK_INT(state_of(s, seq), STATE_DELIVERED);
    store_close(&s);
}

static void test_purge(void)
{
    struct store *s = fixture_open("purge");
    settled(s, "1", "o", STATE_SENT, 71, AT);
    settled(s, "2", "o", STATE_PENDING, 0, AT);
    settled(s, "3", "p", STATE_SENT, 73, AT);
    store_index_step(s, 100);
    CHECK_U64(receive(s, wanted("o", 71, AT, STATE_DELIVERED)), 1);
    CHECK_U64(receive(s, wanted("o", 88, AT, STATE_FAILED)), 2);
    CHECK_U64(store_purge(s, INT64_MAX, 100), 3);
    struct engine *e = go_inside(&s, "purge");
    for (int db = 0; db < DATABASES; db++)
        if (db != META)
            CHECK_U64(engine_entries(e, (enum database)db), 0);
    come_back(&e, &s, "purge");
    store_close(&s);
}

/* A dead message whose true result has come is found by that. */
static void test_revised(void)
{
    struct store *s = fixture_open("revised");
    struct final f;
    uint64_t seq = settled(s, "1", "o", STATE_DEAD, 0, AT);
    struct message m = fixture_read(s, seq);
    struct final true_one = {.state = STATE_SENT, .code = CODE_OK, .msgid = 75, .settled_ms = AT, .account = m.account, .id = m.id,
                             .openid = m.openid, .key = m.key};
    CHECK_U64(find(s, wanted("o", 75, AT, STATE_DELIVERED), &f), 0);
    store_revise_dead(s, &m, &true_one);
    CHECK_U64(find(s, wanted("o", 75, AT, STATE_DELIVERED), &f), seq);
    store_close(&s);
}

/* WeChat may name a msgid with an error, too. It is listed by that no longer than the message is dead. */
static void test_msgid_of_a_dead_one(void)
{
    struct store *s = fixture_open("dead");
    uint64_t again = settled(s, "1", "o", STATE_DEAD, 81, AT), revised = settled(s, "2", "o", STATE_DEAD, 82, AT);
    struct message m = fixture_read(s, again);
    store_requeue(s, &m);
    m = fixture_read(s, revised);
    struct final true_one = {.state = STATE_SENT, .code = CODE_OK, .msgid = 83, .settled_ms = AT, .account = m.account, .id = m.id,
                             .openid = m.openid, .key = m.key};
    store_revise_dead(s, &m, &true_one);
    struct engine *e = go_inside(&s, "dead");
    struct key listed = key_msgid(83, revised);
    CHECK_U64(engine_entries(e, MSGIDS), 1);
    CHECK_INT(engine_del(e, MSGIDS, &listed), 1);
    come_back(&e, &s, "dead");
    store_close(&s);
}

int main(void)
{
    test_by_msgid();
    test_odd_msgids();
    test_without_msgid();
    test_pending();
    test_which_counts();
    test_many();
    test_unlisted();
    test_purge();
    test_revised();
    test_msgid_of_a_dead_one();
    return 0;
}
