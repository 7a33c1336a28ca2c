/* Listeners, connections and their deadlines. Everything waits in queues that are in the order of their due
 * times, so a turn costs what happened in it, whatever the number of connections.
 */
#include "gateway/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/program.h"
#include "gateway/limits.h"
#include "gateway/listener.h"

struct server {
    struct conn_shared shared;
    struct listener listeners[CONF_LISTEN_MAX];
    size_t listener_count;
    int accepting;            /* the listeners are in the epoll set */
    int64_t accept_again_ms;  /* after the system had no descriptor left; 0 = now */
    size_t connections_max;
    char *ports_path;
};

static size_t find_connections_max(void);
static int open_listeners(struct server *s, const struct conf *conf);
static void change_door(struct server *s, const struct conf *conf);
static void set_accepting(struct server *s, int accepting);
static void admit(struct server *s, int fd, const struct sockaddr *from);
static int make_room(struct server *s);
static void accept_some(struct server *s, struct listener *l);
static void set_options(int fd);
static int accept_failed(struct server *s, int error);
static void resume_line(struct server *s, struct queue *line);
static void check_deadlines(struct server *s);
static void check_accepting(struct server *s);

static void change_door(struct server *s, const struct conf *conf)
{
    size_t each_max = conf->gateway.client_connections;
    door_change(s->shared.door, conf->server.allow, each_max ? each_max : SIZE_MAX);
}

struct server *server_new(const struct server_options *options)
{
    struct server *s = mem_new(sizeof *s);
    struct conn_shared *shared = &s->shared;
    shared->epoll_fd = options->epoll_fd;
    shared->package_bytes_max = options->conf->setting.package_bytes_max;
    shared->frame_timeout_ms = options->conf->gateway.frame_timeout_ms;
    shared->idle_timeout_ms = options->conf->gateway.idle_timeout_ms;
    shared->request = options->request;
    shared->self = options->self;
    shared->read_room = mem_new(GATEWAY_READ_BYTES);
    shared->door = door_new();
    struct queue *queues[] = {&shared->all,         &shared->orphans,   &shared->fresh,   &shared->framing, &shared->idle,
                              &shared->draining,    &shared->lingering, &shared->slow,    &shared->dirty,
                              &shared->gone,        &shared->ready,     &shared->held_pushes,
                              &shared->held_sends,  &shared->held_gather};
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++)
        queue_open(queues[i]);
    s->ports_path = mem_dup(options->ports_path);
    s->connections_max = find_connections_max();
    change_door(s, options->conf);
    if (open_listeners(s, options->conf) != 0)
        server_destroy(&s);
    return s;
}

static size_t find_connections_max(void)
{
    size_t files = program_raise_files(SIZE_MAX);
    return files > 2 * GATEWAY_FDS_SPARE ? files - GATEWAY_FDS_SPARE : files / 2;
}

static int open_listeners(struct server *s, const struct conf *conf)
{
    for (size_t i = 0; i < conf->server.listen_count; i++) {
        if (listener_open(&s->listeners[i], conf->server.listen[i]) != 0)
            return -1;
        s->listener_count++;
    }
    if (listener_write_ports(s->listeners, s->listener_count, s->ports_path) != 0)
        return -1;
    set_accepting(s, 1);
    if (!s->accepting)
        return -1;
    for (size_t i = 0; i < s->listener_count; i++)
        log_info("listening", log_str("addr", s->listeners[i].address),
                 log_u64("connections_max", s->connections_max));
    return 0;
}

void server_destroy(struct server **self)
{
    struct server *s = *self;
    if (s == NULL)
        return;
    struct queue_item *item;
    while ((item = queue_first(&s->shared.all)) != NULL)
        conn_close(&s->shared, QUEUE_OWNER(item, struct conn, all), "the gateway ends");
    while ((item = queue_first(&s->shared.orphans)) != NULL)
        conn_bury(QUEUE_OWNER(item, struct conn, all));
    if (s->listener_count > 0)
        unlink(s->ports_path);
    for (size_t i = 0; i < s->listener_count; i++)
        listener_close(&s->listeners[i]);
    free(s->ports_path);
    free(s->shared.read_room);
    door_destroy(&s->shared.door);
    free(s);
    *self = NULL;
}

/* From or to "never" the timers begin or end; a client that idles has its whole time from now on. */
static void change_idle(struct conn_shared *shared, int64_t idle_ms)
{
    int64_t before_ms = shared->idle_timeout_ms;
    struct queue_item *item;
    shared->idle_timeout_ms = idle_ms;
    if (before_ms > 0 && idle_ms > 0) {
        queue_shift(&shared->idle, idle_ms - before_ms);
        return;
    }
    while (idle_ms == 0 && (item = queue_first(&shared->idle)) != NULL)
        queue_remove(item);
    if (idle_ms == 0 || before_ms > 0)
        return;
    for (struct queue_item *next = NULL, *at = queue_first(&shared->all); at != NULL; at = next) {
        next = queue_next(&shared->all, at); /* one that cannot be watched is closed */
        conn_update(shared, QUEUE_OWNER(at, struct conn, all));
    }
}

void server_change(struct server *s, const struct conf *conf)
{
    struct conn_shared *shared = &s->shared;
    int64_t longer_ms = conf->gateway.frame_timeout_ms - shared->frame_timeout_ms;
    struct queue *queues[] = {&shared->framing, &shared->draining, &shared->slow};
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++)
        queue_shift(queues[i], longer_ms);
    shared->frame_timeout_ms = conf->gateway.frame_timeout_ms;
    shared->package_bytes_max = conf->setting.package_bytes_max;
    change_idle(shared, conf->gateway.idle_timeout_ms);
    change_door(s, conf);
}

struct conn_shared *server_shared(struct server *s)
{
    return &s->shared;
}

void server_begin_turn(struct server *s, int64_t now_ms)
{
    s->shared.now_ms = now_ms;
}

void server_event(struct server *s, struct watch *watch, uint32_t events)
{
    if (watch->kind == WATCH_LISTENER)
        accept_some(s, QUEUE_OWNER(watch, struct listener, watch));
    else
        conn_event(&s->shared, QUEUE_OWNER(watch, struct conn, watch), events);
}

/* --- accepting ------------------------------------------------------------------------------------------ */

static void set_accepting(struct server *s, int accepting)
{
    if (s->accepting == accepting)
        return;
    for (size_t i = 0; i < s->listener_count; i++) {
        struct listener *l = &s->listeners[i];
        int failed = accepting ? watch_add(s->shared.epoll_fd, l->fd, EPOLLIN, &l->watch)
                               : epoll_ctl(s->shared.epoll_fd, EPOLL_CTL_DEL, l->fd, NULL);
        if (failed) {
            log_error("listener cannot be watched", log_str("addr", l->address),
                      log_str("error", strerror(errno)));
            return;
        }
    }
    s->accepting = accepting;
}

static void accept_some(struct server *s, struct listener *l)
{
    for (int i = 0; i < GATEWAY_ACCEPTS_MAX && s->accepting; i++) {
        if (s->shared.count >= s->connections_max && !make_room(s)) {
            log_warn("connections at their limit; new ones wait", log_u64("connections", s->shared.count));
            set_accepting(s, 0);
            s->accept_again_ms = s->shared.now_ms + GATEWAY_ACCEPT_PAUSE_MS;
            return;
        }
        struct sockaddr_storage from = {0};
        socklen_t from_bytes = sizeof from;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &from_bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            admit(s, fd, (struct sockaddr *)&from);
        else if (accept_failed(s, errno))
            return;
    }
}

/* A connection of somebody who may not come in is closed at once, so that he knows. */
static void admit(struct server *s, int fd, const struct sockaddr *from)
{
    struct ip_address address;
    char text[IP_ADDRESS_TEXT_BYTES];
    if (ip_address_of(from, &address)) {
        close(fd);
        return;
    }
    enum door_answer answer = door_enter(s->shared.door, &address);
    if (answer == DOOR_OPEN) {
        set_options(fd);
        conn_open(&s->shared, fd, &address);
        return;
    }
    close(fd);
    if (answer == DOOR_NOT_ALLOWED)
        log_warn("client turned away: its address is not in [server] allow", log_str("from", ip_address_text(&address, text)),
                 log_u64("so_far", door_turned_away(s->shared.door, answer)));
    else
        log_warn("client turned away: its address has too many connections ([gateway] client_connections)",
                 log_str("from", ip_address_text(&address, text)), log_u64("so_far", door_turned_away(s->shared.door, answer)));
}

/* One that stays in the middle of a frame and has nothing unanswered: who waits for an answer would not know what became of it. */
static struct queue_item *find_half(struct conn_shared *shared)
{
    int64_t due_ms = shared->now_ms + shared->frame_timeout_ms - GATEWAY_ROOM_HALF_MS;
    struct queue_item *item = queue_first_due(&shared->framing, due_ms);
    for (int i = 0; item != NULL && item->due_ms <= due_ms && i < GATEWAY_ROOM_LOOKS; i++) {
        const struct conn *c = QUEUE_OWNER(item, struct conn, timer);
        if (c->pushes + c->sends == 0)
            return item;
        item = queue_next(&shared->framing, item);
    }
    return NULL;
}

/* Closes the connection that is missed least. Returns 0 when all of them are at work. */
static int make_room(struct server *s)
{
    struct conn_shared *shared = &s->shared;
    struct queue_item *half = find_half(shared);
    struct queue_item *fresh = queue_first_due(&shared->fresh, shared->now_ms - GATEWAY_ROOM_HALF_MS);
    struct queue_item *idle = queue_first_due(&shared->idle, shared->now_ms + shared->idle_timeout_ms - GATEWAY_ROOM_IDLE_MS);
    struct conn *c = half    ? QUEUE_OWNER(half, struct conn, timer)
                     : fresh ? QUEUE_OWNER(fresh, struct conn, fresh)
                     : idle  ? QUEUE_OWNER(idle, struct conn, timer)
                             : NULL;
    if (c == NULL)
        return 0;
    log_info("silent connection makes room for a new one", log_i64("fd", c->fd));
    conn_close(shared, c, "makes room");
    return 1;
}

/* Answers are gathered here already, and a client whose host vanished must not stay for ever. Failing is
 * harmless. */
static void set_options(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* Returns 1 when accepting ends for this turn. */
static int accept_failed(struct server *s, int error)
{
    if (error == EAGAIN)
        return 1;
    if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM)
        return 0; /* that one connection is gone already: ECONNABORTED, EINTR, errors of its network */
    if (make_room(s))
        return 0;
    log_warn("no descriptor for a new connection; new ones wait", log_u64("connections", s->shared.count),
             log_str("error", strerror(error)));
    set_accepting(s, 0);
    s->accept_again_ms = s->shared.now_ms + GATEWAY_ACCEPT_PAUSE_MS;
    return 1;
}

static void check_accepting(struct server *s)
{
    if (s->accepting || s->shared.stopping || s->shared.now_ms < s->accept_again_ms)
        return;
    s->accept_again_ms = 0;
    set_accepting(s, 1);
}

/* --- the end of a turn ---------------------------------------------------------------------------------- */

void server_resume(struct server *s, int (*has_room)(void *self, enum op op), void *self)
{
    struct conn_shared *shared = &s->shared;
    if (shared->stopping)
        return;
    struct queue_item *item;
    while ((item = queue_first(&shared->ready)) != NULL)
        conn_resume(shared, QUEUE_OWNER(item, struct conn, held_place));
    while (queue_first(&shared->held_pushes) != NULL && has_room(self, OP_PUSH))
        resume_line(s, &shared->held_pushes);
    while (queue_first(&shared->held_sends) != NULL && has_room(self, OP_SEND))
        resume_line(s, &shared->held_sends);
    while ((item = queue_first(&shared->held_gather)) != NULL) {
        const struct conn *c = QUEUE_OWNER(item, struct conn, held_place);
        if (shared->gathered_bytes > 0 && shared->gathered_bytes + c->wanted_bytes > GATEWAY_GATHER_BYTES_MAX)
            break;
        resume_line(s, &shared->held_gather);
    }
}

/* The one that waits longest goes on; if there is too little room it stands at the end of the line again. */
static void resume_line(struct server *s, struct queue *line)
{
    conn_resume(&s->shared, QUEUE_OWNER(queue_first(line), struct conn, held_place));
}

void server_end_turn(struct server *s)
{
    struct queue_item *item;
    check_deadlines(s);
    while ((item = queue_first(&s->shared.dirty)) != NULL)
        conn_flush(&s->shared, QUEUE_OWNER(item, struct conn, dirty));
    while ((item = queue_first(&s->shared.gone)) != NULL) {
        struct conn *c = QUEUE_OWNER(item, struct conn, dirty);
        queue_remove(item);
        if (c->pushes + c->sends == 0)
            conn_bury(c);
    }
    check_accepting(s);
}

static void check_deadlines(struct server *s)
{
    struct conn_shared *shared = &s->shared;
    struct queue_item *item;
    while ((item = queue_first_due(&shared->framing, shared->now_ms)) != NULL) {
        struct conn *c = QUEUE_OWNER(item, struct conn, timer);
        log_info("frame not whole in time; connection ends", log_i64("fd", c->fd));
        conn_drain(shared, c);
    }
    while ((item = queue_first_due(&shared->idle, shared->now_ms)) != NULL)
        conn_close(shared, QUEUE_OWNER(item, struct conn, timer), "idle");
    while ((item = queue_first_due(&shared->draining, shared->now_ms)) != NULL)
        conn_close(shared, QUEUE_OWNER(item, struct conn, timer), "its end took too long");
    while ((item = queue_first_due(&shared->lingering, shared->now_ms)) != NULL)
        conn_close(shared, QUEUE_OWNER(item, struct conn, timer), "its client does not end");
    while ((item = queue_first_due(&shared->slow, shared->now_ms)) != NULL) {
        struct conn *c = QUEUE_OWNER(item, struct conn, slow);
        log_warn("client does not read its answers; connection closed", log_i64("fd", c->fd),
                 log_u64("unread_bytes", conn_unwritten(c)));
        conn_close(shared, c, "answers unread");
    }
}

int64_t server_due_ms(const struct server *s)
{
    const struct conn_shared *shared = &s->shared;
    const struct queue *queues[] = {&shared->framing, &shared->idle, &shared->draining, &shared->lingering,
                                    &shared->slow};
    if (queue_first(&shared->dirty) != NULL || (queue_first(&shared->ready) != NULL && !shared->stopping))
        return 0;
    int64_t due_ms = s->accept_again_ms > 0 ? s->accept_again_ms : INT64_MAX;
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        int64_t first_ms = queue_due_ms(queues[i]);
        due_ms = first_ms < due_ms ? first_ms : due_ms;
    }
    return due_ms;
}

/* --- stopping ------------------------------------------------------------------------------------------- */

void server_stop(struct server *s)
{
    /* Who stands before a listener that is closed is reset: he is let in first, and sees an orderly end. */
    for (size_t i = 0; i < s->listener_count; i++) {
        accept_some(s, &s->listeners[i]);
        listener_close(&s->listeners[i]);
    }
    s->accepting = 0;
    s->accept_again_ms = 0;
    s->shared.stopping = 1;
    struct queue_item *item = queue_first(&s->shared.all);
    while (item != NULL) {
        struct conn *c = QUEUE_OWNER(item, struct conn, all);
        item = queue_next(&s->shared.all, item); /* before it, which may close this one */
        if (c->state == CONN_OPEN)
            conn_drain(&s->shared, c);
        else
            conn_update(&s->shared, c);
    }
}

void server_shut(struct server *s)
{
    struct queue_item *item = queue_first(&s->shared.all);
    while (item != NULL) {
        struct conn *c = QUEUE_OWNER(item, struct conn, all);
        item = queue_next(&s->shared.all, item);
        if (c->state != CONN_LINGERING)
            conn_shut(&s->shared, c);
    }
}

int server_is_empty(const struct server *s)
{
    return s->shared.count == 0;
}
