/*
 * tokens.c - accounts and access tokens; see tokens.h.
 *
 * All tokens ever issued are in one hash table and one list, oldest first. A token has two ends: the one it
 * was born with (42001 after it) and an earlier one when something replaced or killed it (40001 after it).
 */
#include "tests/sim/tokens.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uthash.h>
#include <utlist.h>

#include "tests/sim/errcode.h"
#include "tests/sim/memory.h"

struct token {
    UT_hash_handle hh;
    struct token *prev; /* list of all, oldest first */
    struct token *next;
    const struct tokens_account *account;
    int64_t expires_ms; /* end of its natural life */
    int64_t dies_ms;    /* when it stops being valid; never after expires_ms */
    char value[TOKENS_VALUE_BYTES + 1];
};

/* An account with the newest tokens of both families. */
struct tokens_slot {
    struct tokens_account account;
    struct token *classic;        /* the newest, NULL before the first */
    struct token *classic_before; /* the one before, perhaps still in its overlap */
    struct token *stable;
    int64_t forced_ms; /* last force_refresh that was carried out */
    int64_t forced_day;
    int forced_count; /* on that day */
};

struct tokens {
    int64_t lifetime_ms;
    int64_t overlap_ms;
    struct token *table;
    struct token *all;
    unsigned accounts;
    struct tokens_slot slots[TOKENS_ACCOUNTS_MAX];
};

static struct token *tokens_make(struct tokens *self, const struct tokens_account *account, int64_t now_ms);
static void tokens_forget_oldest(struct tokens *self);
static void token_end(struct token *token, int64_t at_ms);
static struct tokens_grant tokens_grant_of(const struct token *token, enum tokens_origin origin,
                                           int64_t now_ms);

struct tokens *tokens_new(int64_t lifetime_s, int64_t overlap_s)
{
    assert(lifetime_s > 0 && overlap_s >= 0 && overlap_s < lifetime_s);
    struct tokens *self = memory_new(sizeof *self);
    self->lifetime_ms = lifetime_s * 1000;
    self->overlap_ms = overlap_s * 1000;
    return self;
}

void tokens_destroy(struct tokens **self)
{
    if (*self == NULL)
        return;
    struct token *next;
    HASH_CLEAR(hh, (*self)->table);
    for (struct token *token = (*self)->all; token != NULL; token = next) {
        next = token->next;
        free(token);
    }
    for (unsigned i = 0; i < (*self)->accounts; i++) {
        free((*self)->slots[i].account.appid);
        free((*self)->slots[i].account.secret);
    }
    free(*self);
    *self = NULL;
}

void tokens_add_account(struct tokens *self, const char *appid, const char *secret)
{
    assert(self->accounts < TOKENS_ACCOUNTS_MAX);
    struct tokens_account *account = &self->slots[self->accounts].account;
    account->number = self->accounts++;
    account->appid = memory_copy(appid);
    account->secret = memory_copy(secret);
}

const struct tokens_account *tokens_find_account(const struct tokens *self, const char *appid)
{
    for (unsigned i = 0; i < self->accounts; i++)
        if (strcmp(self->slots[i].account.appid, appid) == 0)
            return &self->slots[i].account;
    return NULL;
}

int tokens_check_secret(const struct tokens *self, const char *appid, const char *secret,
                        const struct tokens_account **account)
{
    *account = NULL;
    if (appid == NULL || appid[0] == '\0')
        return ERRCODE_APPID_MISSING;
    if (secret == NULL || secret[0] == '\0')
        return ERRCODE_SECRET_MISSING;
    *account = tokens_find_account(self, appid);
    if (*account == NULL)
        return ERRCODE_APPID;
    return strcmp((*account)->secret, secret) == 0 ? 0 : ERRCODE_SECRET;
}

struct tokens_grant tokens_issue_classic(struct tokens *self, const struct tokens_account *account,
                                         int64_t now_ms)
{
    struct tokens_slot *slot = &self->slots[account->number];
    token_end(slot->classic_before, now_ms);
    token_end(slot->classic, now_ms + self->overlap_ms);
    slot->classic_before = slot->classic;
    slot->classic = tokens_make(self, account, now_ms);
    return tokens_grant_of(slot->classic, TOKENS_ISSUED, now_ms);
}

/* What a force_refresh may do now; counts it if it may. */
static enum tokens_origin tokens_force(struct tokens_slot *slot, int64_t now_ms, int64_t day)
{
    if (slot->forced_count > 0 && now_ms - slot->forced_ms < TOKENS_FORCED_PAUSE_MS)
        return TOKENS_TOO_SOON;
    if (slot->forced_day != day)
        slot->forced_count = 0;
    if (slot->forced_count >= TOKENS_FORCED_DAY_MAX)
        return TOKENS_EXHAUSTED;
    slot->forced_count++;
    slot->forced_day = day;
    slot->forced_ms = now_ms;
    return TOKENS_FORCED;
}

struct tokens_grant tokens_issue_stable(struct tokens *self, const struct tokens_account *account, bool force,
                                        int64_t now_ms, int64_t day)
{
    struct tokens_slot *slot = &self->slots[account->number];
    enum tokens_origin origin = force ? tokens_force(slot, now_ms, day) : TOKENS_SAME;
    if (origin == TOKENS_EXHAUSTED)
        return (struct tokens_grant){.origin = origin};
    if (origin == TOKENS_FORCED)
        token_end(slot->stable, now_ms);
    bool current = slot->stable != NULL && slot->stable->dies_ms - now_ms > self->overlap_ms;
    if (!current) {
        slot->stable = tokens_make(self, account, now_ms);
        origin = origin == TOKENS_FORCED ? origin : TOKENS_ISSUED;
    }
    return tokens_grant_of(slot->stable, origin, now_ms);
}

int tokens_check(struct tokens *self, const char *value, int64_t now_ms,
                 const struct tokens_account **account)
{
    struct token *token = NULL;
    HASH_FIND_STR(self->table, value, token);
    if (token == NULL)
        return ERRCODE_TOKEN_UNKNOWN;
    if (now_ms >= token->expires_ms)
        return ERRCODE_TOKEN_EXPIRED;
    if (now_ms >= token->dies_ms)
        return ERRCODE_TOKEN_NOT_LATEST;
    *account = token->account;
    return 0;
}

void tokens_invalidate(struct tokens *self, const struct tokens_account *account, int64_t now_ms)
{
    for (struct token *token = self->all; token != NULL; token = token->next)
        if (account == NULL || token->account == account)
            token_end(token, now_ms);
}

static bool tokens_in_use(const struct tokens *self, const struct token *token)
{
    const struct tokens_slot *slot = &self->slots[token->account->number];
    return token == slot->classic || token == slot->classic_before || token == slot->stable;
}

static void token_fill_value(char value[TOKENS_VALUE_BYTES + 1])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[TOKENS_VALUE_BYTES];
    ssize_t got = getrandom(random, sizeof random, 0);
    assert(got == (ssize_t)sizeof random); /* reads up to 256 bytes are never short */
    for (size_t i = 0; i < TOKENS_VALUE_BYTES; i++)
        value[i] = letters[random[i] & 63];
    memcpy(value, "87_", 3);
    value[TOKENS_VALUE_BYTES] = '\0';
}

static struct token *tokens_make(struct tokens *self, const struct tokens_account *account, int64_t now_ms)
{
    struct token *token = memory_new(sizeof *token);
    token->account = account;
    token->expires_ms = now_ms + self->lifetime_ms;
    token->dies_ms = token->expires_ms;
    token_fill_value(token->value);
    if (HASH_COUNT(self->table) >= TOKENS_KEPT_MAX)
        tokens_forget_oldest(self);
    HASH_ADD_STR(self->table, value, token);
    DL_APPEND(self->all, token);
    return token;
}

/* Forgets the oldest token that is no account's newest. Those are few, so the walk is short. */
static void tokens_forget_oldest(struct tokens *self)
{
    struct token *token = self->all;
    while (token != NULL && tokens_in_use(self, token))
        token = token->next;
    if (token == NULL)
        return;
    HASH_DEL(self->table, token);
    DL_DELETE(self->all, token);
    free(token);
}

static void token_end(struct token *token, int64_t at_ms)
{
    if (token != NULL && token->dies_ms > at_ms)
        token->dies_ms = at_ms;
}

static struct tokens_grant tokens_grant_of(const struct token *token, enum tokens_origin origin,
                                           int64_t now_ms)
{
    return (struct tokens_grant){
        .origin = origin,
        .value = token->value,
        .expires_in_s = (token->dies_ms - now_ms) / 1000,
    };
}
