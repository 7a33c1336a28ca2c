/* Who is told of an account's token: everybody who has asked lately.
 *
 * Used by the keeper. Pure. A pair of asker and account has one place in a table that does not grow: one that was silent
 * for TOKEN_PEER_MS is forgotten, and when all places are taken the one that was silent longest makes room. Both cost
 * the asker nothing but a change that it is told when it asks again; senders do so every TOKEN_GET_EVERY_MS.
 */
#ifndef SENDER_TOKEN_PEERS_H
#define SENDER_TOKEN_PEERS_H

#include <stdint.h>

#include "base/buf.h"

#define TOKEN_PEERS_MAX         4096
#define TOKEN_PEER_ID_BYTES_MAX 64 /* of a routing id */

struct token_peers;

struct token_peers *token_peers_new(void);
void token_peers_destroy(struct token_peers **self);

/* The peer of that routing id (1 to TOKEN_PEER_ID_BYTES_MAX bytes) said something about an account. */
void token_peers_hear(struct token_peers *peers, struct span id, size_t account, int64_t now_ms);

/* Calls `tell` with the routing id of everybody who asked for the account within TOKEN_PEER_MS. */
void token_peers_each(struct token_peers *peers, size_t account, int64_t now_ms, void (*tell)(void *self, struct span id),
                      void *self);

#endif
