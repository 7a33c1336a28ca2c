/* A signal handler has no argument of ours, so the watched range is at file scope: written before the handler can run, read by it
 * alone. It calls nothing but what POSIX allows there. */
#include "broker/store_fault.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static struct {
    volatile uintptr_t begin, end;
} watched;

static const char text[] =
    "level=fatal event=\"store failed\" error=\"a page of the store's file cannot be read: it is damaged, or the file was cut\" "
    "hint=\"see docs/operations.md, A damaged store\"\n";

/* Damaged pages may also lead somewhere else. */
static const char other_text[] =
    "level=fatal event=\"ended by a fault\" hint=\"if it comes back at each start: mega store verify, and docs/operations.md, A damaged "
    "store\"\n";

static void on_fault(int number, siginfo_t *info, void *context)
{
    uintptr_t at = (uintptr_t)info->si_addr;
    int is_ours = at >= watched.begin && at < watched.end;
    ssize_t written = write(log_fd(), is_ours ? text : other_text, is_ours ? sizeof text - 1 : sizeof other_text - 1);
    (void)context;
    (void)written; /* nothing more can be done */
    signal(number, SIG_DFL);
    raise(number); /* delivered when this handler returns */
}

void store_fault_watch(const void *begin, const void *end)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    watched.begin = (uintptr_t)begin;
    watched.end = (uintptr_t)end;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

void store_fault_forget(void)
{
    watched.begin = watched.end = 0;
}
