/* Counts by template survive a restart exactly, by account; how many templates there are is bounded. */
#include "broker/delivery.h"

#include "proto/mp_view.h"
#include "tests/unit/store_fixture.h"

static struct conf *two_accounts(void)
{
    struct conf *c = mem_new(sizeof *c);
    c->account_count = 2;
    snprintf(c->accounts[0].name, sizeof c->accounts[0].name, "default");
    snprintf(c->accounts[1].name, sizeof c->accounts[1].name, "b");
    return c;
}

static void test_kept(void)
{
    struct conf *conf = two_accounts();
    struct store *s = fixture_open("delivery");
    struct delivery *d = delivery_new(s, conf);
    delivery_count(d, 0, span_of("paid"), DELIVERY_SENT);
    delivery_count(d, 0, span_of("paid"), DELIVERY_SENT);
    delivery_count(d, 0, span_of("paid"), DELIVERY_BLOCKED);
    delivery_count(d, 1, span_of("paid"), DELIVERY_FAILED);
    delivery_count(d, -1, span_of("paid"), DELIVERY_SENT); /* an account that is gone */
    delivery_save(d);
    CHECK_INT(store_commit(s), 0);
    delivery_count(d, 0, span_of("paid"), DELIVERY_DELIVERED); /* never saved: of a turn that was not committed */
    delivery_destroy(&d);
    fixture_reopen(&s, "delivery");
    d = delivery_new(s, conf);
    CHECK_U64(delivery_get(d, 0, span_of("paid"), DELIVERY_SENT), 2);
    CHECK_U64(delivery_get(d, 0, span_of("paid"), DELIVERY_BLOCKED), 1);
    CHECK_U64(delivery_get(d, 0, span_of("paid"), DELIVERY_DELIVERED), 0);
    CHECK_U64(delivery_get(d, 1, span_of("paid"), DELIVERY_FAILED), 1);
    CHECK_U64(delivery_get(d, 1, span_of("other"), DELIVERY_FAILED), 0);
    delivery_destroy(&d);
    store_close(&s);
    free(conf);
}

static void test_bounded(void)
{
    struct conf *conf = two_accounts();
    struct store *s = fixture_open("bounded");
    struct delivery *d = delivery_new(s, conf);
    struct buf packed = {0};
    struct mp_list rows;
    char key[16];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            snprintf(key, sizeof key, "k%d", i);
            delivery_count(d, 0, span_of(key), DELIVERY_SENT);
        }
    const uint64_t others = 2 * (1000 - (DELIVERY_ROWS_MAX - 1));
    CHECK_U64(delivery_get(d, 0, span_of("k62"), DELIVERY_SENT), 2);
    CHECK_U64(delivery_get(d, 0, span_of("k63"), DELIVERY_SENT), 0);
    CHECK_U64(delivery_get(d, 0, (struct span){"", 0}, DELIVERY_SENT), others);
    delivery_pack(d, 0, &packed);
    CHECK_INT(mp_list_open(&rows, buf_span(&packed)), 0);
    CHECK_U64(rows.left, DELIVERY_ROWS_MAX);
    delivery_save(d);
    delivery_destroy(&d);
    d = delivery_new(s, conf); /* the row of the others is read as what it is */
    CHECK_U64(delivery_get(d, 0, (struct span){"", 0}, DELIVERY_SENT), others);
    delivery_count(d, 0, span_of("new"), DELIVERY_SENT);
    CHECK_U64(delivery_get(d, 0, (struct span){"", 0}, DELIVERY_SENT), others + 1);
    delivery_destroy(&d);
    store_close(&s);
    buf_free(&packed);
    free(conf);
}

int main(void)
{
    test_kept();
    test_bounded();
    return 0;
}
