/* A list of networks, "10.0.0.0/8, 192.168.1.7, fd00::/8": which addresses are in it. Pure. */
#ifndef BASE_NETWORKS_H
#define BASE_NETWORKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NETWORKS_MAX 64

/* IPv4 as ::ffff:a.b.c.d, so an IPv4 client is the same one on a socket of IPv6. */
struct ip_address {
    uint8_t bytes[16];
};

struct networks {
    size_t count; /* 0: every address is in it */
    struct {
        struct ip_address address;
        unsigned bits; /* 0 to 128 */
    } list[NETWORKS_MAX];
};

/* Addresses with or without /BITS, with commas or spaces between; bits behind /BITS must be 0. Returns NULL, or a constant text that says
 * what is wrong. */
const char *networks_parse(const char *text, struct networks *out);

/* 0, or -1 when it is no address of IPv4 or IPv6. */
int ip_address_of(const struct sockaddr *from, struct ip_address *out);

int networks_have(const struct networks *n, const struct ip_address *address);

#define IP_ADDRESS_TEXT_BYTES 48

/* As people write it. Returns `out`. */
const char *ip_address_text(const struct ip_address *address, char out[IP_ADDRESS_TEXT_BYTES]);

#endif
