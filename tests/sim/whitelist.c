/*
 * whitelist.c - addresses that may ask for tokens; see whitelist.h.
 */
#include "tests/sim/whitelist.h"

#include <arpa/inet.h>
#include <string.h>

/* One address, brought into the form that inet_ntop() gives all addresses. 0, or -1: no address. */
static int whitelist_read_ip(char ip[HTTP_IP_BYTES], const char *text, size_t count)
{
    char word[HTTP_IP_BYTES];
    unsigned char address[sizeof(struct in6_addr)];
    if (count >= sizeof word)
        return -1;
    memcpy(word, text, count);
    word[count] = '\0';
    int family = strchr(word, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, word, address) != 1)
        return -1;
    return inet_ntop(family, address, ip, HTTP_IP_BYTES) != NULL ? 0 : -1;
}

int whitelist_read(struct whitelist *self, const char *text)
{
    struct whitelist list = {0};
    while (*text != '\0') {
        size_t count = strcspn(text, ",");
        if (list.used >= WHITELIST_MAX || whitelist_read_ip(list.ips[list.used++], text, count) != 0)
            return -1;
        text += count;
        if (*text == ',' && *++text == '\0')
            return -1; /* nothing after a comma */
    }
    *self = list;
    return 0;
}

bool whitelist_has(const struct whitelist *self, const char *ip)
{
    for (size_t i = 0; i < self->used; i++)
        if (strcmp(self->ips[i], ip) == 0)
            return true;
    return self->used == 0;
}
