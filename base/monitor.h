/* Tells when a ZeroMQ socket loses a connection (zmq_socket_monitor).
 *
 * A ZeroMQ socket reconnects by itself and says nothing; what was on its way in the lost connection is gone. Who has to
 * know that (the fence, a client with unanswered requests) polls the monitor beside the socket.
 */
#ifndef BASE_MONITOR_H
#define BASE_MONITOR_H

struct monitor;

/* `socket` is a CZMQ zsock_t; it must outlive the monitor. Ends the process when the monitor cannot be made. */
struct monitor *monitor_new(void *socket);
void monitor_destroy(struct monitor **self);

/* The zsock to poll for reading. */
void *monitor_socket(struct monitor *self);

/* Reads what is there. Returns the number of lost connections since the last call; 0 when only a connection ended that had
 * never been established. */
int monitor_lost(struct monitor *self);

#endif
