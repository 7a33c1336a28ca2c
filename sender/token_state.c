/* The state machine of one account's token; its states are in the header. */
#include "sender/token_state.h"

#define RESTORE_MS_MIN  10000   /* a cached token with less time left is not worth using */
#define CALM_MS         60000   /* a token that is used on was good again when it lived so long */
#define WRONG_RETRY_MS  60000   /* a person has to act: try once a minute */
#define QUOTA_RETRY_MS  300000  /* the allowance comes back at midnight; asking may count against it */
#define REST_MS         60000
#define SAME_MS_MIN     1000    /* between two fetches that give the same token */

static void set_reason(struct token_state *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

void token_state_open(struct token_state *s, const struct conf_account *account, int64_t now_ms)
{
    *s = (struct token_state){
        .mode = account->token_mode, .forced_max = account->token_forced, .next_ms = now_ms};
    token_pace_open(&s->pace, account->token_fetches);
}

void token_state_change(struct token_state *s, const struct conf_account *account, int64_t now_ms)
{
    s->forced_max = account->token_forced;
    token_pace_change(&s->pace, account->token_fetches);
    if (s->failures && !s->is_fetching && s->next_ms > now_ms)
        s->next_ms = now_ms;
}

void token_state_close(struct token_state *s)
{
    buf_free(&s->token);
    buf_free(&s->reason);
    token_pace_close(&s->pace);
}

int token_state_is_usable(const struct token_state *s, int64_t now_ms)
{
    return s->token.bytes && !s->is_rejected && now_ms < s->until_ms;
}

static int64_t refresh_at(const struct token_state *s)
{
    return s->until_ms - token_plan_ahead_ms(s->mode, s->lifetime_ms);
}

static void take_token(struct token_state *s, struct span token, int64_t ttl_ms, int64_t lifetime_ms,
                       int64_t now_ms)
{
    buf_clear(&s->token);
    buf_append(&s->token, token.data, token.bytes);
    buf_clear(&s->reason);
    s->until_ms = now_ms + ttl_ms;
    s->lifetime_ms = lifetime_ms;
    s->next_ms = refresh_at(s);
    s->is_rejected = s->is_resting = s->is_forced = s->is_used_on = 0;
}

void token_state_restore(struct token_state *s, struct span token, int64_t ttl_ms, int64_t lifetime_ms,
                         int64_t now_ms)
{
    /* Wall clocks differ: a token cannot have more time left than it was given. */
    if (ttl_ms > lifetime_ms)
        ttl_ms = lifetime_ms;
    if (!token.bytes || ttl_ms <= RESTORE_MS_MIN)
        return;
    take_token(s, token, ttl_ms, lifetime_ms, now_ms);
    s->given_ms = now_ms - (lifetime_ms - ttl_ms);
    if (s->mode == TOKEN_EXTERNAL)
        s->next_ms = now_ms;
}

static void set_reason(struct token_state *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_clear(&s->reason);
    buf_vprintf(&s->reason, format, args);
    va_end(args);
}

/* No fetch is left this hour. A rejected token is better than none: it may be good in truth. */
static void rest(struct token_state *s, int64_t wait_ms, int64_t now_ms)
{
    s->is_resting = s->is_rejected && now_ms < s->until_ms;
    if (s->is_resting && wait_ms > REST_MS)
        wait_ms = REST_MS;
    s->next_ms = now_ms + wait_ms;
    set_reason(s, "no WeChat access token: it was fetched %u times within an hour ([wechat] token_fetches); it goes "
                  "on in %lld s", s->pace.max, (long long)wait_ms / 1000 + 1);
}

enum token_step token_state_next(struct token_state *s, int64_t now_ms, int64_t wall_ms)
{
    if (s->is_fetching || now_ms < s->next_ms)
        return TOKEN_STEP_NONE;
    if (s->is_resting && token_pace_wait_ms(&s->pace, now_ms) > 0) {
        s->is_resting = s->is_rejected = 0;
        buf_clear(&s->reason);
        s->given_ms = now_ms;
        s->is_used_on = 1;
        s->next_ms = refresh_at(s);
        return TOKEN_STEP_TELL;
    }
    int64_t wait_ms = s->is_forced ? 0 : token_pace_wait_ms(&s->pace, now_ms);
    if (wait_ms > 0) {
        rest(s, wait_ms, now_ms);
        return TOKEN_STEP_TELL;
    }
    if (s->is_forced)
        token_forced_add(&s->forced, wall_ms);
    else
        token_pace_add(&s->pace, now_ms);
    s->is_resting = 0;
    s->is_fetching = 1;
    return TOKEN_STEP_FETCH;
}

static void take_failure(struct token_state *s, const struct fetched *fetched, int64_t now_ms)
{
    s->failures++;
    s->is_forced = 0; /* it may have been done: a normal fetch tells, and forces again if need be */
    buf_clear(&s->reason);
    buf_append(&s->reason, fetched->reason.data, fetched->reason.bytes);
    if (fetched->end == FETCH_WRONG)
        s->next_ms = now_ms + WRONG_RETRY_MS;
    else if (fetched->end == FETCH_QUOTA)
        s->next_ms = now_ms + QUOTA_RETRY_MS;
    else
        s->next_ms = now_ms + token_plan_backoff_ms(s->failures);
}

/* What is to become of the rejected token that was given once more. */
static enum token_news judge_same(struct token_state *s, int64_t now_ms, int64_t wall_ms)
{
    if (s->mode == TOKEN_STABLE && token_forced_wait_ms(&s->forced, s->forced_max, wall_ms) == 0) {
        s->is_forced = 1;
        s->next_ms = now_ms;
        return TOKEN_NEWS_SAME_FORCED;
    }
    if (s->mode != TOKEN_EXTERNAL || now_ms - s->rejected_ms >= TOKEN_TRY_MS)
        return TOKEN_NEWS_SAME_USED;
    s->same++;
    s->next_ms = now_ms + token_plan_backoff_ms(s->same);
    set_reason(s, "no WeChat access token: the token service still gives the one that WeChat rejected; have it fetch "
                  "another one");
    return TOKEN_NEWS_SAME_WAITS;
}

enum token_news token_state_fetched(struct token_state *s, const struct fetched *fetched, int64_t now_ms,
                                    int64_t wall_ms)
{
    s->is_fetching = 0;
    if (fetched->end != FETCH_TOKEN) {
        take_failure(s, fetched, now_ms);
        return TOKEN_NEWS_FAILED;
    }
    s->failures = 0;
    int is_same = span_equal(buf_span(&s->token), buf_span(&fetched->token));
    enum token_news news = is_same ? TOKEN_NEWS_SAME : TOKEN_NEWS_NEW;
    if (is_same && s->is_rejected)
        news = judge_same(s, now_ms, wall_ms);
    if (news == TOKEN_NEWS_SAME_FORCED || news == TOKEN_NEWS_SAME_WAITS)
        return news;
    int was_used_on = s->is_used_on;
    int keeps_lifetime = is_same && s->mode != TOKEN_EXTERNAL && s->lifetime_ms > fetched->ttl_ms;
    /* The same one with the rest of its time: what it was given first says how near its end is. */
    int64_t lifetime_ms = keeps_lifetime ? s->lifetime_ms : fetched->ttl_ms;
    take_token(s, buf_span(&fetched->token), fetched->ttl_ms, lifetime_ms, now_ms);
    if (is_same && s->next_ms <= now_ms) /* asked too early; halving the rest asks a few times only */
        s->next_ms = now_ms + (fetched->ttl_ms > 2 * SAME_MS_MIN ? fetched->ttl_ms / 2 : fetched->ttl_ms);
    if (news != TOKEN_NEWS_SAME)
        s->given_ms = now_ms;
    s->is_used_on = news == TOKEN_NEWS_SAME_USED || (news == TOKEN_NEWS_SAME && was_used_on);
    if (news == TOKEN_NEWS_NEW)
        s->same = 0;
    return news;
}

int token_state_reject(struct token_state *s, struct span token, int64_t now_ms)
{
    if (s->is_rejected || token.bytes == 0 || !span_equal(buf_span(&s->token), token))
        return 0;
    int is_quick = now_ms - s->given_ms < (s->is_used_on ? CALM_MS : TOKEN_QUICK_MS);
    s->quick = is_quick ? s->quick + 1 : 0;
    if (is_quick && s->is_used_on && s->quick <= TOKEN_QUICK_FREE)
        s->quick = TOKEN_QUICK_FREE + 1;
    s->rejected_ms = now_ms;
    s->is_rejected = 1;
    s->is_resting = 0;
    s->next_ms = now_ms + (s->quick > TOKEN_QUICK_FREE ? token_plan_backoff_ms(s->quick - TOKEN_QUICK_FREE) : 0);
    return 1;
}
