/* Tells when a ZeroMQ socket loses a connection.
 *
 * libzmq sends its events through an inproc PAIR. Two kinds are asked for: DISCONNECTED, and
 * HANDSHAKE_FAILED_NO_DETAIL, which libzmq's engine sends just before the DISCONNECTED of a connection that
 * broke off before its handshake was done (a port scan, a health check). Such a connection carried nothing,
 * so each of the one cancels one of the other. A DISCONNECTED after a protocol error counts as a loss:
 * reporting too much costs a fence or a repeated question, reporting too little costs messages. A failed
 * attempt to connect (CLOSED, CONNECT_RETRIED) is no loss.
 *
 * The PAIR has no high-water mark: libzmq's own thread writes into it and must never wait for a slow reader.
 * It holds a small event or two for each lost connection until the reader comes.
 */
#include "base/monitor.h"

#include <czmq.h>

#include "base/buf.h"
#include "base/log.h"

struct monitor {
    void *watched; /* raw socket of libzmq; not ours */
    zsock_t *events;
    int broken_off; /* handshakes that failed, whose DISCONNECTED has not come yet */
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
    if (zmq_socket_monitor(self->watched, address,
                           ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) != 0)
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
    for (uint16_t event = read_event(raw); event != 0; event = read_event(raw)) {
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
            self->broken_off++;
        else if (event == ZMQ_EVENT_DISCONNECTED && self->broken_off > 0)
            self->broken_off--;
        else if (event == ZMQ_EVENT_DISCONNECTED)
            lost++;
    }
    return lost;
}
