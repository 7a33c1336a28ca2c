/*
 * rids.c - a ring of the last answers with a rid, and a hash table over it; see rids.h.
 */
#include "tests/sim/rids.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "tests/sim/loop.h"
#include "tests/sim/memory.h"

struct rid_slot {
    UT_hash_handle hh;
    struct rid_call call;
};

struct rids {
    struct rid_slot *table;
    size_t next; /* the slot that is written next: the oldest one when all are used */
    struct rid_slot slots[RIDS_KEPT_MAX];
};

/* The arguments of WeChat's calls, in the order in which they are told. */
static const struct {
    const char *name;
    bool secret;
} ARGUMENTS[] = {
    {"access_token", true}, {"grant_type", false}, {"appid", false}, {"secret", true}, {"appsecret", true},
};

static void rid_write_query(struct text *query, const struct exchange *exchange);
static void rid_forget(struct rids *self, struct rid_slot *slot);

struct rids *rids_new(void)
{
    return memory_new(sizeof(struct rids));
}

void rids_destroy(struct rids **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < RIDS_KEPT_MAX; i++)
        rid_forget(*self, &(*self)->slots[i]);
    free(*self);
    *self = NULL;
}

void rids_add(struct rids *self, const char *rid, const struct exchange *exchange,
              const struct tokens_account *account, int64_t invoked_ms, const struct text *answer)
{
    struct rid_slot *slot = &self->slots[self->next];
    struct rid_slot *same = NULL;
    HASH_FIND_STR(self->table, rid, same);
    if (same != NULL)
        return; /* two equal ones in a second: 2^64 to one */
    rid_forget(self, slot);
    self->next = (self->next + 1) % RIDS_KEPT_MAX;
    struct rid_call *call = &slot->call;
    snprintf(call->rid, sizeof call->rid, "%s", rid);
    call->account = account;
    call->invoked_ms = invoked_ms;
    call->cost_ms = loop_wall_ms() - invoked_ms;
    exchange_client_ip(exchange, call->client_ip);
    rid_write_query(&call->query, exchange);
    if (strcmp(exchange->path, "/cgi-bin/stable_token") == 0)
        text_puts(&call->request, "***"); /* it holds the account's secret */
    else if (exchange->body != NULL)
        text_add(&call->request, exchange->body,
                 text_fit(exchange->body, exchange->body_bytes, RIDS_TEXT_BYTES_MAX));
    if (answer->used > 0)
        text_add(&call->response, answer->bytes, text_fit(answer->bytes, answer->used, RIDS_TEXT_BYTES_MAX));
    HASH_ADD_STR(self->table, call.rid, slot);
}

const struct rid_call *rids_find(const struct rids *self, const char *rid)
{
    struct rid_slot *slot = NULL;
    HASH_FIND_STR(self->table, rid, slot);
    return slot != NULL ? &slot->call : NULL;
}

static void rid_write_query(struct text *query, const struct exchange *exchange)
{
    for (size_t i = 0; i < sizeof ARGUMENTS / sizeof ARGUMENTS[0]; i++) {
        const char *value = exchange_query(exchange, ARGUMENTS[i].name);
        if (value == NULL)
            continue;
        size_t fit = text_fit(value, strlen(value), RIDS_TEXT_BYTES_MAX / 4);
        text_printf(query, "%s%s=", query->used > 0 ? "&" : "", ARGUMENTS[i].name);
        text_add(query, ARGUMENTS[i].secret ? "***" : value, ARGUMENTS[i].secret ? 3 : fit);
    }
}

/* Empties a slot, used or not. */
static void rid_forget(struct rids *self, struct rid_slot *slot)
{
    if (slot->call.rid[0] == '\0')
        return;
    HASH_DEL(self->table, slot);
    text_clear(&slot->call.query);
    text_clear(&slot->call.request);
    text_clear(&slot->call.response);
    memset(slot, 0, sizeof *slot);
}
