/* What holds an account back: its rate with brakes, reports of senders that make it slower, rates that operators have set and
 * restarts, records of these that are damaged. */
#include "broker/accounts.h"

#include "proto/mp.h"
#include "tests/unit/store_fixture.h"

#define S_US 1000000LL

static struct conf conf;
static struct accounts a;

static void begin(void)
{
    memset(&conf, 0, sizeof conf);
    conf.account_count = 2;
    snprintf(conf.accounts[0].name, sizeof conf.accounts[0].name, "%s", CONF_ACCOUNT_DEFAULT);
    snprintf(conf.accounts[1].name, sizeof conf.accounts[1].name, "shop");
    conf.accounts[1].rate_per_s = 100;
    accounts_init(&a, &conf);
}

static void test_held(void)
{
    begin();
    CHECK_INT(accounts_held_us(&a, 0, S_US), 0);
    accounts_begin(&a, 0, S_US);
    CHECK_INT(accounts_held_us(&a, 0, S_US), 0);
    accounts_begin(&a, 1, S_US);
    CHECK_INT(accounts_held_us(&a, 1, S_US), 10000);
    CHECK_INT(accounts_held_us(&a, 1, S_US + 4000), 6000);
    CHECK_INT(accounts_held_us(&a, 1, S_US + 20000), 0);
    accounts_brake(&a, 1, 1500); /* milliseconds */
    CHECK_INT(accounts_held_us(&a, 1, S_US + 20000), 480000);
    CHECK_INT(a.list[1].out, 1);
    accounts_end(&a, 1);
    CHECK_INT(a.list[1].out, 0);
}

static int64_t give(size_t account, int64_t from_us, int64_t every_us, int count)
{
    int64_t now_us = from_us;
    for (int i = 0; i < count; i++, now_us += every_us)
        accounts_begin(&a, account, now_us);
    return now_us;
}

static void report(size_t account, enum outcome outcome, enum cause cause, uint32_t calls, int64_t now_us)
{
    struct outcome_report r = {.seq = 1, .turn = 1, .outcome = outcome, .cause = cause, .calls = calls};
    accounts_on_report(&a, account, &r, now_us);
}

/* Only what concerns the pace makes it slower, and only this account. */
static void test_reports(void)
{
    static const struct {
        enum outcome outcome;
        enum cause cause;
        uint32_t calls;
        int is_slower;
    } rows[] = {{OUTCOME_SENT, CAUSE_NONE, 1, 0},      {OUTCOME_RETRY, CAUSE_PACE, 1, 1},      {OUTCOME_RETRY, CAUSE_BUSY, 1, 1},
                {OUTCOME_UNKNOWN, CAUSE_BUSY, 1, 1},   {OUTCOME_UNKNOWN, CAUSE_NETWORK, 1, 0}, {OUTCOME_RETURNED, CAUSE_NONE, 0, 0},
                {OUTCOME_RETRY, CAUSE_QUOTA, 1, 0},    {OUTCOME_RETRY, CAUSE_TOKEN, 2, 0},     {OUTCOME_REFUSED, CAUSE_DOUBTFUL, 1, 0},
                {OUTCOME_RETRY, CAUSE_RECIPIENT, 1, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        int64_t now_us = give(0, S_US, 5000, 1000);
        for (int k = 0; k < 300; k++)
            report(0, rows[i].outcome, rows[i].cause, rows[i].calls, now_us + k * 10000);
        CHECK_INT(a.list[0].pace.limit_per_s > 0, rows[i].is_slower);
        CHECK(a.list[1].pace.limit_per_s == 0);
    }
}

static void test_rates_are_kept(void)
{
    struct store *s = fixture_open("rates");
    begin();
    accounts_load_rates(&a, s); /* there are none */
    CHECK_INT(pace_set_per_s(&a.list[1].pace), 100);
    a.list[0].wake_ms = a.list[1].wake_ms = INT64_MAX;
    accounts_set_rate(&a, s, 0, 7);
    accounts_set_rate(&a, s, 1, 0);
    CHECK_INT(a.list[1].wake_ms, 0); /* it may be allowed more now */
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "rates");
    begin();
    accounts_load_rates(&a, s);
    CHECK_INT(pace_set_per_s(&a.list[0].pace), 7);
    CHECK_INT(pace_set_per_s(&a.list[1].pace), 0);
    accounts_set_rate(&a, s, 1, PACE_NO_OVERRIDE);
    CHECK_INT(pace_set_per_s(&a.list[1].pace), 100);
    begin();
    accounts_load_rates(&a, s);
    CHECK_INT(pace_set_per_s(&a.list[0].pace), 7);
    CHECK_INT(pace_set_per_s(&a.list[1].pace), 100);
    conf.account_count = a.count = 1; /* of an account that is gone nothing is used */
    accounts_load_rates(&a, s);
    store_close(&s);
}

static void test_damaged_rates(void)
{
    static const struct span records[] = {{"\xc0", 1}, {"\x81", 1}, {"\x81\xa4shop", 6}, {"\x81\xa4shop\xce\x00\xff\xff\xff", 11},
                                          {"\x81\xa4shop\xff", 7}, {"", 0}};
    struct store *s = fixture_open("damaged");
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        begin();
        store_meta_write(s, "rates", records[i]);
        accounts_load_rates(&a, s);
        CHECK_INT(pace_set_per_s(&a.list[1].pace), 100);
    }
    store_close(&s);
}

static void make_accounts(size_t count)
{
    begin();
    conf.account_count = count;
    for (size_t i = 2; i < count; i++)
        snprintf(conf.accounts[i].name, sizeof conf.accounts[i].name, "a%zu", i);
    accounts_init(&a, &conf);
    for (size_t i = 0; i < count; i++)
        a.list[i].wake_ms = INT64_MAX;
}

/* Who has work, and who of these is not answered, says how many slots each may hold. */
static void test_shares(void)
{
    static const struct {
        size_t accounts, busy, silent; /* the silent ones are among the busy ones */
        uint32_t slots, answered, silent_share;
    } rows[] = {
        {1, 1, 0, 64, 64, 64}, /* nobody else is there: all of them, whatever happens */
        {1, 1, 1, 64, 64, 64},
        {2, 0, 0, 64, 56, 8},
        {2, 1, 0, 64, 56, 8}, /* an eighth stays free for the other one */
        {2, 2, 0, 64, 32, 8},
        {3, 3, 0, 64, 22, 8},
        {2, 2, 1, 64, 56, 8},
        {2, 1, 1, 64, 56, 8},
        {3, 3, 1, 64, 28, 8},
        {6, 5, 4, 64, 32, 8},
        {10, 9, 8, 64, 32, 4}, /* however many are silent, half is for the others */
        {50, 49, 48, 64, 32, 1},
        {2, 2, 0, 1, 1, 1},
        {2, 1, 0, 1, 1, 1},
        {2, 1, 0, 2, 1, 1},
        {2, 2, 1, 2, 1, 1},
        {2, 2, 2, 0, 1, 1}, /* no sender: nothing can be given out, whatever the share */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_accounts(rows[i].accounts);
        for (size_t k = 0; k < rows[i].busy; k++)
            a.list[k].wake_ms = 0;
        for (size_t k = 0; k < rows[i].silent; k++)
            for (int n = 0; n < 8; n++)
                report(k, OUTCOME_UNKNOWN, CAUSE_NETWORK, 1, S_US);
        struct account_shares shares = accounts_shares(&a, rows[i].slots, 0);
        CHECK_U64(shares.answered, rows[i].answered);
        CHECK_U64(shares.silent, rows[i].silent_share);
        for (size_t k = 0; k < rows[i].accounts; k++)
            CHECK_U64(accounts_share_of(&a, k, &shares), k < rows[i].silent ? shares.silent : shares.answered);
    }
}

/* One answer of whatever kind ends the silence; a call that was not made says nothing. */
static void test_silence(void)
{
    make_accounts(2);
    for (int n = 0; n < 7; n++)
        report(0, OUTCOME_RETRY, CAUSE_NETWORK, 1, S_US);
    struct account_shares shares = accounts_shares(&a, 64, 0);
    CHECK_U64(accounts_share_of(&a, 0, &shares), 56);
    report(0, OUTCOME_RETURNED, CAUSE_NONE, 0, S_US);
    report(0, OUTCOME_UNKNOWN, CAUSE_NETWORK, 1, S_US);
    CHECK_U64(accounts_share_of(&a, 0, &shares), 8);
    report(0, OUTCOME_REFUSED, CAUSE_NONE, 1, S_US);
    CHECK_U64(accounts_share_of(&a, 0, &shares), 56);
    /* Those that are held back claim nothing. */
    a.list[0].wake_ms = a.list[1].wake_ms = 0;
    a.list[1].halted = 1;
    CHECK_U64(accounts_shares(&a, 64, 0).answered, 56);
    a.list[1].out = 1; /* what it holds counts */
    CHECK_U64(accounts_shares(&a, 64, 0).answered, 32);
}

int main(void)
{
    test_shares();
    test_silence();
    test_held();
    test_reports();
    test_rates_are_kept();
    test_damaged_rates();
    return 0;
}
