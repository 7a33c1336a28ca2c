/*
 * grant.h - token calls, GET /cgi-bin/token and POST /cgi-bin/stable_token: answered at once, no latency.
 *
 * Order of checks: method, JSON, grant_type (40002), appid (41002, 40013), secret (41004, 40125), address
 * (40164), quota (45009, 45011). WeChat's own order is not published.
 */
#ifndef SIM_GRANT_H
#define SIM_GRANT_H

#include "tests/sim/sim.h"

void grant_classic(struct sim *sim, struct exchange *exchange);
void grant_stable(struct sim *sim, struct exchange *exchange);

#endif
