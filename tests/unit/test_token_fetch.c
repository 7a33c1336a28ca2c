/* The two token calls: requests and answers. */
#include "sender/token_fetch.h"
#include "tests/unit/test.h"

static struct conf_account account = {.name = "default",
                                      .app_id = "wx\"1",
                                      .app_secret = "s&c/ret",
                                      .api_base = "https://api.weixin.qq.com",
                                      .token_mode = TOKEN_STABLE};

static void test_ask(void)
{
    struct buf url = {0}, body = {0};
    token_fetch_ask(&account, 0, 0, &url, &body);
    CHECK_SPAN(buf_span(&url), "https://api.weixin.qq.com/cgi-bin/stable_token");
    CHECK_SPAN(buf_span(&body), "{\"grant_type\":\"client_credential\",\"appid\":\"wx\\\"1\",\"secret\":\"s&c/ret\","
                                "\"force_refresh\":false}");
    token_fetch_ask(&account, 0, 1, &url, &body);
    CHECK_HAS(buf_str(&body), "\"force_refresh\":true}");
    account.token_mode = TOKEN_CLASSIC;
    token_fetch_ask(&account, 0, 0, &url, &body);
    account.token_mode = TOKEN_STABLE;
    CHECK_SPAN(buf_span(&url), "https://api.weixin.qq.com/cgi-bin/token?grant_type=client_credential&appid=wx%221"
                               "&secret=s%26c%2Fret");
    CHECK_INT(body.bytes, 0);
    buf_free(&url);
    buf_free(&body);
}

static const struct {
    int status;
    const char *body;
    enum fetch_end end;
    const char *text; /* the token, or a part of the reason */
} cases[] = {
    {200, "{\"access_token\":\"abc\",\"expires_in\":7200}", FETCH_TOKEN, "abc"},
    {200, "{\"errcode\":0,\"access_token\":\"a\\/c\",\"expires_in\":1}", FETCH_TOKEN, "a/c"},
    {200, "{\"access_token\":\"\",\"expires_in\":7200}", FETCH_FAILED, "no access token"},
    {200, "{\"access_token\":\"abc\"}", FETCH_FAILED, "no access token"},
    {200, "{\"access_token\":\"a\\u001b[31m\",\"expires_in\":7200}", FETCH_FAILED, "no access token"},
    {200, "{\"access_token\":\"a\\nb\",\"expires_in\":7200}", FETCH_FAILED, "no access token"},
    {200, "{\"access_token\":\"a b\",\"expires_in\":7200}", FETCH_FAILED, "no access token"},
    {200, "{\"access_token\":\"a\\u00e4\",\"expires_in\":7200}", FETCH_FAILED, "no access token"},
    {200, "{\"access_token\":\"abc\",\"expires_in\":0}", FETCH_FAILED, "no access token"},
    {200, "{\"access_token\":\"abc\",\"expires_in\":-5}", FETCH_FAILED, "no access token"},
    {200, "{\"access_token\":\"abc\",\"expires_in\":9000000000000000000}", FETCH_FAILED, "no access token"},
    {200, "<html>", FETCH_FAILED, "no access token"},
    {200, "{}", FETCH_FAILED, "no access token"},
    {502, "{\"access_token\":\"abc\",\"expires_in\":7200}", FETCH_FAILED, "WeChat answered HTTP 502"},
    {200, "{\"errcode\":-1,\"errmsg\":\"system error\"}", FETCH_FAILED, "-1 (system busy): system error"},
    {200, "{\"errcode\":45011}", FETCH_FAILED, "45011"},
    {200, "{\"errcode\":45009,\"errmsg\":\"m\"}", FETCH_QUOTA, "wait for the next day"},
    {200, "{\"errcode\":40001,\"errmsg\":\"m\"}", FETCH_WRONG, "check app_secret"},
    {200, "{\"errcode\":40125,\"errmsg\":\"invalid appsecret\"}", FETCH_WRONG, "invalid appsecret; check app_secret"},
    {200, "{\"errcode\":40164,\"errmsg\":\"invalid ip 1.2.3.4\"}", FETCH_WRONG, "invalid ip 1.2.3.4; add the IP"},
    {200, "{\"errcode\":40243}", FETCH_WRONG, "unfreeze"},
    {200, "{\"errcode\":99999}", FETCH_WRONG, "99999 (unknown code)"},
};

static void test_answers(void)
{
    struct fetched fetched = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_answer answer = {
            .end = HTTP_ANSWERED, .status = cases[i].status, .body = span_of(cases[i].body)};
        token_fetch_read(&account, &answer, &fetched);
        CHECK_INT(fetched.end, cases[i].end);
        if (fetched.end == FETCH_TOKEN)
            CHECK_SPAN(buf_span(&fetched.token), cases[i].text);
        else
            CHECK_HAS(buf_str(&fetched.reason), cases[i].text);
        CHECK_INT(fetched.end == FETCH_TOKEN ? fetched.reason.bytes : fetched.token.bytes, 0);
    }
    struct http_answer lost = {.end = HTTP_UNKNOWN, .error = "WeChat did not answer within 10 s"};
    token_fetch_read(&account, &lost, &fetched);
    CHECK_INT(fetched.end, FETCH_FAILED);
    CHECK_SPAN(buf_span(&fetched.reason), "WeChat did not answer within 10 s");
    buf_free(&fetched.token);
    buf_free(&fetched.reason);
}

/* An errmsg that repeats the secret is left out, also as a URL writes it. */
static void test_secret_is_not_told(const char *body)
{
    struct fetched fetched = {0};
    struct http_answer answer = {.end = HTTP_ANSWERED,
                                 .status = 200,
                                 .body = span_of(body)};
    token_fetch_read(&account, &answer, &fetched);
    CHECK_INT(fetched.end, FETCH_WRONG);
    CHECK(strstr(buf_str(&fetched.reason), "s&c/ret") == NULL);
    CHECK(strstr(buf_str(&fetched.reason), "s%26c") == NULL);
    buf_free(&fetched.token);
    buf_free(&fetched.reason);
}

int main(void)
{
    test_ask();
    test_answers();
    test_secret_is_not_told("{\"errcode\":40125,\"errmsg\":\"bad secret s&c\\/ret here\"}");
    test_secret_is_not_told("{\"errcode\":40125,\"errmsg\":\"bad call ?secret=s%26c%2Fret here\"}");
    return 0;
}
