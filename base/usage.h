/* What a process takes of its machine: for figures. */
#ifndef BASE_USAGE_H
#define BASE_USAGE_H

#include <stdint.h>

struct usage {
    int64_t cpu_us;     /* processor time of all its threads since its start, in user and system mode */
    uint64_t rss_bytes; /* resident memory; 0 when the system does not tell */
};

/* Of this process. Costs some microseconds: for whatever happens by the second. */
struct usage usage_now(void);

/* Of another one on this host, whose program's name must be the given one (at most 15 bytes: the kernel cuts it there). Returns 0; -1
 * when there is no such process, or it is another program's. Source: proc(5), /proc/PID/stat. */
int usage_of(int64_t pid, const char *program, struct usage *usage);

#endif
