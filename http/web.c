#include "http/web.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/web_listen.h"

#define DROPPED_MAX 4 /* a body that is so many times too large is not read to its end: the connection is cut */
#define SWEEP_MS    1000

enum exchange_state { EXCHANGE_RECEIVING, EXCHANGE_HANDLED, EXCHANGE_HELD, EXCHANGE_ANSWERED, EXCHANGE_CUT };

/* A connection, of which the library has a request under way or waits for one. */
struct web_connection {
    struct web_connection *next, **link;
    struct MHD_Connection *mhd;
    struct exchange *exchange; /* NULL between two */
    int fd;                    /* the library's */
    int64_t since_ms;          /* monotonic: a request is awaited since then; 0: it is whole */
};

struct web {
    struct MHD_Daemon *daemon;
    struct web_handler handler;
    struct web_connection *connections;
    unsigned count, count_max; /* of connections */
    char address[WEB_ADDRESS_BYTES];
    int is_loopback;
    int fd;        /* the daemon's epoll descriptor */
    int has_work;  /* 1: somebody was resumed */
    int is_closing;
    int64_t sweep_ms; /* monotonic */
};

static struct exchange *exchange_new(struct web *w, struct web_connection *connection, const char *method, const char *path)
{
    struct exchange *x = mem_new(sizeof *x);
    int is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    x->web = w;
    x->connection = connection;
    x->path = path;
    x->method = is_get ? WEB_GET : strcmp(method, MHD_HTTP_METHOD_POST) == 0 ? WEB_POST : WEB_OTHER;
    connection->exchange = x;
    return x;
}

static void answer_text(struct exchange *x, unsigned status, const char *text)
{
    struct buf body = {0};
    buf_append_str(&body, text);
    web_answer(x, status, "text/plain; charset=utf-8", &body);
}

/* Hands the answer to the library; MHD_NO makes it close the connection. */
static enum MHD_Result send_answer(struct exchange *x)
{
    if (x->state == EXCHANGE_CUT)
        return MHD_NO;
    return MHD_queue_response(x->connection->mhd, x->status, x->response);
}

static enum MHD_Result begin(struct web *w, struct MHD_Connection *mhd, const char *path, const char *method, void **context)
{
    struct web_connection *connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (w->is_closing || connection == NULL)
        return MHD_NO;
    struct exchange *x = exchange_new(w, connection, method, path);
    *context = x;
    const char *length = web_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
    x->body_room = w->handler.on_header(w->handler.self, x);
    if (x->state == EXCHANGE_RECEIVING && x->body_room && length && strtoull(length, NULL, 10) > x->body_room)
        answer_text(x, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n");
    return x->state == EXCHANGE_RECEIVING ? MHD_YES : send_answer(x);
}

/* Returns 0; -1 when there is so much that it is not read to its end. */
static int receive(struct exchange *x, const char *bytes, size_t count)
{
    size_t room = x->body_room > x->body.bytes ? x->body_room - x->body.bytes : 0;
    if (count > room)
        x->is_too_large += (int)((count - room) / 1024) + 1;
    buf_append(&x->body, bytes, count < room ? count : room);
    return (size_t)x->is_too_large > DROPPED_MAX * x->body_room / 1024 + DROPPED_MAX ? -1 : 0;
}

static void handle(struct web *w, struct exchange *x)
{
    x->connection->since_ms = 0;
    x->state = EXCHANGE_HANDLED;
    if (x->is_too_large)
        answer_text(x, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n");
    else
        w->handler.on_request(w->handler.self, x);
}

/* The library's access handler: called when the header is complete, for every piece of the body, when all is there, and again after
 * what was held is answered. */
static enum MHD_Result on_access(void *self, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                                 const char *upload, size_t *upload_bytes, void **context)
{
    struct web *w = self;
    struct exchange *x = *context;
    (void)version;
    if (x == NULL)
        return begin(w, mhd, url, method, context);
    if (*upload_bytes > 0) {
        int is_endless = receive(x, upload, *upload_bytes);
        *upload_bytes = 0;
        return is_endless ? MHD_NO : MHD_YES;
    }
    if (x->state == EXCHANGE_RECEIVING && !w->is_closing)
        handle(w, x);
    if (x->state != EXCHANGE_HANDLED)
        return send_answer(x);
    x->state = EXCHANGE_HELD;
    MHD_suspend_connection(mhd);
    return MHD_YES;
}

static void on_completed(void *self, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
    struct exchange *x = *context;
    (void)self;
    (void)mhd;
    (void)code;
    if (x == NULL)
        return;
    if (x->gone)
        x->gone(x);
    x->connection->exchange = NULL;
    x->connection->since_ms = clock_mono_ms();
    if (x->response)
        MHD_destroy_response(x->response);
    buf_free(&x->body);
    buf_free(&x->pieces);
    free(x);
    *context = NULL;
}

static void on_connection(void *self, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
    struct web *w = self;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        struct web_connection *c = mem_new(sizeof *c);
        c->mhd = mhd;
        c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        c->since_ms = clock_mono_ms();
        c->next = w->connections;
        c->link = &w->connections;
        if (c->next)
            c->next->link = &c->next;
        w->connections = c;
        w->count++;
        *context = c;
        return;
    }
    struct web_connection *c = *context;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    w->count--;
    free(c);
    *context = NULL;
}

static void on_log(void *self, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void on_log(void *self, const char *format, va_list arguments)
{
    char text[256];
    (void)self;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    log_debug("http", log_str("text", text));
}

static struct MHD_Daemon *start(struct web *w, int fd, unsigned connections_max)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_access, w,
                            MHD_OPTION_EXTERNAL_LOGGER, on_log, w,
                            MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, w,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, w,
                            MHD_OPTION_CONNECTION_LIMIT, connections_max,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_HEADER_BYTES_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)WEB_IDLE_S,
                            MHD_OPTION_END);
}

struct web *web_new(const struct web_options *options, struct web_handler handler)
{
    struct web *w = mem_new(sizeof *w);
    w->handler = handler;
    w->count_max = options->connections_max;
    int fd = web_listen(options->listen, options->key, w->address, &w->is_loopback);
    if (fd >= 0) {
        w->daemon = start(w, fd, options->connections_max);
        if (w->daemon == NULL) {
            log_error("HTTP cannot be served", log_str("listen", options->listen));
            close(fd);
        }
    }
    if (w->daemon) {
        w->fd = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
        return w;
    }
    free(w);
    return NULL;
}

/* What is held is cut: whoever would have answered is told by `gone`. */
static void cut_all(struct web *w)
{
    for (struct web_connection *c = w->connections; c; c = c->next) {
        struct exchange *x = c->exchange;
        if (x && x->state == EXCHANGE_HELD) {
            x->state = EXCHANGE_CUT;
            MHD_resume_connection(c->mhd);
        } else if (x && x->is_waiting) {
            x->has_ended = 2;
            x->is_waiting = 0;
            MHD_resume_connection(c->mhd);
        }
    }
}

void web_destroy(struct web **self)
{
    struct web *w = *self;
    if (w == NULL)
        return;
    w->is_closing = 1;
    cut_all(w);
    MHD_run(w->daemon); /* takes them back from rest, without which the library refuses to stop; sends what was answered last */
    MHD_stop_daemon(w->daemon);
    free(w);
    *self = NULL;
}

const char *web_address(const struct web *w)
{
    return w->address;
}

int web_is_loopback(const struct web *w)
{
    return w->is_loopback;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

int web_fd(const struct web *w)
{
    return w->fd;
}

int64_t web_wait_ms(const struct web *w, int64_t limit_ms)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (w->has_work)
        return 0;
    if (MHD_get_timeout(w->daemon, &wait_ms) == MHD_YES && wait_ms < (MHD_UNSIGNED_LONG_LONG)limit_ms)
        return (int64_t)wait_ms;
    return limit_ms;
}

/* How long a request may be awaited. Where all places are taken, whoever has not even sent a header makes room for those who wait. */
static int64_t patience_ms(const struct web *w, const struct web_connection *c)
{
    return (w->count >= w->count_max && c->exchange == NULL ? WEB_CROWDED_S : WEB_REQUEST_S) * 1000;
}

/* Cuts whoever takes too long with his request. The library notices that, and lets the connection go. */
static void sweep(struct web *w)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms < w->sweep_ms)
        return;
    w->sweep_ms = now_ms + SWEEP_MS;
    for (struct web_connection *c = w->connections; c; c = c->next)
        if (c->since_ms && now_ms - c->since_ms > patience_ms(w, c))
            shutdown(c->fd, SHUT_RDWR);
}

void web_run(struct web *w)
{
    w->has_work = 0; /* first: whatever runs now may resume somebody, which is new work */
    sweep(w);
    MHD_run(w->daemon);
}

/* --- exchanges ---------------------------------------------------------------------------------------------------- */

const char *web_header(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection->mhd, MHD_HEADER_KIND, name);
}

const char *web_query(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection->mhd, MHD_GET_ARGUMENT_KIND, name);
}

struct each {
    void (*call)(void *self, const char *name, const char *value);
    void *self;
};

static enum MHD_Result on_argument(void *self, enum MHD_ValueKind kind, const char *name, const char *value)
{
    const struct each *each = self;
    (void)kind;
    each->call(each->self, name ? name : "", value ? value : "");
    return MHD_YES;
}

void web_each_query(const struct exchange *x, void (*call)(void *self, const char *name, const char *value), void *self)
{
    struct each each = {call, self};
    MHD_get_connection_values(x->connection->mhd, MHD_GET_ARGUMENT_KIND, on_argument, &each);
}

static void settle(struct exchange *x, unsigned status, struct MHD_Response *response, const char *type)
{
    int is_held = x->state == EXCHANGE_HELD;
    assert(x->state == EXCHANGE_RECEIVING || x->state == EXCHANGE_HANDLED || is_held);
    x->status = status;
    x->response = response;
    x->state = response ? EXCHANGE_ANSWERED : EXCHANGE_CUT;
    x->web->handler.on_answered(x->web->handler.self, x, status);
    if (response) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    }
    if (!is_held)
        return;
    MHD_resume_connection(x->connection->mhd);
    x->web->has_work = 1;
}

void web_answer_with(struct exchange *x, unsigned status, const char *type, struct buf *body, const char *extra, const char *value)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->bytes, body->data, body->data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    *body = (struct buf){0};
    if (response && extra)
        MHD_add_response_header(response, extra, value);
    settle(x, status, response, type);
}

void web_answer(struct exchange *x, unsigned status, const char *type, struct buf *body)
{
    web_answer_with(x, status, type, body, NULL, NULL);
}

/* --- answers in pieces -------------------------------------------------------------------------------------------- */

static ssize_t on_read(void *self, uint64_t at, char *to, size_t room)
{
    struct exchange *x = self;
    (void)at;
    if (x->has_ended == 2)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (!x->has_ended && x->pieces.bytes < WEB_PIECE_BYTES)
        x->more(x);
    size_t bytes = x->pieces.bytes < room ? x->pieces.bytes : room;
    memcpy(to, x->pieces.data ? x->pieces.data : "", bytes);
    buf_drop_front(&x->pieces, bytes);
    if (bytes)
        return (ssize_t)bytes;
    if (x->has_ended)
        return x->has_ended == 1 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
    x->is_waiting = 1;
    MHD_suspend_connection(x->connection->mhd);
    return 0;
}

void web_begin_pieces(struct exchange *x, unsigned status, const char *type, void (*more)(struct exchange *x),
                      void (*gone)(struct exchange *x))
{
    x->more = more;
    x->gone = gone;
    settle(x, status, MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, WEB_PIECE_BYTES, on_read, x, NULL), type);
}

static void wake(struct exchange *x)
{
    if (!x->is_waiting)
        return;
    x->is_waiting = 0;
    x->web->has_work = 1;
    MHD_resume_connection(x->connection->mhd);
}

void web_add_piece(struct exchange *x, struct span bytes)
{
    buf_append(&x->pieces, bytes.data, bytes.bytes);
    wake(x);
}

void web_end_pieces(struct exchange *x, int is_whole)
{
    x->has_ended = is_whole ? 1 : 2;
    wake(x);
}
