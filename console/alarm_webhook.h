/* What a webhook is sent: our own JSON, or what a robot of WeCom or DingTalk takes; and what its answer means. Pure.
 *
 * Sources: WeCom developer.work.weixin.qq.com/document/path/91770 (markdown up to 4,096 bytes, 20 messages a minute; the answer is
 * {"errcode":0,…}); DingTalk open.dingtalk.com/document/robots/custom-robot-access (markdown up to 20,000 bytes, 20 messages a
 * minute; the signature below; the same answer).
 */
#ifndef CONSOLE_ALARM_WEBHOOK_H
#define CONSOLE_ALARM_WEBHOOK_H

#include "base/conf.h"
#include "console/alarm_notice.h"

#define ALARM_WECOM_BYTES_MAX    4096
#define ALARM_DINGTALK_BYTES_MAX 20000

/* The body of the POST. */
void alarm_webhook_body(enum conf_webhook type, const struct alarm_notice *n, const char *name, struct buf *out);

/* Appends the address to call: the configured one, for DingTalk with a secret signed for this moment: &timestamp=MS&sign=S, where S is
 * the base64 of HMAC-SHA256 over "MS\nSECRET" by the key SECRET, as %XX. A secret. */
void alarm_webhook_url(const struct conf_alarm *conf, int64_t wall_ms, struct buf *out);

/* 1 when the HTTP status and the answer's body mean that it was taken; else why not is appended to `error`. A robot says so with an
 * errcode in an answer of status 200. */
int alarm_webhook_taken(enum conf_webhook type, int status, struct span body, struct buf *error);

#endif
