/*
 * dice.h - reproducible randomness: the same seed and order of calls give the same faults and latencies.
 */
#ifndef SIM_DICE_H
#define SIM_DICE_H

#include <stdint.h>

struct dice {
    uint64_t state;
};

void dice_seed(struct dice *dice, uint64_t seed);

/* 64 random bits. */
uint64_t dice_roll(struct dice *dice);

/* A number in [0, 1). */
double dice_share(struct dice *dice);

#endif
