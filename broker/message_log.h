/* What the broker's log says of single messages: [log] messages. Each function is one event of docs/operations.md, Logs, where the
 * names of the fields are told; none writes a message's variables.
 *
 * Steps that go well cost a comparison while [log] messages is not `all`.
 */
#ifndef BROKER_MESSAGE_LOG_H
#define BROKER_MESSAGE_LOG_H

#include "broker/store.h"
#include "broker/verdict.h"
#include "proto/frontend.h"
#include "proto/job.h"

void message_log_accepted(const struct message *m, enum op op, int64_t due_in_ms);

/* Asked for under an id that is known: nothing new is kept. */
void message_log_known(const struct message *asked, enum store_state state);

/* Not accepted. `reason` must name no variable's value. */
void message_log_refused(const struct request *r, enum code code, const char *reason);

void message_log_given_out(const struct message *m, const struct job *job, const char *sender);

/* The outcome of a turn that does not settle the message. `wait_ms`: until it may go again. */
void message_log_stays(const struct message *m, const struct outcome_report *report, struct verdict v, int64_t wait_ms);

void message_log_falls_back(const struct message *m, const struct outcome_report *report, struct span fallback);

/* Its sender was lost while it had the message. */
void message_log_lost(const struct message *m, struct verdict v, int was_called);

void message_log_settled(const struct message *m, const struct final *f);

/* WeChat's receipt for it has come, and `f` says what it tells. */
void message_log_received(const struct final *f);

/* A dead one has its true result after all. */
void message_log_revised(const struct message *m, const struct final *f);

void message_log_requeued(const struct message *m);
void message_log_purged(const struct final *f);

#endif
