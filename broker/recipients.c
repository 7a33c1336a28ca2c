#include "broker/recipients.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "base/conf.h"

struct recipient {
    UT_hash_handle hh;
    struct hash128 who;
    struct recipient *prev, *next; /* in the row, while state is RECIPIENT_PARKED */
    enum recipient_state state;
    int more; /* messages are parked */
    int is_cooling;      /* busy without a call, until: */
    int64_t until_ms;
    struct recipient *cooling_prev, *cooling_next;
    size_t account;
    uint8_t openid_bytes;
    char openid[OPENID_BYTES_MAX];
};

struct recipients {
    struct recipient *table;
    struct recipient *rows[CONF_ACCOUNTS_MAX]; /* by account */
    struct recipient *cooling;                 /* by until_ms */
    size_t cooling_count;
};

struct recipients *recipients_new(void)
{
    return mem_new(sizeof(struct recipients));
}

void recipients_destroy(struct recipients **self)
{
    struct recipient *p, *next;
    if (*self == NULL)
        return;
    HASH_ITER(hh, (*self)->table, p, next)
    {
        HASH_DEL((*self)->table, p);
        free(p);
    }
    free(*self);
    *self = NULL;
}

struct hash128 recipients_hash(struct span account, struct span openid)
{
    char text[ACCOUNT_BYTES_MAX + 1 + OPENID_BYTES_MAX];
    assert(account.bytes <= ACCOUNT_BYTES_MAX && openid.bytes <= OPENID_BYTES_MAX);
    memcpy(text, account.data, account.bytes);
    text[account.bytes] = 0; /* no account holds a NUL */
    memcpy(text + account.bytes + 1, openid.data, openid.bytes);
    return hash_128(text, account.bytes + 1 + openid.bytes);
}

static struct recipient *find(const struct recipients *r, struct hash128 who)
{
    struct recipient *p = NULL;
    HASH_FIND(hh, r->table, &who, sizeof who, p);
    return p;
}

static struct recipient *add(struct recipients *r, struct hash128 who, struct span openid, size_t account)
{
    struct recipient *p = mem_new(sizeof *p);
    p->who = who;
    p->account = account;
    p->openid_bytes = (uint8_t)openid.bytes;
    memcpy(p->openid, openid.data, openid.bytes);
    HASH_ADD(hh, r->table, who, sizeof p->who, p);
    return p;
}

static void forget(struct recipients *r, struct recipient *p)
{
    HASH_DEL(r->table, p);
    free(p);
}

static void enter_row(struct recipients *r, struct recipient *p)
{
    p->state = RECIPIENT_PARKED;
    DL_APPEND(r->rows[p->account], p);
}

enum recipient_state recipients_state(const struct recipients *r, struct hash128 who)
{
    struct recipient *p = find(r, who);
    return p ? p->state : RECIPIENT_FREE;
}

void recipients_begin(struct recipients *r, struct hash128 who, struct span openid, size_t account, int more)
{
    struct recipient *p = find(r, who);
    if (p == NULL)
        p = add(r, who, openid, account);
    else if (p->state == RECIPIENT_PARKED)
        DL_DELETE(r->rows[p->account], p);
    p->state = RECIPIENT_BUSY;
    p->more = more;
}

void recipients_park(struct recipients *r, struct hash128 who)
{
    struct recipient *p = find(r, who);
    assert(p);
    p->more = 1;
}

int recipients_has_more(const struct recipients *r, struct hash128 who)
{
    struct recipient *p = find(r, who);
    return p && p->more;
}

void recipients_end(struct recipients *r, struct hash128 who)
{
    struct recipient *p = find(r, who);
    if (p == NULL || p->state != RECIPIENT_BUSY)
        return;
    if (p->more)
        enter_row(r, p);
    else
        forget(r, p);
}

static int by_until(const struct recipient *a, const struct recipient *b)
{
    return (a->until_ms > b->until_ms) - (a->until_ms < b->until_ms);
}

int recipients_cool(struct recipients *r, struct hash128 who, int64_t until_ms)
{
    struct recipient *p = find(r, who);
    if (p == NULL || p->state != RECIPIENT_BUSY || p->is_cooling || r->cooling_count >= RECIPIENTS_COOLING_MAX)
        return -1;
    p->is_cooling = 1;
    p->until_ms = until_ms;
    DL_INSERT_INORDER2(r->cooling, p, by_until, cooling_prev, cooling_next);
    r->cooling_count++;
    return 0;
}

int recipients_is_full(const struct recipients *r)
{
    return r->cooling_count >= RECIPIENTS_COOLING_MAX;
}

int recipients_warm(struct recipients *r, int64_t now_ms, size_t *account)
{
    struct recipient *p = r->cooling;
    if (p == NULL || p->until_ms > now_ms)
        return 0;
    DL_DELETE2(r->cooling, p, cooling_prev, cooling_next);
    r->cooling_count--;
    p->is_cooling = 0;
    *account = p->account;
    recipients_end(r, p->who);
    return 1;
}

int64_t recipients_next_ms(const struct recipients *r)
{
    return r->cooling ? r->cooling->until_ms : INT64_MAX;
}

void recipients_restore(struct recipients *r, struct hash128 who, struct span openid, size_t account)
{
    struct recipient *p = find(r, who);
    if (p == NULL) {
        p = add(r, who, openid, account);
        enter_row(r, p);
    }
    p->more = 1;
}

int recipients_first(const struct recipients *r, size_t account, struct span *openid)
{
    const struct recipient *p = r->rows[account];
    if (p == NULL)
        return 0;
    *openid = (struct span){p->openid, p->openid_bytes};
    return 1;
}

void recipients_drop_first(struct recipients *r, size_t account)
{
    struct recipient *p = r->rows[account];
    DL_DELETE(r->rows[account], p);
    forget(r, p);
}
