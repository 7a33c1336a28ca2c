/* Why messages died, were refused and failed, counted by account since the store was made: what figures.h counts, in parts. Kept in the
 * store in the transaction of what is counted, as those are.
 *
 * What is counted by is bounded: the words are constants of ours, and of WeChat's errcodes an account has its first REASONS_MAX for each
 * kind; any further one is counted together with the others as REASON_OTHER.
 */
#ifndef BROKER_REASONS_H
#define BROKER_REASONS_H

#include "base/conf.h"
#include "broker/store.h"

#define REASONS_MAX      64 /* rows of an account and a kind; WeChat is known to give some 120 codes, an account sees a dozen of them */
#define REASON_OTHER     INT64_MIN /* the errcode of all that have no row of their own */
#define REASON_WORD_MAX  24        /* bytes of a word, with its NUL */

enum reason_kind {
    REASON_DEAD,    /* by word: see life.c */
    REASON_REFUSED, /* by errcode */
    REASON_FAILED,  /* failed calls, by cause of the report (job.h; "none") and errcode */
    REASON_KINDS
};

struct reasons;

/* Reads the counts of the accounts of the configuration. */
struct reasons *reasons_new(struct store *store, const struct conf *conf);
void reasons_destroy(struct reasons **self);

/* `account` is its index in the configuration; -1 counts nowhere. `word` may be empty. */
void reasons_count(struct reasons *r, int account, enum reason_kind kind, const char *word, int64_t errcode);

/* Writes what has changed. Call in each turn before the commit. Returns 1 when there was something. */
int reasons_save(struct reasons *r);

/* How often it was counted. */
uint64_t reasons_get(const struct reasons *r, size_t account, enum reason_kind kind, const char *word, int64_t errcode);

/* Appends an account's: a map kind -> array of [word, errcode (nil: the others), count]. A kind without any is left out. */
void reasons_pack(const struct reasons *r, size_t account, struct buf *out);

#endif
