/* Keys of the store's databases: bytes whose order is the order wanted. Numbers are big-endian, texts have their length in
 * front. Pure; used by the store alone. */
#ifndef BROKER_STORE_KEY_H
#define BROKER_STORE_KEY_H

#include "broker/store.h"

#define KEY_ROOM 256 /* the longest key, of a parked message, has 1 + 32 + 1 + 128 + 1 + 8 + 8 bytes; LMDB allows 511 */

struct key {
    char bytes[KEY_ROOM];
    size_t used;
};

/* Appending to a key that began as {.used = 0}. */
void key_u8(struct key *k, unsigned value);
void key_u64(struct key *k, uint64_t value);
void key_text(struct key *k, struct span text);

struct key key_seq(uint64_t seq);
struct key key_queue_prefix(struct span account, int lane, int timed);
struct key key_queue(struct span account, const struct place *p);
struct key key_parked_prefix(struct span account, struct span openid);
struct key key_parked(const struct message *m);
struct key key_id(struct span account, struct span id);
struct key key_expiry(int64_t expires_ms, uint64_t seq);

/* The 8 bytes at `at` as a number. */
uint64_t key_read_u64(const void *at);

int key_has_prefix(struct span key, const struct key *prefix);

struct place key_place_of(const struct message *m);

#endif
