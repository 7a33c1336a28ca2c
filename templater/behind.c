/* Keeps account of what must be read. Used by templates.c.
 *
 *   a wish is    due at a time  ->  going on  ->  fulfilled: gone
 *                     ^                |
 *                     +--- back-off ---+--- failed, or a newer one is wanted
 */
#include "templater/behind.h"

#include <assert.h>
#include <stdlib.h>
#include <uthash.h>

#define SLOW_FORGET_MS (2 * BEHIND_WAIT_MS_MAX) /* after so long without trouble the back-off begins anew */

struct wish {
    int64_t due_ms;
    int64_t wait_ms; /* back-off after the next failure */
    int going_on;
};

struct wanted_key {
    char *key; /* owned */
    size_t key_bytes;
    uint64_t version;
    struct wish wish;
    UT_hash_handle hh;
};

struct behind {
    uint64_t begun;  /* number of the last reading of everything that began */
    uint64_t wanted; /* a reading with this number or a later one is wanted */
    uint64_t blocks; /* jobs wait for a reading with this number or a later one */
    uint64_t done;   /* number of the last one that succeeded */
    struct wish all;
    struct wanted_key *keys;
    int64_t not_before_ms; /* of new wishes for keys */
    int64_t slow_ms;       /* what the last slowing down took */
};

struct behind *behind_new(int usable)
{
    struct behind *b = mem_new(sizeof *b);
    b->all.wait_ms = BEHIND_WAIT_MS_MIN;
    behind_want_all(b, !usable);
    return b;
}

static void key_free(struct behind *b, struct wanted_key *wanted)
{
    HASH_DEL(b->keys, wanted);
    free(wanted->key);
    free(wanted);
}

void behind_destroy(struct behind **self)
{
    struct behind *b = *self;
    struct wanted_key *wanted, *next;
    if (b == NULL)
        return;
    HASH_ITER(hh, b->keys, wanted, next)
    {
        key_free(b, wanted);
    }
    free(b);
    *self = NULL;
}

int behind_is(const struct behind *b)
{
    return b->done < b->blocks || b->keys != NULL;
}

uint64_t behind_want_all(struct behind *b, int blocks)
{
    b->wanted = b->begun + 1;
    if (blocks)
        b->blocks = b->wanted;
    return b->wanted;
}

static struct wanted_key *key_find(const struct behind *b, struct span key)
{
    struct wanted_key *wanted = NULL;
    HASH_FIND(hh, b->keys, key.data, key.bytes, wanted);
    return wanted;
}

void behind_want_key(struct behind *b, struct span key, uint64_t version, int64_t now_ms)
{
    if (key.bytes == 0)
        return;
    struct wanted_key *wanted = key_find(b, key);
    if (wanted != NULL) {
        if (wanted->version < version)
            wanted->version = version;
        return;
    }
    if (HASH_COUNT(b->keys) >= BEHIND_KEYS_MAX)
        return;
    wanted = mem_new(sizeof *wanted);
    wanted->key = span_dup(key);
    wanted->key_bytes = key.bytes;
    wanted->version = version;
    wanted->wish = (struct wish){.due_ms = now_ms > b->not_before_ms ? now_ms : b->not_before_ms,
                                 .wait_ms = BEHIND_WAIT_MS_MIN};
    HASH_ADD_KEYPTR(hh, b->keys, wanted->key, wanted->key_bytes, wanted);
}

static int wish_begins(struct wish *wish, int64_t now_ms)
{
    if (wish->going_on || now_ms < wish->due_ms)
        return 0;
    wish->going_on = 1;
    return 1;
}

static void wish_failed(struct wish *wish, int64_t now_ms)
{
    wish->going_on = 0;
    wish->due_ms = now_ms + wish->wait_ms;
    wish->wait_ms = wish->wait_ms * 2 > BEHIND_WAIT_MS_MAX ? BEHIND_WAIT_MS_MAX : wish->wait_ms * 2;
}

int behind_next(struct behind *b, int64_t now_ms, struct behind_reading *reading)
{
    if (b->done < b->wanted && wish_begins(&b->all, now_ms)) {
        *reading = (struct behind_reading){.number = ++b->begun};
        return 1;
    }
    for (struct wanted_key *wanted = b->keys; wanted != NULL; wanted = wanted->hh.next) {
        if (!wish_begins(&wanted->wish, now_ms))
            continue;
        *reading =
            (struct behind_reading){.key = {wanted->key, wanted->key_bytes}, .version = wanted->version};
        return 1;
    }
    return 0;
}

void behind_all_done(struct behind *b, uint64_t number, int ok, int64_t now_ms)
{
    assert(number <= b->begun);
    if (!ok) {
        wish_failed(&b->all, now_ms);
        return;
    }
    b->all = (struct wish){.due_ms = now_ms, .wait_ms = BEHIND_WAIT_MS_MIN};
    b->done = number;
}

int behind_key_done(struct behind *b, struct span key, uint64_t version, int ok, int64_t now_ms)
{
    struct wanted_key *wanted = key_find(b, key);
    assert(wanted != NULL); /* only an answer that counts takes a wish away */
    if (!ok) {
        wish_failed(&wanted->wish, now_ms);
        return 0;
    }
    if (wanted->version > version) {
        wanted->wish = (struct wish){.due_ms = now_ms, .wait_ms = BEHIND_WAIT_MS_MIN};
        return 0;
    }
    key_free(b, wanted);
    return 1;
}

void behind_slow_down(struct behind *b, int64_t now_ms)
{
    int again = b->slow_ms > 0 && now_ms - b->not_before_ms < SLOW_FORGET_MS;
    b->slow_ms = again ? b->slow_ms * 2 : BEHIND_WAIT_MS_MIN;
    if (b->slow_ms > BEHIND_WAIT_MS_MAX)
        b->slow_ms = BEHIND_WAIT_MS_MAX;
    b->not_before_ms = now_ms + b->slow_ms;
}

static int64_t earlier(const struct wish *wish, int64_t due_ms)
{
    return !wish->going_on && wish->due_ms < due_ms ? wish->due_ms : due_ms;
}

int64_t behind_wait_ms(const struct behind *b, int64_t now_ms)
{
    int64_t due_ms = INT64_MAX;
    if (b->done < b->wanted)
        due_ms = earlier(&b->all, due_ms);
    for (const struct wanted_key *wanted = b->keys; wanted != NULL; wanted = wanted->hh.next)
        due_ms = earlier(&wanted->wish, due_ms);
    if (due_ms == INT64_MAX)
        return INT64_MAX;
    return due_ms > now_ms ? due_ms - now_ms : 0;
}
