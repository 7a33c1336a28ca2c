/* What /metrics tells, made of what was heard last. Of a party that is away nothing is told but that: figures of then would be taken
 * for those of now. README.md has the table of all. */
#ifndef CONSOLE_METRICS_H
#define CONSOLE_METRICS_H

#include "base/conf.h"
#include "console/exposition.h"
#include "console/heard.h"
#include "console/routes.h"

/* The console's own. */
struct metrics_own {
    uint64_t requests[ROUTES][6]; /* answered, by route and hundreds of the status */
    int64_t start_ms;                     /* wall time */
};

/* Appends everything. */
void metrics_write(const struct conf *conf, const struct heard heard[PARTIES], const struct metrics_own *own, const char *name,
                   struct buf *out);

/* --- the parts; each belongs to the file named ------------------------------------------------------------------------ */

/* metrics_broker.c: messages, accounts, store, requests. metrics_stages.c: stages and WeChat's latency. */
void metrics_broker(struct exposition *e, struct span status);
void metrics_accounts(struct exposition *e, struct span status);
void metrics_stages(struct exposition *e, struct span status);

/* metrics_parties.c: tokens, tasks. */
void metrics_tokens(struct exposition *e, struct span status);
void metrics_tasks(struct exposition *e, struct span status);

/* metrics_listener.c: callbacks, what follows from them, what is passed on, series. */
void metrics_listener(struct exposition *e, struct span status);

#endif
