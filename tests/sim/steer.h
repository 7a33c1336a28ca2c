/*
 * steer.h - the control calls that change how WeChat is disposed: token refusals, quotas, the calendar,
 * the whitelist. Their table and common answers are control.c's; described in README.md.
 */
#ifndef SIM_STEER_H
#define SIM_STEER_H

#include "tests/sim/sim.h"

void steer_token_refuse(struct sim *sim, struct exchange *exchange);
void steer_quota(struct sim *sim, struct exchange *exchange);
void steer_new_day(struct sim *sim, struct exchange *exchange);
void steer_new_month(struct sim *sim, struct exchange *exchange);
void steer_whitelist(struct sim *sim, struct exchange *exchange);

#endif
