/* A table that is searched from end to end: 4,096 places are some microseconds. */
#include "sender/token_peers.h"

#include <stdlib.h>
#include <string.h>

#include "proto/token.h"

struct peer {
    char id[TOKEN_PEER_ID_BYTES_MAX]; /* ZeroMQ's routing id */
    size_t id_bytes;                  /* 0 = free place */
    size_t account;
    int64_t heard_ms;
};

struct token_peers {
    struct peer places[TOKEN_PEERS_MAX];
};

struct token_peers *token_peers_new(void)
{
    return mem_new(sizeof(struct token_peers));
}

void token_peers_destroy(struct token_peers **self)
{
    free(*self);
    *self = NULL;
}

/* The peer's place; a new one takes a free place, or that of the one silent longest. */
static struct peer *find(struct token_peers *peers, struct span id, size_t account)
{
    struct peer *oldest = &peers->places[0];
    for (struct peer *p = peers->places; p < peers->places + TOKEN_PEERS_MAX; p++) {
        if (p->id_bytes == id.bytes && p->account == account && memcmp(p->id, id.data, id.bytes) == 0)
            return p;
        if (oldest->id_bytes && (p->id_bytes == 0 || p->heard_ms < oldest->heard_ms))
            oldest = p;
    }
    memcpy(oldest->id, id.data, id.bytes);
    oldest->id_bytes = id.bytes;
    oldest->account = account;
    return oldest;
}

void token_peers_hear(struct token_peers *peers, struct span id, size_t account, int64_t now_ms)
{
    find(peers, id, account)->heard_ms = now_ms;
}

void token_peers_each(struct token_peers *peers, size_t account, int64_t now_ms, void (*tell)(void *self, struct span id),
                      void *self)
{
    for (struct peer *p = peers->places; p < peers->places + TOKEN_PEERS_MAX; p++) {
        if (p->id_bytes && p->heard_ms < now_ms - TOKEN_PEER_MS)
            p->id_bytes = 0;
        if (p->id_bytes && p->account == account)
            tell(self, (struct span){p->id, p->id_bytes});
    }
}
