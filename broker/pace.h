/* The pace of one account: the rate that is set (by the configuration, or by an operator while the broker runs), and a limit below
 * it that follows what WeChat says: it goes down when the account is called too fast (45011) or when WeChat is overloaded, and comes
 * back by itself. Pure; times are monotonic microseconds. In memory only: a restart begins with the rate that is set.
 *
 *   too fast   limit = 0.7 x the lower of the present rate and what was measured; once for all that comes within 5 s
 *   overload   of the answers of a second, 20 at least, clearly more than half were "busy" (more than chance can make of a third of
 *              them): limit = half of it, never below a tenth of what was measured before the trouble
 *   recovery   after 10 s without either, a tenth more for every 5 s in which the limit was used up; it ends at the rate that is set,
 *              or, where none is, at 4 x what was measured before
 *
 * A limit is never below 1 a second.
 */
#ifndef BROKER_PACE_H
#define BROKER_PACE_H

#include "broker/spacing.h"

#define PACE_SECONDS 10 /* that the measured rate looks back */
#define PACE_NO_OVERRIDE (-1)

struct pace {
    struct spacing spacing;
    uint32_t conf_per_s;    /* 0 = no limit */
    int64_t override_per_s; /* an operator's, 0 = no limit; or PACE_NO_OVERRIDE */
    double limit_per_s;     /* 0 = none */
    double best_per_s;      /* measured before the limit */
    int64_t too_fast_us;    /* when WeChat said so last */
    int64_t grow_from_us;   /* the limit's use is counted from here on */
    uint32_t used;          /* since then */
    int64_t answers_us;     /* begin of the second whose answers are counted */
    uint32_t answers, busy;
    int64_t second;         /* the newest of the counts: seconds of the monotonic clock */
    uint32_t counts[PACE_SECONDS + 1]; /* given out, second by second, in a circle */
};

enum pace_change { PACE_SAME, PACE_SLOWER, PACE_RECOVERED };

void pace_init(struct pace *p, uint32_t conf_per_s);

/* Another rate of the configuration. Where no operator has set one it counts at once, and the limit ends. */
void pace_configure(struct pace *p, uint32_t conf_per_s);

/* per_s 0 = no limit, PACE_NO_OVERRIDE = as the configuration says. The limit ends: an operator who sets a rate wants that. */
void pace_override(struct pace *p, int64_t per_s);

/* The rate that is set, and the rate in force with the limit; 0 = none. */
uint32_t pace_set_per_s(const struct pace *p);
double pace_per_s(const struct pace *p);

/* Messages a second that were given out of late. */
double pace_measured_per_s(const struct pace *p, int64_t now_us);

/* Microseconds until the next message may go; 0 = now. */
int64_t pace_held_us(const struct pace *p, int64_t now_us);

/* A message goes out. PACE_RECOVERED: the limit has ended with it. */
enum pace_change pace_take(struct pace *p, int64_t now_us);

/* The account was looked at, and nothing of it was there to go. */
void pace_rest(struct pace *p);

/* WeChat said that the account is called too fast. */
enum pace_change pace_slow_down(struct pace *p, int64_t now_us);

/* WeChat, or what stands before it, answered a call; is_busy: it was overloaded. */
enum pace_change pace_answer(struct pace *p, int64_t now_us, int is_busy);

#endif
