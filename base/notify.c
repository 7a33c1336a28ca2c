/* What a program tells the service manager. Messages are datagrams that nobody answers; one that cannot be sent is logged. */
#include "base/notify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"

#define WATCHDOG_SHARE 3 /* of the time that the watchdog gives; systemd asks for half, a loaded machine for a margin */

static void say(const struct notify *n, const char *state)
{
    int rc = n->is_on ? sd_notify(0, state) : 0;
    if (rc < 0)
        log_warn("service manager cannot be told", log_str("state", state), log_str("error", strerror(-rc)));
}

void notify_open(struct notify *n)
{
    uint64_t watchdog_us = 0;
    const char *socket = getenv("NOTIFY_SOCKET");
    *n = (struct notify){.is_on = socket != NULL && *socket != '\0'};
    if (!n->is_on || sd_watchdog_enabled(0, &watchdog_us) <= 0)
        return;
    uint64_t every_ms = watchdog_us / 1000 / WATCHDOG_SHARE;
    n->every_ms = every_ms > 0 ? (int64_t)every_ms : 1;
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
    n->ready_by_ms = 0;
    notify_status(n, "%s", status);
    if (!n->is_ready)
        say(n, "READY=1");
    n->is_ready = 1;
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

void notify_reloaded(const struct notify *n, const char *status)
{
    say(n, "READY=1");
    notify_status(n, "%s", status);
}

void notify_stopping(struct notify *n, const char *status)
{
    say(n, "STOPPING=1");
    notify_status(n, "%s", status);
    n->is_ready = 1; /* a stage that was told to stop while it waited is not going to be ready */
    n->ready_by_ms = 0;
}

static int64_t sooner(int64_t wait_ms, int64_t other_ms)
{
    if (other_ms < 0)
        other_ms = 0;
    return wait_ms < 0 || other_ms < wait_ms ? other_ms : wait_ms;
}

int64_t notify_wait_ms(struct notify *n, int64_t wait_ms)
{
    if (n->every_ms == 0 && n->ready_by_ms == 0)
        return wait_ms;
    int64_t now_ms = clock_mono_ms();
    if (n->ready_by_ms && now_ms >= n->ready_by_ms) {
        n->ready_by_ms = 0;
        n->is_ready = 1;
        say(n, "READY=1"); /* the status goes on to say what is waited for */
    }
    if (n->every_ms && now_ms >= n->next_ms) {
        say(n, "WATCHDOG=1");
        n->next_ms = now_ms + n->every_ms;
    }
    if (n->ready_by_ms)
        wait_ms = sooner(wait_ms, n->ready_by_ms - now_ms);
    return n->every_ms ? sooner(wait_ms, n->next_ms - now_ms) : wait_ms;
}
