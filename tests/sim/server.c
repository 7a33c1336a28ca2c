/*
 * server.c - listening sockets, certificate files and the ready file; see server.h.
 */
#include "tests/sim/server.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sim/address.h"
#include "tests/sim/memory.h"

#define PEM_BYTES_MAX 65536 /* of a certificate chain or key */

/* One port. */
struct server_port {
    struct http *http; /* NULL: not asked for */
    int number;
};

struct server {
    const struct options *options;
    struct server_port plain;
    struct server_port tls;
};

static void server_raise_limit(void);
static int server_open_tls(struct server *self, struct loop *loop, struct http_handler handler);
static int server_open(struct server_port *port, const char *option, const char *address,
                       const char *certificate, const char *key, struct loop *loop,
                       struct http_handler handler);
static int server_listen(const char *option, const char *address, int *port);
static char *server_read_pem(const char *option, const char *path);
static int server_write_ready(const char *path, const char *lines);

struct server *server_new(const struct options *options, struct loop *loop, struct http_handler handler)
{
    struct server *self = memory_new(sizeof *self);
    self->options = options;
    server_raise_limit();
    if (options->ready_file != NULL)
        unlink(options->ready_file); /* of an earlier run; nobody must take it for this one's */
    int result = 0;
    if (options->http != NULL)
        result = server_open(&self->plain, "--http", options->http, NULL, NULL, loop, handler);
    if (result == 0 && options->https != NULL)
        result = server_open_tls(self, loop, handler);
    if (result != 0)
        server_destroy(&self);
    return self;
}

void server_destroy(struct server **self)
{
    if (*self == NULL)
        return;
    http_close(&(*self)->plain.http);
    http_close(&(*self)->tls.http);
    free(*self);
    *self = NULL;
}

int server_announce(const struct server *self)
{
    char lines[64] = "";
    int used = 0;
    if (self->plain.http != NULL)
        used = snprintf(lines, sizeof lines, "http=%d\n", self->plain.number);
    if (self->tls.http != NULL)
        snprintf(lines + used, sizeof lines - (size_t)used, "https=%d\n", self->tls.number);
    if (self->options->ready_file != NULL && server_write_ready(self->options->ready_file, lines) != 0)
        return -1;
    for (char *end = strchr(lines, '\n'); end != NULL; end = strchr(end, '\n'))
        *end = ' ';
    fprintf(stderr, "wechat-sim: ready %sseed=%" PRIu64 "\n", lines, self->options->seed);
    return 0;
}

/* A connection is a descriptor; the usual limit of 1024 would stop far below HTTP_CONNECTIONS_MAX. */
static void server_raise_limit(void)
{
    const rlim_t wanted = 2 * HTTP_CONNECTIONS_MAX + 100;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        perror("wechat-sim: the number of connections stays limited by RLIMIT_NOFILE");
}

static int server_open_tls(struct server *self, struct loop *loop, struct http_handler handler)
{
    const struct options *options = self->options;
    char *certificate = server_read_pem("--cert", options->certificate_file);
    char *key = server_read_pem("--key", options->key_file);
    int result = -1;
    if (certificate != NULL && key != NULL)
        result = server_open(&self->tls, "--https", options->https, certificate, key, loop, handler);
    free(certificate);
    free(key);
    return result;
}

static int server_open(struct server_port *port, const char *option, const char *address,
                       const char *certificate, const char *key, struct loop *loop,
                       struct http_handler handler)
{
    int fd = server_listen(option, address, &port->number);
    if (fd >= 0)
        port->http = http_open(fd, certificate, key, loop, handler);
    return port->http != NULL ? 0 : -1;
}

static int server_bind(const struct addrinfo *found, int *port)
{
    struct sockaddr_storage bound;
    socklen_t bytes = sizeof bound;
    int yes = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bytes) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    /* The port stands at the same place in both families' addresses. */
    *port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    return fd;
}

static int server_listen(const char *option, const char *address, int *port)
{
    char host[ADDRESS_HOST_BYTES_MAX + 1];
    const char *service = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (address_split(address, host, &service) != 0)
        return -1; /* cannot be: options_read() looked at it */
    int error = getaddrinfo(host, service, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "wechat-sim: %s %s: %s\n", option, address, gai_strerror(error));
        return -1;
    }
    int fd = server_bind(found, port);
    if (fd < 0)
        fprintf(stderr, "wechat-sim: %s %s: %s\n", option, address, strerror(errno));
    freeaddrinfo(found);
    return fd;
}

static char *server_read_pem(const char *option, const char *path)
{
    char *text = memory_new(PEM_BYTES_MAX + 1);
    FILE *file = fopen(path, "re");
    size_t bytes = file != NULL ? fread(text, 1, PEM_BYTES_MAX, file) : 0;
    if (bytes == 0) {
        fprintf(stderr, "wechat-sim: %s %s: %s\n", option, path, file == NULL ? strerror(errno) : "empty");
        free(text);
        text = NULL;
    }
    if (file != NULL)
        fclose(file);
    return text;
}

static int server_write_ready(const char *path, const char *lines)
{
    char temporary[4096];
    int bytes = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    FILE *file = bytes > 0 && (size_t)bytes < sizeof temporary ? fopen(temporary, "we") : NULL;
    bool written = file != NULL && fputs(lines, file) >= 0;
    if (file != NULL && fclose(file) != 0)
        written = false;
    if (written && rename(temporary, path) == 0)
        return 0;
    fprintf(stderr, "wechat-sim: --ready-file %s: %s\n", path, strerror(errno));
    unlink(temporary);
    return -1;
}
