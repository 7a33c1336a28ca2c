/* Keys of the store's databases: bytes whose order is the order wanted. Numbers are big-endian, texts have their length in
 * front. All keys but those of ids, windows and meta end with the seq. Pure; used by the store alone.
 *
 * Keys that were read may be damaged: they are asked for their length (key_is_sound, key_read_account) before anything is read
 * out of them. */
#ifndef BROKER_STORE_KEY_H
#define BROKER_STORE_KEY_H

#include "broker/store.h"

#define KEY_ROOM        256 /* the longest key, of a parked message, has 1 + 32 + 1 + 128 + 1 + 8 + 8 bytes; LMDB allows 511 */
#define KEY_SEQ_BYTES    8
#define KEY_TIME_BYTES   16 /* a time and a seq */
#define KEY_PARKED_BYTES 17 /* lane, due, seq */

struct key {
    char bytes[KEY_ROOM];
    size_t used;
};

/* Appending to a key that began as {.used = 0}. */
void key_u8(struct key *k, unsigned value);
void key_u64(struct key *k, uint64_t value);
void key_text(struct key *k, struct span text);
void key_raw(struct key *k, struct span bytes); /* without its length: only at the end of a key */

struct key key_seq(uint64_t seq);
struct key key_queue_prefix(struct span account, int lane);
struct key key_queue(struct span account, const struct place *p);
struct key key_parked_prefix(struct span account, struct span openid);
struct key key_parked(const struct message *m);
struct key key_id(struct span account, struct span id);
struct key key_held(uint64_t hold, int64_t due_ms, uint64_t seq);
struct key key_time(int64_t ms, uint64_t seq); /* of expiry, patience, dead, ended */
struct key key_person(struct span account, struct span openid, uint64_t seq);
struct key key_msgid(int64_t msgid, uint64_t seq);
struct key key_task(struct span account, struct span task, uint64_t seq);

/* As much of a key that was read as there is room for. */
struct key key_copy(struct span key);

/* The 8 bytes at `at` as a number. */
uint64_t key_read_u64(const void *at);

/* Its last number. The key must be sound. */
uint64_t key_read_seq(struct span key);

/* 1 when the key has this length and ends with a seq that can be one: neither 0 nor so large that the next one wraps. */
int key_is_sound(struct span key, size_t bytes);

/* The account, and in a key of the parked ones the recipient, that a key of the queue or of the parked ones begins with.
 * Returns 0, or -1 when the key is damaged. */
int key_read_queue(struct span key, struct span *account);
int key_read_parked(struct span key, struct span *account, struct span *openid);

/* The key of a recipient's windows, which is key_parked_prefix. Returns 0, or -1 when it is damaged. */
int key_read_windows(struct span key, struct span *account, struct span *openid);

/* 1 when a key begins with the first `bytes` of `prefix`. */
int key_begins_with(struct span key, const struct key *prefix, size_t bytes);

struct place key_place_of(const struct message *m);

#endif
