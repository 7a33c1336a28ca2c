/*
 * number.h - whole numbers out of text that people typed: options, fault rules, latencies, control calls.
 */
#ifndef SIM_NUMBER_H
#define SIM_NUMBER_H

#include <stdint.h>

/* Reads all of `text` as a decimal number. 0 and *number, or -1: no number, or not between min and max. */
int number_read(const char *text, int64_t min, int64_t max, int64_t *number);

/* The same for a probability: a decimal fraction between 0 and 1. */
int number_read_share(const char *text, double *share);

#endif
