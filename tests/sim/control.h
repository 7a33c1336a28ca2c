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

/* For those who serve control calls: the answer {"ok":true}, and the answer {"error":MESSAGE}. */
void control_ok(struct exchange *exchange);
void control_error(struct exchange *exchange, unsigned status, const char *message);

/* The body as text, to be freed; "" if there is none, NULL if there is a NUL byte in it. */
char *control_body(const struct exchange *exchange);

/* The account that the query's appid names; *account is NULL without one. 0, or -1 after a 404 answer. */
int control_account(const struct sim *sim, struct exchange *exchange, const struct tokens_account **account);

/* A number of the query. 1 and *number; 0: it is absent; -1 after a 400 answer: not between min and max. */
int control_number(struct exchange *exchange, const char *name, int64_t min, int64_t max, int64_t *number);

#endif
