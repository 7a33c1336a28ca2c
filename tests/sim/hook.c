/*
 * hook.c - addresses of callbacks and their requests; see hook.h.
 */
#include "tests/sim/hook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_TAIL_CHARS 12 /* of the appid, in gh_… */
#define NUMBER_BYTES    24

void hook_init(struct hook *hook, const char *appid)
{
    size_t length = strlen(appid);
    const char *tail = length > NAME_TAIL_CHARS ? appid + length - NAME_TAIL_CHARS : appid;
    memset(hook, 0, sizeof *hook);
    snprintf(hook->appid, sizeof hook->appid, "%s", appid);
    snprintf(hook->name, sizeof hook->name, "gh_%s", tail);
}

static int hook_bad(char error[HOOK_ERROR_BYTES_MAX], const char *message)
{
    snprintf(error, HOOK_ERROR_BYTES_MAX, "%s", message);
    return -1;
}

static int hook_set_mode(struct hook *hook, const char *value, char error[HOOK_ERROR_BYTES_MAX])
{
    static const char *const NAMES[] = {
        [HOOK_PLAIN] = "plain", [HOOK_COMPATIBLE] = "compatible", [HOOK_ENCRYPTED] = "encrypted"};
    for (int i = HOOK_PLAIN; i <= HOOK_ENCRYPTED; i++) {
        if (strcmp(value, NAMES[i]) != 0)
            continue;
        hook->mode = (enum hook_mode)i;
        return 0;
    }
    return hook_bad(error, "must be plain, compatible or encrypted");
}

static bool hook_is_token(const char *value)
{
    size_t length = strlen(value);
    if (length < 1 || length > HOOK_TOKEN_CHARS_MAX)
        return false;
    for (const char *at = value; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return false;
    return true;
}

int hook_set(struct hook *hook, const char *member, const char *value, char error[HOOK_ERROR_BYTES_MAX])
{
    if (strcmp(member, "mode") == 0)
        return hook_set_mode(hook, value, error);
    if (strcmp(member, "url") == 0) {
        if (value[0] != '\0' && ((strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0) ||
                                 strlen(value) > HOOK_URL_BYTES_MAX || strpbrk(value, " #\r\n") != NULL))
            return hook_bad(error, "must be http://… or https://…, up to 1024 bytes without blanks and #");
        snprintf(hook->url, sizeof hook->url, "%s", value);
    } else if (strcmp(member, "token") == 0) {
        if (!hook_is_token(value))
            return hook_bad(error, "must be 1 to 32 characters");
        snprintf(hook->token, sizeof hook->token, "%s", value);
    } else if (strcmp(member, "aes_key") == 0) {
        if (value[0] != '\0' && seal_check_key(value) != 0)
            return hook_bad(error, "must be 43 characters of A-Z, a-z and 0-9");
        snprintf(hook->aes_key, sizeof hook->aes_key, "%s", value);
    } else {
        if (strcmp(value, "xml") != 0 && strcmp(value, "json") != 0)
            return hook_bad(error, "must be xml or json");
        hook->json = strcmp(value, "json") == 0;
    }
    return 0;
}

int hook_check(const struct hook *hook, char error[HOOK_ERROR_BYTES_MAX])
{
    if (hook->url[0] == '\0')
        return 0;
    if (hook->token[0] == '\0')
        return hook_bad(error, "a callback needs a token");
    if (hook->mode >= HOOK_COMPATIBLE && hook->aes_key[0] == '\0')
        return hook_bad(error, "the modes compatible and encrypted need an AES key");
    return 0;
}

enum hook_mode hook_mode(const struct hook *hook)
{
    if (hook->mode != HOOK_DEFAULT)
        return hook->mode;
    return hook->aes_key[0] != '\0' ? HOOK_ENCRYPTED : HOOK_PLAIN;
}

/* Time and nonce of a request; WeChat's nonces are decimal digits. */
struct hook_stamp {
    char timestamp[NUMBER_BYTES];
    char nonce[NUMBER_BYTES];
};

/* Begins the address: what each request has. */
static void hook_write_query(const struct hook *hook, int64_t now_s, struct dice *dice, struct hook_stamp *stamp,
                             struct text *url)
{
    char signature[SEAL_HEX_BYTES];
    snprintf(stamp->timestamp, sizeof stamp->timestamp, "%" PRId64, now_s);
    snprintf(stamp->nonce, sizeof stamp->nonce, "%" PRIu64, dice_roll(dice) >> 32);
    const char *parts[] = {hook->token, stamp->timestamp, stamp->nonce};
    seal_sign(parts, 3, signature);
    text_puts(url, hook->url);
    text_puts(url, strchr(hook->url, '?') != NULL ? "&" : "?");
    text_printf(url, "signature=%s&timestamp=%s&nonce=%s", signature, stamp->timestamp, stamp->nonce);
}

static void hook_escape(struct text *url, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
                     *at == '-' || *at == '_' || *at == '.' || *at == '~';
        if (plain)
            text_add(url, at, 1);
        else
            text_printf(url, "%%%02X", (unsigned char)*at);
    }
}

static void hook_write_sealed(const struct hook *hook, const char *plain, size_t plain_bytes, struct dice *dice,
                              struct text *sealed)
{
    unsigned char random[SEAL_RANDOM_BYTES];
    for (size_t i = 0; i < sizeof random; i += sizeof(uint64_t)) {
        uint64_t bits = dice_roll(dice);
        memcpy(random + i, &bits, sizeof bits);
    }
    seal_close(hook->aes_key, hook->appid, random, plain, plain_bytes, sealed);
    text_add(sealed, "", 1);
}

/* Adds the body. In compatible mode it is the plain text with Encrypt as its last member. */
static void hook_write_body(const struct hook *hook, const char *plain, size_t plain_bytes, const char *sealed,
                            struct text *body)
{
    const char *end = hook->json ? "}" : "</xml>";
    size_t end_bytes = strlen(end);
    bool both = hook_mode(hook) == HOOK_COMPATIBLE && plain_bytes > end_bytes &&
                memcmp(plain + plain_bytes - end_bytes, end, end_bytes) == 0;
    if (both) {
        text_add(body, plain, plain_bytes - end_bytes);
    } else if (hook->json) {
        text_puts(body, "{\"ToUserName\":");
        text_json(body, hook->name, strlen(hook->name));
    } else {
        text_printf(body, "<xml><ToUserName><![CDATA[%s]]></ToUserName>", hook->name);
    }
    text_puts(body, hook->json ? ",\"Encrypt\":\"" : "<Encrypt><![CDATA[");
    text_puts(body, sealed);
    text_puts(body, hook->json ? "\"}" : "]]></Encrypt></xml>");
}

void hook_write(const struct hook *hook, const char *openid, const char *plain, size_t plain_bytes, int64_t now_s,
                struct dice *dice, struct text *url, struct text *body)
{
    struct hook_stamp stamp;
    hook_write_query(hook, now_s, dice, &stamp, url);
    text_puts(url, "&openid=");
    hook_escape(url, openid);
    if (hook_mode(hook) == HOOK_PLAIN) {
        text_add(body, plain, plain_bytes);
    } else {
        struct text sealed = {0};
        char signature[SEAL_HEX_BYTES];
        hook_write_sealed(hook, plain, plain_bytes, dice, &sealed);
        const char *parts[] = {hook->token, stamp.timestamp, stamp.nonce, sealed.bytes};
        seal_sign(parts, 4, signature);
        text_printf(url, "&encrypt_type=aes&msg_signature=%s", signature);
        hook_write_body(hook, plain, plain_bytes, sealed.bytes, body);
        text_clear(&sealed);
    }
    text_add(url, "", 1);
}

void hook_write_check(const struct hook *hook, const char *echostr, int64_t now_s, struct dice *dice, struct text *url)
{
    struct hook_stamp stamp;
    hook_write_query(hook, now_s, dice, &stamp, url);
    text_puts(url, "&echostr=");
    hook_escape(url, echostr);
    text_add(url, "", 1);
}
