/* Which lines of the log are repeats. A small table that is searched from its beginning; nothing here fails.
 *
 * Invariant: after log_repeats_ended has returned NULL no event in the table has a window that ended.
 */
#include "base/log_repeat.h"

#include <stddef.h>

int log_repeats_allow(struct log_repeats *self, const char *event, uint64_t lines_max, int64_t now_ms)
{
    int free_at = -1;
    if (lines_max == LOG_REPEAT_NO_LIMIT)
        return 1;
    for (int i = 0; i < LOG_REPEAT_EVENTS_MAX; i++) {
        if (self->events[i].event == event)
            return ++self->events[i].seen <= self->events[i].lines_max;
        if (self->events[i].event == NULL && free_at < 0)
            free_at = i;
    }
    if (free_at >= 0) {
        self->events[free_at].event = event;
        self->events[free_at].since_ms = now_ms;
        self->events[free_at].seen = 1;
        self->events[free_at].lines_max = lines_max;
    }
    return 1;
}

const char *log_repeats_ended(struct log_repeats *self, int64_t now_ms, uint64_t *left_out)
{
    for (int i = 0; i < LOG_REPEAT_EVENTS_MAX; i++) {
        const char *event = self->events[i].event;
        if (event == NULL || now_ms - self->events[i].since_ms < LOG_REPEAT_WINDOW_MS)
            continue;
        self->events[i].event = NULL;
        if (self->events[i].seen > self->events[i].lines_max) {
            *left_out = self->events[i].seen - self->events[i].lines_max;
            return event;
        }
    }
    return NULL;
}
