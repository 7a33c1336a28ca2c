/* What became of jobs that did not go on to a sender: kept until the broker has confirmed it durable.
 *
 * Used by jobs.c, which adds, and templater.c, which offers all of them again at each welcome. They are what
 * a templater holds.
 */
#ifndef TEMPLATER_REPORTS_H
#define TEMPLATER_REPORTS_H

#include "base/buf.h"
#include "proto/job.h"
#include "proto/member.h"

/* With so many unconfirmed no jobs are taken. More than the slots of 100 senders, so a living broker never
 * lets it come to that. */
#define REPORTS_MAX 65536

struct reports;

struct reports *reports_new(void);
void reports_destroy(struct reports **self);

size_t reports_count(const struct reports *r);

/* Keeps a copy; a report of the same (seq, turn) is replaced. */
void reports_add(struct reports *r, const struct outcome_report *report);

/* Sends those added since the last call, in messages of a bounded number of reports. */
void reports_send_new(struct reports *r, struct member *m);

/* Sends all of them. */
void reports_send_all(struct reports *r, struct member *m);

/* Forgets those of a confirm message (`holdings`); a damaged one is read as far as it goes. */
void reports_confirm(struct reports *r, struct span holdings);

/* Appends all with control_holding_pack and returns their number. */
size_t reports_hold(const struct reports *r, struct buf *holdings);

#endif
