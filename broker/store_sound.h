/* Records from a store that may be damaged: unpacked, and their texts as long as they may be, since keys are made of them. Pure; used
 * by the check and the rescue of a store. */
#ifndef BROKER_STORE_SOUND_H
#define BROKER_STORE_SOUND_H

#include "broker/store_key.h"

/* Formats of the keys and records that are known here; a new store, and one that the broker has opened, has the latest. */
#define STORE_FORMAT         4
#define STORE_FORMAT_FIRST   2
#define STORE_FORMAT_MSGIDS  4 /* the first one with the database of msgids */
#define STORE_FORMAT_WINDOWS 4 /* the first one with a database of customer-service windows */

/* 0, or -1 when it is no record of this kind. */
int sound_message(struct span value, uint64_t seq, struct message *m);
int sound_final(struct span value, uint64_t seq, struct final *f);

/* 1 when a key of the database of ids can be one. */
int sound_id_key(struct span key);

/* 1 when a key of small values is a name with its length in front, which `name` becomes. */
int sound_name_key(struct span key, struct span *name);

/* 1 when the value of a free page list is one: their number, and then themselves. */
int sound_free_pages(struct span value, uint64_t *count);

#endif
