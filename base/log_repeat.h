/* Which lines of the log are repeats that are left out. Used by log.c only; pure, so that it is tested with a
 * table. */
#ifndef BASE_LOG_REPEAT_H
#define BASE_LOG_REPEAT_H

#include <stdint.h>

#define LOG_REPEAT_LINES_MAX    20  /* of one event in one window */
#define LOG_REPEAT_MESSAGES_MAX 200 /* the same of an event about single messages: 20 a second, half a gigabyte a day at the very most */
#define LOG_REPEAT_NO_LIMIT     UINT64_MAX
#define LOG_REPEAT_WINDOW_MS  10000
#define LOG_REPEAT_EVENTS_MAX 64 /* watched at once; a program has some thirty events */

/* A zeroed struct is an empty table. */
struct log_repeats {
    struct {
        const char *event; /* told apart by its address: events are string constants. NULL: free */
        int64_t since_ms;  /* when the window began */
        uint64_t seen;     /* lines since then, the ones left out included */
        uint64_t lines_max;
    } events[LOG_REPEAT_EVENTS_MAX];
};

/* 1 when a line of this event, of which lines_max may be in a window, may be written at now_ms (monotonic). Beyond LOG_REPEAT_EVENTS_MAX different
 * events in one window further ones are not limited. */
int log_repeats_allow(struct log_repeats *self, const char *event, uint64_t lines_max, int64_t now_ms);

/* Forgets one event whose window has ended with lines left out, stores their number and returns the event;
 * NULL when there is none. Call it until it returns NULL before log_repeats_allow. */
const char *log_repeats_ended(struct log_repeats *self, int64_t now_ms, uint64_t *left_out);

#endif
