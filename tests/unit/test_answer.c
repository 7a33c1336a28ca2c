/* WeChat's answers: what is read, what is no sensible answer, and the text of a refusal. */
#include "proto/limits.h"
#include "sender/answer.h"
#include "tests/unit/test.h"

static void check_read(const char *body, int has_errcode, int64_t errcode, int64_t msgid)
{
    struct answer a;
    CHECK_INT(answer_parse(span_of(body), &a), 0);
    CHECK_INT(a.has_errcode, has_errcode);
    CHECK_INT(a.errcode, errcode);
    CHECK_INT(a.msgid, msgid);
}

static void test_parse(void)
{
    check_read("{\"errcode\":0,\"errmsg\":\"ok\",\"msgid\":200228332}", 1, 0, 200228332);
    check_read("{\"errcode\":-1}", 1, -1, 0);
    check_read(" {\"errcode\" : 43004 ,\"x\":{\"errcode\":5,\"a\":[1,{}]}}\n", 1, 43004, 0);
    /* over 2^53: a double would lose the last digits */
    check_read("{\"errcode\":0,\"msgid\":3717005636572528642}", 1, 0, 3717005636572528642);
    check_read("{\"errcode\":0,\"msgid\":9223372036854775807}", 1, 0, INT64_MAX);
    check_read("{\"errcode\":0,\"msgid\":9223372036854775808}", 1, 0, 0);
    check_read("{\"errcode\":0,\"msgid\":\"12\"}", 1, 0, 0);
    check_read("{\"errcode\":0,\"msgid\":1.5}", 1, 0, 0);
    check_read("{\"errcode\":1,\"errcode\":0}", 1, 0, 0);
    check_read("{\"\\u0065rrcode\":7}", 1, 7, 0);
    check_read("{}", 0, 0, 0);
    check_read("{\"access_token\":\"t\",\"expires_in\":7200}", 0, 0, 0);
}

static void test_read_token(void)
{
    struct answer a;
    CHECK_INT(answer_parse(span_of("{\"access_token\":\"a\\/b\",\"expires_in\":7200}"), &a), 0);
    CHECK_SPAN(a.token, "\"a\\/b\"");
    CHECK_INT(a.expires_in_s, 7200);
    CHECK_INT(answer_parse(span_of("{\"access_token\":5,\"expires_in\":\"x\"}"), &a), 0);
    CHECK_INT(a.token.bytes, 0);
    CHECK_INT(a.expires_in_s, 0);
}

static void test_no_sensible_answer(void)
{
    static const char *const bodies[] = {
        "", " ", "null", "0", "[]", "\"errcode\"", "<html>busy</html>", "{", "{\"errcode\":0", "{\"errcode\":0}}",
        "{\"errcode\":0} x", "{\"errcode\":\"0\"}", "{\"errcode\":0.0}", "{\"errcode\":1e1}", "{\"errcode\":null}",
        "{\"errcode\":99999999999999999999}", "{\"errcode\":{}}", "{\"errcode\":00}", "{'errcode':0}",
        "{\"errcode\":0,}", "{\"errcode\":0,\"errmsg\":\"\xff\"}", "{\"errcode\":0,\"errmsg\":\"\\ud800\"}"};
    struct answer a;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (answer_parse(span_of(bodies[i]), &a) != -1)
            test_str(bodies[i], "an answer that is not understood", "answer_parse", __FILE__, __LINE__);
    CHECK_INT(answer_parse((struct span){"{\"errcode\":0}\0", 14}, &a), -1);
}

static void check_refusal(const char *body, const char *openid, const char *expected)
{
    struct buf out = {0};
    answer_refusal(span_of(body), span_of(openid), &out);
    CHECK_SPAN(buf_span(&out), expected);
    buf_free(&out);
}

static void test_refusal(void)
{
    check_refusal("{\"errcode\":43004,\"errmsg\":\"require subscribe\"}", "bad0001",
                  "{\"errcode\":43004,\"errmsg\":\"require subscribe\",\"openid\":\"bad0001\"}");
    /* the recorded exchange send_errcode_unicode_errmsg, equal as JSON */
    check_refusal("{\"errcode\":40003,\"errmsg\":\"invalid openid 中文 a/b <x> \\\"q\\\" rid: 1-2\","
                  "\"big\":12345678901234567890,\"f\":1.10}",
                  "badu01",
                  "{\"errcode\":40003,\"errmsg\":\"invalid openid 中文 a/b <x> \\\"q\\\" rid: 1-2\","
                  "\"big\":1.2345678901235e+19,\"f\":1.10,\"openid\":\"badu01\"}");
    check_refusal(" { \"a\" : [ 1 , [ ] , { } , { \"b\" : null , \"c\" : true } , false ] , \"errcode\" : 1 } ", "o",
                  "{\"a\":[1,[],{},{\"b\":null,\"c\":true},false],\"errcode\":1,\"openid\":\"o\"}");
    check_refusal("{}", "o", "{\"openid\":\"o\"}");
    check_refusal("{\"errcode\":1}", "a\"\\\n用", "{\"errcode\":1,\"openid\":\"a\\\"\\\\\\n用\"}");
}

static void test_refusal_openid_of_wechat(void)
{
    check_refusal("{\"openid\":{\"a\":[1,2]},\"errcode\":1,\"x\":{\"openid\":\"kept\"}}", "o",
                  "{\"errcode\":1,\"x\":{\"openid\":\"kept\"},\"openid\":\"o\"}");
    check_refusal("{\"open\\u0069d\":\"w\",\"errcode\":1}", "o", "{\"errcode\":1,\"openid\":\"o\"}");
    check_refusal("{\"errcode\":1,\"openid\":\"w\"}", "o", "{\"errcode\":1,\"openid\":\"o\"}");
}

static void test_refusal_numbers(void)
{
    check_refusal("{\"a\":9223372036854775807,\"b\":-9223372036854775808,\"c\":9223372036854775808,"
                  "\"d\":-99999999999999999999,\"e\":0,\"f\":1.5e300,\"g\":10000000000000000000000000}",
                  "o",
                  "{\"a\":9223372036854775807,\"b\":-9223372036854775808,\"c\":9.2233720368548e+18,\"d\":-1e+20,"
                  "\"e\":0,\"f\":1.5e300,\"g\":1e+25,\"openid\":\"o\"}");
}

/* An integer of 400 digits is beyond a double. */
static void test_refusal_huge_number(void)
{
    struct buf body = {0}, expected = {0};
    for (int i = 0; i < 400; i++)
        buf_append_str(&expected, "9");
    buf_printf(&body, "{\"a\":%s}", buf_str(&expected));
    struct buf wanted = {0};
    buf_printf(&wanted, "{\"a\":%s,\"openid\":\"o\"}", buf_str(&expected));
    check_refusal(buf_str(&body), "o", buf_str(&wanted));
    buf_free(&body);
    buf_free(&expected);
    buf_free(&wanted);
}

static void test_refusal_too_long(void)
{
    struct buf body = {0}, out = {0};
    struct answer a;
    buf_append_str(&body, "{\"errcode\":47003,\"errmsg\":\"");
    for (int i = 0; i < 4000; i++)
        buf_append_str(&body, "\\n\\u4e2d");
    buf_append_str(&body, "\",\"more\":1}");
    answer_refusal(buf_span(&body), span_of("o1"), &out);
    CHECK(out.bytes <= MESSAGE_TEXT_BYTES_MAX);
    CHECK(out.bytes > MESSAGE_TEXT_BYTES_MAX / 2 - 10);
    CHECK_INT(answer_parse(buf_span(&out), &a), 0); /* no character and no escape was cut in two */
    CHECK_INT(a.errcode, 47003);
    CHECK_HAS(buf_str(&out), ",\"openid\":\"o1\"}");
    buf_free(&body);
    buf_free(&out);
}

int main(void)
{
    test_parse();
    test_read_token();
    test_no_sensible_answer();
    test_refusal();
    test_refusal_openid_of_wechat();
    test_refusal_numbers();
    test_refusal_huge_number();
    test_refusal_too_long();
    return 0;
}
