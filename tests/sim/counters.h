/*
 * counters.h - the figures of GET /sim/stats. One table, so that names, answers and GET /sim/wait agree.
 *
 * Each message call is counted by one result, so
 * calls = in_flight + delivered + duplicates + refused + faults + conflicts + quota_refused + rate_refused.
 */
#ifndef SIM_COUNTERS_H
#define SIM_COUNTERS_H

#include <stdint.h>

#include "tests/sim/text.h"

enum counter {
    COUNTER_CALLS,          /* message calls that arrived */
    COUNTER_DELIVERED,      /* settled: the message reached the recipient, answered or not */
    COUNTER_DUPLICATES,     /* settled: client_msg_id known, not delivered again */
    COUNTER_REFUSED,        /* settled: token, JSON or fields were wrong */
    COUNTER_FAULTS,         /* settled: a fault rule decided, nothing delivered */
    COUNTER_CONFLICTS,      /* settled: another call to the openid was in flight */
    COUNTER_QUOTA_REFUSED,  /* settled: 45009, the day's quota was used up */
    COUNTER_RATE_REFUSED,   /* settled: 45011, the minute's quota was used up */
    COUNTER_LIST_CALLS,     /* calls for the list of followers, refused ones included */
    COUNTER_SERVICE_CALLS,  /* calls about quotas, rids and hosts, refused ones included */
    COUNTER_TOKEN_FETCHES,  /* token calls of both kinds, refused ones included */
    COUNTER_STABLE_FETCHES, /* those to /cgi-bin/stable_token */
    COUNTER_FORCED,         /* those that force_refresh gave a new token */
    COUNTER_IN_FLIGHT,      /* message calls not settled yet */
    COUNTER_MAX_IN_FLIGHT,  /* the most that ever were */
    COUNTER_COUNT,
};

struct counters {
    int64_t values[COUNTER_COUNT];
};

/* The name in JSON and in queries. */
const char *counter_name(enum counter counter);

/* Adds the members, without braces: "calls":1,"delivered":1,… */
void counters_write(const struct counters *self, struct text *answer);

#endif
