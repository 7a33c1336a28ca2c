/* Accounts that WeChat has stopped: which reports stop them, who is the probe, how long it takes, what a restart keeps. */
#include "broker/stops.h"

#include "tests/unit/test.h"

#define MINUTE 60000LL
#define NOW    (1000 * MINUTE)             /* order clock */
#define WALL   (1700000000000LL / MINUTE * MINUTE + 20000) /* 20 s behind the beginning of a minute, far from Beijing's midnight */

static const struct stops_rules rules = {.probe_first_ms = MINUTE, .probe_max_ms = 30 * MINUTE, .window_ms = MINUTE};

static struct outcome_report failed(enum cause cause, int64_t errcode)
{
    return (struct outcome_report){.outcome = OUTCOME_RETRY, .cause = cause, .errcode = errcode, .calls = 1, .message = span_of("why")};
}

static int report(struct stops *s, uint64_t seq, struct outcome_report r, int64_t now_ms)
{
    return stops_on_report(s, 0, seq, &r, now_ms, WALL + now_ms - NOW);
}

static void test_quota(void)
{
    struct stops *s = stops_new(2, &rules);
    CHECK_INT(stops_wait_ms(s, 0, NOW), 0);
    CHECK(stops_find(s, 0, NOW) == NULL);
    stops_begin(s, 0, 1);
    CHECK_INT(report(s, 1, failed(CAUSE_QUOTA, 45009), NOW), 1); /* the message steps back */
    CHECK_INT(stops_wait_ms(s, 0, NOW), MINUTE);
    CHECK_INT(stops_wait_ms(s, 1, NOW), 0); /* other accounts go on */
    CHECK(stops_refuses(s, 0, NOW) && !stops_refuses(s, 1, NOW));
    CHECK_INT(stops_find(s, 0, NOW)->errcode, 45009);
    CHECK_STR(stops_find(s, 0, NOW)->reason, "why");
    /* What was in flight is the same event. */
    CHECK_INT(report(s, 2, failed(CAUSE_QUOTA, 45009), NOW + 10), 0);
    CHECK_INT(report(s, 3, (struct outcome_report){.outcome = OUTCOME_SENT}, NOW + 20), 0);
    CHECK_INT(stops_wait_ms(s, 0, NOW + 20), MINUTE - 20);
    /* One message is the probe, no other goes beside it. */
    CHECK_INT(stops_wait_ms(s, 0, NOW + MINUTE), 0);
    CHECK(!stops_refuses(s, 0, NOW + MINUTE)); /* a Send may be it */
    stops_begin(s, 0, 4);
    CHECK_INT(stops_wait_ms(s, 0, NOW + MINUTE), INT64_MAX);
    CHECK(stops_refuses(s, 0, NOW + MINUTE));
    CHECK_INT(report(s, 5, (struct outcome_report){.outcome = OUTCOME_SENT}, NOW + MINUTE), 0); /* none of ours */
    CHECK_INT(stops_wait_ms(s, 0, NOW + MINUTE), INT64_MAX);
    CHECK_INT(report(s, 4, failed(CAUSE_QUOTA, 45009), NOW + MINUTE), 1);
    CHECK_INT(stops_wait_ms(s, 0, NOW + MINUTE), 2 * MINUTE);
    stops_begin(s, 0, 6);
    CHECK_INT(report(s, 6, (struct outcome_report){.outcome = OUTCOME_SENT}, NOW + 3 * MINUTE), 0);
    CHECK_INT(stops_wait_ms(s, 0, NOW + 3 * MINUTE), 0);
    CHECK(stops_find(s, 0, NOW + 3 * MINUTE) == NULL);
    stops_destroy(&s);
}

/* 1, 2, 4, 8, 16, 30, 30 … minutes. */
static void test_growing_waits(void)
{
    static const int64_t expected[] = {1, 2, 4, 8, 16, 30, 30, 30};
    struct stops *s = stops_new(1, &rules);
    int64_t now_ms = NOW;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        stops_begin(s, 0, i);
        CHECK_INT(report(s, i, failed(CAUSE_ACCOUNT, 40164), now_ms), 1);
        CHECK_INT(stops_wait_ms(s, 0, now_ms), expected[i] * MINUTE);
        now_ms += expected[i] * MINUTE;
    }
    stops_destroy(&s);
}

/* An allowance of a day is tried just behind Beijing's midnight; what a person has to put right is not. */
static void test_midnight(void)
{
    static const int64_t midnight_ms = 1700064000000LL; /* 2023-11-16 00:00 in Beijing */
    struct stops *s = stops_new(2, &rules);
    struct outcome_report quota = failed(CAUSE_QUOTA, 45009), account = failed(CAUSE_ACCOUNT, 48004);
    CHECK_INT(stops_on_report(s, 0, 1, &quota, NOW, midnight_ms - 20000), 1);
    CHECK_INT(stops_on_report(s, 1, 2, &account, NOW, midnight_ms - 20000), 1);
    CHECK_INT(stops_wait_ms(s, 0, NOW), 25000);
    CHECK_INT(stops_wait_ms(s, 1, NOW), MINUTE);
    stops_destroy(&s);
}

/* What ends a stop, and what says nothing. */
static void test_probe_ends(void)
{
    static const struct {
        struct outcome_report report;
        int runs;
        int64_t wait_ms; /* until the next probe */
    } cases[] = {
        {{.outcome = OUTCOME_SENT}, 1, 0},
        {{.outcome = OUTCOME_PENDING}, 1, 0},
        {{.outcome = OUTCOME_REFUSED, .errcode = 43004}, 1, 0},
        {{.outcome = OUTCOME_REFUSED, .cause = CAUSE_DOUBTFUL}, 1, 0},
        {{.outcome = OUTCOME_RETRY, .cause = CAUSE_RECIPIENT}, 1, 0},
        {{.outcome = OUTCOME_RETRY, .cause = CAUSE_TEMPLATE}, 1, 0},
        {{.outcome = OUTCOME_DEAD}, 0, MINUTE},
        {{.outcome = OUTCOME_RETRY, .cause = CAUSE_BUSY}, 0, MINUTE},
        {{.outcome = OUTCOME_RETRY, .cause = CAUSE_NETWORK}, 0, MINUTE},
        {{.outcome = OUTCOME_RETRY, .cause = CAUSE_TOKEN}, 0, MINUTE},
        {{.outcome = OUTCOME_UNKNOWN}, 0, MINUTE},
        {{.outcome = OUTCOME_RETURNED}, 0, 1000}, /* WeChat was not asked */
        {{.outcome = OUTCOME_RETRY, .cause = CAUSE_PACE}, 0, 40500}, /* WeChat's next minute */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stops *s = stops_new(1, &rules);
        report(s, 1, failed(CAUSE_QUOTA, 45009), NOW);
        stops_begin(s, 0, 2);
        CHECK_INT(report(s, 2, cases[i].report, NOW + MINUTE), 0);
        CHECK_INT(stops_find(s, 0, NOW + MINUTE) == NULL, cases[i].runs);
        CHECK_INT(stops_wait_ms(s, 0, NOW + MINUTE), cases[i].wait_ms);
        stops_destroy(&s);
    }
}

static void test_lost_probe(void)
{
    struct stops *s = stops_new(1, &rules);
    report(s, 1, failed(CAUSE_QUOTA, 45009), NOW);
    stops_begin(s, 0, 2);
    stops_on_lost(s, 0, 3, NOW + MINUTE); /* another one */
    CHECK_INT(stops_wait_ms(s, 0, NOW + MINUTE), INT64_MAX);
    stops_on_lost(s, 0, 2, NOW + MINUTE);
    CHECK_INT(stops_wait_ms(s, 0, NOW + MINUTE), 1000);
    stops_destroy(&s);
}

/* Too fast: until WeChat's next minute and no longer, without probes. */
static void test_pace(void)
{
    struct stops *s = stops_new(1, &rules);
    CHECK_INT(report(s, 1, failed(CAUSE_PACE, 45011), NOW), 0);
    CHECK_INT(stops_wait_ms(s, 0, NOW), 40500);
    CHECK(!stops_refuses(s, 0, NOW)); /* a Send can wait so long */
    CHECK_INT(report(s, 2, failed(CAUSE_PACE, 45011), NOW + 1000), 0);
    CHECK_INT(stops_wait_ms(s, 0, NOW + 1000), 39500);
    stops_begin(s, 0, 3);
    CHECK_INT(stops_wait_ms(s, 0, NOW + 40500), 0);
    CHECK(stops_find(s, 0, NOW + 40500) == NULL);
    CHECK_INT(report(s, 4, failed(CAUSE_PACE, 45011), NOW + 50000), 0);
    CHECK_INT(stops_wait_ms(s, 0, NOW + 50000), 50500);
    CHECK_INT(report(s, 5, failed(CAUSE_QUOTA, 45009), NOW + 50000), 1); /* worse */
    CHECK(stops_refuses(s, 0, NOW + 50000));
    stops_destroy(&s);
}

static void test_resume(void)
{
    struct stops *s = stops_new(1, &rules);
    CHECK_INT(stops_resume(s, 0, NOW), -1);
    report(s, 1, failed(CAUSE_ACCOUNT, 48004), NOW);
    CHECK_INT(stops_resume(s, 0, NOW + 5), 0);
    CHECK_INT(stops_wait_ms(s, 0, NOW + 5), 0);
    CHECK(stops_find(s, 0, NOW + 5) != NULL); /* only the probe tells */
    stops_begin(s, 0, 2);
    CHECK_INT(stops_wait_ms(s, 0, NOW + 5), INT64_MAX);
    report(s, 2, (struct outcome_report){.outcome = OUTCOME_SENT}, NOW + 6);
    CHECK_INT(stops_resume(s, 0, NOW + 7), -1);
    report(s, 3, failed(CAUSE_PACE, 45011), NOW + 8);
    CHECK_INT(stops_resume(s, 0, NOW + 9), 0);
    CHECK(stops_find(s, 0, NOW + 9) == NULL);
    stops_destroy(&s);
}

static void test_restart(void)
{
    static struct conf before, after;
    struct buf packed = {0};
    before.account_count = 3;
    snprintf(before.accounts[0].name, sizeof before.accounts[0].name, "default");
    snprintf(before.accounts[1].name, sizeof before.accounts[1].name, "gone");
    snprintf(before.accounts[2].name, sizeof before.accounts[2].name, "shop");
    after.account_count = 2;
    snprintf(after.accounts[0].name, sizeof after.accounts[0].name, "default");
    snprintf(after.accounts[1].name, sizeof after.accounts[1].name, "shop");
    struct stops *s = stops_new(3, &rules);
    struct outcome_report quota = failed(CAUSE_QUOTA, 45009), pace = failed(CAUSE_PACE, 45011);
    CHECK(!stops_has_changed(s));
    stops_on_report(s, 1, 1, &quota, NOW, WALL);
    stops_on_report(s, 2, 2, &quota, NOW, WALL);
    stops_on_report(s, 0, 3, &pace, NOW, WALL);
    CHECK(stops_has_changed(s));
    CHECK(!stops_has_changed(s));
    stops_begin(s, 2, 4); /* whose report is still to come */
    stops_pack(s, &before, &packed);
    stops_destroy(&s);

    s = stops_new(2, &rules);
    stops_restore(s, &after, buf_span(&packed));
    CHECK_INT(stops_wait_ms(s, 0, NOW), 40500);
    CHECK_INT(stops_wait_ms(s, 1, NOW), MINUTE);
    CHECK_INT(stops_find(s, 1, NOW)->errcode, 45009);
    CHECK_STR(stops_find(s, 1, NOW)->reason, "why");
    CHECK_INT(stops_find(s, 1, NOW)->since_ms, WALL);
    stops_destroy(&s);

    for (size_t bytes = 0; bytes < packed.bytes; bytes++) { /* whatever is left of it */
        s = stops_new(2, &rules);
        stops_restore(s, &after, (struct span){packed.data, bytes});
        stops_destroy(&s);
    }
    buf_free(&packed);
}

/* A reason is cut between two characters. */
static void test_long_reason(void)
{
    struct buf text = {0};
    struct stops *s = stops_new(1, &rules);
    for (int i = 0; i < 1000; i++)
        buf_append_str(&text, "中");
    struct outcome_report r = failed(CAUSE_QUOTA, 45009);
    r.message = buf_span(&text);
    stops_on_report(s, 0, 1, &r, NOW, WALL);
    CHECK(span_is_utf8(span_of(stops_find(s, 0, NOW)->reason)));
    CHECK_U64(strlen(stops_find(s, 0, NOW)->reason), STOP_REASON_BYTES_MAX / 3 * 3);
    stops_destroy(&s);
    buf_free(&text);
}

int main(void)
{
    test_quota();
    test_growing_waits();
    test_midnight();
    test_probe_ends();
    test_lost_probe();
    test_pace();
    test_resume();
    test_restart();
    test_long_reason();
    return 0;
}
