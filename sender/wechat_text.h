/* What mega-wechat reads out of texts, and what it shows of them. Pure; any bytes are allowed.
 *
 * Used by the commands of mega-wechat. Masking is wide on purpose: a value that looks like a secret is taken for one.
 */
#ifndef SENDER_WECHAT_TEXT_H
#define SENDER_WECHAT_TEXT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

#define WECHAT_RID_BYTES 26 /* xxxxxxxx-xxxxxxxx-xxxxxxxx */

/* 1 when the text is a rid: three groups of eight hexadecimal digits with - between. Source: the errmsgs of WeChat, and
 * doc/service/openApi/get_rid_info.html on developers.weixin.qq.com. */
int wechat_text_is_rid(struct span text);

/* The last rid in a text, a span into it; empty when there is none. */
struct span wechat_text_find_rid(struct span text);

/* The errcode that a keeper's reason names, such as "WeChat gave no access token: 40164 (…)"; 0 when it names none. */
int64_t wechat_text_reason_code(struct span reason);

/* Appends the text with **** for the value of each access_token, secret, appsecret, refresh_token and ticket, in a URL's query or
 * in JSON, and for each `secret` as it stands (empty ones are skipped). */
void wechat_text_mask(struct span text, const struct span *secrets, size_t secret_count, struct buf *out);

/* The value of a member of a JSON object; with `object`, of the object that is the outer one's member of that name. A number or
 * a string as it is written. Returns 0, or -1 when there is none. */
int wechat_text_member(struct span json, const char *object, const char *member, struct json_token *value);

/* The same as a 64-bit integer. Returns 0, or -1 when there is none. */
int wechat_text_number(struct span json, const char *object, const char *member, int64_t *number);

/* Appends an errcode's meaning and what to do: "45009: daily quota of the call is used up; wait for …". */
void wechat_text_code(int64_t code, struct buf *out);

/* Appends ,"name":"text" (the comma left out behind { and [): what is not UTF-8 becomes U+FFFD. */
void wechat_text_json(const char *name, struct span text, struct buf *out);

/* Appends 2026-11-28T18:20:00+08:00, the time in Beijing, or with `is_local` that of this host. */
void wechat_text_time(int64_t s, int is_local, struct buf *out);

#endif
