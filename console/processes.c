#include "console/processes.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define GATEWAY "mega-gateway"
#define LOCK    ".lock"

/* The process id in a lock file, which program_lock wrote; 0 when there is none. */
static int64_t read_pid(const char *dir, const char *file)
{
    char path[1024];
    long pid = 0;
    snprintf(path, sizeof path, "%s/%s", dir, file);
    FILE *lock = fopen(path, "re");
    if (lock == NULL)
        return 0;
    if (fscanf(lock, "%ld", &pid) != 1)
        pid = 0;
    fclose(lock);
    return pid;
}

size_t processes_find_gateways(const char *run_dir, struct process found[PROCESSES_MAX])
{
    size_t count = 0;
    const struct dirent *entry;
    DIR *dir = opendir(run_dir);
    if (dir == NULL)
        return 0;
    while (count < PROCESSES_MAX && (entry = readdir(dir)) != NULL) {
        size_t bytes = strlen(entry->d_name), end = sizeof LOCK - 1;
        if (bytes <= end || bytes - end >= PROCESS_NAME_MAX || strcmp(entry->d_name + bytes - end, LOCK) != 0)
            continue;
        int64_t pid = read_pid(run_dir, entry->d_name);
        struct process *p = &found[count];
        if (pid <= 0 || usage_of(pid, GATEWAY, &p->usage) != 0)
            continue;
        memcpy(p->name, entry->d_name, bytes - end);
        p->name[bytes - end] = '\0';
        count++;
    }
    closedir(dir);
    return count;
}
