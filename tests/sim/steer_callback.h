/*
 * steer_callback.h - the control calls about callbacks: events, bursts, addresses, moods, receipts. Their table and common
 * answers are control.c's; described in README.md.
 */
#ifndef SIM_STEER_CALLBACK_H
#define SIM_STEER_CALLBACK_H

#include "tests/sim/sim.h"

void steer_event(struct sim *sim, struct exchange *exchange);
void steer_events(struct sim *sim, struct exchange *exchange);
void steer_callback(struct sim *sim, struct exchange *exchange);
void steer_callback_check(struct sim *sim, struct exchange *exchange);
void steer_callback_mood(struct sim *sim, struct exchange *exchange);
void steer_receipts(struct sim *sim, struct exchange *exchange);
void steer_receipt_latency(struct sim *sim, struct exchange *exchange);

#endif
