/* WeChat's answer from any bytes: reading never fails badly, and a refusal is an answer again, with our
 * openid last. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/limits.h"
#include "sender/answer.h"
#include "sender/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char end[] = "\"openid\":\"o\\\"1\"}";
    struct span body = {(const char *)data, size};
    struct answer a, again;
    struct buf text = {0};
    if (answer_parse(body, &a) == 0) {
        answer_refusal(body, span_of("o\"1"), &text);
        assert(text.bytes <= MESSAGE_TEXT_BYTES_MAX);
        assert(text.bytes >= sizeof end - 1
               && memcmp(text.data + text.bytes - (sizeof end - 1), end, sizeof end - 1) == 0);
        assert(answer_parse(buf_span(&text), &again) == 0);
        assert(!a.has_errcode || again.errcode == a.errcode);
    }
    struct outcome_report report = {0};
    struct http_answer answer = {.end = HTTP_ANSWERED, .status = 200, .body = body};
    judge_answer(&answer, span_of("o"), &report, &text);
    assert(report.outcome != OUTCOME_NONE && report.message.bytes <= MESSAGE_TEXT_BYTES_MAX);
    buf_free(&text);
    return 0;
}
