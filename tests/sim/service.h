/*
 * service.h - WeChat's calls about calls: quota/get, clear_quota (both), rid/get, get_api_domain_ip. Answered
 * at once, no latency and no fault rules; they have no quota themselves.
 *
 * Order of checks: method, token (not for clear_quota/v2), body, what the call is about. WeChat's own order
 * is not published.
 */
#ifndef SIM_SERVICE_H
#define SIM_SERVICE_H

#include <stdbool.h>

#include "tests/sim/sim.h"

#define SERVICE_CLEARS_MONTH_MAX 10 /* clear_quota, both ways together; doc/service/openApi/clear_quota */

/* Whether this path is one of these calls. */
bool service_has(const char *path);

/* Serves a request to such a path. */
void service_handle(struct sim *sim, struct exchange *exchange);

#endif
