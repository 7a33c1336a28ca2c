/*
 * mood.h - what WeChat does to callbacks now and then: sends one again although it was answered, late, or after a later one.
 */
#ifndef SIM_MOOD_H
#define SIM_MOOD_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/dice.h"

#define MOOD_LATE_MAX_MS 3600000

/* Says in error texts what mood_read() takes. */
#define MOOD_SYNTAX                                                                                          \
    "repeat@RATE, late@RATE:MS and reorder@RATE with commas between them (RATE 0 to 1, MS 0 to 3600000)"

/* Shares of all events, 0 to 1. */
struct mood {
    double repeat;  /* once more after it was answered */
    double late;    /* late_ms after it happened */
    double reorder; /* after the next one of the same recipient */
    int64_t late_ms;
};

/* What one event meets. */
struct mood_choice {
    bool repeat;
    bool reorder;
    int64_t late_ms; /* 0: at once */
};

/* Reads a list as above; "" is no mood at all. 0, or -1 and *mood unchanged. */
int mood_read(struct mood *mood, const char *spec);

/* Rolls the dice three times whatever the mood is, so that one share does not change what another one hits. */
struct mood_choice mood_draw(const struct mood *mood, struct dice *dice);

#endif
