#include "base/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct usage usage_now(void)
{
    struct usage usage = {0};
    struct timespec cpu;
    unsigned long pages = 0;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
        usage.cpu_us = (int64_t)cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return usage;
    if (fscanf(file, "%*u %lu", &pages) == 1)
        usage.rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    fclose(file);
    return usage;
}

/* PID (NAME) STATE and then numbers; the name may hold anything, so what counts is the last parenthesis. */
static int read_stat(char *text, const char *program, struct usage *usage)
{
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    unsigned long user = 0, system = 0;
    long pages = 0;
    if (name == NULL || end == NULL || end < name)
        return -1;
    *end = '\0';
    if (strcmp(name + 1, program) != 0)
        return -1;
    int got = sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
                     &user, &system, &pages);
    if (got != 3)
        return -1;
    usage->cpu_us = (int64_t)((user + system) * (1000000 / (unsigned long)sysconf(_SC_CLK_TCK)));
    usage->rss_bytes = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    return 0;
}

int usage_of(int64_t pid, const char *program, struct usage *usage)
{
    char text[1024];
    snprintf(text, sizeof text, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(text, "re");
    if (file == NULL)
        return -1;
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[bytes] = '\0';
    return read_stat(text, program, usage);
}
