/* Conformance of a store: what broker/store.h promises, tried on it alone. Time, commits and limits are in
 * test_store_time.c, the random walk in test_store_model.c, kills in test_store_crash.c.
 *
 * No test sleeps; each has a store of its own.
 */
#include "tests/unit/store_fixture.h"

/* --- taking in
 * ---------------------------------------------------------------------------------------------------- */

static void test_append_and_find(void)
{
    struct store *s = fixture_open("append");
    struct message m = fixture_full_message(), got;
    struct final f;
    enum store_state state;
    uint64_t content;
    CHECK_INT(store_find(s, m.account, m.id, &state, &got, &f, &content), STORE_NONE);
    CHECK_INT(state, STATE_NONE);
    CHECK_INT(store_append(s, &m), STORE_OK);
    CHECK_U64(m.seq, 1);
    CHECK_INT(store_find(s, m.account, m.id, &state, &got, &f, &content), STORE_OK);
    CHECK_INT(state, STATE_WAITING);
    CHECK_U64(content, m.content);
    CHECK_U64(got.seq, 1);
    fixture_same_message(&got, &m);
    got = fixture_read(s, 1);
    fixture_same_message(&got, &m);
    CHECK_INT(store_read(s, 2, &got), STORE_NONE);
    fixture_counts(s, 1, 0, 0, 0, 0);
    store_close(&s);
}

/* An id belongs to its account: the same one in another account is another message. */
static void test_ids(void)
{
    struct store *s = fixture_open("ids");
    struct message again = fixture_message("a", "x", "o2");
    CHECK_U64(fixture_add(s, "a", "x", "o1"), 1);
    CHECK_U64(fixture_add(s, "b", "x", "o1"), 2);
    CHECK_U64(fixture_add(s, "ax", "y", "o1"), 3);
    CHECK_U64(fixture_add(s, "a", "xy", "o1"), 4); /* not to be mixed up with the one before */
    CHECK_INT(store_append(s, &again), STORE_EXISTS);
    fixture_counts(s, 4, 0, 0, 0, 0);
    struct message first = fixture_read(s, 1);
    CHECK_SPAN(first.openid, "o1");
    CHECK_INT(fixture_state(s, "b", "x"), STATE_WAITING);
    CHECK_INT(fixture_state(s, "c", "x"), STATE_NONE);
    CHECK_INT(fixture_state(s, "a", ""), STATE_NONE);
    CHECK_U64(fixture_add(s, "a", "z", "o1"), 5); /* the refused one has used up nothing */
    store_close(&s);
}

/* The id stays taken wherever its message stands, until the ledger forgets it. */
static void test_id_stays_taken(void)
{
    struct store *s = fixture_open("taken");
    struct message again = fixture_message("a", "x", "o1");
    uint64_t seq = fixture_add(s, "a", "x", "o1");
    fixture_take(s, seq);
    CHECK_INT(store_append(s, &again), STORE_EXISTS);
    fixture_settle(s, seq, STATE_SENT);
    CHECK_INT(store_append(s, &again), STORE_EXISTS);
    CHECK_INT(store_commit(s), 0);
    CHECK_INT(store_append(s, &again), STORE_EXISTS);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 1);
    CHECK_INT(fixture_state(s, "a", "x"), STATE_NONE);
    CHECK_U64(fixture_add(s, "a", "x", "o1"), 2);
    store_close(&s);
}

/* As long as they may be, and so alike that a key cut short would mix them up. */
static void test_long_names(void)
{
    struct store *s = fixture_open("long");
    char account[33] = "", openid[129] = "", id[65] = "";
    memset(account, 'a', 32);
    memset(openid, 'o', 128);
    memset(id, 'i', 64);
    for (int i = 0; i < 8; i++) {
        account[31] = (char)('0' + (i & 1));
        openid[127] = (char)('0' + (i >> 1 & 1));
        id[63] = (char)('0' + (i >> 2));
        struct message m = fixture_message(account, id, openid);
        CHECK_INT(store_append(s, &m), i < 2 || i == 4 || i == 5 ? STORE_OK : STORE_EXISTS);
    }
    fixture_counts(s, 4, 0, 0, 0, 0);
    for (uint64_t seq = 1; seq <= 4; seq++)
        fixture_park(s, seq);
    account[31] = '1';
    openid[127] = '0';
    CHECK_U64(fixture_first_parked(s, account, openid), 2);
    openid[127] = '1';
    CHECK_U64(fixture_first_parked(s, account, openid), 0);
    fixture_take(s, 2);
    fixture_settle(s, 2, STATE_DEAD);
    CHECK_INT(store_commit(s), 0);
    id[63] = '0';
    CHECK_INT(fixture_state(s, account, id), STATE_DEAD);
    store_close(&s);
}

/* Bytes of any value, and variables larger than a page of any engine. */
static void test_contents(void)
{
    struct store *s = fixture_open("contents");
    struct buf vars = {0};
    uint64_t random = 1;
    while (vars.bytes < 3000000) {
        uint64_t number = hex_random(&random);
        buf_append(&vars, &number, sizeof number);
    }
    struct message m = fixture_message("a", "x", "o");
    m.openid = (struct span){"\x00\xff\x00", 3};
    m.vars = buf_span(&vars);
    CHECK_INT(store_append(s, &m), STORE_OK);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "contents");
    struct message got = fixture_read(s, 1);
    fixture_same_message(&got, &m);
    buf_free(&vars);
    store_close(&s);
}

/* --- order
 * -------------------------------------------------------------------------------------------------------- */

static void add_due(struct store *s, const char *account, int lane, int timed, int64_t due_ms)
{
    static char id[16];
    static int number;
    snprintf(id, sizeof id, "d%d", number++);
    struct message m = fixture_message(account, id, "o");
    m.lane = lane;
    m.timed = timed;
    m.due_ms = due_ms;
    fixture_append(s, m);
}

/* Settles the messages of a queue one by one and compares their order. */
static void check_order(struct store *s, const char *account, int lane, int timed, const uint64_t *seqs,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK_U64(fixture_first(s, account, lane, timed), seqs[i]);
        fixture_settle(s, seqs[i], STATE_SENT);
    }
    CHECK_U64(fixture_first(s, account, lane, timed), 0);
}

static void test_order(void)
{
    struct store *s = fixture_open("order");
    add_due(s, "a", LANE_BULK, 0, 500);       /* 1 */
    add_due(s, "a", LANE_BULK, 0, 300);       /* 2 */
    add_due(s, "a", LANE_BULK, 0, 500);       /* 3: after 1, accepted later */
    add_due(s, "a", LANE_BULK, 1, 400);       /* 4 */
    add_due(s, "a", LANE_BULK, 1, 1);         /* 5 */
    add_due(s, "a", LANE_EXPRESS, 0, 900);    /* 6 */
    add_due(s, "a", LANE_EXPRESS, 1, 2);      /* 7 */
    add_due(s, "aa", LANE_BULK, 0, 1);        /* 8 */
    add_due(s, "", LANE_BULK, 0, 1);          /* 9 */
    add_due(s, "b", LANE_BULK, 1, INT64_MAX); /* 10 */
    add_due(s, "a", LANE_BULK, 0, 0x100);     /* 11: 256 and 255 differ in more than one byte */
    add_due(s, "a", LANE_BULK, 0, 0xff);      /* 12 */
    check_order(s, "a", LANE_BULK, 0, (const uint64_t[]){12, 11, 2, 1, 3}, 5);
    check_order(s, "a", LANE_BULK, 1, (const uint64_t[]){5, 4}, 2);
    check_order(s, "a", LANE_EXPRESS, 0, (const uint64_t[]){6}, 1);
    check_order(s, "a", LANE_EXPRESS, 1, (const uint64_t[]){7}, 1);
    check_order(s, "aa", LANE_BULK, 0, (const uint64_t[]){8}, 1);
    check_order(s, "", LANE_BULK, 0, (const uint64_t[]){9}, 1);
    check_order(s, "b", LANE_BULK, 1, (const uint64_t[]){10}, 1);
    check_order(s, "c", LANE_BULK, 0, NULL, 0);
    store_close(&s);
}

static void test_place(void)
{
    struct store *s = fixture_open("place");
    struct place place;
    add_due(s, "a", LANE_EXPRESS, 1, FIXTURE_NOW_MS + 77);
    CHECK_INT(store_first(s, span_of("a"), LANE_EXPRESS, 1, &place), STORE_OK);
    CHECK_U64(place.seq, 1);
    CHECK_INT(place.due_ms, FIXTURE_NOW_MS + 77);
    CHECK_INT(place.lane, LANE_EXPRESS);
    CHECK_INT(place.timed, 1);
    fixture_park(s, 1);
    CHECK_INT(store_first_parked(s, span_of("a"), span_of("o"), &place), STORE_OK);
    CHECK_U64(place.seq, 1);
    CHECK_INT(place.due_ms, FIXTURE_NOW_MS + 77);
    CHECK_INT(place.lane, LANE_EXPRESS);
    store_close(&s);
}

/* Express first, then by due time, then by acceptance; each recipient of each account for itself. */
static void test_parked_order(void)
{
    static const struct {
        const char *id, *account, *openid;
        int lane, timed;
        int64_t due_ms;
    } rows[] = {{"1", "a", "o", LANE_BULK, 0, 500},    {"2", "a", "o", LANE_BULK, 1, 400},
                {"3", "a", "o", LANE_EXPRESS, 0, 900}, {"4", "a", "o", LANE_BULK, 0, 500},
                {"5", "a", "oo", LANE_BULK, 0, 1},     {"6", "ao", "", LANE_BULK, 0, 1},
                {"7", "b", "o", LANE_EXPRESS, 0, 1}};
    static const uint64_t order[] = {3, 2, 1, 4};
    struct store *s = fixture_open("parked-order");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message m = fixture_message(rows[i].account, rows[i].id, rows[i].openid);
        m.lane = rows[i].lane;
        m.timed = rows[i].timed;
        m.due_ms = rows[i].due_ms;
        fixture_park(s, fixture_append(s, m));
    }
    fixture_counts(s, 0, 7, 0, 0, 0);
    for (size_t i = 0; i < 4; i++) {
        CHECK_U64(fixture_first_parked(s, "a", "o"), order[i]);
        fixture_take(s, order[i]);
    }
    CHECK_U64(fixture_first_parked(s, "a", "o"), 0);
    CHECK_U64(fixture_first_parked(s, "a", "oo"), 5);
    CHECK_U64(fixture_first_parked(s, "ao", ""), 6);
    CHECK_U64(fixture_first_parked(s, "b", "o"), 7);
    CHECK_U64(fixture_first_parked(s, "b", "oo"), 0);
    fixture_counts(s, 0, 3, 4, 0, 0);
    store_close(&s);
}

static void test_last_order(void)
{
    struct store *s = fixture_open("last-order");
    CHECK_INT(store_last_order_ms(s, span_of("a")), 0);
    add_due(s, "a", LANE_BULK, 0, 500);
    add_due(s, "a", LANE_BULK, 1, 9000); /* timed ones do not count */
    add_due(s, "b", LANE_BULK, 0, 7000); /* nor do those of others */
    CHECK_INT(store_last_order_ms(s, span_of("a")), 500);
    add_due(s, "a", LANE_EXPRESS, 0, 600);
    CHECK_INT(store_last_order_ms(s, span_of("a")), 600);
    add_due(s, "a", LANE_BULK, 0, 700);
    CHECK_INT(store_last_order_ms(s, span_of("a")), 700);
    CHECK_INT(store_last_order_ms(s, span_of("")), 0);
    store_close(&s);
}

/* --- places
 * ------------------------------------------------------------------------------------------------------- */

static void test_take_and_put_back(void)
{
    struct store *s = fixture_open("put-back");
    uint64_t seq = fixture_add(s, "a", "x", "o"), other = fixture_add(s, "a", "y", "o");
    fixture_take(s, seq);
    CHECK_INT(fixture_state(s, "a", "x"), STATE_OUT);
    CHECK_U64(fixture_first(s, "a", LANE_BULK, 0), other);
    fixture_counts(s, 1, 0, 1, 0, 0);
    struct message m = fixture_read(s, seq);
    m.timed = 1;
    m.due_ms = FIXTURE_NOW_MS + 5000;
    m.turn = 1;
    m.call = 1;
    m.failures = 1;
    m.unknown_since_ms = FIXTURE_NOW_MS + 1;
    m.errcode = -1;
    m.note = span_of("busy");
    store_put_back(s, &m);
    CHECK_INT(fixture_state(s, "a", "x"), STATE_WAITING);
    CHECK_U64(fixture_first(s, "a", LANE_BULK, 1), seq);
    fixture_counts(s, 2, 0, 0, 0, 0);
    CHECK_INT(store_commit(s), 0);
    m = fixture_read(s, seq);
    CHECK_INT(m.due_ms, FIXTURE_NOW_MS + 5000);
    CHECK_U64(m.turn, 1);
    CHECK_U64(m.call, 1);
    CHECK_U64(m.failures, 1);
    CHECK_INT(m.unknown_since_ms, FIXTURE_NOW_MS + 1);
    CHECK_INT(m.errcode, -1);
    CHECK_SPAN(m.note, "busy");
    CHECK_SPAN(m.id, "x");
    store_close(&s);
}

static void test_update(void)
{
    struct store *s = fixture_open("update");
    uint64_t seq = fixture_add(s, "a", "x", "o");
    for (int step = 0; step < 3; step++) { /* waiting, parked, out */
        struct message m = fixture_read(s, seq);
        m.call = (uint32_t)step + 10;
        store_update(s, &m);
        m = fixture_read(s, seq);
        CHECK_U64(m.call, step + 10);
        fixture_counts(s, step == 0, step == 1, step == 2, 0, 0);
        if (step == 0)
            fixture_park(s, seq);
        else if (step == 1)
            fixture_take(s, seq);
    }
    store_close(&s);
}

/* waiting, parked, out, put back: settled from each of them, it is gone from there and in the ledger. */
static void test_settle_from_everywhere(void)
{
    static const char *const ids[] = {"waiting", "parked", "out", "back", "out-of-parked"};
    struct store *s = fixture_open("settle");
    for (uint64_t i = 0; i < 5; i++)
        fixture_add(s, "a", ids[i], "o");
    fixture_park(s, 2);
    fixture_take(s, 3);
    fixture_take(s, 4);
    struct message m = fixture_read(s, 4);
    m.due_ms += 1000;
    m.timed = 1;
    store_put_back(s, &m);
    fixture_park(s, 5);
    fixture_take(s, 5);
    fixture_counts(s, 2, 1, 2, 0, 0);
    for (uint64_t i = 0; i < 5; i++) {
        fixture_settle(s, i + 1, STATE_SENT);
        CHECK_INT(fixture_state(s, "a", ids[i]), STATE_SENT);
        CHECK_INT(store_read(s, i + 1, &m), STORE_NONE);
    }
    fixture_counts(s, 0, 0, 0, 5, 0);
    CHECK_U64(fixture_first(s, "a", LANE_BULK, 0), 0);
    CHECK_U64(fixture_first(s, "a", LANE_BULK, 1), 0);
    CHECK_U64(fixture_first_parked(s, "a", "o"), 0);
    store_close(&s);
}

static void test_final(void)
{
    struct store *s = fixture_open("final");
    struct message m = fixture_full_message();
    struct final f = fixture_full_final(), got;
    enum store_state state;
    uint64_t content;
    CHECK_INT(store_append(s, &m), STORE_OK);
    for (int step = 0; step < 2; step++) {
        if (step == 0)
            store_settle(s, &m, &f);
        CHECK_INT(store_commit(s), 0);
        CHECK_INT(store_find(s, m.account, m.id, &state, &m, &got, &content), STORE_OK);
        CHECK_INT(state, STATE_REFUSED);
        CHECK_U64(content, 0xfedcba9876543210u);
        CHECK_U64(got.seq, 1);
        fixture_same_final(&got, &f);
        m = fixture_full_message();
        fixture_reopen(&s, "final");
    }
    store_close(&s);
}

/* What was read from the store can be given back to it as it is, wherever its texts lie. */
static void test_settle_what_was_read(void)
{
    struct store *s = fixture_open("alias");
    struct final f = fixture_full_final(), got;
    struct message m = fixture_full_message();
    enum store_state state;
    uint64_t content;
    fixture_append(s, m);
    CHECK_INT(store_commit(s), 0);
    CHECK_INT(store_find(s, span_of("shop"), span_of("order-7"), &state, &m, &got, &content), STORE_OK);
    store_take(s, &m, &(struct mark){.seq = 1, .turn = 1});
    m = fixture_read(s, 1);
    store_put_back(s, &m);
    m = fixture_read(s, 1);
    store_park(s, &m);
    m = fixture_read(s, 1);
    f.account = m.account;
    f.id = m.id;
    f.openid = m.openid;
    f.key = m.key;
    f.task = m.task;
    f.message = m.note;
    store_settle(s, &m, &f);
    CHECK_INT(store_find(s, span_of("shop"), span_of("order-7"), &state, &m, &got, &content), STORE_OK);
    f = fixture_full_final();
    f.message = span_of("system busy");
    fixture_same_final(&got, &f);
    store_close(&s);
}

static void test_dead(void)
{
    struct store *s = fixture_open("dead");
    struct message m = fixture_full_message();
    fixture_append(s, m);
    fixture_settle(s, 1, STATE_DEAD);
    fixture_counts(s, 0, 0, 0, 1, 1);
    CHECK_INT(fixture_state(s, "shop", "order-7"), STATE_DEAD);
    CHECK_U64(store_purge(s, INT64_MAX, 10), 0);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "dead");
    struct message kept = fixture_read(s, 1);
    fixture_same_message(&kept, &m);
    fixture_counts(s, 0, 0, 0, 1, 1);
    store_close(&s);
}

int main(void)
{
    test_append_and_find();
    test_ids();
    test_id_stays_taken();
    test_long_names();
    test_contents();
    test_order();
    test_place();
    test_parked_order();
    test_last_order();
    test_take_and_put_back();
    test_update();
    test_settle_from_everywhere();
    test_final();
    test_settle_what_was_read();
    test_dead();
    return 0;
}
