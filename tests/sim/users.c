/*
 * users.c - a hash table of recipients with their windows and consents; see users.h.
 */
#include "tests/sim/users.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "tests/sim/errcode.h"
#include "tests/sim/memory.h"

#define TWO_DAYS_MS   172800000
#define ONE_MINUTE_MS 60000

/* Accounts have openids of their own, even when they look alike. */
struct user_key {
    unsigned account;
    char openid[BODY_OPENID_BYTES_MAX + 1];
};

struct user_opening {
    int64_t ends_ms;
    int64_t left;
};

struct user_consent {
    struct user_consent *next;
    int64_t scene; /* or USERS_NO_SCENE */
    int64_t left;
    char template_id[BODY_TEMPLATE_ID_BYTES_MAX + 1];
};

struct user {
    UT_hash_handle hh;
    struct user_key key;
    bool gone; /* does not follow */
    struct user_opening windows[USER_WINDOWS];
    struct user_consent *consents;
};

struct users {
    struct user *table;
    struct user_rule rules[USER_WINDOWS];
};

static const char *const NAMES[USER_WINDOWS] = {
    [USER_MESSAGE] = "message", [USER_MENU] = "menu", [USER_FOLLOW] = "follow",
    [USER_SCAN] = "scan",       [USER_PAY] = "pay",
};

static struct user *users_find(const struct users *self, unsigned account, const char *openid);
static struct user *users_find_or_add(struct users *self, unsigned account, const char *openid);
static struct user_consent *user_find_consent(const struct user *user, const char *template_id,
                                              int64_t scene);
static int user_ask_window(struct user *user, int64_t now_ms, int64_t **left);

struct users *users_new(void)
{
    struct users *self = memory_new(sizeof *self);
    self->rules[USER_MESSAGE] = (struct user_rule){5, TWO_DAYS_MS};
    self->rules[USER_MENU] = (struct user_rule){3, ONE_MINUTE_MS};
    self->rules[USER_FOLLOW] = (struct user_rule){3, ONE_MINUTE_MS};
    self->rules[USER_SCAN] = (struct user_rule){3, ONE_MINUTE_MS};
    self->rules[USER_PAY] = (struct user_rule){USERS_UNLIMITED, TWO_DAYS_MS};
    return self;
}

static void user_destroy(struct user *user)
{
    while (user->consents != NULL) {
        struct user_consent *consent = user->consents;
        user->consents = consent->next;
        free(consent);
    }
    free(user);
}

void users_destroy(struct users **self)
{
    if (*self == NULL)
        return;
    while ((*self)->table != NULL) {
        struct user *user = (*self)->table;
        HASH_DEL((*self)->table, user);
        user_destroy(user);
    }
    free(*self);
    *self = NULL;
}

int users_find_window(const char *name, enum user_window *window)
{
    for (int i = 0; i < USER_WINDOWS; i++) {
        if (strcmp(name, NAMES[i]) != 0)
            continue;
        *window = (enum user_window)i;
        return 0;
    }
    return -1;
}

struct user_rule *users_rule(struct users *self, enum user_window window)
{
    return &self->rules[window];
}

int users_act(struct users *self, unsigned account, const char *openid, enum user_window window,
              int64_t now_ms)
{
    struct user *user = users_find_or_add(self, account, openid);
    const struct user_rule *rule = &self->rules[window];
    if (user == NULL)
        return -1;
    if (window == USER_FOLLOW)
        user->gone = false;
    user->windows[window] =
        (struct user_opening){.ends_ms = now_ms + rule->window_ms, .left = rule->messages};
    return 0;
}

int users_unfollow(struct users *self, unsigned account, const char *openid)
{
    struct user *user = users_find_or_add(self, account, openid);
    if (user == NULL)
        return -1;
    user->gone = true;
    memset(user->windows, 0, sizeof user->windows);
    return 0;
}

enum user_follow users_follow(const struct users *self, unsigned account, const char *openid)
{
    const struct user *user = users_find(self, account, openid);
    if (user == NULL)
        return USERS_UNKNOWN;
    return user->gone ? USERS_GONE : USERS_FOLLOWS;
}

/* The table's own order is that of adding. */
const char *users_next(const struct users *self, unsigned account, const char *before)
{
    const struct user *user = before != NULL ? users_find(self, account, before) : NULL;
    user = user != NULL ? user->hh.next : self->table;
    while (user != NULL && user->key.account != account)
        user = user->hh.next;
    return user != NULL ? user->key.openid : NULL;
}

/* Frees what is used up; how many consents are left then. */
static size_t user_tidy_consents(struct user *user)
{
    struct user_consent **at = &user->consents;
    size_t count = 0;
    while (*at != NULL) {
        struct user_consent *consent = *at;
        if (consent->left > 0) {
            at = &consent->next;
            count++;
            continue;
        }
        *at = consent->next;
        free(consent);
    }
    return count;
}

int users_consent(struct users *self, unsigned account, const char *openid, const char *template_id,
                  int64_t scene)
{
    struct user *user = users_find_or_add(self, account, openid);
    if (user == NULL)
        return -1;
    struct user_consent *consent = user_find_consent(user, template_id, scene);
    if (consent == NULL) {
        if (user_tidy_consents(user) >= USERS_CONSENTS_MAX)
            return -1;
        consent = memory_new(sizeof *consent);
        consent->scene = scene;
        memcpy(consent->template_id, template_id, strlen(template_id) + 1);
        consent->next = user->consents;
        user->consents = consent;
    }
    consent->left = scene == USERS_NO_SCENE ? consent->left + 1 : 1;
    return 0;
}

int users_ask(struct users *self, unsigned account, enum body_kind kind, const struct body_message *message,
              int64_t now_ms, int64_t **left)
{
    struct user *user = users_find(self, account, message->openid);
    struct user_consent *consent = NULL;
    *left = NULL;
    switch (kind) {
    case BODY_TEMPLATE:
        return user != NULL && user->gone ? ERRCODE_NOT_FOLLOWING : 0;
    case BODY_CUSTOM:
        return user != NULL ? user_ask_window(user, now_ms, left) : ERRCODE_NO_WINDOW;
    case BODY_ONCE:
    case BODY_SUBSCRIBE:
    case BODY_BIZSUBSCRIBE:
        break;
    }
    if (user != NULL)
        consent = user_find_consent(user, message->template_id,
                                    kind == BODY_ONCE ? message->scene : USERS_NO_SCENE);
    if (consent == NULL || consent->left == 0)
        return ERRCODE_NO_CONSENT;
    *left = &consent->left;
    return 0;
}

/* The window that a customer-service message takes from. */
static int user_ask_window(struct user *user, int64_t now_ms, int64_t **left)
{
    struct user_opening *best = NULL;
    bool open = false;
    for (int i = 0; i < USER_WINDOWS; i++) {
        struct user_opening *window = &user->windows[i];
        if (window->ends_ms <= now_ms)
            continue;
        open = true;
        if (window->left != 0 && (best == NULL || window->ends_ms < best->ends_ms))
            best = window;
    }
    if (best == NULL)
        return open ? ERRCODE_WINDOW_USED : ERRCODE_NO_WINDOW;
    *left = &best->left;
    return 0;
}

static struct user_key user_key_of(unsigned account, const char *openid)
{
    struct user_key key;
    memset(&key, 0, sizeof key); /* padding and the rest of the openid are compared too */
    key.account = account;
    memcpy(key.openid, openid, strlen(openid));
    return key;
}

static struct user *users_find(const struct users *self, unsigned account, const char *openid)
{
    struct user_key key = user_key_of(account, openid);
    struct user *user = NULL;
    HASH_FIND(hh, self->table, &key, sizeof key, user);
    return user;
}

/* NULL: there is no room. openid: at most BODY_OPENID_BYTES_MAX bytes. */
static struct user *users_find_or_add(struct users *self, unsigned account, const char *openid)
{
    struct user *user = users_find(self, account, openid);
    if (user != NULL || HASH_COUNT(self->table) >= USERS_MAX)
        return user;
    user = memory_new(sizeof *user);
    user->key = user_key_of(account, openid);
    HASH_ADD(hh, self->table, key, sizeof user->key, user);
    return user;
}

static struct user_consent *user_find_consent(const struct user *user, const char *template_id, int64_t scene)
{
    struct user_consent *consent = user->consents;
    while (consent != NULL && (consent->scene != scene || strcmp(consent->template_id, template_id) != 0))
        consent = consent->next;
    return consent;
}
