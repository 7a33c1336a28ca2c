#include "client/console_http.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

/* HOST and PORT of HOST:PORT, without the brackets of an address of IPv6. Returns 0, or -1 when it is none. */
static int split(const char *address, char host[256], const char **port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || (size_t)(colon - address) >= 256)
        return -1;
    struct span name = {address, (size_t)(colon - address)};
    if (name.bytes > 2 && name.data[0] == '[' && name.data[name.bytes - 1] == ']')
        name = (struct span){name.data + 1, name.bytes - 2};
    span_to_text(host, 256, name);
    *port = colon + 1;
    return 0;
}

/* Waits until the socket can be written or read. Returns 0, or -1 (errno ETIMEDOUT) when the time is over. */
static int wait_for(int fd, short events, int64_t end_ms)
{
    struct pollfd item = {.fd = fd, .events = events};
    for (;;) {
        int64_t left_ms = end_ms - clock_mono_ms();
        int count = left_ms > 0 ? poll(&item, 1, (int)left_ms) : 0;
        if (count > 0)
            return 0;
        if (count == 0)
            errno = ETIMEDOUT;
        if (count == 0 || errno != EINTR)
            return -1;
    }
}

static int connect_one(const struct addrinfo *to, int64_t end_ms)
{
    int failed = 0, fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t bytes = sizeof failed;
    if (fd < 0)
        return -1;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return fd;
    if (errno == EINPROGRESS && wait_for(fd, POLLOUT, end_ms) == 0) {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &bytes);
        if (failed == 0)
            return fd;
        errno = failed;
    }
    failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

static int connect_to(const char *address, int64_t end_ms, struct buf *error)
{
    char host[256];
    const char *port;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (split(address, host, &port) != 0) {
        buf_printf(error, "%s is no address; give HOST:PORT", address);
        return -1;
    }
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed) {
        buf_printf(error, "%s: %s", host, gai_strerror(failed));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *one = found; one && fd < 0; one = one->ai_next)
        fd = connect_one(one, end_ms);
    if (fd < 0)
        buf_printf(error, "mega-console does not answer at %s: %s; does it run there ([console] listen)?", address, strerror(errno));
    freeaddrinfo(found);
    return fd;
}

static int write_all(int fd, struct span bytes, int64_t end_ms)
{
    while (bytes.bytes > 0) {
        ssize_t written = send(fd, bytes.data, bytes.bytes, MSG_NOSIGNAL);
        if (written < 0 && (errno != EAGAIN || wait_for(fd, POLLOUT, end_ms) != 0))
            return -1;
        if (written > 0)
            bytes = (struct span){bytes.data + written, bytes.bytes - (size_t)written};
    }
    return 0;
}

/* Until the other end closes. */
static int read_all(int fd, int64_t end_ms, struct buf *out)
{
    char piece[16384];
    for (;;) {
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got == 0)
            return 0;
        if (got < 0 && (errno != EAGAIN || wait_for(fd, POLLIN, end_ms) != 0))
            return -1;
        if (got > 0 && out->bytes + (size_t)got > CONSOLE_ANSWER_BYTES_MAX) {
            errno = EFBIG;
            return -1;
        }
        if (got > 0)
            buf_append(out, piece, (size_t)got);
    }
}

static void write_request(const struct console_request *r, struct buf *out)
{
    buf_printf(out, "%s %s HTTP/1.0\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", r->method, r->path, r->address, r->token);
    if (r->body)
        buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(r->body));
    buf_printf(out, "\r\n%s", r->body ? r->body : "");
}

/* Takes the head off. Returns the status, or -1 when this is no HTTP. */
static int read_head(struct buf *answer)
{
    const char *text = buf_str(answer), *end = strstr(text, "\r\n\r\n");
    if (strncmp(text, "HTTP/1.", 7) != 0 || end == NULL || strlen(text) < 12)
        return -1;
    char *behind;
    long status = strtol(text + 9, &behind, 10); /* behind "HTTP/1.x " */
    if (behind != text + 12 || status < 100 || status > 599)
        return -1;
    buf_drop_front(answer, (size_t)(end + 4 - text));
    return (int)status;
}

int console_http(const struct console_request *request, struct buf *body, struct buf *error)
{
    struct buf packed = {0};
    int64_t end_ms = clock_mono_ms() + request->timeout_ms;
    int status = -1, fd = connect_to(request->address, end_ms, error);
    if (fd < 0)
        return -1;
    write_request(request, &packed);
    buf_clear(body);
    if (write_all(fd, buf_span(&packed), end_ms) != 0 || read_all(fd, end_ms, body) != 0)
        buf_printf(error, "mega-console at %s: %s", request->address, strerror(errno));
    else if ((status = read_head(body)) < 0)
        buf_printf(error, "what answers at %s is not mega-console", request->address);
    close(fd);
    explicit_bzero(packed.data, packed.bytes); /* holds the token */
    buf_free(&packed);
    return status;
}
