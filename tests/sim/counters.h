/*
 * counters.h - the figures of GET /sim/stats. One table, so that names, answers and GET /sim/wait agree.
 *
 * Each message call is counted by one result, so
 * calls = in_flight + delivered + duplicates + refused + faults + conflicts + quota_refused + rate_refused. When no callback is
 * on its way, callbacks_sent = answered + late + refused + failed; events = waiting + ended, and ended = done + given_up.
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
    COUNTER_CALLBACKS_EVENTS,   /* events to be told by callbacks */
    COUNTER_CALLBACKS_SENT,     /* tries begun, repeated ones included */
    COUNTER_CALLBACKS_ANSWERED, /* tries answered well */
    COUNTER_CALLBACKS_LATE,     /* tries cut off: no answer in time */
    COUNTER_CALLBACKS_REFUSED,  /* tries answered with something else */
    COUNTER_CALLBACKS_FAILED,   /* tries without an answer: no connection, or it broke */
    COUNTER_CALLBACKS_REPEATED, /* tries that were not the first of their event */
    COUNTER_CALLBACKS_REPLIES,  /* tries answered well with a message to the user */
    COUNTER_CALLBACKS_DONE,     /* events answered well */
    COUNTER_CALLBACKS_GIVEN_UP, /* events whose last try failed */
    COUNTER_CALLBACKS_ENDED,    /* events of which no try follows any more */
    COUNTER_CALLBACKS_WAITING,  /* the others */
    COUNTER_CALLBACKS_DROPPED,  /* that were no events any more: too many were waiting */
    COUNTER_CALLBACK_MS_MAX,    /* the slowest answer, good or not */
    COUNTER_CALLBACK_MS_P99,    /* 99 of 100 answers were not slower */
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
