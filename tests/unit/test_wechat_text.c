/* What mega-wechat reads out of answers and reasons, and that no secret is left in what it shows. */
#include "sender/wechat_text.h"
#include "tests/unit/test.h"

static void check_mask(const char *text, const char *expected)
{
    const struct span secrets[] = {{"", 0}, {"s3cr3t", 6}};
    struct buf out = {0};
    wechat_text_mask(span_of(text), secrets, 2, &out);
    CHECK_SPAN(buf_span(&out), expected);
    buf_free(&out);
}

static void test_mask(void)
{
    check_mask("", "");
    check_mask("access_token=50_Im7xx-y&next_openid=o1", "access_token=****&next_openid=o1");
    check_mask("https://h/cgi-bin/x?access_token=50_abc", "https://h/cgi-bin/x?access_token=****");
    check_mask("grant_type=c&appid=wx1&secret=0123", "grant_type=c&appid=wx1&secret=****");
    check_mask("?appid=wx1&appsecret=0123", "?appid=wx1&appsecret=****");
    check_mask("{\"access_token\":\"50_abc\",\"expires_in\":7200}", "{\"access_token\":\"****\",\"expires_in\":7200}");
    check_mask("{\"SECRET\" : \"0123\"}", "{\"SECRET\" : \"****\"}");
    check_mask("{\\\"access_token\\\":\\\"50_abc\\\",\\\"a\\\":1}", "{\\\"access_token\\\":\\\"****\\\",\\\"a\\\":1}");
    check_mask("{\"secret\":\"ab\\/cd\",\"a\":1}", "{\"secret\":\"****\",\"a\":1}");
    check_mask("{\"ticket\":\"t1\"} refresh_token=r1", "{\"ticket\":\"****\"} refresh_token=****");
    check_mask("access_token=", "access_token=");
    check_mask("access_token=&a=1", "access_token=&a=1");
    check_mask("{\"access_token\":\"\",\"a\":1}", "{\"access_token\":\"\",\"a\":1}");
    check_mask("invalid access_token, or secret", "invalid access_token, or secret");
    check_mask("xs3cr3tx s3cr3", "x****x s3cr3");
    check_mask("access_token=ab\\", "access_token=****");
}

static void test_rid(void)
{
    CHECK(wechat_text_is_rid(span_of("61725984-6126f6f9-040f19c4")));
    CHECK(wechat_text_is_rid(span_of("61725984-6126F6F9-040f19c4")));
    CHECK(!wechat_text_is_rid(span_of("")));
    CHECK(!wechat_text_is_rid(span_of("61725984-6126f6f9-040f19c")));
    CHECK(!wechat_text_is_rid(span_of("61725984-6126f6f9-040f19c44")));
    CHECK(!wechat_text_is_rid(span_of("61725984-6126f6g9-040f19c4")));
    CHECK(!wechat_text_is_rid(span_of("6172598406126f6f90040f19c4")));
    CHECK(!wechat_text_is_rid(span_of("6172598-46126f6f9-040f19c4")));
    CHECK_SPAN(wechat_text_find_rid(span_of("invalid openid rid: 61725984-6126f6f9-040f19c4")), "61725984-6126f6f9-040f19c4");
    CHECK_SPAN(wechat_text_find_rid(span_of("rid: 61725984-6126f6f9-040f19c4, sorry")), "61725984-6126f6f9-040f19c4");
    CHECK_SPAN(wechat_text_find_rid(span_of("no rid here at all, none whatever")), "");
    CHECK_SPAN(wechat_text_find_rid(span_of("")), "");
}

static void test_reason_code(void)
{
    CHECK_INT(wechat_text_reason_code(span_of("WeChat gave no access token: 40164 (not in the whitelist): invalid ip 1.2.3.4")), 40164);
    CHECK_INT(wechat_text_reason_code(span_of("WeChat gave no access token: 45009 (x)")), 45009);
    CHECK_INT(wechat_text_reason_code(span_of("61004")), 61004);
    CHECK_INT(wechat_text_reason_code(span_of("WeChat not reached: 127.0.0.1:54321: refused")), 0);
    CHECK_INT(wechat_text_reason_code(span_of("WeChat answered HTTP 502 when asked for a token")), 0);
    CHECK_INT(wechat_text_reason_code(span_of("wx40164 1234567890123")), 0);
    CHECK_INT(wechat_text_reason_code(span_of("")), 0);
}

#define QUOTA "{\"errcode\":0,\"quota\":{\"daily_limit\":100000,\"used\":12,\"remain\":99988,\"x\":{\"used\":1}},\"used\":5,\"a\":[{}]}"

static void test_member(void)
{
    int64_t number = 0;
    struct json_token value;
    CHECK_INT(wechat_text_number(span_of(QUOTA), "quota", "daily_limit", &number), 0);
    CHECK_INT(number, 100000);
    CHECK_INT(wechat_text_number(span_of(QUOTA), "quota", "used", &number), 0);
    CHECK_INT(number, 12);
    CHECK_INT(wechat_text_number(span_of(QUOTA), NULL, "used", &number), 0);
    CHECK_INT(number, 5);
    CHECK_INT(wechat_text_number(span_of(QUOTA), "quota", "left", &number), -1);
    CHECK_INT(wechat_text_number(span_of(QUOTA), "errcode", "used", &number), -1);
    CHECK_INT(wechat_text_number(span_of(QUOTA), "a", "used", &number), -1);
    CHECK_INT(wechat_text_number(span_of("{\"n\":1.5}"), NULL, "n", &number), -1);
    CHECK_INT(wechat_text_number(span_of("{\"n\":\"1\"}"), NULL, "n", &number), -1);
    CHECK_INT(wechat_text_number(span_of("{\"n\":99999999999999999999}"), NULL, "n", &number), -1);
    CHECK_INT(wechat_text_number(span_of("{\"n\":-9223372036854775808}"), NULL, "n", &number), 0);
    CHECK(number == INT64_MIN);
    CHECK_INT(wechat_text_member(span_of("{\"n\":1"), NULL, "n", &value), -1);
    CHECK_INT(wechat_text_member(span_of("[1]"), NULL, "n", &value), -1);
    CHECK_INT(wechat_text_member(span_of(""), NULL, "n", &value), -1);
    CHECK_INT(wechat_text_member(span_of(QUOTA), NULL, "quota", &value), 0);
    CHECK_INT(value.type, JSON_OBJECT);
}

static void test_time(void)
{
    struct buf out = {0};
    wechat_text_time(1635156704, 0, &out);
    CHECK_SPAN(buf_span(&out), "2021-10-25T18:11:44+08:00");
    buf_clear(&out);
    setenv("TZ", "UTC+3:30", 1); /* west of Greenwich */
    wechat_text_time(1635156704, 1, &out);
    CHECK_SPAN(buf_span(&out), "2021-10-25T06:41:44-03:30");
    buf_clear(&out);
    wechat_text_time(INT64_MAX, 0, &out);
    CHECK_SPAN(buf_span(&out), "9223372036854775807");
    buf_clear(&out);
    wechat_text_time(-1, 1, &out);
    CHECK_SPAN(buf_span(&out), "-1");
    buf_free(&out);
}

static void test_json_and_code(void)
{
    struct buf out = {0};
    buf_append_str(&out, "{");
    wechat_text_json("a", span_of("\"x\xff"), &out);
    wechat_text_json("b", span_of(""), &out);
    CHECK_SPAN(buf_span(&out), "{\"a\":\"\\\"x\xef\xbf\xbd\",\"b\":\"\"");
    buf_clear(&out);
    wechat_text_code(12345, &out);
    CHECK_SPAN(buf_span(&out), "12345: a code that is not known here");
    buf_free(&out);
}

int main(void)
{
    test_mask();
    test_rid();
    test_reason_code();
    test_member();
    test_time();
    test_json_and_code();
    return 0;
}
