/* What became of a message, judged by the end of its HTTP call.
 *
 * Used by the sender. Pure. The rule behind each outcome: RETRY only where WeChat certainly did nothing,
 * UNKNOWN wherever it may have taken the message, REFUSED only where WeChat itself said so.
 *
 *   the body was not written                        RETRY
 *   time-out, reset, no whole answer                UNKNOWN
 *   HTTP 300 to 499: something in front refused it  RETRY
 *   any other HTTP status but 200                   UNKNOWN
 *   HTTP 200 without a sensible errcode             UNKNOWN
 *   HTTP 200 with an errcode                        by its class, see errcode.h
 */
#ifndef SENDER_JUDGE_H
#define SENDER_JUDGE_H

#include "proto/job.h"
#include "sender/http.h"

/* Fills in outcome, errcode, msgid, http_status and message of `report`; the message is built in `text`
 * (cleared first) and points into it. Returns 1 when WeChat rejected the access token: then the outcome is
 * RETRY, for a caller that does not repeat the call with another token. Otherwise 0. */
int judge_answer(const struct http_answer *answer, struct span openid, struct outcome_report *report,
                 struct buf *text);

#endif
