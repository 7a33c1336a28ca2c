/*
 * http.c - the service, made of one libmicrohttpd daemon that our own loop drives; see http.h.
 *
 * The daemon has an epoll descriptor of its own, which we watch. It runs when that is ready, when its own
 * time limit has come, or when something was resumed. A held exchange is a suspended connection: the library
 * then does not look at its socket at all, so we ask the socket ourselves where a client's leaving matters.
 */
#include "tests/sim/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/sim/memory.h"

enum exchange_state { EXCHANGE_RECEIVING, EXCHANGE_HANDLED, EXCHANGE_HELD, EXCHANGE_SETTLED };

struct http {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    struct loop_watch watch;
    struct loop_turn turn;
    struct http_handler handler;
    bool work;     /* the daemon has something to do */
    bool closing;  /* no request is taken any more: nobody would settle it */
    bool starting; /* what the library complains about is for the user's eyes */
};

static struct MHD_Daemon *http_start(struct http *self, int fd, const char *certificate, const char *key);
static void http_ready(void *argument);
static int64_t http_wait_ms(void *argument);
static void http_turn(void *argument);
static struct exchange *exchange_new(struct http *http, struct MHD_Connection *connection, const char *method,
                                     const char *path);
static void exchange_receive(struct exchange *exchange, const char *bytes, size_t count);
static enum MHD_Result exchange_send(struct exchange *exchange);
static void exchange_settle(struct exchange *exchange);
static int exchange_socket(const struct exchange *exchange);

struct http *http_open(int fd, const char *certificate, const char *key, struct loop *loop,
                       struct http_handler handler)
{
    struct http *self = memory_new(sizeof *self);
    self->loop = loop;
    self->handler = handler;
    self->starting = true;
    self->daemon = http_start(self, fd, certificate, key);
    self->starting = false;
    if (self->daemon == NULL) {
        fprintf(stderr, "wechat-sim: %s does not start\n", certificate != NULL ? "--https" : "--http");
        close(fd);
        free(self);
        return NULL;
    }
    self->watch.fd = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    self->watch.ready = http_ready;
    self->watch.argument = self;
    self->turn = (struct loop_turn){.wait_ms = http_wait_ms, .run = http_turn, .argument = self};
    loop_add_turn(loop, &self->turn);
    if (loop_watch(loop, &self->watch, EPOLLIN) == 0)
        return self;
    perror("wechat-sim: epoll_ctl");
    http_close(&self);
    return NULL;
}

void http_close(struct http **self)
{
    if (*self == NULL)
        return;
    (*self)->closing = true;
    MHD_run((*self)->daemon); /* sends what was answered last */
    MHD_stop_daemon((*self)->daemon);
    free(*self);
    *self = NULL;
}

const char *exchange_query(const struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

void exchange_client_ip(const struct exchange *exchange, char ip[HTTP_IP_BYTES])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    const char *text = NULL;
    if (address != NULL && address->sa_family == AF_INET)
        text = inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, ip,
                         HTTP_IP_BYTES);
    if (address != NULL && address->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(six);
        text = inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? &six->s6_addr[12] : six->s6_addr, ip,
                         HTTP_IP_BYTES);
    }
    if (text == NULL)
        snprintf(ip, HTTP_IP_BYTES, "unknown");
}

void exchange_answer(struct exchange *exchange, unsigned status, enum http_type type, struct text *body)
{
    struct MHD_Response *response;
    if (body->used > 0)
        response = MHD_create_response_from_buffer(body->used, body->bytes, MHD_RESPMEM_MUST_FREE);
    else
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (body->used == 0)
        free(body->bytes);
    memset(body, 0, sizeof *body);
    const char *name = type == HTTP_JSON ? "application/json; encoding=utf-8" : "text/html; charset=utf-8";
    if (response != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, name);
    exchange->cut = response == NULL;
    exchange->response = response;
    exchange->status = status;
    exchange_settle(exchange);
}

void exchange_cut(struct exchange *exchange)
{
    exchange->cut = true;
    exchange_settle(exchange);
}

static void exchange_left(void *argument)
{
    struct exchange *exchange = argument;
    exchange->left(exchange);
}

void exchange_watch(struct exchange *exchange, void (*left)(struct exchange *exchange))
{
    exchange->left = left;
    exchange->watch.fd = exchange_socket(exchange);
    exchange->watch.ready = exchange_left;
    exchange->watch.argument = exchange;
    if (loop_watch(exchange->http->loop, &exchange->watch, EPOLLRDHUP) != 0)
        perror("wechat-sim: a held connection cannot be watched");
}

bool exchange_client_left(const struct exchange *exchange)
{
    struct pollfd socket = {.fd = exchange_socket(exchange), .events = POLLRDHUP};
    if (exchange->state != EXCHANGE_HELD)
        return false;
    return poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* The library's access handler: called when the header is complete, for every piece of the body, when all is
 * there, and again after a held exchange was settled. */
static enum MHD_Result http_on_request(void *argument, struct MHD_Connection *connection, const char *url,
                                       const char *method, const char *version, const char *upload,
                                       size_t *upload_bytes, void **context)
{
    struct http *self = argument;
    struct exchange *exchange = *context;
    (void)version;
    if (self->closing && (exchange == NULL || exchange->state == EXCHANGE_RECEIVING))
        return MHD_NO;
    if (exchange == NULL) {
        *context = exchange_new(self, connection, method, url);
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        exchange_receive(exchange, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (exchange->state == EXCHANGE_RECEIVING) {
        exchange->state = EXCHANGE_HANDLED;
        self->handler.handle(self->handler.argument, exchange);
    }
    if (exchange->state == EXCHANGE_SETTLED)
        return exchange_send(exchange);
    exchange->state = EXCHANGE_HELD;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void http_on_completed(void *argument, struct MHD_Connection *connection, void **context,
                              enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *context;
    (void)argument;
    (void)connection;
    (void)code;
    if (exchange == NULL)
        return;
    if (exchange->response != NULL)
        MHD_destroy_response(exchange->response);
    free(exchange->body);
    free(exchange);
    *context = NULL;
}

static void http_on_log(void *argument, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void http_on_log(void *argument, const char *format, va_list arguments)
{
    const struct http *self = argument;
    if (!self->starting)
        return;
    fprintf(stderr, "wechat-sim: ");
    vfprintf(stderr, format, arguments);
}

static struct MHD_Daemon *http_start(struct http *self, int fd, const char *certificate, const char *key)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem end = {MHD_OPTION_END, 0, NULL};
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)http_on_log, self}, /* first: it hears of the others */
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)http_on_completed, self},
        {MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_HEADER_BYTES_MAX, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_S, NULL},
        {MHD_OPTION_ARRAY, 0, certificate != NULL ? tls : &end},
        {MHD_OPTION_END, 0, NULL},
    };
    if (certificate != NULL)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(flags, 0, NULL, NULL, http_on_request, self, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

static void http_ready(void *argument)
{
    struct http *self = argument;
    self->work = true;
}

static int64_t http_wait_ms(void *argument)
{
    struct http *self = argument;
    MHD_UNSIGNED_LONG_LONG limit_ms;
    if (self->work)
        return 0;
    if (MHD_get_timeout(self->daemon, &limit_ms) != MHD_YES)
        return -1;
    return limit_ms < 60000 ? (int64_t)limit_ms : 60000;
}

static void http_turn(void *argument)
{
    struct http *self = argument;
    if (http_wait_ms(self) != 0)
        return;
    self->work = false; /* first: handlers that run now may resume connections, which is new work */
    MHD_run(self->daemon);
}

static struct exchange *exchange_new(struct http *http, struct MHD_Connection *connection, const char *method,
                                     const char *path)
{
    struct exchange *exchange = memory_new(sizeof *exchange);
    exchange->http = http;
    exchange->connection = connection;
    exchange->path = path;
    exchange->watch.fd = -1;
    exchange->method = HTTP_OTHER;
    if (strcmp(method, MHD_HTTP_METHOD_POST) == 0)
        exchange->method = HTTP_POST;
    else if (strcmp(method, MHD_HTTP_METHOD_GET) == 0)
        exchange->method = HTTP_GET;
    return exchange;
}

static void exchange_receive(struct exchange *exchange, const char *bytes, size_t count)
{
    size_t room = HTTP_BODY_BYTES_MAX - exchange->body_bytes;
    if (count > room) {
        exchange->body_too_large = true;
        count = room;
    }
    exchange->body = memory_resize(exchange->body, exchange->body_bytes + count + 1);
    memcpy(exchange->body + exchange->body_bytes, bytes, count);
    exchange->body_bytes += count;
    exchange->body[exchange->body_bytes] = '\0';
}

/* Hands the answer to the library; MHD_NO makes it close the connection. */
static enum MHD_Result exchange_send(struct exchange *exchange)
{
    if (exchange->cut)
        return MHD_NO;
    return MHD_queue_response(exchange->connection, exchange->status, exchange->response);
}

static void exchange_settle(struct exchange *exchange)
{
    bool held = exchange->state == EXCHANGE_HELD;
    assert(exchange->state == EXCHANGE_HANDLED || held);
    if (exchange->watch.fd >= 0)
        loop_unwatch(exchange->http->loop, &exchange->watch);
    exchange->watch.fd = -1;
    exchange->state = EXCHANGE_SETTLED;
    if (!held)
        return;
    MHD_resume_connection(exchange->connection);
    exchange->http->work = true;
}

static int exchange_socket(const struct exchange *exchange)
{
    return MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}
