/*
 * call.h - message calls: POST /cgi-bin/message/…, of each kind (kind.h).
 *
 * What becomes of a call is decided when it arrives; it is counted, journalled and answered when its latency
 * is over:
 *
 *   decided     checks, quota, conflict, fault, dedupe, in this order; an openid is held from here on
 *   waiting     its latency runs (not if that is 0), or it hangs until the client leaves
 *   held        the latency is over, but the simulator is paused
 *   settled     counted, journalled, answered or cut; freed
 */
#ifndef SIM_CALL_H
#define SIM_CALL_H

#include "tests/sim/kind.h"
#include "tests/sim/sim.h"

/* Takes a request; answers it now or later. */
void call_begin(struct sim *sim, struct exchange *exchange, const struct kind *kind);

/* Answers what was held by a pause, oldest first. */
void call_resume_all(struct sim *sim);

/* Settles every call at once, without an answer: the simulator ends. */
void call_settle_all(struct sim *sim);

#endif
