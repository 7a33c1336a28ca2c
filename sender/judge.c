/* Judges the end of an HTTP call. The word WeChat is in every text, so that a caller who gets it knows whom
 * to ask. */
#include "sender/judge.h"

#include "base/json.h"
#include "proto/limits.h"
#include "sender/answer.h"
#include "sender/errcode.h"

#define ERRMSG_BYTES_MAX 512 /* of WeChat's own words in a text of ours */

static int judge_errcode(const struct answer *a, struct span body, struct span openid,
                         struct outcome_report *report, struct buf *text);

int judge_answer(const struct http_answer *answer, struct span openid, struct outcome_report *report,
                 struct buf *text)
{
    struct answer a;
    int is_token = 0;
    buf_clear(text);
    report->http_status = (uint32_t)answer->status;
    report->errcode = 0;
    report->msgid = 0;
    report->outcome = OUTCOME_UNKNOWN;
    report->cause = CAUSE_NONE;
    if (answer->end != HTTP_ANSWERED) {
        report->outcome = answer->end == HTTP_NOT_SENT ? OUTCOME_RETRY : OUTCOME_UNKNOWN;
        report->cause = CAUSE_NETWORK;
        buf_append_str(text, answer->error);
    } else if (answer->status != 200) {
        if (answer->status >= 300 && answer->status < 500)
            report->outcome = OUTCOME_RETRY;
        report->cause = answer->status >= 500 ? CAUSE_BUSY : CAUSE_NONE;
        buf_printf(text, "WeChat answered HTTP %d", answer->status);
    } else if (answer_parse(answer->body, &a) != 0 || !a.has_errcode) {
        buf_printf(text, "WeChat's answer was not understood (%zu bytes)", answer->body.bytes);
    } else {
        is_token = judge_errcode(&a, answer->body, openid, report, text);
    }
    report->message = buf_span(text);
    return is_token;
}

/* "WeChat answered 45009 (daily quota of the call is used up): reach max api daily quota limit rid: ..." */
static void describe(const struct answer *a, struct buf *text)
{
    const struct errcode *row = errcode_find(a->errcode);
    struct buf errmsg = {0};
    buf_printf(text, "WeChat answered %lld (%s)", (long long)a->errcode, row ? row->meaning : "unknown code");
    if (a->errmsg.bytes)
        json_unescape(a->errmsg, &errmsg);
    if (errmsg.bytes > ERRMSG_BYTES_MAX) {
        errmsg.bytes = ERRMSG_BYTES_MAX;
        while (errmsg.bytes && ((unsigned char)errmsg.data[errmsg.bytes] & 0xc0) == 0x80)
            errmsg.bytes--; /* no character is cut in two */
    }
    if (errmsg.bytes)
        buf_append_str(text, ": ");
    buf_append(text, errmsg.data, errmsg.bytes);
    buf_free(&errmsg);
    if (row && row->advice)
        buf_printf(text, "; %s", row->advice);
}

static int judge_errcode(const struct answer *a, struct span body, struct span openid,
                         struct outcome_report *report, struct buf *text)
{
    enum errcode_class class = errcode_class(a->errcode);
    const struct errcode_rule *rule = errcode_rule(class);
    report->errcode = a->errcode;
    report->msgid = a->msgid;
    report->outcome = rule->outcome;
    report->cause = rule->cause;
    if (rule->outcome == OUTCOME_REFUSED)
        answer_refusal(body, openid, text);
    else if (rule->outcome != OUTCOME_SENT)
        describe(a, text);
    return class == ERRCODE_TOKEN;
}
