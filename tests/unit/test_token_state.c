/* The life of one account's token, step by step. */
#include "sender/token_state.h"
#include "tests/unit/test.h"

#define T0   1000000LL /* monotonic */
#define WALL 1750000000000LL
#define TTL  7200000LL

static struct token_state opened(enum conf_token_mode mode)
{
    struct conf_account account = {.token_mode = mode, .token_fetches = 60, .token_forced = 20};
    struct token_state s;
    token_state_open(&s, &account, T0);
    return s;
}

/* What a step at this time says; the wall clock runs along. */
static enum token_step next(struct token_state *s, int64_t now_ms)
{
    return token_state_next(s, now_ms, WALL + now_ms);
}

static enum token_news got(struct token_state *s, const char *token, int64_t ttl_ms, int64_t now_ms)
{
    struct fetched fetched = {.end = FETCH_TOKEN, .ttl_ms = ttl_ms};
    buf_append_str(&fetched.token, token);
    enum token_news news = token_state_fetched(s, &fetched, now_ms, WALL + now_ms);
    buf_free(&fetched.token);
    return news;
}

static void failed(struct token_state *s, enum fetch_end end, int64_t now_ms)
{
    struct fetched fetched = {.end = end};
    buf_append_str(&fetched.reason, "why");
    CHECK_INT(token_state_fetched(s, &fetched, now_ms, WALL + now_ms), TOKEN_NEWS_FAILED);
    buf_free(&fetched.reason);
}

/* A state with the token "a", fetched at T0. */
static struct token_state with_token(enum conf_token_mode mode)
{
    struct token_state s = opened(mode);
    CHECK_INT(next(&s, T0), TOKEN_STEP_FETCH);
    CHECK_INT(s.is_forced, 0);
    CHECK_INT(got(&s, "a", TTL, T0), TOKEN_NEWS_NEW);
    CHECK(token_state_is_usable(&s, T0));
    return s;
}

static void test_refresh(void)
{
    struct token_state s = with_token(TOKEN_STABLE);
    CHECK_INT(s.next_ms, T0 + TTL - 290000);
    CHECK_INT(next(&s, s.next_ms - 1), TOKEN_STEP_NONE);
    CHECK_INT(next(&s, s.next_ms), TOKEN_STEP_FETCH);
    CHECK_INT(next(&s, s.next_ms), TOKEN_STEP_NONE); /* one at a time */
    CHECK_INT(got(&s, "b", TTL, T0 + TTL - 290000), TOKEN_NEWS_NEW);
    CHECK_SPAN(buf_span(&s.token), "b");
    CHECK(!token_state_is_usable(&s, T0 + 2 * TTL - 290000));
    token_state_close(&s);
}

/* A clock that differs from WeChat's: the same token comes back. Its rest is halved, not asked away in a
 * loop. */
static void test_refresh_too_early(void)
{
    struct token_state s = with_token(TOKEN_STABLE);
    int64_t now_ms = s.next_ms;
    int fetches = 0;
    while (now_ms < T0 + TTL) {
        CHECK_INT(next(&s, now_ms), TOKEN_STEP_FETCH);
        CHECK_INT(got(&s, "a", T0 + TTL - now_ms, now_ms), TOKEN_NEWS_SAME);
        CHECK(s.next_ms > now_ms);
        now_ms = s.next_ms;
        fetches++;
    }
    CHECK(fetches < 12);
    token_state_close(&s);
}

static void test_short_lives(void)
{
    struct token_state s = opened(TOKEN_CLASSIC);
    CHECK_INT(next(&s, T0), TOKEN_STEP_FETCH);
    got(&s, "a", 2000, T0);
    CHECK_INT(s.next_ms, T0 + 1000);
    token_state_close(&s);
}

static void test_failures(void)
{
    struct token_state s = opened(TOKEN_STABLE);
    CHECK_INT(next(&s, T0), TOKEN_STEP_FETCH);
    failed(&s, FETCH_FAILED, T0);
    CHECK_SPAN(buf_span(&s.reason), "why");
    CHECK_INT(s.next_ms, T0 + 1000);
    CHECK_INT(next(&s, T0 + 1000), TOKEN_STEP_FETCH);
    failed(&s, FETCH_FAILED, T0 + 1000);
    CHECK_INT(s.next_ms, T0 + 3000);
    CHECK_INT(next(&s, T0 + 3000), TOKEN_STEP_FETCH);
    failed(&s, FETCH_WRONG, T0 + 3000);
    CHECK_INT(s.next_ms, T0 + 63000);
    CHECK_INT(next(&s, T0 + 63000), TOKEN_STEP_FETCH);
    failed(&s, FETCH_QUOTA, T0 + 63000);
    CHECK_INT(s.next_ms, T0 + 363000);
    CHECK_INT(next(&s, T0 + 363000), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "a", TTL, T0 + 363000), TOKEN_NEWS_NEW);
    CHECK_INT(s.reason.bytes, 0);
    CHECK_INT(s.failures, 0);
    token_state_close(&s);
}

/* A refresh that fails leaves the token that there is. */
static void test_failure_keeps_token(void)
{
    struct token_state s = with_token(TOKEN_STABLE);
    int64_t now_ms = s.next_ms;
    CHECK_INT(next(&s, now_ms), TOKEN_STEP_FETCH);
    failed(&s, FETCH_FAILED, now_ms);
    CHECK(token_state_is_usable(&s, now_ms));
    token_state_close(&s);
}

static void test_rejected(void)
{
    struct token_state s = with_token(TOKEN_STABLE);
    CHECK_INT(token_state_reject(&s, span_of("old"), T0 + 1), 0); /* it has been replaced already */
    CHECK_INT(token_state_reject(&s, span_of(""), T0 + 1), 0);
    CHECK(token_state_is_usable(&s, T0 + 1));
    CHECK_INT(token_state_reject(&s, span_of("a"), T0 + 1), 1);
    CHECK_INT(token_state_reject(&s, span_of("a"), T0 + 1), 0); /* another sender says the same */
    CHECK(!token_state_is_usable(&s, T0 + 1));
    CHECK_INT(next(&s, T0 + 1), TOKEN_STEP_FETCH);
    CHECK_INT(s.is_forced, 0);
    CHECK_INT(got(&s, "b", TTL, T0 + 2), TOKEN_NEWS_NEW);
    CHECK(token_state_is_usable(&s, T0 + 2));
    CHECK_INT(token_state_reject(&s, span_of("b"), T0 + 3), 1);
    CHECK_INT(s.next_ms, T0 + 3); /* at once again */
    token_state_close(&s);
}

/* Rejects the current token at that time, and has it replaced by the next one when that is due. Returns the wait. */
static int64_t reject_and_fetch(struct token_state *s, int number, int64_t now_ms)
{
    char next_token[16];
    snprintf(next_token, sizeof next_token, "t%d", number);
    CHECK_INT(token_state_reject(s, buf_span(&s->token), now_ms), 1);
    int64_t wait_ms = s->next_ms - now_ms;
    CHECK_INT(next(s, s->next_ms), TOKEN_STEP_FETCH);
    CHECK_INT(got(s, next_token, TTL, s->next_ms), TOKEN_NEWS_NEW);
    return wait_ms;
}

/* A token that lived is replaced at once, however often; tokens that are dead on arrival have a grace. */
static void test_rejected_often(void)
{
    struct token_state s = with_token(TOKEN_STABLE);
    for (int i = 0; i < 30; i++)
        CHECK_INT(reject_and_fetch(&s, i, s.given_ms + TOKEN_QUICK_MS), 0);
    token_state_close(&s);
    s = with_token(TOKEN_STABLE);
    for (int i = 0; i < TOKEN_QUICK_FREE; i++)
        CHECK_INT(reject_and_fetch(&s, i, s.given_ms + TOKEN_QUICK_MS - 1), 0);
    static const int64_t waits_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++)
        CHECK_INT(reject_and_fetch(&s, 100 + (int)i, s.given_ms + 5), waits_ms[i]);
    CHECK_INT(reject_and_fetch(&s, 200, s.given_ms + TOKEN_QUICK_MS), 0);
    CHECK_INT(reject_and_fetch(&s, 201, s.given_ms), 0); /* the grace is there again */
    token_state_close(&s);
}

static void test_rejected_same_again(void)
{
    struct token_state s = with_token(TOKEN_STABLE);
    token_state_reject(&s, span_of("a"), T0 + 1);
    CHECK_INT(next(&s, T0 + 1), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "a", TTL, T0 + 2), TOKEN_NEWS_SAME_FORCED);
    CHECK(!token_state_is_usable(&s, T0 + 2));
    CHECK_INT(next(&s, T0 + 2), TOKEN_STEP_FETCH);
    CHECK_INT(s.is_forced, 1);
    CHECK_INT(s.forced.count, 1);
    CHECK_INT(got(&s, "b", TTL, T0 + 3), TOKEN_NEWS_NEW);
    CHECK_INT(s.is_forced, 0);
    /* within 30 s WeChat forces no other one: what it calls the current one is used on */
    token_state_reject(&s, span_of("b"), T0 + 4);
    CHECK_INT(next(&s, T0 + 4), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "b", TTL, T0 + 5), TOKEN_NEWS_SAME_USED);
    CHECK(token_state_is_usable(&s, T0 + 5));
    CHECK_INT(s.forced.count, 1);
    /* it is dead in truth: no grace now */
    token_state_reject(&s, span_of("b"), T0 + 10000);
    CHECK_INT(s.next_ms, T0 + 11000);
    CHECK_INT(next(&s, T0 + 11000), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "b", TTL, T0 + 11000), TOKEN_NEWS_SAME_USED);
    token_state_reject(&s, span_of("b"), T0 + 12000);
    CHECK_INT(s.next_ms, T0 + 14000);
    token_state_close(&s);
}

/* token_forced = 0: never. */
static void test_not_forced(void)
{
    struct token_state s = with_token(TOKEN_STABLE);
    s.forced_max = 0;
    token_state_reject(&s, span_of("a"), T0 + 1);
    CHECK_INT(next(&s, T0 + 1), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "a", TTL, T0 + 2), TOKEN_NEWS_SAME_USED);
    CHECK_INT(s.forced.count, 0);
    token_state_close(&s);
}

/* A token service is asked again and again, and what it insists on is tried again after a while. */
static void test_external(void)
{
    struct token_state s = with_token(TOKEN_EXTERNAL);
    CHECK_INT(s.next_ms, T0 + 240000);
    CHECK_INT(next(&s, s.next_ms), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "a", 120000, T0 + 240000), TOKEN_NEWS_SAME); /* a lifetime that is not known */
    CHECK_INT(s.next_ms, T0 + 300000);
    int64_t now_ms = T0 + 250000, rejected_ms = now_ms;
    CHECK_INT(token_state_reject(&s, span_of("a"), now_ms), 1);
    CHECK_INT(s.next_ms, now_ms);
    static const int64_t waits_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000};
    for (size_t i = 0; now_ms < rejected_ms + TOKEN_TRY_MS; i++) {
        CHECK_INT(next(&s, now_ms), TOKEN_STEP_FETCH);
        CHECK_INT(s.is_forced, 0);
        CHECK_INT(got(&s, "a", 120000, now_ms), TOKEN_NEWS_SAME_WAITS);
        CHECK(!token_state_is_usable(&s, now_ms));
        CHECK_HAS(buf_str(&s.reason), "the token service still gives the one that WeChat rejected");
        CHECK_INT(s.next_ms - now_ms, waits_ms[i]);
        now_ms = s.next_ms;
    }
    CHECK_INT(next(&s, now_ms), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "a", 120000, now_ms), TOKEN_NEWS_SAME_USED);
    CHECK(token_state_is_usable(&s, now_ms));
    CHECK_INT(s.reason.bytes, 0);
    CHECK_INT(token_state_reject(&s, span_of("a"), now_ms), 1);
    CHECK_INT(s.next_ms, now_ms + 1000);
    CHECK_INT(next(&s, now_ms + 1000), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "b", 120000, now_ms + 1000), TOKEN_NEWS_NEW);
    CHECK_INT(s.same, 0);
    token_state_close(&s);
}

/* A forced fetch whose answer was lost may have been done: a normal one tells. */
static void test_forced_fails(void)
{
    struct token_state s = with_token(TOKEN_STABLE);
    token_state_reject(&s, span_of("a"), T0);
    next(&s, T0);
    got(&s, "a", TTL, T0);
    CHECK_INT(next(&s, T0), TOKEN_STEP_FETCH);
    CHECK_INT(s.is_forced, 1);
    failed(&s, FETCH_FAILED, T0);
    CHECK_INT(next(&s, T0 + 1000), TOKEN_STEP_FETCH);
    CHECK_INT(s.is_forced, 0);
    CHECK_INT(got(&s, "b", TTL, T0 + 1000), TOKEN_NEWS_NEW);
    token_state_close(&s);
}

static void test_classic_never_forces(void)
{
    struct token_state s = with_token(TOKEN_CLASSIC);
    token_state_reject(&s, span_of("a"), T0);
    CHECK_INT(next(&s, T0), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "a", TTL, T0), TOKEN_NEWS_SAME_USED);
    CHECK(token_state_is_usable(&s, T0));
    CHECK_INT(s.forced.count, 0);
    token_state_close(&s);
}

/* Whatever goes wrong, there are 60 fetches an hour at most. */
static void test_pace(void)
{
    struct token_state s = opened(TOKEN_STABLE);
    int64_t now_ms = T0;
    int fetches = 0;
    while (now_ms < T0 + 3600000) {
        enum token_step step = next(&s, now_ms);
        if (step == TOKEN_STEP_FETCH) {
            fetches++;
            got(&s, "a", 1000, now_ms);
        } else if (step == TOKEN_STEP_TELL) {
            CHECK_HAS(buf_str(&s.reason), "60 times within an hour");
        }
        CHECK(s.next_ms > now_ms);
        now_ms = s.next_ms;
    }
    CHECK_INT(fetches, 60);
    CHECK_INT(next(&s, now_ms), TOKEN_STEP_FETCH);
    token_state_close(&s);
}

/* Rejected, and no fetch left: a minute later the token is used again rather than none for an hour. */
static void test_pace_when_rejected(void)
{
    struct token_state s = with_token(TOKEN_CLASSIC);
    for (int i = 1; i < 60; i++)
        token_pace_add(&s.pace, T0);
    token_state_reject(&s, span_of("a"), T0 + 5);
    CHECK_INT(next(&s, T0 + 5), TOKEN_STEP_TELL);
    CHECK(!token_state_is_usable(&s, T0 + 5));
    CHECK_INT(s.next_ms, T0 + 60005);
    CHECK_INT(next(&s, T0 + 60005), TOKEN_STEP_TELL);
    CHECK(token_state_is_usable(&s, T0 + 60005));
    CHECK_INT(next(&s, T0 + 60006), TOKEN_STEP_NONE);
    /* rejected once more, and a fetch is free when the rest is over: it is made */
    token_state_reject(&s, span_of("a"), T0 + 3599000);
    CHECK_INT(next(&s, s.next_ms), TOKEN_STEP_TELL);
    CHECK_INT(s.next_ms, T0 + 3600000);
    CHECK_INT(next(&s, T0 + 3600000), TOKEN_STEP_FETCH);
    CHECK_INT(got(&s, "b", TTL, T0 + 3600000), TOKEN_NEWS_NEW);
    token_state_close(&s);
}

static void test_restore(void)
{
    struct token_state s = opened(TOKEN_STABLE);
    token_state_restore(&s, span_of("a"), 10000, TTL, T0);
    CHECK_INT(s.token.bytes, 0); /* not worth it */
    token_state_restore(&s, span_of("a"), 10001, TTL, T0);
    CHECK(token_state_is_usable(&s, T0 + 10000));
    CHECK(!token_state_is_usable(&s, T0 + 10001));
    CHECK_INT(next(&s, T0), TOKEN_STEP_FETCH); /* near its end */
    token_state_close(&s);
    s = opened(TOKEN_STABLE);
    token_state_restore(&s, span_of("a"), 99 * TTL, TTL, T0); /* the wall clock was set back */
    CHECK_INT(s.until_ms, T0 + TTL);
    CHECK_INT(next(&s, T0), TOKEN_STEP_NONE);
    token_state_close(&s);
    s = opened(TOKEN_EXTERNAL); /* the service may have another one by now */
    token_state_restore(&s, span_of("a"), TTL, TTL, T0);
    CHECK(token_state_is_usable(&s, T0));
    CHECK_INT(next(&s, T0), TOKEN_STEP_FETCH);
    token_state_close(&s);
}

int main(void)
{
    test_refresh();
    test_refresh_too_early();
    test_short_lives();
    test_failures();
    test_failure_keeps_token();
    test_rejected();
    test_rejected_often();
    test_rejected_same_again();
    test_not_forced();
    test_external();
    test_forced_fails();
    test_classic_never_forces();
    test_pace();
    test_pace_when_rejected();
    test_restore();
    return 0;
}
