/* What the tools measure with: a histogram of times, exact to one 64th of the value, in constant memory; and processor time. */
#ifndef TESTS_BENCH_TIMES_H
#define TESTS_BENCH_TIMES_H

#include <stdint.h>
#include <sys/resource.h>

#define TIMES_STEPS   64 /* in each power of two */
#define TIMES_BUCKETS (TIMES_STEPS * 40)

/* Processor seconds that this process has used so far, in itself and in the kernel. */
static inline double times_cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

struct times {
    uint64_t count;
    int64_t max_us;
    uint64_t buckets[TIMES_BUCKETS];
};

static inline unsigned times_bucket(int64_t us)
{
    uint64_t value = us < 0 ? 0 : (uint64_t)us;
    if (value < TIMES_STEPS)
        return (unsigned)value;
    unsigned shift = (unsigned)(63 - __builtin_clzll(value)) - 6;
    unsigned bucket = TIMES_STEPS * (shift + 1) + (unsigned)(value >> shift) - TIMES_STEPS;
    return bucket < TIMES_BUCKETS ? bucket : TIMES_BUCKETS - 1;
}

static inline void times_add(struct times *t, int64_t us)
{
    t->count++;
    t->max_us = us > t->max_us ? us : t->max_us;
    t->buckets[times_bucket(us)]++;
}

/* The time that so many of a hundred did not exceed; 0 when there are none. */
static inline int64_t times_percentile(const struct times *t, unsigned percent)
{
    uint64_t wanted = t->count * percent / 100, seen = 0;
    for (unsigned i = 0; i < TIMES_BUCKETS && t->count > 0; i++) {
        seen += t->buckets[i];
        if (seen <= wanted)
            continue;
        if (i < TIMES_STEPS)
            return i;
        unsigned shift = i / TIMES_STEPS - 1;
        return (int64_t)(((uint64_t)TIMES_STEPS + i % TIMES_STEPS) << shift);
    }
    return t->max_us;
}

#endif
