/* One way by which notices go out: what waits for it, how often it may be used, what is tried again. Pure: times are arguments, and
 * somebody else delivers (alarm_ways.h).
 *
 *   events ──▶ gathered for `group` ──▶ a notice, if fewer than `notices` began within notices_window ──▶ delivered
 *                                          └─ failed: again after `retry`, doubled each time, `tries` times; then it is lost
 *
 * Bounded: one notice is on its way, and one is gathered; what comes meanwhile is in that one, the first ALARM_NOTICE_EVENTS_MAX events
 * as they are and of the others their number. So a way that is dead, or a flood, costs nothing and holds up no other way.
 */
#ifndef CONSOLE_ALARM_CHANNEL_H
#define CONSOLE_ALARM_CHANNEL_H

#include "console/alarm_notice.h"

#define ALARM_RATE_MAX        100    /* of `notices` */
#define ALARM_RETRY_MS_MAX    300000 /* the longest wait between two tries */
#define ALARM_ERROR_BYTES_MAX 256    /* why a delivery failed, with its NUL */

struct alarm_channel {
    const struct conf_alarm *conf;
    struct alarm_notice gathered;
    int64_t gathered_ms; /* monotonic: its first event */
    struct alarm_notice going;
    int is_going;        /* `going` is to be delivered */
    int is_delivering;   /* and is just now */
    unsigned tries;      /* of it, so far */
    int64_t try_ms;      /* monotonic: not before */
    int64_t began_ms[ALARM_RATE_MAX]; /* monotonic: the first tries of the last notices */
    uint64_t begun;
    /* For people. */
    uint64_t taken, lost;
    char error[ALARM_ERROR_BYTES_MAX]; /* of the last delivery; empty: it was taken, or there was none */
};

void alarm_channel_open(struct alarm_channel *c, const struct conf_alarm *conf);

void alarm_channel_add(struct alarm_channel *c, const struct alarm_event *event, int64_t mono_ms);

/* The notice whose delivery is to begin now; NULL when there is none. After one call alarm_channel_done must follow, some day. */
const struct alarm_notice *alarm_channel_next(struct alarm_channel *c, int64_t mono_ms, int64_t wall_ms);

/* The delivery has ended; `error` is NULL when it was taken. Returns 1 when the notice is lost now: it is not tried again. */
int alarm_channel_done(struct alarm_channel *c, const char *error, int64_t mono_ms);

/* 1 when nothing waits and nothing is on its way. */
int alarm_channel_is_idle(const struct alarm_channel *c);

/* Until there may be something to deliver; at most limit_ms. */
int64_t alarm_channel_wait_ms(const struct alarm_channel *c, int64_t mono_ms, int64_t limit_ms);

#endif
