#include "base/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES_MAX 64
#define SEPARATORS     ", \t"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void map_v4(const void *four, struct ip_address *out)
{
    memcpy(out->bytes, mapped, sizeof mapped);
    memcpy(out->bytes + sizeof mapped, four, 4);
}

static unsigned bit_of(const struct ip_address *a, unsigned i)
{
    return a->bytes[i / 8] >> (7 - i % 8) & 1;
}

/* One of the list. `word` is changed. */
static const char *add(struct networks *n, char *word)
{
    uint8_t four[4];
    struct ip_address address;
    char *slash = strchr(word, '/'), *end;
    unsigned width = 128, bits;
    if (n->count == NETWORKS_MAX)
        return "has more than 64 networks";
    if (slash)
        *slash++ = 0;
    if (inet_pton(AF_INET, word, four) == 1) {
        map_v4(four, &address);
        width = 32;
    } else if (inet_pton(AF_INET6, word, address.bytes) != 1) {
        return "is no list of addresses; give such as 10.0.0.0/8, 192.168.1.7, fd00::/8";
    }
    bits = width;
    if (slash) {
        unsigned long given = strtoul(slash, &end, 10);
        if (*slash < '0' || *slash > '9' || *end || given > width)
            return "has a network whose /BITS is none: 0 to 32 of IPv4, 0 to 128 of IPv6";
        bits = (unsigned)given;
    }
    bits += 128 - width;
    for (unsigned i = bits; i < 128; i++)
        if (bit_of(&address, i))
            return "has a network with bits set behind its /BITS: 10.1.2.0/24, not 10.1.2.3/24";
    n->list[n->count].address = address;
    n->list[n->count++].bits = bits;
    return NULL;
}

const char *networks_parse(const char *text, struct networks *out)
{
    const char *wrong = NULL;
    out->count = 0;
    for (text += strspn(text, SEPARATORS); *text && wrong == NULL; text += strspn(text, SEPARATORS)) {
        char word[WORD_BYTES_MAX];
        size_t bytes = strcspn(text, SEPARATORS);
        if (bytes >= sizeof word)
            return "is no list of addresses; give such as 10.0.0.0/8, 192.168.1.7, fd00::/8";
        memcpy(word, text, bytes);
        word[bytes] = 0;
        wrong = add(out, word);
        text += bytes;
    }
    return wrong;
}

int ip_address_of(const struct sockaddr *from, struct ip_address *out)
{
    if (from->sa_family == AF_INET) {
        map_v4(&((const struct sockaddr_in *)(const void *)from)->sin_addr, out);
        return 0;
    }
    if (from->sa_family != AF_INET6)
        return -1;
    memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, sizeof out->bytes);
    return 0;
}

int networks_have(const struct networks *n, const struct ip_address *address)
{
    for (size_t i = 0; i < n->count; i++) {
        unsigned whole = n->list[i].bits / 8, same = memcmp(n->list[i].address.bytes, address->bytes, whole) == 0;
        for (unsigned bit = whole * 8; same && bit < n->list[i].bits; bit++)
            same = bit_of(&n->list[i].address, bit) == bit_of(address, bit);
        if (same)
            return 1;
    }
    return n->count == 0;
}

const char *ip_address_text(const struct ip_address *address, char out[IP_ADDRESS_TEXT_BYTES])
{
    int is_v4 = memcmp(address->bytes, mapped, sizeof mapped) == 0;
    const void *bytes = is_v4 ? address->bytes + sizeof mapped : address->bytes;
    if (inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes, out, IP_ADDRESS_TEXT_BYTES) == NULL)
        snprintf(out, IP_ADDRESS_TEXT_BYTES, "?");
    return out;
}
