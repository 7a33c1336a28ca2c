/*
 * control.h - /sim/…: how a test looks at the simulator and steers it while it runs. Described in README.md.
 */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "tests/sim/sim.h"

void control_handle(struct sim *sim, struct exchange *exchange);

/* To be called after counters changed: answers the GET /sim/wait calls whose condition is met now. */
void control_counters_changed(struct sim *sim);

/* Answers all GET /sim/wait calls: the simulator ends. */
void control_settle_all(struct sim *sim);

#endif
