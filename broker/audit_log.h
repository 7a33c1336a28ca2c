/* What goes into the audit of the broker: each pause, resume, rate, cancel, requeue and purge that an operator asks for, with what it
 * was answered; what callers of the frontend cancel by recipient or task, and their tset. Operations on many messages have a line
 * when they begin (code 100) and one when they end, with how many messages they changed. */
#ifndef BROKER_AUDIT_LOG_H
#define BROKER_AUDIT_LOG_H

#include "base/audit.h"
#include "broker/sweep.h"
#include "proto/operator.h"

struct broker;

/* Who has sent the message that is being read. */
void audit_log_who(const struct broker *b, struct span by, struct audit_who *out);

/* An ask was answered; those that change nothing have no line. */
void audit_log_ask(struct broker *b, const struct ask *ask, const struct answer *a);

/* An operation on many messages: begun (code 100), done (200), or not begun (503). */
void audit_log_sweep(struct broker *b, const char *op, const struct audit_who *who, const struct filter *f, int64_t ttl_ms,
                     const struct answer *a);

void audit_log_tset(struct broker *b, const struct audit_who *who, struct span key, enum code code, struct span message);

#endif
