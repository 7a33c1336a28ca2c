/* The template keys that the broker accepts messages for: told by the templaters, kept in the store, so that messages are
 * accepted and refused while no templater is there. At most table_size entries in memory. */
#ifndef BROKER_KEYS_H
#define BROKER_KEYS_H

#include "broker/store.h"
#include "proto/control.h"

struct keys;

/* Reads the list from the store; an empty one when there is none. */
struct keys *keys_new(struct store *store);
void keys_destroy(struct keys **self);

/* 1 once any templater has told its list. */
int keys_are_known(const struct keys *k);

/* NULL when there is no such template. */
const struct key_info *keys_find(const struct keys *k, struct span key);

/* The full list of a templater takes the place of the present one; a version never goes back. `packed` is the array of a
 * control message. Returns 0, or -1 when it is damaged (nothing is changed then). Written to the store at once. */
int keys_replace(struct keys *k, struct span packed);

/* One template was read again. `packed` is an array of one. */
int keys_put(struct keys *k, struct span packed);
void keys_remove(struct keys *k, struct span key);

/* A version for the next reading of a template, larger than all before. */
uint64_t keys_next_version(struct keys *k);

/* Appends a packed map key -> version. */
void keys_pack_versions(const struct keys *k, struct buf *out);

/* 1 when messages of the template are customer-service messages, which WeChat takes within windows only. 0 of NULL, and when the
 * templater has not told the kind. */
int keys_is_custom(const struct key_info *info);

/* 1 when WeChat's answer to such messages has no msgid, although its receipts of them have one (bizsend). 0 as above. */
int keys_is_without_msgid(const struct key_info *info);

/* Returns 1 and the first of the template's variables that `vars` (a packed map, or empty) does not bring; 0 when it brings
 * all. */
int keys_find_missing(const struct key_info *info, struct span vars, struct span *missing);

#endif
