/*
 * address.h - HOST:PORT as people write it; IPv6 hosts in brackets, as in [::1]:8080.
 */
#ifndef SIM_ADDRESS_H
#define SIM_ADDRESS_H

#define ADDRESS_HOST_BYTES_MAX 255 /* of a DNS name */

/* Copies the host, without brackets, and points *port into `address`. 0, or -1: not that form, port > 65535.
 */
int address_split(const char *address, char host[ADDRESS_HOST_BYTES_MAX + 1], const char **port);

#endif
