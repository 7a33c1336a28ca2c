/* What a token service gives: answers of an address, rows of a query. */
#include "sender/token_external.h"
#include "tests/unit/test.h"

static struct fetched fetched;

static const struct {
    int status;
    const char *body;
    const char *text; /* the token, or a part of the reason */
    int64_t ttl_ms;   /* 0: no token */
} answers[] = {
    {200, "{\"access_token\":\"abc\",\"expires_in\":7200}", "abc", 7200000},
    {200, " {\"errcode\":0,\"access_token\":\"a\\/c\",\"expires_in\":1}\n", "a/c", 1000},
    {200, "{\"access_token\":\"abc\"}", "abc", 120000},
    {200, "{\"access_token\":\"abc\",\"expires_in\":\"7200\"}", "abc", 120000},
    {200, "{\"access_token\":\"abc\",\"expires_in\":1750000000}", "abc", 120000},
    {200, "0123456789abcdef", "0123456789abcdef", 120000},
    {200, "\r\n 77_0123-456789.abc~def \r\n", "77_0123-456789.abc~def", 120000},
    {200, "{\"access_token\":\"abc\",\"expires_in\":-5}", "whose time is over", 0},
    {200, "{\"access_token\":\"\"}", "holds no access_token", 0},
    {200, "{\"access_token\":\"a b\"}", "holds no access_token", 0},
    {200, "{\"access_token\":7}", "holds no access_token", 0},
    {200, "{\"token\":\"abc\"}", "holds no access_token", 0},
    {200, "{\"access_token\":", "is no JSON object", 0},
    {200, "{\"errcode\":40125,\"errmsg\":\"x\"}", "answered errcode 40125 (", 0},
    {200, "error", "neither JSON with access_token nor a token alone", 0},
    {200, "0123456789 abcdef", "neither JSON", 0},
    {200, "<html>0123456789abcdef</html>", "neither JSON", 0},
    {200, "\"0123456789abcdef\"", "neither JSON", 0},
    {200, "0123456789abcdef\n0123456789abcdef", "neither JSON", 0},
    {200, "", "neither JSON", 0},
    {500, "0123456789abcdef", "answered HTTP 500", 0},
    {302, "", "answered HTTP 302", 0},
};

static void check(const char *text, int64_t ttl_ms)
{
    CHECK_INT(fetched.end, ttl_ms ? FETCH_TOKEN : FETCH_FAILED);
    CHECK_INT(fetched.ttl_ms, ttl_ms);
    if (ttl_ms)
        CHECK_SPAN(buf_span(&fetched.token), text);
    else
        CHECK_HAS(buf_str(&fetched.reason), text);
    CHECK_INT(ttl_ms ? fetched.reason.bytes : fetched.token.bytes, 0);
}

static void test_answers(void)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct http_answer answer = {
            .end = HTTP_ANSWERED, .status = answers[i].status, .body = span_of(answers[i].body)};
        token_external_read(&answer, &fetched);
        check(answers[i].text, answers[i].ttl_ms);
        CHECK(strstr(buf_str(&fetched.reason), "0123456789") == NULL);
    }
    struct http_answer lost = {.end = HTTP_UNKNOWN, .error = "WeChat did not answer within 10 s"};
    token_external_read(&lost, &fetched);
    check("no WeChat access token: the token service did not answer within 10 s", 0);
}

static void test_too_long(void)
{
    struct buf body = {0};
    for (int i = 0; i < 2048; i++)
        buf_append_str(&body, "a");
    struct http_answer answer = {.end = HTTP_ANSWERED, .status = 200, .body = buf_span(&body)};
    token_external_read(&answer, &fetched);
    check(buf_str(&body), 120000);
    buf_append_str(&body, "a");
    answer.body = buf_span(&body);
    token_external_read(&answer, &fetched);
    check("neither JSON", 0);
    buf_free(&body);
}

static const struct {
    uint32_t count;
    const char *token, *seconds; /* NULL as in SQL */
    const char *text;
    int64_t ttl_ms;
} rows[] = {
    {1, "abc", NULL, "abc", 120000},
    {1, "abc", "7199", "abc", 7199000},
    {1, "abc", "7199.9876", "abc", 7199000},
    {1, "abc", "0", "is over", 0},
    {1, "abc", "-17", "is over", 0},
    {1, "abc", "86401", "over a day", 0},
    {1, "abc", "1750000000", "over a day", 0},
    {1, "abc", "99999999999999999999999", "no number of seconds", 0},
    {1, "abc", "", "no number of seconds", 0},
    {1, "abc", "-", "no number of seconds", 0},
    {1, "abc", "2026-01-01 00:00:00", "no number of seconds", 0},
    {1, NULL, NULL, "holds no token", 0},
    {1, "a b", NULL, "holds no token", 0},
    {0, NULL, NULL, "yields no row", 0},
    {2, "abc", NULL, "more than one row", 0},
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct token_row row = {.count = rows[i].count, .has_seconds = rows[i].seconds != NULL};
        buf_append_str(&row.token, rows[i].token ? rows[i].token : "");
        buf_append_str(&row.seconds, rows[i].seconds ? rows[i].seconds : "");
        token_external_row(&row, &fetched);
        check(rows[i].text, rows[i].ttl_ms);
        token_row_free(&row);
    }
    struct token_row failed = {0};
    buf_append_str(&failed.error, "mysql: connect: refused (2002)");
    token_external_row(&failed, &fetched);
    check("token_sql: mysql: connect: refused (2002)", 0);
    token_row_free(&failed);
}

int main(void)
{
    test_answers();
    test_too_long();
    test_rows();
    buf_free(&fetched.token);
    buf_free(&fetched.reason);
    return 0;
}
