/* The two clocks. Used by everything that acts; what decides takes its time as an argument.
 *
 * clock_gettime cannot fail for these clocks on Linux, so nothing here does.
 */
#include "base/clock.h"

#include <assert.h>
#include <time.h>

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    int rc = clock_gettime(clock, &now);
    assert(rc == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_mono_us(void)
{
    return clock_us(CLOCK_BOOTTIME);
}

void clock_wait_us(int64_t us)
{
    struct timespec wait = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    nanosleep(&wait, NULL); /* a signal that ends it early does no harm */
}
