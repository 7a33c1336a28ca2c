/*
 * latency.c - latencies drawn from a distribution; see latency.h.
 *
 * The lognormal one needs a normal variable and an exponential. Both are made here from plain arithmetic,
 * precise enough for a latency: the normal is the sum of twelve uniform ones, and its own 99 % point is used,
 * so that P99 is met.
 */
#include "tests/sim/latency.h"

#include <stdbool.h>
#include <string.h>

#include "tests/sim/number.h"

#define UNIFORMS         12
#define UNIFORM_SUM_P99  2.3022 /* 99 % point of (sum of twelve uniforms) - 6 */
#define LOGNORMAL_MAX    1000.0 /* largest P99 / MEDIAN */
#define LOGARITHM_BOUND  7.0    /* > ln(LOGNORMAL_MAX) */
#define NUMBER_BYTES_MAX 20

static int latency_read_pair(const char *numbers, char divider, int64_t min, int64_t pair[2]);
static double exponential(double power);
static double logarithm(double value);

int latency_read(struct latency *latency, const char *spec)
{
    static const char prefix[] = "lognormal:";
    bool lognormal = strncmp(spec, prefix, sizeof prefix - 1) == 0;
    const char *numbers = lognormal ? spec + sizeof prefix - 1 : spec;
    int64_t pair[2];
    if (lognormal && strchr(numbers, ':') == NULL)
        return -1;
    if (latency_read_pair(numbers, lognormal ? ':' : '-', lognormal ? 1 : 0, pair) != 0)
        return -1;
    if (!lognormal) {
        *latency = (struct latency){.shape = LATENCY_UNIFORM, .min_ms = pair[0], .max_ms = pair[1]};
        return 0;
    }
    double median_ms = (double)pair[0];
    double ratio = (double)pair[1] / median_ms;
    if (ratio > LOGNORMAL_MAX)
        return -1;
    double sigma = logarithm(ratio) / UNIFORM_SUM_P99;
    *latency = (struct latency){.shape = LATENCY_LOGNORMAL, .median_ms = median_ms, .sigma = sigma};
    return 0;
}

int64_t latency_draw(const struct latency *latency, struct dice *dice)
{
    if (latency->shape == LATENCY_UNIFORM) {
        if (latency->min_ms == latency->max_ms)
            return latency->min_ms;
        double span = (double)(latency->max_ms - latency->min_ms + 1);
        return latency->min_ms + (int64_t)(dice_share(dice) * span);
    }
    double normal = -UNIFORMS / 2.0;
    for (int i = 0; i < UNIFORMS; i++)
        normal += dice_share(dice);
    double ms = latency->median_ms * exponential(latency->sigma * normal) + 0.5;
    return ms < LATENCY_MAX_MS ? (int64_t)ms : LATENCY_MAX_MS;
}

/* "100", or two numbers with a divider between, the first not below `min`, the second not below the first. */
static int latency_read_pair(const char *numbers, char divider, int64_t min, int64_t pair[2])
{
    char first[NUMBER_BYTES_MAX + 1];
    const char *end = strchrnul(numbers, divider);
    size_t bytes = (size_t)(end - numbers);
    if (bytes > NUMBER_BYTES_MAX)
        return -1;
    memcpy(first, numbers, bytes);
    first[bytes] = '\0';
    if (number_read(first, min, LATENCY_MAX_MS, &pair[0]) != 0)
        return -1;
    pair[1] = pair[0];
    return *end == '\0' ? 0 : number_read(end + 1, pair[0], LATENCY_MAX_MS, &pair[1]);
}

/* e^power: a short series for a 1024th of the power, squared ten times. */
static double exponential(double power)
{
    double part = power / 1024;
    double value = 1 + part * (1 + part / 2 * (1 + part / 3 * (1 + part / 4)));
    for (int i = 0; i < 10; i++)
        value *= value;
    return value;
}

/* ln(value) for 1 <= value <= LOGNORMAL_MAX, by halving the interval. */
static double logarithm(double value)
{
    double low = 0;
    double high = LOGARITHM_BOUND;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        if (exponential(middle) < value)
            low = middle;
        else
            high = middle;
    }
    return low;
}
