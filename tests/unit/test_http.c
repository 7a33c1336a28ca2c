/* How long libcurl uses a kept connection again: below the idle limit yes, beyond it no. The clock is set by the
 * test, so nothing is waited for: this program's clock_gettime stands in front of the C library's for libcurl
 * too. The server is a thread that answers on each connection and counts them. */
#include "sender/http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/unit/test.h"

#define CONNECTIONS_MAX 400
#define MANY            300 /* calls at once: more than one multi handle has */
#define URLS            40 /* at once: more than libcurl is spared to read */
#define LIMIT_MS        30000

static _Atomic int64_t clock_shift_s;

int clock_gettime(clockid_t id, struct timespec *out)
{
    long rc = syscall(SYS_clock_gettime, id, out);
    if (rc == 0 && id != CLOCK_REALTIME)
        out->tv_sec += clock_shift_s;
    return (int)rc;
}

struct server {
    int listener, port;
    _Atomic int connections; /* accepted so far */
    _Atomic int together;    /* requests that are answered at once: the first ones wait for the last */
    _Atomic int asked[2 * URLS]; /* by the number in the URL */
    pthread_t thread;
};

struct peer {
    struct buf request;
    int is_asking; /* its request is whole and not answered yet */
    int url;       /* the number in it */
};

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/* Returns 0 when the peer has gone. */
static int serve(int fd, struct peer *peer)
{
    char bytes[4096];
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0)
        return 0;
    buf_append(&peer->request, bytes, (size_t)got);
    if (strstr(buf_str(&peer->request), "\r\n\r\nhello") == NULL)
        return 1;
    char *end;
    peer->url = (int)strtol(buf_str(&peer->request) + sizeof "POST /" - 1, &end, 10);
    CHECK_INT(*end, ' ');
    buf_clear(&peer->request);
    peer->is_asking = 1;
    return 1;
}

static void answer_all(struct server *server, const struct pollfd *fds, struct peer *peers, nfds_t count)
{
    int asking = 0;
    for (nfds_t i = 1; i < count; i++)
        asking += peers[i].is_asking;
    for (nfds_t i = 1; i < count && asking >= server->together; i++) {
        if (peers[i].is_asking)
            server->asked[peers[i].url % (2 * URLS)]++;
        if (peers[i].is_asking)
            send(fds[i].fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
        peers[i].is_asking = 0;
    }
}

static void *serve_all(void *self)
{
    struct server *server = self;
    struct pollfd fds[CONNECTIONS_MAX + 1] = {{server->listener, POLLIN, 0}};
    struct peer peers[CONNECTIONS_MAX + 1] = {0};
    nfds_t count = 1;
    while (poll(fds, count, LIMIT_MS) > 0) {
        if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
            break; /* shut down: the end */
        for (nfds_t i = 1; i < count; i++)
            if (fds[i].revents && !serve(fds[i].fd, &peers[i])) {
                close(fds[i].fd);
                fds[i].fd = -1;
            }
        answer_all(server, fds, peers, count);
        if (fds[0].revents == 0)
            continue;
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            break;
        CHECK(count <= CONNECTIONS_MAX);
        fds[count++] = (struct pollfd){fd, POLLIN, 0};
        server->connections++;
    }
    for (nfds_t i = 1; i < count; i++) {
        buf_free(&peers[i].request);
        if (fds[i].fd >= 0)
            close(fds[i].fd);
    }
    return NULL;
}

static void open_server(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(server->listener, (struct sockaddr *)&address, bytes) == 0);
    CHECK(listen(server->listener, CONNECTIONS_MAX) == 0);
    CHECK(getsockname(server->listener, (struct sockaddr *)&address, &bytes) == 0);
    server->port = ntohs(address.sin_port);
    CHECK(pthread_create(&server->thread, NULL, serve_all, server) == 0);
}

static void close_server(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    CHECK(pthread_join(server->thread, NULL) == 0);
    close(server->listener);
}

static void on_done(void *self, const struct http_answer *got)
{
    int *answers = self;
    CHECK_STR(got->error ? got->error : "", "");
    CHECK_INT(got->end, HTTP_ANSWERED);
    CHECK_INT(got->status, 200);
    (*answers)++;
}

/* Makes `count` calls at once and waits for their answers. Each has a URL of its own when `first` is not 0: from that number on. */
static void call_urls(struct http *http, const struct server *server, int count, int first)
{
    char url[64];
    int answers = 0;
    struct http_request request = {.url = url, .body = span_of("hello"), .self = &answers, .done = on_done};
    for (int i = 0; i < count; i++) {
        snprintf(url, sizeof url, "http://127.0.0.1:%d/%d", server->port, first ? first + i : 0);
        CHECK(http_begin(http, &request) == 0);
    }
    while (answers < count) {
        struct pollfd fd = {http_fd(http), POLLIN, 0};
        int64_t wait_ms = http_wait_ms(http);
        CHECK(poll(&fd, 1, wait_ms >= 0 && wait_ms < LIMIT_MS ? (int)wait_ms : LIMIT_MS) >= 0);
        http_run(http);
    }
}

static void call(struct http *http, const struct server *server, int count)
{
    call_urls(http, server, count, 0);
}

/* The limit of the README is 15 s; WeChat closes at some 20 s. */
static void test_idle(struct http *http, struct server *server)
{
    static const struct {
        int64_t idle_s;
        int connections;
    } steps[] = {{0, 1}, {0, 1}, {14, 1}, {14, 1}, {17, 2}, {14, 2}, {3600, 3}, {1, 3}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        clock_shift_s += steps[i].idle_s;
        server->together = 1;
        call(http, server, 1);
        CHECK_INT(server->connections, steps[i].connections);
    }
}

/* Those that are kept are used by as many calls at once as there were before, and no others are opened. */
static void test_many(struct http *http, struct server *server)
{
    int before = server->connections;
    server->together = 4;
    for (int i = 0; i < 6; i++) {
        call(http, server, 4);
        CHECK_INT(server->connections, before + 3); /* one is kept of what went before */
    }
}

/* Every call goes to its own URL, whether it is known, new, or one too many to be kept, and when others take their places. */
static void test_urls(struct server *server)
{
    struct http_options options = {.calls_max = URLS, .ca_file = "", .timeout_ms = 20000, .connect_timeout_ms = 10000};
    struct http *http = http_new(&options);
    server->together = URLS;
    call_urls(http, server, URLS, URLS / 2);
    call_urls(http, server, URLS, URLS / 2);
    server->together = 1;
    for (int i = 1; i < 2 * URLS; i++)
        call_urls(http, server, 1, i);
    for (int i = 1; i < 2 * URLS; i++)
        CHECK_INT(server->asked[i], i >= URLS / 2 && i < URLS + URLS / 2 ? 3 : 1);
    http_destroy(&http);
}

/* Very many at once are all made, over connections that are kept, each by the same part of the calls as before. */
static void test_very_many(struct server *server)
{
    struct http_options options = {.calls_max = MANY, .ca_file = "", .timeout_ms = 20000, .connect_timeout_ms = 10000};
    struct http *http = http_new(&options);
    int before = server->connections;
    server->together = MANY;
    for (int i = 0; i < 3; i++) {
        call(http, server, MANY);
        CHECK_INT(server->connections, before + MANY);
        CHECK_U64(http_in_flight(http), 0);
    }
    struct http_request request = {.url = "http://127.0.0.1:1/", .body = span_of("hello"), .self = NULL, .done = on_done};
    for (int i = 0; i < MANY; i++)
        CHECK_INT(http_begin(http, &request), 0);
    CHECK_INT(http_begin(http, &request), -1);
    http_destroy(&http); /* with calls in flight */
}

int main(void)
{
    struct server server = {0};
    struct http_options options = {.calls_max = 4, .ca_file = "", .timeout_ms = 20000, .connect_timeout_ms = 10000};
    unsetenv("http_proxy"); /* of whoever runs the test */
    open_server(&server);
    struct http *http = http_new(&options);
    test_idle(http, &server);
    test_many(http, &server);
    test_urls(&server);
    test_very_many(&server);
    http_destroy(&http);
    close_server(&server);
    return 0;
}
