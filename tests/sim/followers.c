/*
 * followers.c - the pages of user/get; see followers.h.
 */
#include "tests/sim/followers.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/errcode.h"
#include "tests/sim/number.h"

#define OPENID_BYTES  28 /* as all published ones have, the first an 'o' */
#define NUMBER_DIGITS 16
#define OPENID_ROOM   40 /* for whatever number; those there are have NUMBER_DIGITS at most */

/* A page that is being filled. */
struct followers_filling {
    struct text openids; /* "a","b" */
    int64_t count;
    char last[BODY_OPENID_BYTES_MAX + 1];
};

/* The account stands in it, since no two accounts know somebody by the same openid. */
static void followers_openid(unsigned account, int64_t number, char openid[OPENID_ROOM])
{
    snprintf(openid, OPENID_ROOM, "oFollower%02u-%016" PRId64, account % TOKENS_ACCOUNTS_MAX, number);
}

/* The number of a made-up follower, or -1. */
static int64_t followers_number(const struct followers *self, unsigned account, const char *openid)
{
    char same[OPENID_ROOM];
    int64_t number = 0;
    if (strlen(openid) != OPENID_BYTES ||
        number_read(openid + OPENID_BYTES - NUMBER_DIGITS, 0, self->made[account] - 1, &number) != 0)
        return -1;
    followers_openid(account, number, same);
    return strcmp(openid, same) == 0 ? number : -1;
}

static void followers_add(struct followers_filling *page, const char *openid)
{
    text_puts(&page->openids, page->count > 0 ? "," : "");
    text_json(&page->openids, openid, strlen(openid));
    memcpy(page->last, openid, strlen(openid) + 1);
    page->count++;
}

static void followers_add_made(const struct followers *self, unsigned account, int64_t number,
                               struct followers_filling *page)
{
    char openid[OPENID_ROOM];
    for (; number < self->made[account] && page->count < FOLLOWERS_PAGE_MAX; number++) {
        followers_openid(account, number, openid);
        if (users_follow(self->users, account, openid) != USERS_GONE)
            followers_add(page, openid);
    }
}

/* Those who were named, behind `after`; NULL: from the first one. */
static void followers_add_named(const struct followers *self, unsigned account, const char *after,
                                struct followers_filling *page)
{
    const char *openid = after;
    while (page->count < FOLLOWERS_PAGE_MAX && (openid = users_next(self->users, account, openid)) != NULL)
        if (users_follow(self->users, account, openid) == USERS_FOLLOWS &&
            followers_number(self, account, openid) < 0)
            followers_add(page, openid);
}

static int64_t followers_total(const struct followers *self, unsigned account)
{
    int64_t total = self->made[account];
    for (const char *openid = NULL; (openid = users_next(self->users, account, openid)) != NULL;) {
        bool is_made = followers_number(self, account, openid) >= 0;
        bool follows = users_follow(self->users, account, openid) == USERS_FOLLOWS;
        total += (follows && !is_made) - (!follows && is_made);
    }
    return total;
}

int followers_page(const struct followers *self, unsigned account, const char *after, struct text *answer)
{
    struct followers_filling page = {0};
    bool first = after == NULL || after[0] == '\0';
    int64_t number = first ? -1 : followers_number(self, account, after);
    if (!first && number < 0 &&
        (strlen(after) > BODY_OPENID_BYTES_MAX || users_follow(self->users, account, after) == USERS_UNKNOWN))
        return ERRCODE_OPENID;
    if (first || number >= 0)
        followers_add_made(self, account, number + 1, &page);
    followers_add_named(self, account, first || number >= 0 ? NULL : after, &page);
    text_printf(answer, "{\"total\":%" PRId64 ",\"count\":%" PRId64, followers_total(self, account), page.count);
    if (page.count > 0) {
        text_puts(answer, ",\"data\":{\"openid\":[");
        text_add(answer, page.openids.bytes, page.openids.used);
        text_puts(answer, "]}");
    }
    text_puts(answer, ",\"next_openid\":");
    text_json(answer, page.last, strlen(page.last));
    text_puts(answer, "}");
    text_clear(&page.openids);
    return 0;
}
