/* What a program tells the service manager. Messages are datagrams that nobody answers; one that cannot be sent is logged, but for
 * a manager that is slow to read.
 */
#include "base/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define WATCHDOG_SHARE 3 /* of the time that the watchdog gives; systemd asks for half, a loaded machine for a margin */
#define AGAIN_MS       100 /* until what could not be said is said again */

/* The address of the manager's socket; a leading @ stands for the NUL of an abstract one. Returns its bytes, 0 when it is none. */
static socklen_t find_manager(struct sockaddr_un *address)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t bytes = path ? strlen(path) : 0;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (bytes < 2 || bytes >= sizeof address->sun_path || (*path != '/' && *path != '@'))
        return 0;
    memcpy(address->sun_path, path, bytes);
    if (*path == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes);
}

/* Returns 0, or -1 when it was not sent (errno set). */
static int send_state(const char *state)
{
    struct sockaddr_un address;
    socklen_t bytes = find_manager(&address);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ssize_t sent = fd < 0 ? -1 : sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, bytes);
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return sent < 0 ? -1 : 0;
}

static int say(const struct notify *n, const char *state)
{
    if (!n->is_on || send_state(state) == 0)
        return 0;
    if (errno != EAGAIN)
        log_warn("service manager cannot be told", log_str("state", state), log_str("error", strerror(errno)));
    return -1;
}

static void say_ready(struct notify *n)
{
    n->is_ready = 1;
    n->ready_by_ms = 0;
    n->owes_ready = say(n, "READY=1") != 0 && errno == EAGAIN;
}

/* Milliseconds of the watchdog, if it is for this process; 0 when there is none. */
static int64_t watchdog_ms(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (us == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid()))
        return 0;
    long long ms = strtoll(us, NULL, 10) / 1000;
    return ms > 0 ? (int64_t)ms : 0;
}

void notify_open(struct notify *n)
{
    struct sockaddr_un address;
    *n = (struct notify){.is_on = find_manager(&address) != 0};
    int64_t given_ms = n->is_on ? watchdog_ms() : 0;
    n->every_ms = given_ms > 0 && given_ms < WATCHDOG_SHARE ? 1 : given_ms / WATCHDOG_SHARE;
}

void notify_status(const struct notify *n, const char *format, ...)
{
    char text[NOTIFY_TEXT_BYTES_MAX], state[NOTIFY_TEXT_BYTES_MAX + 16];
    va_list args;
    if (!n->is_on)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text[strcspn(text, "\n")] = '\0'; /* a line of its own would be another variable */
    snprintf(state, sizeof state, "STATUS=%s", text);
    say(n, state);
}

void notify_ready(struct notify *n, const char *status)
{
    notify_status(n, "%s", status);
    if (!n->is_ready)
        say_ready(n);
}

void notify_await(struct notify *n, const char *what, int64_t now_ms)
{
    if (n->is_ready)
        return;
    notify_status(n, "waiting for %s", what);
    n->ready_by_ms = now_ms + NOTIFY_AWAIT_MS;
}

/* Type=notify-reload wants to know when this was said, in the same message and by CLOCK_MONOTONIC (sd_notify(3), MONOTONIC_USEC=),
 * which is not the clock of clock.h. */
void notify_reloading(const struct notify *n)
{
    char state[96];
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return;
    int64_t now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading the configuration", now_us);
    say(n, state);
}

void notify_reloaded(struct notify *n, const char *status)
{
    say_ready(n);
    notify_status(n, "%s", status);
}

void notify_stopping(struct notify *n, const char *status)
{
    say(n, "STOPPING=1");
    notify_status(n, "%s", status);
    n->is_ready = 1; /* a stage that was told to stop while it waited is not going to be ready */
    n->ready_by_ms = 0;
    n->owes_ready = 0;
}

static int64_t sooner(int64_t wait_ms, int64_t other_ms)
{
    if (other_ms < 0)
        other_ms = 0;
    return wait_ms < 0 || other_ms < wait_ms ? other_ms : wait_ms;
}

int64_t notify_wait_ms(struct notify *n, int64_t wait_ms)
{
    if (n->every_ms == 0 && n->ready_by_ms == 0 && !n->owes_ready)
        return wait_ms;
    int64_t now_ms = clock_mono_ms();
    if (n->owes_ready || (n->ready_by_ms && now_ms >= n->ready_by_ms))
        say_ready(n); /* the status goes on to say what is waited for */
    if (n->every_ms && now_ms >= n->next_ms) {
        say(n, "WATCHDOG=1");
        n->next_ms = now_ms + n->every_ms;
    }
    if (n->owes_ready)
        wait_ms = sooner(wait_ms, AGAIN_MS);
    if (n->ready_by_ms)
        wait_ms = sooner(wait_ms, n->ready_by_ms - now_ms);
    return n->every_ms ? sooner(wait_ms, n->next_ms - now_ms) : wait_ms;
}
