/*
 * reply.c - judges answers to callbacks; see reply.h. It reads XML only as far as a reply has it: flat members, CDATA or plain.
 */
#include "tests/sim/reply.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/body.h"

#define MEMBER_BYTES_MAX 200 /* of a member that is looked at */

struct reply_span {
    const char *bytes;
    size_t count;
};

static struct reply_span span_trim(struct reply_span span)
{
    while (span.count > 0 && strchr(" \t\r\n", span.bytes[0]) != NULL && span.bytes[0] != '\0') {
        span.bytes++;
        span.count--;
    }
    while (span.count > 0 && span.bytes[span.count - 1] != '\0' &&
           strchr(" \t\r\n", span.bytes[span.count - 1]) != NULL)
        span.count--;
    return span;
}

static bool span_has_ends(struct reply_span span, const char *begin, const char *end)
{
    size_t begin_bytes = strlen(begin);
    size_t end_bytes = strlen(end);
    return span.count >= begin_bytes + end_bytes && memcmp(span.bytes, begin, begin_bytes) == 0 &&
           memcmp(span.bytes + span.count - end_bytes, end, end_bytes) == 0;
}

static struct reply_span span_cut(struct reply_span span, size_t begin, size_t end)
{
    return (struct reply_span){.bytes = span.bytes + begin, .count = span.count - begin - end};
}

/* The text of a member. 0, or -1: there is none. */
static int reply_member(struct reply_span xml, const char *name, struct reply_span *value)
{
    char begin[MEMBER_BYTES_MAX];
    char end[MEMBER_BYTES_MAX];
    snprintf(begin, sizeof begin, "<%s>", name);
    snprintf(end, sizeof end, "</%s>", name);
    const char *at = memmem(xml.bytes, xml.count, begin, strlen(begin));
    if (at == NULL)
        return -1;
    at += strlen(begin);
    const char *stop = memmem(at, xml.count - (size_t)(at - xml.bytes), end, strlen(end));
    if (stop == NULL)
        return -1;
    *value = span_trim((struct reply_span){.bytes = at, .count = (size_t)(stop - at)});
    if (span_has_ends(*value, "<![CDATA[", "]]>"))
        *value = span_cut(*value, 9, 3);
    return 0;
}

/* Copies a short member. 0, or -1: it is missing, empty or long. */
static int reply_copy(struct reply_span xml, const char *name, char out[MEMBER_BYTES_MAX])
{
    struct reply_span value;
    if (reply_member(xml, name, &value) != 0 || value.count == 0 || value.count >= MEMBER_BYTES_MAX)
        return -1;
    memcpy(out, value.bytes, value.count);
    out[value.count] = '\0';
    return strlen(out) == value.count ? 0 : -1;
}

static bool span_is_xml(struct reply_span span)
{
    return span_has_ends(span, "<xml>", "</xml>");
}

/* The members of a plain reply. NULL, or what is wrong. */
static const char *reply_check_xml(const struct hook *hook, const char *openid, struct reply_span xml)
{
    char value[MEMBER_BYTES_MAX];
    if (!span_is_xml(xml))
        return "neither success, nor empty, nor <xml>…</xml>";
    if (reply_copy(xml, "ToUserName", value) != 0 || strcmp(value, openid) != 0)
        return "ToUserName is not the user";
    if (reply_copy(xml, "FromUserName", value) != 0 || strcmp(value, hook->name) != 0)
        return "FromUserName is not the account";
    if (reply_copy(xml, "CreateTime", value) != 0 || value[strspn(value, "0123456789")] != '\0')
        return "CreateTime is no number";
    if (reply_copy(xml, "MsgType", value) != 0)
        return "MsgType is missing";
    return NULL;
}

static const char *reply_check_plain(const struct hook *hook, const char *openid, struct reply_span plain)
{
    char value[BODY_ARGUMENT_BYTES_MAX + 1];
    plain = span_trim(plain);
    if (!hook->json || plain.count == 0 || plain.bytes[0] != '{')
        return reply_check_xml(hook, openid, plain);
    if (body_read_argument(plain.bytes, plain.count, "ToUserName", value) != 0)
        return "neither success, nor empty, nor JSON";
    if (strcmp(value, openid) != 0)
        return "ToUserName is not the user";
    body_read_argument(plain.bytes, plain.count, "MsgType", value);
    return value[0] != '\0' ? NULL : "MsgType is missing";
}

/* What the envelope of an encrypted reply says. */
struct reply_envelope {
    struct reply_span sealed;
    char signature[MEMBER_BYTES_MAX];
    char timestamp[MEMBER_BYTES_MAX];
    char nonce[MEMBER_BYTES_MAX];
};

static const char *reply_read_envelope(struct reply_span xml, struct reply_envelope *envelope)
{
    if (!span_is_xml(xml) || reply_member(xml, "Encrypt", &envelope->sealed) != 0)
        return "neither success, nor empty, nor <xml> with Encrypt";
    if (reply_copy(xml, "MsgSignature", envelope->signature) != 0 ||
        reply_copy(xml, "TimeStamp", envelope->timestamp) != 0 || reply_copy(xml, "Nonce", envelope->nonce) != 0)
        return "MsgSignature, TimeStamp or Nonce is missing";
    return NULL;
}

static const char *reply_check_sealed(const struct hook *hook, const char *openid, struct reply_span xml)
{
    struct reply_envelope envelope;
    char signature[SEAL_HEX_BYTES];
    char appid[SEAL_APPID_BYTES_MAX + 1];
    struct text sealed = {0};
    struct text plain = {0};
    const char *why = reply_read_envelope(xml, &envelope);
    if (why != NULL)
        return why;
    text_add(&sealed, envelope.sealed.bytes, envelope.sealed.count);
    text_add(&sealed, "", 1);
    const char *parts[] = {hook->token, envelope.timestamp, envelope.nonce, sealed.bytes};
    seal_sign(parts, 4, signature);
    if (strcmp(signature, envelope.signature) != 0)
        why = "MsgSignature is wrong";
    else if (seal_open(hook->aes_key, envelope.sealed.bytes, envelope.sealed.count, &plain, appid) != 0)
        why = "Encrypt cannot be decrypted";
    else if (strcmp(appid, hook->appid) != 0)
        why = "the encrypted appid is another one";
    else
        why = reply_check_plain(hook, openid, (struct reply_span){.bytes = plain.bytes, .count = plain.used});
    text_clear(&sealed);
    text_clear(&plain);
    return why;
}

enum reply reply_read(const struct hook *hook, const char *openid, const char *bytes, size_t count,
                      char why[REPLY_WHY_BYTES_MAX])
{
    struct reply_span answer = {.bytes = bytes, .count = count};
    const char *wrong;
    why[0] = '\0';
    if (count == 0)
        return REPLY_EMPTY;
    if (count == 7 && memcmp(bytes, "success", 7) == 0)
        return REPLY_SUCCESS;
    answer = span_trim(answer);
    struct reply_span sealed;
    enum hook_mode mode = hook_mode(hook);
    bool has_sealed = mode != HOOK_PLAIN && reply_member(answer, "Encrypt", &sealed) == 0;
    if (mode == HOOK_ENCRYPTED || has_sealed)
        wrong = reply_check_sealed(hook, openid, answer);
    else
        wrong = reply_check_plain(hook, openid, answer);
    if (wrong == NULL)
        return REPLY_MESSAGE;
    snprintf(why, REPLY_WHY_BYTES_MAX, "%s", wrong);
    return REPLY_WRONG;
}
