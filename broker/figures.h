/* What has happened since the store was made, account by account, and how fast it happens now. The counts are kept in the store, in
 * the transaction of what they count, so they are exact through any restart. Rates are of this process.
 */
#ifndef BROKER_FIGURES_H
#define BROKER_FIGURES_H

#include "base/conf.h"
#include "broker/store.h"

/* Counted events; the names are those of the operators' status. */
enum figure {
    FIGURE_ACCEPTED,
    FIGURE_SENT,
    FIGURE_PENDING,
    FIGURE_REFUSED,
    FIGURE_EXPIRED,
    FIGURE_CANCELLED,
    FIGURE_DEAD,
    FIGURE_FAILED,   /* turns that ended in a failed call */
    FIGURE_REQUEUED, /* dead messages put back */
    FIGURE_REVISED,  /* dead ones whose true result came after all; it is counted as well */
    FIGURE_DAMAGED,  /* messages set aside because their bytes are wrong */
    FIGURE_FALLBACKS, /* messages that fell back to another template */
    FIGURE_RETRIED,   /* failed calls after which the message is tried again */
    FIGURES
};

struct figures;

/* Reads the counts of the accounts of the configuration. */
struct figures *figures_new(struct store *store, const struct conf *conf);
void figures_destroy(struct figures **self);

/* `account` is its index in the configuration; -1 (an account that is gone from it) counts nowhere. */
void figures_count(struct figures *f, int account, enum figure what);

/* The figure that counts messages settled like this. */
enum figure figures_of_state(enum store_state state);

/* Writes what has changed. Call in each turn before the commit. Returns 1 when there was something. */
int figures_save(struct figures *f);

uint64_t figures_get(const struct figures *f, size_t account, enum figure what);
uint64_t figures_total(const struct figures *f, enum figure what);

/* Messages of the account that are accepted and not settled. */
uint64_t figures_live(const struct figures *f, size_t account);

/* Events a second over the last ten seconds, of all accounts. Call figures_tick in each turn. */
void figures_tick(struct figures *f, int64_t mono_ms);
double figures_rate(const struct figures *f, enum figure what);

const char *figure_name(enum figure what);

#endif
