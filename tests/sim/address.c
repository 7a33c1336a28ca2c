/*
 * address.c - HOST:PORT; see address.h.
 */
#include "tests/sim/address.h"

#include <stddef.h>
#include <string.h>

#include "tests/sim/number.h"

int address_split(const char *address, char host[ADDRESS_HOST_BYTES_MAX + 1], const char **port)
{
    const char *colon = strrchr(address, ':');
    int64_t number;
    if (colon == NULL || number_read(colon + 1, 0, 65535, &number) != 0)
        return -1;
    size_t bytes = (size_t)(colon - address);
    if (bytes >= 2 && address[0] == '[' && colon[-1] == ']') {
        address++;
        bytes -= 2;
    }
    if (bytes == 0 || bytes > ADDRESS_HOST_BYTES_MAX)
        return -1;
    memcpy(host, address, bytes);
    host[bytes] = '\0';
    *port = colon + 1;
    return 0;
}
