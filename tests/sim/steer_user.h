/*
 * steer_user.h - the control calls about recipients: what they do, how many follow, what their windows hold, how their time
 * goes. Their table and common answers are control.c's; described in README.md.
 */
#ifndef SIM_STEER_USER_H
#define SIM_STEER_USER_H

#include "tests/sim/sim.h"

void steer_user(struct sim *sim, struct exchange *exchange);
void steer_followers(struct sim *sim, struct exchange *exchange);
void steer_user_time(struct sim *sim, struct exchange *exchange);
void steer_window(struct sim *sim, struct exchange *exchange);

/* What time it is for windows. */
int64_t steer_user_now_ms(const struct sim *sim);

#endif
