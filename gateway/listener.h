/* Opens the addresses that clients connect to, and tells where they really are. */
#ifndef GATEWAY_LISTENER_H
#define GATEWAY_LISTENER_H

#include "base/buf.h"
#include "gateway/watch.h"

#define LISTENER_ADDRESS_BYTES_MAX 128 /* with its NUL: [IPv6%scope]:PORT */

struct listener {
    struct watch watch;
    int fd; /* -1 when closed */
    char address[LISTENER_ADDRESS_BYTES_MAX]; /* HOST:PORT, the port as it really is */
};

/* `where` is HOST:PORT; HOST is a name or an address, IPv6 in brackets, or * for all of IPv4; port 0 is
 * any that is free. Returns 0 with a non-blocking listening socket, or -1 (logged). */
int listener_open(struct listener *l, const char *where);
void listener_close(struct listener *l);

/* Writes the addresses, a line each, into the file, which is there as a whole or not at all. Returns 0, or
 * -1 (logged). */
int listener_write_ports(const struct listener *listeners, size_t count, const char *path);

#endif
