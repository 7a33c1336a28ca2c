/* Templates at their rate, over simulated time and a real store: nobody is delayed by them, the rate is kept in every second, the
 * order too; nothing goes back early; restarts, a rate that is taken away, pauses on top, what is cancelled meanwhile. */
#include "broker/template_rates.h"

#include "proto/mp.h"
#include "tests/unit/store_fixture.h"

#define NOW  FIXTURE_NOW_MS
#define S_US 1000000LL

struct world {
    struct store *s;
    struct keys *keys;
    struct pauses *pauses;
    struct template_rates *r;
    int64_t us;  /* monotonic */
    int woken;   /* times an account was woken */
    int added;
    size_t count; /* limited ones that went out, and when, and which */
    int64_t at_us[20000];
    uint64_t seqs[20000];
    size_t others;
};

static struct world w;

static void begin_parts(void)
{
    w.keys = keys_new(w.s);
    w.pauses = pauses_new(w.s);
    w.r = template_rates_new(w.s, w.keys, w.pauses);
}

static void end_parts(void)
{
    template_rates_destroy(&w.r);
    pauses_destroy(&w.pauses);
    keys_destroy(&w.keys);
}

static void begin(const char *name)
{
    memset(&w, 0, sizeof w);
    w.us = 1000 * S_US;
    w.s = fixture_open(name);
    begin_parts();
}

static void end(void)
{
    end_parts();
    store_close(&w.s);
}

static void restart(const char *name)
{
    CHECK_INT(store_commit(w.s), 0);
    end_parts();
    fixture_reopen(&w.s, name);
    begin_parts();
}

static void set_rate(const char *key, uint32_t per_s)
{
    struct buf packed = {0};
    struct key_info info = {.key = span_of(key), .version = 1, .lane = -1, .needs = {"\x90", 1}, .rate_per_s = per_s};
    mp_array(&packed, 1);
    control_key_pack(&info, &packed);
    CHECK_INT(keys_put(w.keys, buf_span(&packed)), 0);
    buf_free(&packed);
}

static uint64_t add_in_lane(const char *key, int lane)
{
    char id[16];
    snprintf(id, sizeof id, "m%d", w.added++);
    struct message m = fixture_message("a", id, "o");
    m.key = span_of(key);
    m.lane = lane;
    return fixture_append(w.s, m);
}

static uint64_t add(const char *key)
{
    return add_in_lane(key, LANE_BULK);
}

static void add_many(const char *key, int count)
{
    for (int i = 0; i < count; i++)
        add(key);
}

static void on_wake(void *self, struct span account)
{
    CHECK(self == &w);
    CHECK_SPAN(account, "a");
    w.woken++;
}

static void tick(void)
{
    template_rates_tick(w.r, NOW, w.us, on_wake, &w);
}

static void note_given(uint64_t seq, int is_limited)
{
    if (!is_limited) {
        w.others++;
        return;
    }
    CHECK(w.count < sizeof w.seqs / sizeof *w.seqs);
    w.at_us[w.count] = w.us;
    w.seqs[w.count++] = seq;
}

/* What dispatching does with everything that stands in the queue. Returns how many were looked at. */
static int drain(void)
{
    int looked = 0;
    for (int lane = 0; lane < LANES;) {
        uint64_t seq = fixture_first(w.s, "a", lane, TIMED_NOW);
        if (seq == 0) {
            lane++;
            continue;
        }
        struct message m = fixture_read(w.s, seq);
        int is_limited = span_is(m.key, "k");
        uint64_t hold = pauses_hold_of(w.pauses, &m);
        template_rates_met(w.r, &m);
        if (hold == 0)
            hold = template_rates_hold_of(w.r, &m, w.us);
        if (hold) {
            store_hold(w.s, &m, hold);
        } else {
            template_rates_begin(w.r, &m, w.us);
            fixture_settle(w.s, seq, STATE_SENT);
            note_given(seq, is_limited);
        }
        looked++;
    }
    return looked;
}

/* Turns of one millisecond, or longer ones. */
static void run(int64_t for_us, int64_t turn_us)
{
    for (int64_t until_us = w.us + for_us; w.us < until_us; w.us += turn_us) {
        tick();
        drain();
    }
}

static size_t most_within(int64_t window_us)
{
    size_t most = 0;
    for (size_t first = 0, last = 0; last < w.count; last++) {
        while (w.at_us[last] - w.at_us[first] >= window_us)
            first++;
        most = last - first + 1 > most ? last - first + 1 : most;
    }
    return most;
}

static void check_order(void)
{
    for (size_t i = 1; i < w.count; i++)
        CHECK(w.seqs[i - 1] < w.seqs[i]);
}

static size_t allowed(uint32_t per_s)
{
    return (size_t)(per_s * (1 + (SPACING_LATE_US + TEMPLATE_RATE_AHEAD_US) / 1e6) + 1.000001);
}

/* --- going out ---------------------------------------------------------------------------------------------------- */

static void test_others_are_not_delayed(void)
{
    begin("others");
    set_rate("k", 20);
    set_rate("free", 0);
    for (int i = 0; i < 100; i++) {
        add("k");
        add("free");
    }
    uint64_t limited = add("k");
    tick();
    CHECK_INT(drain(), 201); /* each is met once */
    CHECK_U64(w.others, 100);
    CHECK_U64(w.count, 1);
    CHECK_U64(store_counts(w.s).held, 100);
    CHECK_U64(template_rates_count(w.r, 1000), 100);
    CHECK_U64(template_rates_count(w.r, 7), 7);
    struct found found;
    CHECK_INT(store_look(w.s, limited, &found), STORE_OK);
    CHECK_INT(found.standing, STANDS_PACED);
    CHECK_INT(found.state, STATE_WAITING);
    CHECK_INT(template_rates_wait_us(w.r, w.us), 50000 - TEMPLATE_RATE_AHEAD_US);
    w.us += 40000;
    tick();
    CHECK_INT(drain(), 0); /* and not before its time */
    CHECK_INT(w.woken, 0);
    w.us += 5000;
    tick();
    CHECK_INT(w.woken, 1);
    CHECK_INT(drain(), 1);
    CHECK_U64(w.count, 2);
    end();
}

static void test_rates(void)
{
    static const struct {
        uint32_t per_s;
        int messages;
        int64_t turn_us;
    } rows[] = {{1, 5, 1000}, {20, 100, 1000}, {20, 100, 7000}, {150, 300, 3000}, {999, 1500, 1000}, {5000, 6000, 1300}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[16];
        snprintf(name, sizeof name, "rate%zu", i);
        begin(name);
        set_rate("k", rows[i].per_s);
        add_many("k", rows[i].messages);
        run((int64_t)rows[i].messages * S_US / rows[i].per_s + S_US / 2, rows[i].turn_us);
        CHECK_U64(w.count, (uint64_t)rows[i].messages); /* simulated time: what is allowed goes out */
        CHECK(most_within(S_US) <= allowed(rows[i].per_s));
        check_order();
        CHECK_U64(store_counts(w.s).held, 0);
        run(3 * S_US, 1000);
        CHECK_INT(template_rates_wait_us(w.r, w.us) > S_US, 1); /* nothing is left to be done */
        end();
    }
}

/* What was not used while nothing was there is not caught up with. */
static void test_no_burst_after_quiet(void)
{
    begin("quiet");
    set_rate("k", 1000);
    add("k");
    drain();
    w.us += 50000;
    add_many("k", 100);
    drain();
    CHECK_U64(w.count, 1 + 1 + TEMPLATE_RATE_AHEAD_US / 1000);
    end();
}

/* An account that cannot send for a while: what is brought back for it stays within what may go soon. */
static void test_blocked_account(void)
{
    begin("blocked");
    set_rate("k", 1000);
    add_many("k", 500);
    drain();
    uint64_t held = store_counts(w.s).held;
    for (int i = 0; i < 5000; i++, w.us += 1000)
        tick();
    CHECK(store_counts(w.s).held >= held - 16);
    w.count = 0;
    run(S_US, 1000);
    CHECK_U64(store_counts(w.s).held, 0);
    CHECK(most_within(100000) <= 116);
    check_order();
    end();
}

static void test_express_first(void)
{
    begin("express");
    set_rate("k", 10);
    for (int i = 0; i < 40; i++)
        add_in_lane("k", LANE_BULK);
    drain();
    uint64_t first_express = add_in_lane("k", LANE_EXPRESS);
    for (int i = 1; i < 40; i++)
        add_in_lane("k", LANE_EXPRESS);
    size_t before = w.count;
    run(10 * S_US, 1000);
    CHECK_U64(store_counts(w.s).held, 0);
    int bulk = 0;
    for (size_t i = before; i < before + 34; i++)
        bulk += w.seqs[i] < first_express;
    CHECK(bulk >= 1 && bulk <= 3); /* one of bulk after 16 of express */
    end();
}

/* --- restarts, changes -------------------------------------------------------------------------------------------- */

static void test_restart(void)
{
    begin("restart");
    set_rate("k", 20);
    add_many("k", 50);
    run(S_US, 1000);
    uint64_t held = store_counts(w.s).held;
    CHECK(held > 20 && held < 35);
    restart("restart");
    CHECK_U64(template_rates_count(w.r, 1000), held);
    for (int i = 0; i < 10; i++)
        pauses_tick(w.pauses, NOW, 2000); /* looks for holds that nobody knows */
    CHECK_U64(store_counts(w.s).held, held);
    run(3 * S_US, 1000);
    CHECK_U64(w.count, 50);
    CHECK(most_within(S_US) <= allowed(20) + 1); /* the start begins anew */
    check_order();
    end();
}

/* Everything goes back, a tick's worth at a time; what comes meanwhile stays behind it. */
static void test_rate_is_taken_away(void)
{
    begin("away");
    set_rate("k", 1);
    add_many("k", 5000);
    drain();
    CHECK_U64(store_counts(w.s).held, 4995 + 5 - w.count);
    set_rate("k", 0);
    uint64_t late = add("k");
    struct message m = fixture_read(w.s, late);
    CHECK(template_rates_hold_of(w.r, &m, w.us) != 0);
    w.us += 200000; /* it is noticed by then */
    tick();
    CHECK_U64(store_counts(w.s).held, 4999 - 2000);
    run(10000, 1000);
    CHECK_U64(w.count, 5001);
    check_order();
    end();
}

static void test_rate_is_gone_after_a_restart(void)
{
    begin("gone");
    set_rate("k", 1);
    add_many("k", 100);
    drain();
    keys_remove(w.keys, span_of("k"));
    restart("gone");
    CHECK_U64(store_counts(w.s).held, 99);
    run(5000, 1000);
    CHECK_U64(w.count, 100);
    check_order();
    end();
}

/* Holds that neither a pause nor a rate names go back as before. */
static void test_orphans_still_go_back(void)
{
    begin("orphans");
    set_rate("k", 1);
    add_many("k", 3);
    drain();
    struct message m = fixture_read(w.s, add("free"));
    store_hold(w.s, &m, store_hold_name(HOLD_TEMPLATE, m.account, m.key));
    restart("orphans");
    CHECK_U64(store_counts(w.s).held, 3);
    pauses_tick(w.pauses, NOW, 2000);
    CHECK_U64(store_counts(w.s).held, 2);
    end();
}

/* --- what happens to those that wait ------------------------------------------------------------------------------ */

static void test_cancelled(void)
{
    begin("cancelled");
    set_rate("k", 10);
    add_many("k", 10);
    drain(); /* 1 went, 2 to 10 wait */
    fixture_settle(w.s, 2, STATE_CANCELLED);
    w.us += S_US / 10;
    tick();
    CHECK_U64(fixture_first(w.s, "a", LANE_BULK, TIMED_NOW), 3);
    fixture_settle(w.s, 3, STATE_CANCELLED); /* on its way: it makes room for the next one */
    run(S_US, 1000);
    CHECK_U64(w.count, 8);
    CHECK_U64(store_counts(w.s).held, 0);
    end();
}

/* The pause comes first; what it gives back goes by the rate again. */
static void test_pause_on_top(void)
{
    begin("pause");
    set_rate("k", 10);
    add_many("k", 30);
    run(S_US, 1000);
    size_t before = w.count;
    struct pause pause = {.kind = PAUSE_TEMPLATE, .name = "k", .since_ms = NOW, .until_ms = INT64_MAX};
    CHECK_INT(pauses_add(w.pauses, &pause), 0);
    w.us += S_US / 10;
    tick();
    drain();
    CHECK_U64(w.count, before);
    CHECK_U64(template_rates_count(w.r, 100), 0); /* the pause has them now */
    CHECK_U64(store_counts(w.s).held, 30 - before);
    CHECK_INT(pauses_end(w.pauses, PAUSE_TEMPLATE, span_of(""), span_of("k")), 0);
    while (pauses_is_releasing(w.pauses))
        pauses_tick(w.pauses, NOW, 2000);
    run(4 * S_US, 1000);
    CHECK_U64(w.count, 30);
    CHECK(most_within(S_US) <= allowed(10));
    check_order();
    end();
}

/* Two accounts have a rate each; a message that has fallen back goes by the rate of its fallback. */
static void test_whose_rate(void)
{
    begin("whose");
    set_rate("k", 1);
    struct message m = fixture_message("a", "1", "o"), other = fixture_message("b", "2", "o"), back = fixture_message("a", "3", "o");
    m.key = other.key = span_of("k");
    back.key = span_of("free");
    CHECK_U64(template_rates_hold_of(w.r, &m, w.us), 0);
    template_rates_begin(w.r, &m, w.us);
    CHECK(template_rates_hold_of(w.r, &m, w.us) != 0);
    CHECK_U64(template_rates_hold_of(w.r, &other, w.us), 0);
    CHECK_U64(template_rates_hold_of(w.r, &back, w.us), 0);
    back.fallback = span_of("k");
    CHECK(template_rates_hold_of(w.r, &back, w.us) != 0);
    end();
}

int main(void)
{
    test_others_are_not_delayed();
    test_rates();
    test_no_burst_after_quiet();
    test_blocked_account();
    test_express_first();
    test_restart();
    test_rate_is_taken_away();
    test_rate_is_gone_after_a_restart();
    test_orphans_still_go_back();
    test_cancelled();
    test_pause_on_top();
    test_whose_rate();
    return 0;
}
