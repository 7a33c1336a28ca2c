/*
 * counters.c - names and JSON of the figures; see counters.h.
 */
#include "tests/sim/counters.h"

#include <inttypes.h>

static const char *const NAMES[COUNTER_COUNT] = {
    [COUNTER_CALLS] = "calls",
    [COUNTER_DELIVERED] = "delivered",
    [COUNTER_DUPLICATES] = "duplicates",
    [COUNTER_REFUSED] = "refused",
    [COUNTER_FAULTS] = "faults",
    [COUNTER_CONFLICTS] = "conflicts",
    [COUNTER_QUOTA_REFUSED] = "quota_refused",
    [COUNTER_RATE_REFUSED] = "rate_refused",
    [COUNTER_LIST_CALLS] = "list_calls",
    [COUNTER_SERVICE_CALLS] = "service_calls",
    [COUNTER_TOKEN_FETCHES] = "token_fetches",
    [COUNTER_STABLE_FETCHES] = "stable_fetches",
    [COUNTER_FORCED] = "forced",
    [COUNTER_IN_FLIGHT] = "in_flight",
    [COUNTER_MAX_IN_FLIGHT] = "max_in_flight",
    [COUNTER_CALLBACKS_EVENTS] = "callbacks_events",
    [COUNTER_CALLBACKS_SENT] = "callbacks_sent",
    [COUNTER_CALLBACKS_ANSWERED] = "callbacks_answered",
    [COUNTER_CALLBACKS_LATE] = "callbacks_late",
    [COUNTER_CALLBACKS_REFUSED] = "callbacks_refused",
    [COUNTER_CALLBACKS_FAILED] = "callbacks_failed",
    [COUNTER_CALLBACKS_REPEATED] = "callbacks_repeated",
    [COUNTER_CALLBACKS_REPLIES] = "callbacks_replies",
    [COUNTER_CALLBACKS_DONE] = "callbacks_done",
    [COUNTER_CALLBACKS_GIVEN_UP] = "callbacks_given_up",
    [COUNTER_CALLBACKS_ENDED] = "callbacks_ended",
    [COUNTER_CALLBACKS_WAITING] = "callbacks_waiting",
    [COUNTER_CALLBACKS_DROPPED] = "callbacks_dropped",
    [COUNTER_CALLBACK_MS_MAX] = "callback_ms_max",
    [COUNTER_CALLBACK_MS_P99] = "callback_ms_p99",
};

const char *counter_name(enum counter counter)
{
    return NAMES[counter];
}

void counters_write(const struct counters *self, struct text *answer)
{
    for (int i = 0; i < COUNTER_COUNT; i++)
        text_printf(answer, "%s\"%s\":%" PRId64, i > 0 ? "," : "", NAMES[i], self->values[i]);
}
