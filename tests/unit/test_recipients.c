/* One call per recipient: states, rows of those that go first, and what is forgotten. */
#include "broker/recipients.h"

#include "tests/unit/test.h"

static struct hash128 hash(const char *openid)
{
    return recipients_hash(span_of("a"), span_of(openid));
}

static void begin(struct recipients *r, const char *openid, size_t account, int more)
{
    recipients_begin(r, hash(openid), span_of(openid), account, more);
}

static void check_state(const struct recipients *r, const char *openid, enum recipient_state state)
{
    CHECK_INT(recipients_state(r, hash(openid)), state);
}

static void check_first(const struct recipients *r, size_t account, const char *openid)
{
    struct span first = {NULL, 0};
    CHECK_INT(recipients_first(r, account, &first), *openid != '\0');
    if (*openid != '\0')
        CHECK_SPAN(first, openid);
}

static void test_one_call(void)
{
    struct recipients *r = recipients_new();
    check_state(r, "o", RECIPIENT_FREE);
    begin(r, "o", 0, 0);
    check_state(r, "o", RECIPIENT_BUSY);
    check_state(r, "p", RECIPIENT_FREE);
    CHECK(!recipients_has_more(r, hash("o")));
    check_first(r, 0, "");
    recipients_end(r, hash("o"));
    check_state(r, "o", RECIPIENT_FREE);
    recipients_end(r, hash("o")); /* of nobody */
    recipients_destroy(&r);
    CHECK(r == NULL);
    recipients_destroy(&r);
}

/* Parked while the call was in flight: first in the row when it has ended, busy again with the next call, and
 * so on to the last. */
static void test_parked(void)
{
    struct recipients *r = recipients_new();
    begin(r, "o", 3, 0);
    recipients_park(r, hash("o"));
    CHECK(recipients_has_more(r, hash("o")));
    check_state(r, "o", RECIPIENT_BUSY);
    check_first(r, 3, "");
    recipients_end(r, hash("o"));
    check_state(r, "o", RECIPIENT_PARKED);
    check_first(r, 3, "o");
    check_first(r, 2, "");
    recipients_end(r, hash("o")); /* no call is in flight: nothing happens */
    check_state(r, "o", RECIPIENT_PARKED);
    begin(r, "o", 3, 1);
    check_state(r, "o", RECIPIENT_BUSY);
    check_first(r, 3, "");
    recipients_end(r, hash("o"));
    check_first(r, 3, "o");
    begin(r, "o", 3, 0); /* the last one */
    CHECK(!recipients_has_more(r, hash("o")));
    recipients_end(r, hash("o"));
    check_state(r, "o", RECIPIENT_FREE);
    check_first(r, 3, "");
    recipients_destroy(&r);
}

/* The row keeps the order in which the calls ended. */
static void test_row(void)
{
    static const char *const openids[] = {"o", "p", "q"};
    struct recipients *r = recipients_new();
    for (size_t i = 0; i < 3; i++)
        begin(r, openids[i], 0, 1);
    recipients_end(r, hash("q"));
    recipients_end(r, hash("o"));
    recipients_end(r, hash("p"));
    check_first(r, 0, "q");
    begin(r, "o", 0, 1); /* out of the middle */
    recipients_end(r, hash("o"));
    recipients_drop_first(r, 0);
    check_state(r, "q", RECIPIENT_FREE);
    check_first(r, 0, "p");
    recipients_drop_first(r, 0);
    check_first(r, 0, "o");
    recipients_drop_first(r, 0);
    check_first(r, 0, "");
    recipients_destroy(&r);
}

/* At the start marks are read before parked messages. */
static void test_restore(void)
{
    struct recipients *r = recipients_new();
    begin(r, "busy", 1, 0);
    recipients_restore(r, hash("busy"), span_of("busy"), 1);
    recipients_restore(r, hash("idle"), span_of("idle"), 1);
    recipients_restore(r, hash("idle"), span_of("idle"), 1);
    check_state(r, "busy", RECIPIENT_BUSY);
    CHECK(recipients_has_more(r, hash("busy")));
    check_state(r, "idle", RECIPIENT_PARKED);
    check_first(r, 1, "idle");
    recipients_end(r, hash("busy"));
    recipients_drop_first(r, 1);
    check_first(r, 1, "busy");
    recipients_destroy(&r); /* with one in it */
}

/* Account and recipient do not run into each other, and bytes beyond a NUL count. */
static void test_hash(void)
{
    const struct {
        struct span account, openid;
    } all[] = {{span_of("a"), span_of("bc")}, {span_of("ab"), span_of("c")}, {span_of("a"), span_of("b")},
               {span_of("a"), span_of("BC")}, {span_of(""), span_of("abc")}, {span_of("a"), {"b\0x", 3}},
               {span_of("a"), {"b\0y", 3}}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct hash128 one = recipients_hash(all[i].account, all[i].openid);
        for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
            struct hash128 other = recipients_hash(all[n].account, all[n].openid);
            CHECK_INT(one.high == other.high && one.low == other.low, n == i);
        }
    }
}

static void test_longest(void)
{
    struct recipients *r = recipients_new();
    char openid[OPENID_BYTES_MAX + 1] = "";
    memset(openid, 'o', OPENID_BYTES_MAX);
    begin(r, openid, 0, 1);
    recipients_end(r, hash(openid));
    check_first(r, 0, openid);
    recipients_destroy(&r);
}

/* Nothing is kept of recipients that are done. */
static void test_many(void)
{
    struct recipients *r = recipients_new();
    char openid[16];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5000; i++) {
            snprintf(openid, sizeof openid, "o%d", i);
            begin(r, openid, (size_t)i % 7, i % 2);
        }
        for (int i = 0; i < 5000; i++) {
            snprintf(openid, sizeof openid, "o%d", i);
            recipients_end(r, hash(openid));
            check_state(r, openid, i % 2 ? RECIPIENT_PARKED : RECIPIENT_FREE);
        }
        for (size_t account = 0; account < 7; account++) {
            struct span first;
            while (recipients_first(r, account, &first))
                recipients_drop_first(r, account);
        }
        check_state(r, "o1", RECIPIENT_FREE);
    }
    recipients_destroy(&r);
}

/* Left alone for a time after a call: busy until then, and what was parked goes first afterwards. */
static void test_cooling(void)
{
    struct recipients *r = recipients_new();
    size_t account = 99;
    CHECK_INT(recipients_next_ms(r), INT64_MAX);
    CHECK_INT(recipients_cool(r, hash("o"), 10), -1); /* of nobody */
    static const char *const openids[] = {"o", "p", "q"};
    static const int64_t until_ms[] = {300, 100, 200};
    for (size_t i = 0; i < 3; i++) {
        begin(r, openids[i], i, 0);
        CHECK_INT(recipients_cool(r, hash(openids[i]), until_ms[i]), 0);
        check_state(r, openids[i], RECIPIENT_BUSY);
        CHECK_INT(recipients_cool(r, hash(openids[i]), until_ms[i]), -1);
    }
    recipients_park(r, hash("p"));
    CHECK_INT(recipients_next_ms(r), 100);
    CHECK_INT(recipients_warm(r, 99, &account), 0);
    CHECK_INT(recipients_warm(r, 200, &account), 1);
    CHECK_U64(account, 1);
    check_state(r, "p", RECIPIENT_PARKED);
    check_first(r, 1, "p");
    CHECK_INT(recipients_warm(r, 200, &account), 1);
    CHECK_U64(account, 2);
    check_state(r, "q", RECIPIENT_FREE);
    CHECK_INT(recipients_warm(r, 200, &account), 0);
    check_state(r, "o", RECIPIENT_BUSY);
    recipients_destroy(&r); /* with one that is left alone */
}

static void test_cooling_is_bounded(void)
{
    struct recipients *r = recipients_new();
    size_t account;
    char openid[16];
    for (int i = 0; i <= RECIPIENTS_COOLING_MAX; i++) {
        snprintf(openid, sizeof openid, "o%d", i);
        begin(r, openid, 0, 0);
        CHECK_INT(recipients_is_full(r), i == RECIPIENTS_COOLING_MAX);
        CHECK_INT(recipients_cool(r, hash(openid), 1000 - i % 7), i < RECIPIENTS_COOLING_MAX ? 0 : -1);
    }
    int64_t before_ms = 0;
    for (int i = 0; i < RECIPIENTS_COOLING_MAX; i++) {
        CHECK(recipients_next_ms(r) >= before_ms);
        before_ms = recipients_next_ms(r);
        CHECK_INT(recipients_warm(r, 1000, &account), 1);
    }
    CHECK_INT(recipients_warm(r, 1000, &account), 0);
    recipients_destroy(&r);
}

int main(void)
{
    test_cooling();
    test_cooling_is_bounded();
    test_one_call();
    test_parked();
    test_row();
    test_restore();
    test_hash();
    test_longest();
    test_many();
    return 0;
}
