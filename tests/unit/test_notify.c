/* What the service manager is told. The test plays it: NOTIFY_SOCKET is a datagram socket of its own. */
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/clock.h"
#include "base/notify.h"
#include "tests/unit/test.h"

static int server;

static void listen_as_manager(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", test_folder());
    server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(server >= 0 && bind(server, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK_INT(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
}

/* All that came since, each message in brackets. */
static const char *heard(void)
{
    static char all[4096];
    char message[512];
    size_t at = 0;
    ssize_t bytes;
    while ((bytes = recv(server, message, sizeof message, 0)) >= 0)
        at += (size_t)snprintf(all + at, sizeof all - at, "[%.*s]", (int)bytes, message);
    all[at] = '\0';
    return all;
}

static void test_nobody_to_tell(void)
{
    struct notify n;
    unsetenv("NOTIFY_SOCKET");
    setenv("WATCHDOG_USEC", "1000000", 1);
    notify_open(&n);
    notify_ready(&n, "running");
    notify_await(&n, "the broker", clock_mono_ms());
    CHECK_INT(n.every_ms, 0);
    n.ready_by_ms = 0;
    CHECK_INT(notify_wait_ms(&n, -1), -1);
    CHECK_INT(notify_wait_ms(&n, 60000), 60000);
    unsetenv("WATCHDOG_USEC");
}

static void test_states(void)
{
    struct notify n;
    notify_open(&n);
    CHECK_INT(notify_wait_ms(&n, 60000), 60000); /* no watchdog */
    notify_ready(&n, "running");
    CHECK_STR(heard(), "[STATUS=running][READY=1]");
    notify_ready(&n, "welcomed again");
    CHECK_STR(heard(), "[STATUS=welcomed again]");
    notify_status(&n, "%d calls\nWATCHDOG=trigger", 7);
    CHECK_STR(heard(), "[STATUS=7 calls]");
    notify_stopping(&n, "stopping");
    CHECK_STR(heard(), "[STOPPING=1][STATUS=stopping]");
}

static void test_reload(void)
{
    struct notify n;
    struct timespec before, after;
    long long said_us = 0;
    notify_open(&n);
    clock_gettime(CLOCK_MONOTONIC, &before);
    notify_reloading(&n);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK_INT(sscanf(heard(), "[RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=", &said_us), 1);
    CHECK(said_us >= before.tv_sec * 1000000LL + before.tv_nsec / 1000);
    CHECK(said_us <= after.tv_sec * 1000000LL + after.tv_nsec / 1000);
    notify_reloaded(&n, "running");
    CHECK_STR(heard(), "[READY=1][STATUS=running]");
}

/* Ready when what it waits for is there, or when it has waited for long enough. */
static void test_await(void)
{
    struct notify n;
    notify_open(&n);
    notify_await(&n, "the broker", clock_mono_ms());
    CHECK_STR(heard(), "[STATUS=waiting for the broker]");
    int64_t wait_ms = notify_wait_ms(&n, 60000);
    CHECK(wait_ms > 0 && wait_ms <= NOTIFY_AWAIT_MS);
    CHECK(notify_wait_ms(&n, -1) <= NOTIFY_AWAIT_MS && notify_wait_ms(&n, 3) == 3);
    CHECK_STR(heard(), "");
    notify_ready(&n, "running");
    CHECK_STR(heard(), "[STATUS=running][READY=1]");
    CHECK_INT(notify_wait_ms(&n, 60000), 60000);

    notify_open(&n);
    notify_await(&n, "the broker", clock_mono_ms() - NOTIFY_AWAIT_MS);
    CHECK_STR(heard(), "[STATUS=waiting for the broker]");
    CHECK_INT(notify_wait_ms(&n, 60000), 60000);
    CHECK_STR(heard(), "[READY=1]");
    notify_ready(&n, "running");
    CHECK_STR(heard(), "[STATUS=running]");
}

/* A sign of life comes with a turn of the loop, at most one in a third of the time; and the loop is never asleep for longer than that. */
static void test_watchdog(void)
{
    struct notify n;
    setenv("WATCHDOG_USEC", "3000000", 1);
    notify_open(&n);
    CHECK_INT(n.every_ms, 1000);
    CHECK_STR(heard(), "");
    int64_t wait_ms = notify_wait_ms(&n, 60000);
    CHECK_STR(heard(), "[WATCHDOG=1]");
    CHECK(wait_ms > 900 && wait_ms <= 1000);
    CHECK_INT(notify_wait_ms(&n, 0), 0);
    CHECK(notify_wait_ms(&n, -1) <= 1000);
    CHECK_STR(heard(), "");
    n.next_ms = clock_mono_ms(); /* as if that time were over */
    notify_wait_ms(&n, 60000);
    CHECK_STR(heard(), "[WATCHDOG=1]");
    char other[24];
    snprintf(other, sizeof other, "%ld", (long)getppid());
    setenv("WATCHDOG_PID", other, 1); /* meant for another process: sd_watchdog_enabled(3) */
    notify_open(&n);
    CHECK_INT(n.every_ms, 0);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

/* A manager that does not read holds up nobody: what it cannot be told is left out, but that the program is ready. */
static void test_slow_manager(void)
{
    struct notify n;
    setenv("WATCHDOG_USEC", "3000000", 1);
    notify_open(&n);
    for (int i = 0; i < 100000 && !n.owes_ready; i++)
        notify_reloaded(&n, "running");
    CHECK_INT(n.owes_ready, 1);
    notify_reloading(&n);
    CHECK(notify_wait_ms(&n, 60000) <= 100);
    CHECK_INT(n.owes_ready, 1);
    while (*heard())
        continue;
    notify_wait_ms(&n, 60000);
    CHECK_INT(n.owes_ready, 0);
    CHECK_STR(heard(), "[READY=1]");
    unsetenv("WATCHDOG_USEC");
}

int main(void)
{
    test_nobody_to_tell();
    listen_as_manager();
    test_states();
    test_reload();
    test_await();
    test_watchdog();
    test_slow_manager();
    close(server);
    return 0;
}
