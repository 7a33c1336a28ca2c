/* What a program tells the service manager that started it: systemd's notification protocol (sd_notify(3), "Standalone
 * Implementations"; sd_watchdog_enabled(3)). Without NOTIFY_SOCKET in the environment, as under supervisord, all of it does nothing.
 *
 * Not through libsystemd: its sd_notify waits while the manager does not read, and a loop that serves callers must wait for nobody.
 * What cannot be sent at once is left out; that the program is ready is said again.
 *
 * The watchdog is fed by notify_wait_ms, which a main loop calls in each of its turns and nothing else does: a loop that hangs
 * stops feeding it, however lively the process's threads are, and systemd restarts the process (WatchdogSec).
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdint.h>

#define NOTIFY_TEXT_BYTES_MAX 256 /* of a status, with its NUL; a longer one is cut */
#define NOTIFY_AWAIT_MS       5000 /* see notify_await */

/* All zeroes: nobody is told anything. */
struct notify {
    int is_on;           /* there is somebody to tell */
    int is_ready;        /* it is */
    int owes_ready;      /* that could not be said yet */
    int64_t ready_by_ms; /* says that it is ready then at the latest; 0 = not by itself. Times by clock_mono_ms */
    int64_t every_ms;    /* between two signs of life; 0 = no watchdog */
    int64_t next_ms;     /* when the next one is due */
};

/* Finds out who is to be told. The environment is left as it is. */
void notify_open(struct notify *n);

/* Ready, with a status for `systemctl status`. Said once; later calls tell the status only. */
void notify_ready(struct notify *n, const char *status);

/* Waits for `what` before it is ready, but for NOTIFY_AWAIT_MS at most: a stage that waits for another one does what it is there
 * for, and must not fail to start, whatever the order in which they are started. */
void notify_await(struct notify *n, const char *what, int64_t now_ms);

/* What it is doing now, a line for people. */
void notify_status(const struct notify *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* It reads its configuration again, until notify_reloaded says what became of that. */
void notify_reloading(const struct notify *n);
void notify_reloaded(struct notify *n, const char *status);

/* It is about to end. */
void notify_stopping(struct notify *n, const char *status);

/* To be called by a main loop just before it waits: shows that it is alive when that is due. Returns wait_ms, or less when the next
 * sign is due before; -1 (no limit) is taken too. */
int64_t notify_wait_ms(struct notify *n, int64_t wait_ms);

#endif
