/* Listening sockets. Everything here happens once, at the start; what goes wrong is logged and ends the
 * start. */
#include "gateway/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/limits.h"

static int split_address(const char *where, char *host, size_t host_room, const char **port);
static int open_socket(const struct addrinfo *info);
static int note_address(struct listener *l);

static int fail(const char *where, const char *what, const char *why)
{
    log_error(what, log_str("listen", where), log_str("error", why));
    return -1;
}

int listener_open(struct listener *l, const char *where)
{
    char host[LISTENER_ADDRESS_BYTES_MAX];
    const char *port;
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    *l = (struct listener){.watch = {WATCH_LISTENER}, .fd = -1};
    if (split_address(where, host, sizeof host, &port) != 0)
        return fail(where, "cannot listen", "not HOST:PORT; set [server] listen[]");
    if (strcmp(host, "*") == 0)
        hints.ai_family = AF_INET;
    int status = getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, port, &hints, &found);
    if (status != 0)
        return fail(where, "cannot listen", gai_strerror(status));
    for (const struct addrinfo *info = found; info != NULL && l->fd < 0; info = info->ai_next)
        l->fd = open_socket(info);
    int error = errno;
    freeaddrinfo(found);
    if (l->fd < 0)
        return fail(where, "cannot listen", strerror(error));
    if (note_address(l) != 0) {
        listener_close(l);
        return fail(where, "cannot listen", "the system does not tell the address");
    }
    return 0;
}

void listener_close(struct listener *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

/* HOST:PORT with the last colon between them; brackets around the host are taken off. */
static int split_address(const char *where, char *host, size_t host_room, const char **port)
{
    const char *colon = strrchr(where, ':');
    if (colon == NULL || colon == where || colon[1] == '\0')
        return -1;
    size_t bytes = (size_t)(colon - where);
    if (where[0] == '[' && colon[-1] == ']') {
        where++;
        bytes -= 2;
    }
    if (bytes == 0 || bytes >= host_room)
        return -1;
    memcpy(host, where, bytes);
    host[bytes] = '\0';
    *port = colon + 1;
    return 0;
}

/* Returns the socket, or -1 with errno. */
static int open_socket(const struct addrinfo *info)
{
    int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* Gateways of one user may share an address: while one is started anew the others take its clients. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, GATEWAY_BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int note_address(struct listener *l)
{
    struct sockaddr_storage address = {0};
    socklen_t bytes = sizeof address;
    char host[LISTENER_ADDRESS_BYTES_MAX - 16], port[8];
    if (getsockname(l->fd, (struct sockaddr *)&address, &bytes) != 0)
        return -1;
    if (getnameinfo((struct sockaddr *)&address, bytes, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return -1;
    snprintf(l->address, sizeof l->address, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return 0;
}

static int write_lines(const struct listener *listeners, size_t count, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    int written = 1;
    for (size_t i = 0; i < count; i++)
        written = written && fprintf(file, "%s\n", listeners[i].address) > 0;
    if (fclose(file) != 0)
        written = 0;
    return written ? 0 : -1;
}

int listener_write_ports(const struct listener *listeners, size_t count, const char *path)
{
    struct buf fresh = {0};
    buf_printf(&fresh, "%s.new", path);
    int status = write_lines(listeners, count, buf_str(&fresh));
    if (status == 0)
        status = rename(buf_str(&fresh), path);
    if (status != 0)
        log_error("file of the addresses cannot be written", log_str("path", path),
                  log_str("error", strerror(errno)));
    buf_free(&fresh);
    return status == 0 ? 0 : -1;
}
