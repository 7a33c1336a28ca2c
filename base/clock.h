/* The two clocks. Wall time is for people and for due times; the monotonic clock is for leases and time limits. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970, UTC. May step in both directions. */
int64_t clock_wall_ms(void);

/* Milliseconds of CLOCK_BOOTTIME: never steps, and goes on while the machine is suspended, which leases must notice; comparable
 * between processes of one machine only. */
int64_t clock_mono_ms(void);

/* Microseconds of the same clock, for rates and for measuring. */
int64_t clock_mono_us(void);

/* Waits for nothing but time: what is shorter than poll can wait. */
void clock_wait_us(int64_t us);

#endif
