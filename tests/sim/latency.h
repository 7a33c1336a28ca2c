/*
 * latency.h - how long WeChat takes to answer a message call: fixed, uniform or lognormal.
 */
#ifndef SIM_LATENCY_H
#define SIM_LATENCY_H

#include <stdint.h>

#include "tests/sim/dice.h"

#define LATENCY_MAX_MS 600000 /* ten minutes; longer than any caller waits */

/* Says in error texts what latency_read() takes. */
#define LATENCY_SYNTAX                                                                                       \
    "MS, MIN-MAX or lognormal:MEDIAN:P99 (whole milliseconds, 0 to 600000; P99 at most 1000 times MEDIAN)"

enum latency_shape { LATENCY_UNIFORM, LATENCY_LOGNORMAL };

struct latency {
    enum latency_shape shape;
    int64_t min_ms;   /* uniform: the fixed one has min == max */
    int64_t max_ms;   /* uniform */
    double median_ms; /* lognormal */
    double sigma;     /* lognormal: of the logarithm */
};

/* Reads "0", "100", "50-350" or "lognormal:90:400". 0, or -1 and *latency unchanged. */
int latency_read(struct latency *latency, const char *spec);

/* A latency in ms, 0 to LATENCY_MAX_MS. */
int64_t latency_draw(const struct latency *latency, struct dice *dice);

#endif
