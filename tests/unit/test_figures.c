/* Counts survive a restart exactly, by account; rates look back ten seconds. */
#include "broker/figures.h"

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
    struct store *s = fixture_open("figures");
    struct figures *f = figures_new(s, conf);
    for (int i = 0; i < 5; i++)
        figures_count(f, 0, FIGURE_ACCEPTED);
    figures_count(f, 0, FIGURE_SENT);
    figures_count(f, 0, FIGURE_DEAD);
    figures_count(f, 0, FIGURE_REQUEUED);
    figures_count(f, 1, FIGURE_ACCEPTED);
    figures_count(f, -1, FIGURE_ACCEPTED); /* an account that is gone */
    figures_save(f);
    CHECK_INT(store_commit(s), 0);
    figures_count(f, 1, FIGURE_SENT); /* never saved: of a turn that was not committed */
    figures_destroy(&f);
    fixture_reopen(&s, "figures");
    f = figures_new(s, conf);
    CHECK_U64(figures_get(f, 0, FIGURE_ACCEPTED), 5);
    CHECK_U64(figures_get(f, 1, FIGURE_SENT), 0);
    CHECK_U64(figures_total(f, FIGURE_ACCEPTED), 6);
    CHECK_U64(figures_live(f, 0), 4); /* 5 accepted, 1 sent, 1 dead and put back */
    CHECK_U64(figures_live(f, 1), 1);
    figures_destroy(&f);
    store_close(&s);
    free(conf);
}

static void test_rates(void)
{
    struct conf *conf = two_accounts();
    struct store *s = fixture_open("rates");
    struct figures *f = figures_new(s, conf);
    for (int64_t second = 0; second < 30; second++) {
        figures_tick(f, second * 1000);
        for (int i = 0; i < (second < 20 ? 100 : 10); i++)
            figures_count(f, 0, FIGURE_SENT);
        if (second == 15)
            CHECK(figures_rate(f, FIGURE_SENT) == 100.0);
    }
    figures_tick(f, 30000);
    CHECK(figures_rate(f, FIGURE_SENT) == 10.0);
    CHECK(figures_rate(f, FIGURE_ACCEPTED) == 0.0);
    figures_destroy(&f);
    store_close(&s);
    free(conf);
}

int main(void)
{
    test_kept();
    test_rates();
    return 0;
}
