/* Makes a new store of what can be read of a damaged one.
 *
 * Every page of the old file is looked at, not only those that a tree still leads to: what is lost with a damaged page is what stands
 * in that page. An entry is known by its form and its checksum. Which pages count is told by the list of free pages: all others are
 * in use. Where that list is damaged, those count that the trees lead to.
 *
 * A page that may be an old one ("unsure": the list of free pages is damaged and no tree leads there, or the newest meta page is lost
 * and with it the last commit) is believed as far as it cannot double a message: a result found there settles its message; a message
 * found there alone, or one whose mark or later turn is found there, is kept as given out with an unknown outcome, as the broker
 * treats a sender that was lost, and on_unknown decides. So is all that seems to wait where a commit is lost and other pages cannot be
 * read either, since they may have told the contrary. What is scheduled for a time to come was not sent, whatever is lost.
 *
 *   store_salvage.c         the order of things, pages
 *   store_salvage_names.c   the list of databases, when no meta page leads to it
 *   store_salvage_entry.c   what is taken from the old pages
 *   store_salvage_seq.c     which seq each message and result belongs to
 *   store_salvage_mend.c    what belongs to each message and result in the new store
 *   store_salvage_values.c  small values: the next seq, the generation, the figures
 *
 * Used by tool_rescue.c.
 */
#ifndef BROKER_STORE_SALVAGE_H
#define BROKER_STORE_SALVAGE_H

#include "broker/store_engine.h"
#include "broker/store_file.h"

#define SALVAGE_SEQ_MARGIN        1000000 /* between the last seq that was seen and the first that is given anew */
#define SALVAGE_GENERATION_MARGIN 1000000

struct salvage_report {
    void *self;
    /* A message or result that its id leads to and that cannot be read. `has_bytes`: it is set aside. */
    void (*lost)(void *self, struct span account, struct span id, uint64_t seq, int has_bytes);
    /* Entries of that database cannot be reached by its tree: seqs from `from` to `to`. They may have been found all the same. */
    void (*range)(void *self, enum database db, uint64_t from, uint64_t to);
    /* Asked every so often. Returns 0 to go on, -1 to end it, with a message in what it knows. */
    int (*step)(void *self, const char *verb, uint64_t done, uint64_t total);
};

struct salvage_result {
    int has_state, is_newest, is_free_known; /* what is left of the old file's order */
    int are_fates_whole;                     /* all marks and results are there: what has none was not given out */
    int is_evidence_lost;                    /* a commit is lost, and pages that may have been of it cannot be read */
    uint64_t pages, pages_bad;               /* bad: used, and no page of ours */
    uint64_t messages, results, marks, ids, values, unreadable; /* entries that were taken */
    uint64_t waiting, out, unknown, settled, dead, lost;        /* messages in the new store; unknown: of those that are out */
    uint64_t seq_max, generation;            /* the largest that were seen, then those of the new store */
};

/* Reads `from`, which has begun (or could not), and makes a new store in the folder `to`, which must be empty; now_ms is wall time.
 * Returns 0, or -1 with a message: `step` ended it (then without one), or the new store cannot be written. */
int store_salvage(struct store_file *from, const char *to, uint64_t bytes_max, int64_t now_ms, const struct salvage_report *report,
                  struct salvage_result *result, struct buf *error);

#endif
