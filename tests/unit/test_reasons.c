/* Reasons survive a restart exactly, by account; how many there are is bounded, whatever WeChat says. */
#include "broker/reasons.h"

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
    struct store *s = fixture_open("reasons");
    struct reasons *r = reasons_new(s, conf);
    CHECK_INT(reasons_save(r), 0); /* nothing to write */
    reasons_count(r, 0, REASON_DEAD, "attempts", 0);
    reasons_count(r, 0, REASON_DEAD, "attempts", 0);
    reasons_count(r, 0, REASON_FAILED, "busy", -1);
    reasons_count(r, 1, REASON_REFUSED, "", 43004);
    reasons_count(r, -1, REASON_REFUSED, "", 43004); /* an account that is gone */
    CHECK_INT(reasons_save(r), 1);
    CHECK_INT(store_commit(s), 0);
    reasons_count(r, 1, REASON_REFUSED, "", 43004); /* never saved: of a turn that was not committed */
    reasons_destroy(&r);
    fixture_reopen(&s, "reasons");
    r = reasons_new(s, conf);
    CHECK_U64(reasons_get(r, 0, REASON_DEAD, "attempts", 0), 2);
    CHECK_U64(reasons_get(r, 0, REASON_FAILED, "busy", -1), 1);
    CHECK_U64(reasons_get(r, 0, REASON_FAILED, "", -1), 0);
    CHECK_U64(reasons_get(r, 1, REASON_REFUSED, "", 43004), 1);
    CHECK_U64(reasons_get(r, 0, REASON_REFUSED, "", 43004), 0);
    reasons_destroy(&r);
    store_close(&s);
    free(conf);
}

static size_t rows_of(const struct reasons *r, const char *kind)
{
    struct buf packed = {0};
    struct mp_list list;
    struct span row;
    size_t count = 0;
    reasons_pack(r, 0, &packed);
    mp_list_open(&list, mp_view(buf_span(&packed), kind));
    while (mp_list_next(&list, &row))
        count++;
    buf_free(&packed);
    return count;
}

static void test_bounded(void)
{
    struct conf *conf = two_accounts();
    struct store *s = fixture_open("bounded");
    struct reasons *r = reasons_new(s, conf);
    for (int round = 0; round < 2; round++)
        for (int64_t code = 1; code <= 1000; code++)
            reasons_count(r, 0, REASON_REFUSED, "", code);
    CHECK_U64(rows_of(r, "refused"), REASONS_MAX);
    CHECK_U64(rows_of(r, "dead"), 0);
    CHECK_U64(reasons_get(r, 0, REASON_REFUSED, "", 1), 2);
    CHECK_U64(reasons_get(r, 0, REASON_REFUSED, "", 1000), 0);
    CHECK_U64(reasons_get(r, 0, REASON_REFUSED, "", REASON_OTHER), 2 * (1000 - (REASONS_MAX - 1)));
    reasons_save(r);
    CHECK_INT(store_commit(s), 0);
    reasons_destroy(&r);
    r = reasons_new(s, conf); /* the row of the others is read as what it is */
    CHECK_U64(reasons_get(r, 0, REASON_REFUSED, "", REASON_OTHER), 2 * (1000 - (REASONS_MAX - 1)));
    reasons_count(r, 0, REASON_REFUSED, "", 5000);
    CHECK_U64(rows_of(r, "refused"), REASONS_MAX);
    reasons_destroy(&r);
    store_close(&s);
    free(conf);
}

int main(void)
{
    test_kept();
    test_bounded();
    return 0;
}
