/* A message as operators see it: its state in their words, whether a filter means it, and how it is packed. */
#ifndef BROKER_ENTRY_H
#define BROKER_ENTRY_H

#include "broker/store.h"
#include "proto/operator.h"

/* A search: the walks that can meet what the filter means, one after the other. */
struct search {
    struct filter filter; /* its spans belong to the caller */
    struct walk walk;     /* the present one */
    enum walk_path paths[3];
    size_t path_count, at;
    uint64_t until_seq;   /* messages accepted later are not looked at */
};

/* The filter's account must be a name, not empty, when a recipient, a task or an id is given. */
void search_begin(struct search *s, struct store *store, const struct filter *filter);

/* Messages that have to be indexed before the search can begin; 0 = it can. */
uint64_t search_waits_for(const struct search *s, struct store *store);

/* Looks at one message. STORE_OK: it matches and `found` holds it; STORE_EXISTS: it does not match, go on; STORE_DAMAGED likewise;
 * STORE_NONE: the end. */
enum store_answer search_next(struct search *s, struct store *store, int64_t now_ms, int64_t order_ms, struct found *found);

/* A search that was begun with the same filter goes on where another one stopped: 0, or -1 when the bytes are none. */
void search_pack(const struct search *s, struct buf *out);
int search_unpack(struct search *s, struct span packed);

enum entry_state entry_state_of(const struct found *found, int64_t now_ms, int64_t order_ms);

/* The members of the operators' list (MESSAGES.md). Due times of the order clock are shown as they are. */
void entry_pack(const struct found *found, enum entry_state state, struct buf *out);

/* Members of the list and those of show: variables, where it is. `sender` may be NULL. */
void entry_pack_all(const struct found *found, enum entry_state state, const char *sender, struct buf *out);

#endif
