/* How much a count that only goes up has grown within a time: dead letters, damaged messages. Pure. */
#ifndef CONSOLE_ALARM_GROWTH_H
#define CONSOLE_ALARM_GROWTH_H

#include <stddef.h>
#include <stdint.h>

#define ALARM_GROWTH_STEPS 32 /* the window moves on in such parts of itself */

struct alarm_growth {
    struct {
        int64_t at_ms, count;
    } samples[ALARM_GROWTH_STEPS + 1]; /* the oldest first */
    size_t used;
};

/* Takes the count as it is at that time, which never goes back. Returns its growth within the window, and nothing for the first
 * look. A count that has fallen belongs to another store: it begins anew. */
int64_t alarm_growth_take(struct alarm_growth *g, int64_t window_ms, int64_t at_ms, int64_t count);

#endif
