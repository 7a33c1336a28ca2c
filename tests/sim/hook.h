/*
 * hook.h - where the callbacks of an account go and how they are written: the address, the token, the key and the mode that
 * WeChat's console asks for. Makes the request of a callback.
 *
 * Pure: time and random numbers are arguments.
 */
#ifndef SIM_HOOK_H
#define SIM_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/dice.h"
#include "tests/sim/seal.h"
#include "tests/sim/text.h"

#define HOOK_URL_BYTES_MAX   1024
#define HOOK_TOKEN_CHARS_MAX 32 /* WeChat's */
#define HOOK_ERROR_BYTES_MAX 160
#define HOOK_NAME_BYTES      80

enum hook_mode {
    HOOK_DEFAULT,    /* encrypted if there is a key, else plain */
    HOOK_PLAIN,
    HOOK_COMPATIBLE, /* both in one body */
    HOOK_ENCRYPTED,
};

struct hook {
    char url[HOOK_URL_BYTES_MAX + 1]; /* "": the account has no callbacks */
    char token[HOOK_TOKEN_CHARS_MAX + 1];
    char aes_key[SEAL_KEY_CHARS + 1]; /* or "" */
    enum hook_mode mode;
    bool json;
    char name[HOOK_NAME_BYTES]; /* the account's own, ToUserName */
    char appid[SEAL_APPID_BYTES_MAX + 1];
};

/* Makes up the account's own name of its appid. */
void hook_init(struct hook *hook, const char *appid);

/* Sets "url" ("": none), "token", "aes_key", "mode" or "format". 0, or -1, nothing changed, and in `error` what would be
 * right. */
int hook_set(struct hook *hook, const char *member, const char *value, char error[HOOK_ERROR_BYTES_MAX]);

/* Whether all is set that a callback needs. 0, or -1 and in `error` what is missing. */
int hook_check(const struct hook *hook, char error[HOOK_ERROR_BYTES_MAX]);

/* The mode that applies: HOOK_PLAIN, HOOK_COMPATIBLE or HOOK_ENCRYPTED. */
enum hook_mode hook_mode(const struct hook *hook);

/* Adds the address, NUL-terminated, and the body of a callback: `plain` is its text. Nonce and padding come from `dice`. */
void hook_write(const struct hook *hook, const char *openid, const char *plain, size_t plain_bytes, int64_t now_s,
                struct dice *dice, struct text *url, struct text *body);

/* Adds the address, NUL-terminated, of the call by which WeChat tries a URL: it must be answered with echostr. */
void hook_write_check(const struct hook *hook, const char *echostr, int64_t now_s, struct dice *dice, struct text *url);

#endif
