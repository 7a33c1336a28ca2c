/*
 * listing.h - GET /cgi-bin/user/get, the list of followers: token, quota, next_openid, fault, in this order; then
 * its latency. Followers and pages are followers.h's. POST /sim/pause does not hold it.
 *
 * Fault rules see next_openid in the place of the recipient's openid: "" for the first page.
 */
#ifndef SIM_LISTING_H
#define SIM_LISTING_H

#include "tests/sim/sim.h"

#define LISTING_PATH "/cgi-bin/user/get"

/* Takes a request; answers it now or later. */
void listing_begin(struct sim *sim, struct exchange *exchange);

/* Settles every call at once, without an answer: the simulator ends. */
void listing_settle_all(struct sim *sim);

#endif
