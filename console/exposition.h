/* Writes the text format of Prometheus, version 0.0.4: a family is its HELP and TYPE and all its samples, one behind the other. Pure.
 *
 * Source: prometheus.io/docs/instrumenting/exposition_formats: in label values \, " and newline are escaped; numbers are as Go reads
 * them; of a histogram the buckets are cumulative and end with le="+Inf".
 */
#ifndef CONSOLE_EXPOSITION_H
#define CONSOLE_EXPOSITION_H

#include <stdint.h>

#include "base/buf.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct label {
    const char *name;
    struct span value; /* any bytes: what is not UTF-8 becomes U+FFFD */
};

/* What is being written: the samples of the family that was begun last. Nothing is written of a family without samples. */
struct exposition {
    struct buf *out;
    const char *name, *type, *help;
    int is_begun; /* 1: HELP and TYPE stand there */
};

void family(struct exposition *e, const char *name, const char *type, const char *help);
void sample(struct exposition *e, const struct label *labels, size_t count, double value);
void sample_u64(struct exposition *e, const struct label *labels, size_t count, uint64_t value);

/* Samples of a histogram: `le` and `n` as proto/histogram.h packs them, bounds and sum in microseconds. Nothing when they are none. */
void sample_histogram(struct exposition *e, const struct label *labels, size_t count, struct span le, struct span n, double sum_us);

/* Shorthands. */
#define LABEL(name, text)  {name, text}
#define LABELS(...)        (const struct label[]){__VA_ARGS__}, sizeof((const struct label[]){__VA_ARGS__}) / sizeof(struct label)
#define NO_LABELS          NULL, 0

#endif
