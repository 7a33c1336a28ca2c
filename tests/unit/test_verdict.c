/* What an outcome means for a message: tables over outcomes, back-off, attempts, the patience of a Send, the
 * 9 minutes for which WeChat remembers a call, and on_unknown. */
#include "broker/verdict.h"

#include "tests/unit/test.h"

#define MINUTE 60000LL
#define NOW    (1000 * MINUTE) /* order clock, of every report */
#define OUT    (NOW - 2000)    /* when the turn began */

static const struct mark turn_before = {.seq = 1, .turn = 1, .out_ms = OUT};
static const struct mark begun = {.seq = 1, .turn = 1, .out_ms = OUT, .begun = 1}; /* of a kind without client_msg_id */
static const int64_t backoff_ms[] = {5000, 30000, 2 * MINUTE, 10 * MINUTE};

static struct verdict_rules rules_with(enum conf_on_unknown on_unknown)
{
    return (struct verdict_rules){.backoff_ms = backoff_ms,
                                  .backoff_count = 4,
                                  .age_max_ms = 24 * 60 * MINUTE,
                                  .attempts_max = 10,
                                  .send_patience_ms = 60000,
                                  .on_unknown = on_unknown};
}

static struct message message_before(void)
{
    return (struct message){.seq = 1, .turn = 1, .due_ms = NOW - 9000, .first_out_ms = OUT};
}

static struct outcome_report report_of(enum outcome outcome)
{
    return (struct outcome_report){
        .seq = 1, .turn = 1, .outcome = outcome, .errcode = -1, .calls = 1, .message = span_of("why")};
}

static void check_verdict(struct verdict got, enum verdict_action action, enum store_state state,
                          enum code code)
{
    CHECK_INT(got.action, action);
    CHECK_INT(got.state, state);
    CHECK_INT(got.code, code);
}

/* --- outcomes
 * ----------------------------------------------------------------------------------------------------- */

static void test_final_outcomes(void)
{
    static const struct {
        enum outcome outcome;
        int64_t errcode;
        int64_t unknown_since_ms;
        enum verdict_action action;
        enum store_state state;
        enum code code;
    } cases[] = {
        {OUTCOME_SENT, 0, 0, VERDICT_SETTLE, STATE_SENT, CODE_OK},
        {OUTCOME_SENT, 0, OUT, VERDICT_SETTLE, STATE_SENT, CODE_OK},
        {OUTCOME_PENDING, 40252, 0, VERDICT_SETTLE, STATE_PENDING, CODE_OK},
        {OUTCOME_REFUSED, 43004, 0, VERDICT_SETTLE, STATE_REFUSED, CODE_REFUSED},
        {OUTCOME_REFUSED, 43004, OUT, VERDICT_SETTLE, STATE_REFUSED, CODE_REFUSED},
        /* "Repeated" is a refusal, unless an earlier try of unknown outcome is what it repeats. */
        {OUTCOME_REFUSED, 40241, 0, VERDICT_SETTLE, STATE_REFUSED, CODE_REFUSED},
        {OUTCOME_REFUSED, 40241, OUT, VERDICT_SETTLE, STATE_SENT, CODE_OK},
        {OUTCOME_REFUSED, 44007, OUT, VERDICT_SETTLE, STATE_SENT, CODE_OK},
        {OUTCOME_DEAD, 0, 0, VERDICT_BURY, STATE_DEAD, CODE_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
        struct message m = message_before();
        struct outcome_report report = report_of(cases[i].outcome);
        m.unknown_since_ms = cases[i].unknown_since_ms;
        report.errcode = cases[i].errcode;
        report.calls = 2;
        check_verdict(verdict_on_report(&m, &report, &turn_before, NOW, &rules), cases[i].action, cases[i].state,
                      cases[i].code);
        CHECK_U64(m.calls, 2);
        CHECK_U64(m.failures, 0);
        CHECK_U64(m.call, 0);
        CHECK_INT(m.due_ms, NOW - 9000); /* its place, from which the store takes it */
        CHECK_INT(m.timed, 0);
    }
}

/* No call was made: it costs the message nothing. */
static void test_returned(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    struct outcome_report report = report_of(OUTCOME_RETURNED);
    report.calls = 0;
    m.failures = 9;
    m.unknown_since_ms = 5;
    m.call = 3;
    check_verdict(verdict_on_report(&m, &report, &turn_before, NOW, &rules), VERDICT_PUT_BACK, STATE_NONE, 0);
    CHECK_U64(m.failures, 9);
    CHECK_INT(m.unknown_since_ms, 5);
    CHECK_U64(m.call, 3);
    CHECK_INT(m.due_ms, NOW - 9000);
    CHECK_U64(m.note.bytes, 0);
}

static void test_failed_call(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    struct outcome_report report = report_of(OUTCOME_RETRY);
    check_verdict(verdict_on_report(&m, &report, &turn_before, NOW, &rules), VERDICT_DEFER, STATE_NONE, 0);
    CHECK_U64(m.failures, 1);
    CHECK_U64(m.calls, 1);
    CHECK_U64(m.call, 1); /* that try certainly did nothing: the next one is a new call */
    CHECK_INT(m.due_ms, NOW + 5000);
    CHECK_INT(m.timed, TIMED_ORDER);
    CHECK_INT(m.errcode, -1);
    CHECK_SPAN(m.note, "why");
    CHECK_INT(m.unknown_since_ms, 0);
}

/* Failures that are not the message's own: it keeps its place and nothing is counted. The one that stopped the account steps back, so
 * that others can be the probe; only where a person has to act it is counted. */
static void test_for_others(void)
{
    static const struct {
        enum cause cause;
        int steps_back;
        enum verdict_action action;
        uint32_t failures;
    } cases[] = {
        {CAUSE_TOKEN, 0, VERDICT_PUT_BACK, 9},    {CAUSE_PACE, 0, VERDICT_PUT_BACK, 9},
        {CAUSE_TEMPLATE, 0, VERDICT_PUT_BACK, 9}, {CAUSE_QUOTA, 0, VERDICT_PUT_BACK, 9},
        {CAUSE_ACCOUNT, 0, VERDICT_PUT_BACK, 9},  {CAUSE_QUOTA, 1, VERDICT_DEFER, 9},
        {CAUSE_ACCOUNT, 1, VERDICT_BURY, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
        struct message m = message_before();
        struct outcome_report report = report_of(OUTCOME_RETRY);
        m.failures = 9;
        rules.steps_back = cases[i].steps_back;
        report.cause = cases[i].cause;
        CHECK_INT(verdict_on_report(&m, &report, &turn_before, NOW, &rules).action, cases[i].action);
        CHECK_U64(m.failures, cases[i].failures);
        CHECK_U64(m.call, 0);
        CHECK_U64(m.calls, 1);
        CHECK_SPAN(m.note, "why");
        CHECK_INT(m.due_ms, cases[i].action == VERDICT_DEFER ? NOW : NOW - 9000);
        CHECK_INT(m.timed, cases[i].action == VERDICT_DEFER ? TIMED_ORDER : TIMED_NOW);
    }
    /* A Send does not wait longer than its caller does. */
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    struct outcome_report report = report_of(OUTCOME_RETRY);
    m.is_send = 1;
    rules.steps_back = 1;
    report.cause = CAUSE_QUOTA;
    CHECK_INT(verdict_on_report(&m, &report, &turn_before, OUT + 59000, &rules).action, VERDICT_DEFER);
    CHECK_INT(verdict_on_report(&m, &report, &turn_before, OUT + 60001, &rules).action, VERDICT_BURY);
}

/* Nothing goes to the recipient for as long as the message would wait; it is counted. */
static void test_recipient_later(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    struct outcome_report report = report_of(OUTCOME_RETRY);
    report.cause = CAUSE_RECIPIENT;
    struct verdict v = verdict_on_report(&m, &report, &turn_before, NOW, &rules);
    CHECK_INT(v.action, VERDICT_COOL);
    CHECK_INT(v.until_ms, NOW + 5000);
    CHECK_INT(m.due_ms, NOW - 9000); /* it keeps its place */
    CHECK_U64(m.failures, 1);
    CHECK_U64(m.call, 1);
    m.failures = 9;
    CHECK_INT(verdict_on_report(&m, &report, &turn_before, NOW, &rules).action, VERDICT_BURY);
    m = message_before();
    m.is_send = 1;
    CHECK_INT(verdict_on_report(&m, &report, &turn_before, OUT + 58000, &rules).until_ms, OUT + 60000);
    CHECK_INT(verdict_on_report(&m, &report, &turn_before, OUT + 60000, &rules).action, VERDICT_BURY);
}

/* Two tokens rejected in a turn: it waits, longer each time, and is dead only of age. */
static void test_two_tokens(void)
{
    static const int64_t waits_ms[] = {5000, 30000, 2 * MINUTE, 10 * MINUTE, 10 * MINUTE};
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    struct outcome_report report = report_of(OUTCOME_RETRY);
    report.cause = CAUSE_TOKENS;
    report.calls = 2;
    m.failures = 9;
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        CHECK_INT(verdict_on_report(&m, &report, &turn_before, NOW, &rules).action, VERDICT_DEFER);
        CHECK_INT(m.due_ms, NOW + waits_ms[i]);
    }
    CHECK_U64(m.failures, 9);
    m.first_out_ms = NOW - rules.age_max_ms;
    CHECK_INT(verdict_on_report(&m, &report, &turn_before, NOW, &rules).action, VERDICT_BURY);
}

/* A code that WeChat gives by mistake: a Push is tried once more, a Send is not. */
static void test_doubtful(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    struct outcome_report report = report_of(OUTCOME_REFUSED);
    report.cause = CAUSE_DOUBTFUL;
    report.errcode = 40037;
    check_verdict(verdict_on_report(&m, &report, &turn_before, NOW, &rules), VERDICT_DEFER, STATE_NONE, 0);
    CHECK_INT(m.due_ms, NOW + 5000);
    CHECK_U64(m.call, 1);
    check_verdict(verdict_on_report(&m, &report, &turn_before, NOW, &rules), VERDICT_SETTLE, STATE_REFUSED, CODE_REFUSED);
    m = message_before();
    m.is_send = 1;
    check_verdict(verdict_on_report(&m, &report, &turn_before, NOW, &rules), VERDICT_SETTLE, STATE_REFUSED, CODE_REFUSED);
}

/* --- back-off and attempts
 * ---------------------------------------------------------------------------------------- */

static void test_backoff(void)
{
    static const int64_t waits_ms[] = {5000,        30000,       2 * MINUTE,  10 * MINUTE, 10 * MINUTE,
                                       10 * MINUTE, 10 * MINUTE, 10 * MINUTE, 10 * MINUTE};
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    struct outcome_report report = report_of(OUTCOME_RETRY);
    for (uint32_t i = 0; i < 9; i++) {
        check_verdict(verdict_on_report(&m, &report, &turn_before, NOW, &rules), VERDICT_DEFER, STATE_NONE, 0);
        CHECK_INT(m.due_ms, NOW + waits_ms[i]);
        CHECK_U64(m.call, i + 1);
    }
    check_verdict(verdict_on_report(&m, &report, &turn_before, NOW, &rules), VERDICT_BURY, STATE_DEAD, CODE_FAILED);
    CHECK_U64(m.failures, 10);
    CHECK_SPAN(m.note, "why");
}

static void test_one_attempt(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_RETRY);
    static const enum outcome outcomes[] = {OUTCOME_RETRY, OUTCOME_UNKNOWN, OUTCOME_NONE};
    rules.attempts_max = 1;
    for (size_t i = 0; i < 3; i++) {
        struct message m = message_before();
        struct outcome_report report = report_of(outcomes[i]);
        check_verdict(verdict_on_report(&m, &report, &turn_before, NOW, &rules), VERDICT_BURY, STATE_DEAD,
                      CODE_FAILED);
    }
}

/* --- a Send's patience
 * -------------------------------------------------------------------------------------------- */

static void test_patience_after_a_report(void)
{
    static const struct {
        int is_send;
        int64_t first_out_ms;
        enum verdict_action action;
        int64_t due_ms;
    } cases[] = {
        {1, NOW - 1000, VERDICT_DEFER, NOW + 5000},
        {1, NOW - 55000, VERDICT_DEFER, NOW + 5000},
        {1, NOW - 55001, VERDICT_DEFER,
         NOW + 4999}, /* not beyond the caller's patience: it is answered on time */
        {1, NOW - 59999, VERDICT_DEFER, NOW + 1},
        {1, NOW - 60000, VERDICT_BURY, NOW - 9000},
        {1, NOW - 90000, VERDICT_BURY, NOW - 9000},
        {0, NOW - 90000, VERDICT_DEFER, NOW + 5000}, /* a Push has all the time */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
        struct message m = message_before();
        struct outcome_report report = report_of(OUTCOME_RETRY);
        m.is_send = cases[i].is_send;
        m.first_out_ms = cases[i].first_out_ms;
        CHECK_INT(verdict_on_report(&m, &report, &turn_before, NOW, &rules).action, cases[i].action);
        CHECK_INT(m.due_ms, cases[i].due_ms);
    }
}

static void test_patience_before_a_turn(void)
{
    static const struct {
        int is_send;
        int64_t first_out_ms;
        const char *own_note;
        int may, note;
    } cases[] = {
        {1, 0, "", 1, 0}, /* it waits in the queue as long as it must */
        {1, NOW - 59999, "", 1, 0},
        {1, NOW - 60000, "", 0, 1},
        {1, NOW - 60000, "system busy", 0, 0}, /* its own failure says more */
        {0, NOW - 60000, "", 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
        struct message m = message_before();
        const char *note = "not set";
        m.is_send = cases[i].is_send;
        m.first_out_ms = cases[i].first_out_ms;
        m.note = span_of(cases[i].own_note);
        CHECK_INT(verdict_before_turn(&m, NOW, &rules, &note), cases[i].may);
        CHECK_INT(note != NULL, cases[i].note);
        CHECK_U64(m.call, 0);
    }
}

/* --- a call that may have happened
 * -------------------------------------------------------------------------------- */

/* The number stays as long as WeChat remembers it when the next try comes, counted from the first try of
 * unknown outcome. */
static void test_unknown_after_a_report(void)
{
    static const struct {
        enum outcome outcome;
        int64_t since_ms;  /* unknown_since before */
        uint32_t failures; /* before: chooses the back-off */
        enum conf_on_unknown on_unknown;
        enum verdict_action action;
        uint32_t call;
        int64_t since_after_ms;
    } cases[] = {
        {OUTCOME_UNKNOWN, 0, 0, ON_UNKNOWN_DEAD, VERDICT_DEFER, 0, OUT},
        {OUTCOME_UNKNOWN, NOW - MINUTE, 1, ON_UNKNOWN_DEAD, VERDICT_DEFER, 0, NOW - MINUTE},
        {OUTCOME_NONE, NOW - MINUTE, 1, ON_UNKNOWN_DEAD, VERDICT_DEFER, 0, NOW - MINUTE},
        /* A try that certainly failed does not tell what became of the one before it. */
        {OUTCOME_RETRY, NOW - MINUTE, 1, ON_UNKNOWN_DEAD, VERDICT_DEFER, 0, NOW - MINUTE},
        /* The next try would come after 30 s. Where that is too late it comes 15 s before WeChat forgets, if that is at least the
         * first wait away; 8 minutes and 40 s are the last moment for it. */
        {OUTCOME_UNKNOWN, NOW - 8 * MINUTE - 29999, 1, ON_UNKNOWN_DEAD, VERDICT_DEFER, 0,
         NOW - 8 * MINUTE - 29999},
        {OUTCOME_UNKNOWN, NOW - 8 * MINUTE - 40000, 1, ON_UNKNOWN_DEAD, VERDICT_DEFER, 0,
         NOW - 8 * MINUTE - 40000},
        {OUTCOME_UNKNOWN, NOW - 8 * MINUTE - 40001, 1, ON_UNKNOWN_DEAD, VERDICT_BURY, 0,
         NOW - 8 * MINUTE - 40001},
        {OUTCOME_UNKNOWN, NOW - 8 * MINUTE - 40001, 1, ON_UNKNOWN_RETRY, VERDICT_DEFER, 1, 0},
        {OUTCOME_RETRY, NOW - 8 * MINUTE - 40001, 1, ON_UNKNOWN_DEAD, VERDICT_BURY, 0,
         NOW - 8 * MINUTE - 40001},
        /* A back-off of 10 minutes is longer than WeChat remembers. */
        {OUTCOME_UNKNOWN, 0, 3, ON_UNKNOWN_DEAD, VERDICT_DEFER, 0, OUT},
        {OUTCOME_UNKNOWN, 0, 3, ON_UNKNOWN_RETRY, VERDICT_DEFER, 0, OUT},
        /* The clock was set back behind the first try: nobody knows how long ago that was. */
        {OUTCOME_UNKNOWN, NOW + 20 * MINUTE, 0, ON_UNKNOWN_DEAD, VERDICT_BURY, 0, NOW + 20 * MINUTE},
        {OUTCOME_UNKNOWN, NOW + 20 * MINUTE, 0, ON_UNKNOWN_RETRY, VERDICT_DEFER, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict_rules rules = rules_with(cases[i].on_unknown);
        struct message m = message_before();
        struct outcome_report report = report_of(cases[i].outcome);
        m.unknown_since_ms = cases[i].since_ms;
        m.failures = cases[i].failures;
        struct verdict v = verdict_on_report(&m, &report, &turn_before, NOW, &rules);
        if (v.action != cases[i].action)
            fprintf(stderr, "in case %zu\n", i);
        CHECK_INT(v.action, cases[i].action);
        CHECK_U64(m.call, cases[i].call);
        CHECK_INT(m.unknown_since_ms, cases[i].since_after_ms);
        CHECK_U64(m.failures, cases[i].failures + 1);
    }
}

static void test_unknown_before_a_turn(void)
{
    static const struct {
        int64_t since_ms;
        enum conf_on_unknown on_unknown;
        int may;
        uint32_t call;
        int64_t since_after_ms;
    } cases[] = {
        {0, ON_UNKNOWN_DEAD, 1, 5, 0},
        {NOW, ON_UNKNOWN_DEAD, 1, 5, NOW},
        {NOW - 9 * MINUTE + 1, ON_UNKNOWN_DEAD, 1, 5, NOW - 9 * MINUTE + 1},
        {NOW - 9 * MINUTE, ON_UNKNOWN_DEAD, 0, 5, NOW - 9 * MINUTE},
        {NOW - 9 * MINUTE, ON_UNKNOWN_RETRY, 1, 6, 0},
        {NOW + 1, ON_UNKNOWN_DEAD, 0, 5, NOW + 1},
        {NOW + 1, ON_UNKNOWN_RETRY, 1, 6, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict_rules rules = rules_with(cases[i].on_unknown);
        struct message m = message_before();
        const char *note;
        m.unknown_since_ms = cases[i].since_ms;
        m.call = 5;
        CHECK_INT(verdict_before_turn(&m, NOW, &rules, &note), cases[i].may);
        CHECK_INT(note != NULL, !cases[i].may);
        CHECK_U64(m.call, cases[i].call);
        CHECK_INT(m.unknown_since_ms, cases[i].since_after_ms);
    }
}

/* The wait that goes beyond what WeChat remembers is cut to end before it. */
static void test_last_try_inside_the_window(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    struct outcome_report report = report_of(OUTCOME_UNKNOWN);
    m.failures = 3;
    CHECK_INT(verdict_on_report(&m, &report, &turn_before, NOW, &rules).action, VERDICT_DEFER);
    CHECK_INT(m.due_ms, OUT + 9 * MINUTE - 15000);
}

/* The sender was lost: back to its place, and the first try of unknown outcome is remembered. */
static void test_lost(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    check_verdict(verdict_on_lost(&m, &turn_before, &rules), VERDICT_PUT_BACK, STATE_NONE, 0);
    CHECK_INT(m.unknown_since_ms, OUT);
    const struct mark later = {.seq = 1, .turn = 2, .out_ms = OUT + 5000};
    check_verdict(verdict_on_lost(&m, &later, &rules), VERDICT_PUT_BACK, STATE_NONE, 0);
    CHECK_INT(m.unknown_since_ms, OUT);
    CHECK_INT(m.due_ms, NOW - 9000);
    CHECK_U64(m.failures, 2); /* a message that ends its senders does not end all of them */
    CHECK_U64(m.call, 0);
    m.failures = rules.attempts_max - 1;
    check_verdict(verdict_on_lost(&m, &later, &rules), VERDICT_BURY, STATE_DEAD, CODE_FAILED);
}

/* --- kinds that WeChat does not de-duplicate
 * ---------------------------------------------------------------------- */

static void test_begun_and_unknown(void)
{
    static const struct {
        enum conf_on_unknown on_unknown;
        enum verdict_action after_report, after_loss;
    } cases[] = {{ON_UNKNOWN_DEAD, VERDICT_BURY, VERDICT_BURY}, {ON_UNKNOWN_RETRY, VERDICT_DEFER, VERDICT_PUT_BACK}};
    for (size_t i = 0; i < 2; i++) {
        struct verdict_rules rules = rules_with(cases[i].on_unknown);
        struct message m = message_before(), lost = message_before();
        struct outcome_report report = report_of(OUTCOME_UNKNOWN);
        CHECK_INT(verdict_on_report(&m, &report, &begun, NOW, &rules).action, cases[i].after_report);
        CHECK_INT(m.unknown_since_ms, 0); /* there is nothing that WeChat would remember */
        CHECK_INT(verdict_on_lost(&lost, &begun, &rules).action, cases[i].after_loss);
        CHECK_INT(lost.unknown_since_ms, 0);
    }
}

/* A call that certainly did nothing is repeated, whatever the kind. */
static void test_begun_and_failed(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    struct message m = message_before();
    struct outcome_report report = report_of(OUTCOME_RETRY);
    check_verdict(verdict_on_report(&m, &report, &begun, NOW, &rules), VERDICT_DEFER, STATE_NONE, 0);
    CHECK_INT(m.due_ms, NOW + 5000);
}

/* --- jitter and age
 * ------------------------------------------------------------------------------------------------ */

/* Messages that failed together come back spread over the random part, and never earlier than the wait. */
static void test_jitter(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    int64_t first_ms = INT64_MAX, last_ms = 0;
    rules.jitter_percent = 10;
    for (uint64_t seq = 1; seq <= 1000; seq++) {
        struct message m = message_before();
        struct outcome_report report = report_of(OUTCOME_RETRY);
        m.seq = seq;
        CHECK_INT(verdict_on_report(&m, &report, &turn_before, NOW, &rules).action, VERDICT_DEFER);
        first_ms = m.due_ms < first_ms ? m.due_ms : first_ms;
        last_ms = m.due_ms > last_ms ? m.due_ms : last_ms;
    }
    CHECK(first_ms >= NOW + 5000 && first_ms < NOW + 5020);
    CHECK(last_ms <= NOW + 5500 && last_ms > NOW + 5480);
}

static void test_age(void)
{
    struct verdict_rules rules = rules_with(ON_UNKNOWN_DEAD);
    for (int old = 0; old < 2; old++) {
        struct message m = message_before();
        struct outcome_report report = report_of(OUTCOME_RETRY);
        m.first_out_ms = NOW - rules.age_max_ms + 1 - old;
        CHECK_INT(verdict_on_report(&m, &report, &turn_before, NOW, &rules).action, old ? VERDICT_BURY : VERDICT_DEFER);
    }
}

int main(void)
{
    test_last_try_inside_the_window();
    test_begun_and_unknown();
    test_begun_and_failed();
    test_jitter();
    test_age();
    test_final_outcomes();
    test_returned();
    test_failed_call();
    test_for_others();
    test_recipient_later();
    test_two_tokens();
    test_doubtful();
    test_backoff();
    test_one_attempt();
    test_patience_after_a_report();
    test_patience_before_a_turn();
    test_unknown_after_a_report();
    test_unknown_before_a_turn();
    test_lost();
    return 0;
}
