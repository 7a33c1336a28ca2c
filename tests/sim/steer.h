/*
 * steer.h - the control calls that change how WeChat is disposed: /sim/token-refuse. Table and common answers
 * are control.c's; described in README.md.
 */
#ifndef SIM_STEER_H
#define SIM_STEER_H

#include "tests/sim/sim.h"

void steer_token_refuse(struct sim *sim, struct exchange *exchange);

#endif
