/* What the files of the store share: the store itself, reading, places. Included by store*.c alone.
 *
 *   store.c         opening, accepting, reading, damage, small values, figures
 *   store_place.c   where a waiting message stands: queue, parked, held, out; what is found at the start
 *   store_ledger.c  the two clocks by which a message is over, results, the dead, purge
 *   store_receipt.c results by msgid, and what receipts make of them
 *   store_windows.c customer-service windows
 *   store_find.c    searching: walks, all about one message, the index of recipients and tasks
 *
 * The databases:
 *
 *   messages  seq                                        -> message, until it is settled (dead ones stay)
 *   queue_*   account, lane, due, seq                    -> nothing   one for each clock: enum timed
 *   parked    account, openid, lane, due, seq            -> nothing   behind a call for the same recipient
 *   held      hold, due, seq                             -> nothing   set aside by a pause or a rate
 *   marks     seq                                        -> mark      messages that are out
 *   ids       account, id                                -> seq, content hash
 *   ledger    seq                                        -> final
 *   dead      settled, seq                               -> nothing
 *   ended     settled, seq                               -> nothing   all of the ledger but the dead
 *   people    hash of account and openid, seq            -> nothing   two recipients may share a hash: a walk looks
 *   tasks     account, task, seq                         -> nothing
 *   msgids    msgid, seq                                 -> nothing   results with a msgid: those of all accounts
 *   expiry    expires, seq                               -> nothing
 *   patience  give_up, seq                               -> nothing
 *   windows   account, openid                             -> what the recipient did, what is open
 *   meta      name                                       -> value
 *   damaged   seq                                        -> the bytes as they were found
 *
 * Spans that were read point into the engine's pages and move with the next write: every function makes its keys and its
 * record from its arguments before it writes anything. A removal that finds nothing writes nothing.
 */
#ifndef BROKER_STORE_INTERNAL_H
#define BROKER_STORE_INTERNAL_H

#include "broker/store_engine.h"
#include "broker/store_record.h"

struct store {
    struct engine *engine;
    char *dir;
    int lock_fd;
    uint64_t next_seq;
    uint64_t indexed; /* the next seq that the index looks at; also in meta, by this name */
    int is_copy;      /* see store_copy.c */
    struct key windows_from; /* where the purge of windows goes on; empty: at the beginning */
    struct buf scratch, second;
};

/* The first key at or behind `from` that has the first `prefix_bytes` of `from` in common and `behind` bytes behind them. Odd
 * ones are damage: logged, taken out, their value kept. `value` may be NULL. */
enum store_answer store_seek(struct store *s, enum database db, const struct key *from, size_t prefix_bytes,
                             size_t behind, struct span *key, struct span *value);

/* Takes out what engine_seek finds from there, whose key cannot be one of ours, and keeps its value. */
void store_drop_odd(struct store *s, enum database db, const struct key *from);

/* Finds out whether the store is a copy, and keeps its seqs apart from those of the original then. Next_seq and indexed are known. */
void store_find_copy(struct store *s);

/* Moves a value that cannot be read to `damaged`. */
void store_keep_damaged(struct store *s, enum database db, uint64_t seq);

/* The queue of a clock: enum timed. */
static inline enum database store_queue_of(int timed)
{
    return (enum database)(QUEUE_NOW + timed);
}

void store_write_message(struct store *s, const struct message *m);
void store_write_queue(struct store *s, const struct message *m);

/* Enters a message that may be over one day by either clock. */
void store_write_over(struct store *s, uint64_t seq, int64_t expires_ms, int64_t give_up_ms);

/* Takes a waiting message out of the queue, out of the parked ones or out of its hold. Its spans are gone then. */
void store_leave_place(struct store *s, const struct message *m);

/* The key under which a message is held, and by what: STANDS_HELD, STANDS_PACED; STANDS_NOWHERE: it is not. */
enum standing store_find_held(struct store *s, const struct message *m, struct key *held);

/* Reads a mark; one that is damaged is that of a sender of which nothing is known. STORE_NONE: the message is not out. */
enum store_answer store_read_mark(struct store *s, const struct message *m, struct mark *mark);

enum store_answer store_read_final(struct store *s, uint64_t seq, struct final *f);

/* Lists a result by its msgid, and takes it out of that list; nothing when it has none. */
void store_list_msgid(struct store *s, int64_t msgid, uint64_t seq);
void store_unlist_msgid(struct store *s, int64_t msgid, uint64_t seq);

/* A number of 8 bytes in meta. */
enum store_answer store_read_number(struct store *s, const char *name, uint64_t *number);
void store_write_number(struct store *s, const char *name, uint64_t number);

/* Sequence numbers are never used twice: meta remembers what a purge or damage has taken away. */
void store_remember_seq(struct store *s);

#endif
