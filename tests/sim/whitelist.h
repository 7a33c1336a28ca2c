/*
 * whitelist.h - which addresses may ask for tokens. An empty list lets everybody.
 */
#ifndef SIM_WHITELIST_H
#define SIM_WHITELIST_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/sim/http.h"

#define WHITELIST_MAX 64

/* Says in error texts what whitelist_read() takes. */
#define WHITELIST_SYNTAX "up to 64 IP addresses with commas between them"

struct whitelist {
    size_t used;
    char ips[WHITELIST_MAX][HTTP_IP_BYTES];
};

/* Reads "1.2.3.4,::1", or "" for an empty list. 0, or -1 and *self unchanged. */
int whitelist_read(struct whitelist *self, const char *text);

/* Whether this address, as exchange_client_ip() writes it, may have a token. */
bool whitelist_has(const struct whitelist *self, const char *ip);

#endif
