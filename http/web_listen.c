#include "http/web_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define BACKLOG 1024 /* the system has a limit of its own */

static int fail(const char *where, const char *key, const char *why)
{
    log_error("cannot listen there", log_str("key", key), log_str("listen", where), log_str("error", why));
    return -1;
}

/* The configuration has looked at it: HOST:PORT with the last colon between them. */
static void split(const char *where, char host[WEB_ADDRESS_BYTES], const char **port)
{
    const char *colon = strrchr(where, ':');
    size_t bytes = (size_t)(colon - where);
    if (where[0] == '[' && bytes > 1 && colon[-1] == ']') {
        where++;
        bytes -= 2;
    }
    if (bytes >= WEB_ADDRESS_BYTES)
        bytes = WEB_ADDRESS_BYTES - 1;
    memcpy(host, where, bytes);
    host[bytes] = '\0';
    *port = colon + 1;
}

static int open_socket(const struct addrinfo *info)
{
    int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int address_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static int note_address(int fd, char address[WEB_ADDRESS_BYTES], int *is_loopback)
{
    struct sockaddr_storage bound = {0};
    socklen_t bytes = sizeof bound;
    char host[WEB_ADDRESS_BYTES - 16], port[8];
    if (getsockname(fd, (struct sockaddr *)&bound, &bytes) != 0 ||
        getnameinfo((struct sockaddr *)&bound, bytes, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return -1;
    snprintf(address, WEB_ADDRESS_BYTES, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    *is_loopback = address_is_loopback(&bound);
    return 0;
}

int web_listen(const char *where, const char *key, char address[WEB_ADDRESS_BYTES], int *is_loopback)
{
    char host[WEB_ADDRESS_BYTES];
    const char *port;
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    int fd = -1;
    split(where, host, &port);
    int is_any = strcmp(host, "*") == 0;
    if (is_any)
        hints.ai_family = AF_INET;
    int status = getaddrinfo(is_any ? NULL : host, port, &hints, &found);
    if (status != 0)
        return fail(where, key, gai_strerror(status));
    for (const struct addrinfo *info = found; info != NULL && fd < 0; info = info->ai_next)
        fd = open_socket(info);
    int error = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return fail(where, key, strerror(error));
    if (note_address(fd, address, is_loopback) == 0)
        return fd;
    close(fd);
    return fail(where, key, "the system does not tell the address");
}
