/* Tells when a ZeroMQ socket loses a connection.
 *
 * libzmq sends its events through an inproc PAIR. DISCONNECTED is what is looked for. A connection that broke off before its handshake was
 * done carried nothing, and under CURVE strangers make such ones as often as they like, so their DISCONNECTED must not count:
 *   - HANDSHAKE_FAILED_NO_DETAIL (a port scan, a health check) and HANDSHAKE_FAILED_PROTOCOL (no CURVE, another server's key) come just
 *     before the DISCONNECTED of their connection, so each of them cancels one;
 *   - HANDSHAKE_FAILED_AUTH (a key that may not come in) comes up to AUTH_MS before it. What of these is not used up by then is
 *     forgotten, since whoever then fails in another way as well would be counted twice.
 * In doubt a loss is told: reporting too much costs a fence or a repeated question, reporting too little costs messages time. A failed
 * attempt to connect (CLOSED, CONNECT_RETRIED) is no loss.
 *
 * The PAIR has no high-water mark: libzmq's own thread writes into it and must never wait for a slow reader.
 * It holds a small event or two for each lost connection until the reader comes.
 */
#include "base/monitor.h"

#include <czmq.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#define AUTH_MS 4000 /* a little more than the time for a handshake (curve.c) */
#define EVENTS  (ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | \
                ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

struct monitor {
    void *watched; /* raw socket of libzmq; not ours */
    zsock_t *events;
    int broken_off; /* handshakes that failed, whose DISCONNECTED has not come yet */
    int turned_away;        /* the same for keys */
    int64_t turned_away_ms; /* monotonic: when the last of those was */
};

static _Noreturn void monitor_fail(const char *what)
{
    log_fatal("socket monitor cannot be made", log_str("step", what),
              log_str("error", zmq_strerror(zmq_errno())));
    exit(1);
}

struct monitor *monitor_new(void *socket)
{
    struct monitor *self = mem_new(sizeof *self);
    self->watched = zsock_resolve(socket);
    char address[64]; /* two live monitors never share an address, for no two live structs do */
    snprintf(address, sizeof address, "inproc://monitor-%p", (void *)self);
    if (zmq_socket_monitor(self->watched, address, EVENTS) != 0)
        monitor_fail("zmq_socket_monitor");
    self->events = zsock_new(ZMQ_PAIR);
    if (self->events == NULL)
        monitor_fail("zsock_new");
    zsock_set_rcvhwm(self->events, 0);
    if (zsock_connect(self->events, "%s", address) != 0)
        monitor_fail("connect");
    return self;
}

void monitor_destroy(struct monitor **self)
{
    if (*self == NULL)
        return;
    /* Without an address libzmq closes its end; unwatched, it would keep the address until the socket goes.
     */
    zmq_socket_monitor((*self)->watched, NULL, 0);
    zsock_destroy(&(*self)->events);
    free(*self);
    *self = NULL;
}

void *monitor_socket(struct monitor *self)
{
    return self->events;
}

/* Reads one event: two frames, a 16-bit number with a 32-bit value, and the address (zmq_socket_monitor(3)).
 * Returns the number of the event, 0 when none is there. */
static uint16_t read_event(void *raw)
{
    unsigned char first[6];
    int bytes = zmq_recv(raw, first, sizeof first, ZMQ_DONTWAIT);
    if (bytes < 0)
        return 0;
    uint16_t event = ZMQ_EVENT_MONITOR_STOPPED;
    if (bytes == (int)sizeof first)
        memcpy(&event, first, sizeof event);
    int more = 0;
    size_t more_bytes = sizeof more;
    while (zmq_getsockopt(raw, ZMQ_RCVMORE, &more, &more_bytes) == 0 && more)
        if (zmq_recv(raw, NULL, 0, ZMQ_DONTWAIT) < 0)
            break;
    return event;
}

int monitor_lost(struct monitor *self)
{
    void *raw = zsock_resolve(self->events);
    int lost = 0;
    if (self->turned_away && clock_mono_ms() - self->turned_away_ms > AUTH_MS)
        self->turned_away = 0;
    for (uint16_t event = read_event(raw); event != 0; event = read_event(raw)) {
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
            self->turned_away++;
            self->turned_away_ms = clock_mono_ms();
        } else if (event != ZMQ_EVENT_DISCONNECTED) {
            self->broken_off += event != ZMQ_EVENT_MONITOR_STOPPED;
        } else if (self->broken_off > 0) {
            self->broken_off--;
        } else if (self->turned_away > 0) {
            self->turned_away--;
        } else {
            lost++;
        }
    }
    return lost;
}
