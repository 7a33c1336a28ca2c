/* What became of a message, by the end of its call. */
#include "sender/judge.h"
#include "tests/unit/test.h"

static const struct judge_case {
    enum http_end end;
    int status;
    const char *text; /* body, or error when there was no answer */
    int is_token;
    enum outcome outcome;
    int64_t errcode;
    const char *message; /* part of it */
    enum cause cause;
} cases[] = {
    {HTTP_NOT_SENT, 0, "WeChat not reached: h: refused", 0, OUTCOME_RETRY, 0, "WeChat not reached", CAUSE_NETWORK},
    {HTTP_UNKNOWN, 0, "WeChat did not answer within 10 s", 0, OUTCOME_UNKNOWN, 0, "within 10 s", CAUSE_NETWORK},
    {HTTP_ANSWERED, 200, "{\"errcode\":0,\"errmsg\":\"ok\",\"msgid\":5}", 0, OUTCOME_SENT, 0, "", CAUSE_NONE},
    {HTTP_ANSWERED, 200, "{\"errcode\":40252}", 0, OUTCOME_PENDING, 40252, "WeChat answered 40252", CAUSE_NONE},
    {HTTP_ANSWERED, 200, "{\"errcode\":43004}", 0, OUTCOME_REFUSED, 43004, "{\"errcode\":43004,\"openid\":\"o\"}", CAUSE_NONE},
    {HTTP_ANSWERED, 200, "{\"errcode\":47003}", 0, OUTCOME_REFUSED, 47003, "\"openid\":\"o\"", CAUSE_NONE},
    {HTTP_ANSWERED, 200, "{\"errcode\":12345678}", 0, OUTCOME_REFUSED, 12345678, "\"openid\":\"o\"", CAUSE_NONE},
    {HTTP_ANSWERED, 200, "{\"errcode\":-1}", 0, OUTCOME_RETRY, -1, "WeChat answered -1 (system busy)", CAUSE_BUSY},
    {HTTP_ANSWERED, 200, "{\"errcode\":45009,\"errmsg\":\"a\\u4e2d\"}", 0, OUTCOME_RETRY, 45009, ": a中", CAUSE_QUOTA},
    {HTTP_ANSWERED, 200, "{\"errcode\":40037}", 0, OUTCOME_REFUSED, 40037, "\"openid\":\"o\"", CAUSE_DOUBTFUL},
    {HTTP_ANSWERED, 200, "{\"errcode\":45011}", 0, OUTCOME_RETRY, 45011, "slowly", CAUSE_PACE},
    {HTTP_ANSWERED, 200, "{\"errcode\":43117}", 0, OUTCOME_RETRY, 43117, "too many", CAUSE_RECIPIENT},
    {HTTP_ANSWERED, 200, "{\"errcode\":40164}", 0, OUTCOME_RETRY, 40164, "whitelist", CAUSE_ACCOUNT},
    {HTTP_ANSWERED, 200, "{\"errcode\":43116}", 0, OUTCOME_RETRY, 43116, "template is banned", CAUSE_TEMPLATE},
    {HTTP_ANSWERED, 200, "{\"errcode\":48001}", 0, OUTCOME_RETRY, 48001, "WeChat", CAUSE_TEMPLATE},
    {HTTP_ANSWERED, 200, "{\"errcode\":40001}", 1, OUTCOME_RETRY, 40001, "WeChat answered 40001", CAUSE_TOKEN},
    {HTTP_ANSWERED, 200, "{\"errcode\":42001}", 1, OUTCOME_RETRY, 42001, "WeChat", CAUSE_TOKEN},
    {HTTP_ANSWERED, 200, "", 0, OUTCOME_UNKNOWN, 0, "WeChat's answer was not understood (0 bytes)", CAUSE_NONE},
    {HTTP_ANSWERED, 200, "{}", 0, OUTCOME_UNKNOWN, 0, "not understood", CAUSE_NONE},
    {HTTP_ANSWERED, 200, "<html>", 0, OUTCOME_UNKNOWN, 0, "not understood", CAUSE_NONE},
    {HTTP_ANSWERED, 200, "{\"errcode\":\"0\"}", 0, OUTCOME_UNKNOWN, 0, "not understood", CAUSE_NONE},
    {HTTP_ANSWERED, 204, "", 0, OUTCOME_UNKNOWN, 0, "WeChat answered HTTP 204", CAUSE_NONE},
    {HTTP_ANSWERED, 302, "", 0, OUTCOME_RETRY, 0, "WeChat answered HTTP 302", CAUSE_NONE},
    {HTTP_ANSWERED, 404, "{\"errcode\":0}", 0, OUTCOME_RETRY, 0, "WeChat answered HTTP 404", CAUSE_NONE},
    {HTTP_ANSWERED, 500, "", 0, OUTCOME_UNKNOWN, 0, "WeChat answered HTTP 500", CAUSE_BUSY},
    {HTTP_ANSWERED, 502, "{\"errcode\":43004}", 0, OUTCOME_UNKNOWN, 0, "WeChat answered HTTP 502", CAUSE_BUSY},
};

static void check(const struct judge_case *c)
{
    struct buf text = {0};
    struct outcome_report r = {.seq = 7, .turn = 3, .calls = 1, .errcode = 99, .msgid = 99, .http_status = 99};
    struct http_answer answer = {.end = c->end, .status = c->status};
    if (c->end == HTTP_ANSWERED)
        answer.body = span_of(c->text);
    else
        answer.error = c->text;
    CHECK_INT(judge_answer(&answer, span_of("o"), &r, &text), c->is_token);
    CHECK_STR(outcome_name(r.outcome), outcome_name(c->outcome));
    CHECK_STR(cause_name(r.cause), cause_name(c->cause));
    CHECK_INT(r.errcode, c->errcode);
    CHECK_INT(r.http_status, c->status);
    CHECK_INT(r.msgid, c->outcome == OUTCOME_SENT ? 5 : 0);
    CHECK_HAS(buf_str(&text), c->message);
    CHECK_BYTES(r.message, buf_span(&text));
    CHECK(r.seq == 7 && r.turn == 3 && r.calls == 1);
    buf_free(&text);
}

/* An errmsg that is too long is cut between two characters. */
static void test_long_errmsg(void)
{
    struct buf body = {0}, text = {0};
    struct outcome_report r = {0};
    buf_append_str(&body, "{\"errcode\":-1,\"errmsg\":\"");
    for (int i = 0; i < 2000; i++)
        buf_append_str(&body, "中");
    buf_append_str(&body, "\"}");
    struct http_answer answer = {.end = HTTP_ANSWERED, .status = 200, .body = buf_span(&body)};
    judge_answer(&answer, span_of("o"), &r, &text);
    CHECK(r.message.bytes < 600);
    CHECK(span_is_utf8(r.message));
    buf_free(&body);
    buf_free(&text);
}

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
    test_long_errmsg();
    return 0;
}
