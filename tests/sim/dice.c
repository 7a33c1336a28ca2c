/*
 * dice.c - the SplitMix64 generator (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
 */
#include "tests/sim/dice.h"

void dice_seed(struct dice *dice, uint64_t seed)
{
    dice->state = seed;
}

uint64_t dice_roll(struct dice *dice)
{
    dice->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = dice->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

double dice_share(struct dice *dice)
{
    return (double)(dice_roll(dice) >> 11) / (double)(UINT64_C(1) << 53);
}
