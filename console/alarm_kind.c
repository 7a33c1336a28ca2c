#include "console/alarm_kind.h"

#include <stdio.h>

static const struct {
    const char *name;
    int is_critical;
} kinds[ALARM_KINDS] = {
    [ALARM_BROKER_GONE] = {"broker-gone", 1},
    [ALARM_STAGE_GONE] = {"stage-gone", 0},
    [ALARM_STAGES_MISSING] = {"stages-missing", 0},
    [ALARM_REFUSING] = {"refusing", 1},
    [ALARM_NOT_READY] = {"not-ready", 1},
    [ALARM_OLDEST] = {"oldest", 0},
    [ALARM_ACCOUNT_STOPPED] = {"account-stopped", 1},
    [ALARM_TOKEN] = {"token", 1},
    [ALARM_DEAD] = {"dead", 0},
    [ALARM_DAMAGED] = {"damaged", 1},
    [ALARM_DISK] = {"disk", 0},
    [ALARM_STORE] = {"store", 0},
    [ALARM_CLOCK_STEP] = {"clock-step", 0},
    [ALARM_FAILED_CALLS] = {"failed-calls", 0},
    [ALARM_CALLBACKS_REFUSED] = {"callbacks-refused", 1},
    [ALARM_CALLBACKS_WAITING] = {"callbacks-waiting", 0},
};

const char *alarm_kind_name(enum alarm_kind kind)
{
    return kinds[kind].name;
}

enum alarm_kind alarm_kind_find(struct span name)
{
    for (int i = 0; i < ALARM_KINDS; i++)
        if (span_is(name, kinds[i].name))
            return (enum alarm_kind)i;
    return ALARM_KINDS;
}

int alarm_kind_is_critical(enum alarm_kind kind)
{
    return kinds[kind].is_critical;
}

void alarm_id(enum alarm_kind kind, const char *subject, char out[ALARM_ID_BYTES_MAX])
{
    snprintf(out, ALARM_ID_BYTES_MAX, "%s%s%s", kinds[kind].name, *subject ? ":" : "", subject);
}
