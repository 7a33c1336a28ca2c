/*
 * tokens.h - the accounts and their access tokens: which are issued, which are valid, by WeChat's rules.
 *
 * Each account has two families that do not touch each other: the classic one (GET /cgi-bin/token) and the
 * stable one (POST /cgi-bin/stable_token). Rules:
 * developers.weixin.qq.com/doc/oplatform/developers/dev/AccessToken.html and
 * developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken.
 *
 * Takes time as an argument (ms of a clock that never runs backwards). Token values come from the system's
 * random source, never from the seed: a value of an earlier run is never valid in a later one.
 */
#ifndef SIM_TOKENS_H
#define SIM_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#define TOKENS_ACCOUNTS_MAX    64
#define TOKENS_KEPT_MAX        10000 /* dead ones too; beyond it the oldest are forgotten: "never issued" */
#define TOKENS_VALUE_BYTES     157   /* as long as published ones; WeChat asks callers to have room for 512 */
#define TOKENS_FORCED_DAY_MAX  20
#define TOKENS_FORCED_PAUSE_MS 30000

struct tokens;

struct tokens_account {
    unsigned number; /* from 0, in the order of tokens_add_account() */
    char *appid;
    char *secret;
};

/* How a token was given out. */
enum tokens_origin {
    TOKENS_ISSUED,    /* new */
    TOKENS_SAME,      /* stable: the current one has time left */
    TOKENS_FORCED,    /* stable: new by force_refresh, the old one is dead */
    TOKENS_TOO_SOON,  /* stable: force_refresh within 30 s of the last one; the same token */
    TOKENS_EXHAUSTED, /* stable: force_refresh for the 21st time in a day; no token */
};

struct tokens_grant {
    enum tokens_origin origin;
    const char *value;    /* valid until the next call of this module; NULL if exhausted */
    int64_t expires_in_s; /* what is left of its life, rounded down */
};

/* 0 < lifetime_s, 0 <= overlap_s < lifetime_s. */
struct tokens *tokens_new(int64_t lifetime_s, int64_t overlap_s);
void tokens_destroy(struct tokens **self);

/* Copies both. At most TOKENS_ACCOUNTS_MAX. */
void tokens_add_account(struct tokens *self, const char *appid, const char *secret);

/* NULL if there is none. */
const struct tokens_account *tokens_find_account(const struct tokens *self, const char *appid);

/* Whether these credentials are right. 0 and *account; 41002 or 41004 (NULL or ""), 40013 (no such account;
 * *account is NULL) or 40125 (wrong secret; *account is set). */
int tokens_check_secret(const struct tokens *self, const char *appid, const char *secret,
                        const struct tokens_account **account);

/* A new token each time; the one before stays valid for the overlap, older ones die. */
struct tokens_grant tokens_issue_classic(struct tokens *self, const struct tokens_account *account,
                                         int64_t now_ms);

/* The same token until its last overlap, then a new one. `day` is any number that changes once a day. */
struct tokens_grant tokens_issue_stable(struct tokens *self, const struct tokens_account *account, bool force,
                                        int64_t now_ms, int64_t day);

/* 0 and *account, or 40014 (never issued), 40001 (no longer the latest) or 42001 (its time is over). */
int tokens_check(struct tokens *self, const char *value, int64_t now_ms,
                 const struct tokens_account **account);

/* Kills the tokens of an account, or of all with NULL, both families: calls with them get 40001. */
void tokens_invalidate(struct tokens *self, const struct tokens_account *account, int64_t now_ms);

#endif
