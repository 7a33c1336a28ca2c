/*
 * dedupe.c - a hash table of accepted messages with a queue through it, oldest first; see dedupe.h.
 *
 * The window is the same for all, so the order of acceptance is the order of leaving.
 */
#include "tests/sim/dedupe.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "tests/sim/body.h"
#include "tests/sim/memory.h"

/* account, openid, NUL, client_msg_id */
#define KEY_BYTES_MAX (sizeof(unsigned) + BODY_OPENID_BYTES_MAX + 1 + BODY_CLIENT_ID_BYTES_MAX)

struct dedupe_entry {
    struct dedupe_entry *next; /* accepted after this one */
    UT_hash_handle hh;
    int64_t msgid;
    int64_t leaves_ms;
    char key[];
};

struct dedupe {
    int64_t window_ms;
    struct dedupe_entry *table;
    struct dedupe_entry *oldest;
    struct dedupe_entry *newest;
};

static size_t dedupe_key(char *key, unsigned account, const char *openid, const char *client_msg_id);
static void dedupe_drop_oldest(struct dedupe *self);

struct dedupe *dedupe_new(int64_t window_ms)
{
    struct dedupe *self = memory_new(sizeof *self);
    self->window_ms = window_ms;
    return self;
}

void dedupe_destroy(struct dedupe **self)
{
    if (*self == NULL)
        return;
    while ((*self)->oldest != NULL)
        dedupe_drop_oldest(*self);
    free(*self);
    *self = NULL;
}

int64_t dedupe_find(struct dedupe *self, unsigned account, const char *openid, const char *client_msg_id,
                    int64_t now_ms)
{
    char key[KEY_BYTES_MAX];
    size_t bytes = dedupe_key(key, account, openid, client_msg_id);
    struct dedupe_entry *entry = NULL;
    while (self->oldest != NULL && self->oldest->leaves_ms <= now_ms)
        dedupe_drop_oldest(self);
    HASH_FIND(hh, self->table, key, bytes, entry);
    return entry != NULL ? entry->msgid : 0;
}

void dedupe_add(struct dedupe *self, unsigned account, const char *openid, const char *client_msg_id,
                int64_t msgid, int64_t now_ms)
{
    char key[KEY_BYTES_MAX];
    size_t bytes = dedupe_key(key, account, openid, client_msg_id);
    struct dedupe_entry *entry = memory_new(sizeof *entry + bytes);
    if (HASH_COUNT(self->table) >= DEDUPE_ENTRIES_MAX)
        dedupe_drop_oldest(self);
    entry->msgid = msgid;
    entry->leaves_ms = now_ms + self->window_ms;
    memcpy(entry->key, key, bytes);
    HASH_ADD(hh, self->table, key, bytes, entry);
    if (self->newest != NULL)
        self->newest->next = entry;
    else
        self->oldest = entry;
    self->newest = entry;
}

static size_t dedupe_key(char *key, unsigned account, const char *openid, const char *client_msg_id)
{
    size_t openid_bytes = strlen(openid) + 1;
    size_t id_bytes = strlen(client_msg_id);
    memcpy(key, &account, sizeof account);
    memcpy(key + sizeof account, openid, openid_bytes);
    memcpy(key + sizeof account + openid_bytes, client_msg_id, id_bytes);
    return sizeof account + openid_bytes + id_bytes;
}

static void dedupe_drop_oldest(struct dedupe *self)
{
    struct dedupe_entry *entry = self->oldest;
    HASH_DEL(self->table, entry);
    self->oldest = entry->next;
    if (self->oldest == NULL)
        self->newest = NULL;
    free(entry);
}
