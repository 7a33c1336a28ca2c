/* Two threads: that of the process, which binds and asks, and the gatekeeper's own (run). Between them are the folder as it was read
 * last and the guarded ports, under one lock.
 *
 * Connections are cut from outside of libzmq, which does not tell which descriptor is whose: each descriptor of the process that is a
 * connection of a guarded port is shut down. It is duplicated before it is looked at, so that what is shut down is what was looked
 * at, even if libzmq closes it meanwhile and its number goes to another one.
 *
 * Strangers who hold all descriptors of the process must not keep a key alive that was revoked: what is needed for that (both folders,
 * and the place of the duplicate) is held from the start on.
 */
#include "base/curve_guard.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/curve.h"
#include "base/curve_folder.h"
#include "base/log.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define LOOK_MS      500 /* between two looks at the folder */
#define HURRY_MS     50  /* and at least, when an unknown key comes */
#define SOCKET_UMASK 0117 /* leaves 0660 */
#define PORTS_MAX    8   /* sockets that a process binds; the broker has three */
#define KEY_PROPERTY "Mega-Key" /* of each message of a guarded socket: the key in Z85. ZAP's word comes before what a peer says */
#define ZAP_FRAMES   7   /* of a request about CURVE: version, request, domain, address, identity, mechanism, key */

struct curve_guard {
    const struct conf *conf;
    zactor_t *actor; /* NULL: nothing is guarded yet */
    pthread_mutex_t lock; /* guards what follows */
    struct curve_folder folder;
    in_port_t ports[PORTS_MAX]; /* as the network writes them */
    size_t port_count;
    DIR *held;         /* from here on of the thread alone: the folder */
    DIR *fds;          /* /proc/self/fd; NULL when there is none */
    int spare_fd;      /* of it, but for the moment in which it is a duplicate */
    int is_unreadable; /* the folder, when it was looked at last */
    int64_t looked_ms; /* monotonic */
};

static void run(zsock_t *pipe, void *self);
static void look(struct curve_guard *g);

struct curve_guard *curve_guard_new(const struct conf *conf)
{
    struct curve_guard *g = mem_new(sizeof *g);
    g->conf = conf;
    g->spare_fd = -1;
    pthread_mutex_init(&g->lock, NULL);
    return g;
}

void curve_guard_destroy(struct curve_guard **self)
{
    struct curve_guard *g = *self;
    if (g == NULL)
        return;
    zactor_destroy(&g->actor);
    curve_folder_free(&g->folder);
    if (g->held)
        closedir(g->held);
    if (g->fds) {
        closedir(g->fds);
        close(g->spare_fd);
    }
    pthread_mutex_destroy(&g->lock);
    free(g);
    *self = NULL;
}

/* --- binding and asking ------------------------------------------------------------------------------------------- */

static void hold_descriptors(struct curve_guard *g)
{
    g->fds = opendir("/proc/self/fd");
    g->spare_fd = g->fds ? fcntl(dirfd(g->fds), F_DUPFD_CLOEXEC, 0) : -1;
    if (g->spare_fd >= 0)
        return;
    log_error("connections of a key that is revoked cannot be cut: its messages will not be obeyed, but it may still read",
              log_str("error", strerror(errno)));
    if (g->fds)
        closedir(g->fds);
    g->fds = NULL;
}

static void start(struct curve_guard *g)
{
    if (g->actor)
        return;
    hold_descriptors(g);
    look(g); /* before anybody can come */
    g->actor = zactor_new(run, g); /* returns when the handler is there */
    assert(g->actor);
    log_info("keys are asked for", log_str("clients", g->conf->curve.clients), log_u64("keys", g->folder.count),
             log_str("own", g->conf->curve.keys.public_key));
}

/* ipc sockets are for the user and group of the process, from the first moment on: a later chmod would leave a gap. */
static int bind_plain(void *socket, const char *endpoint)
{
    mode_t before = umask(SOCKET_UMASK);
    int port = zsock_bind(socket, "%s", endpoint);
    umask(before);
    return port;
}

int curve_guard_bind(struct curve_guard *g, void *socket, enum curve_domain domain, const char *endpoint)
{
    const struct curve_keys *keys = &g->conf->curve.keys;
    const char *error = curve_bind_error(keys, g->conf->curve.plaintext, endpoint);
    if (error) {
        log_error("a socket is not bound", log_str("endpoint", endpoint), log_str("reason", error));
        errno = EACCES;
        return -1;
    }
    if (!curve_covers(keys, endpoint))
        return bind_plain(socket, endpoint);
    start(g);
    curve_serve(zsock_resolve(socket), keys, curve_domain_name(domain));
    int port = zsock_bind(socket, "%s", endpoint);
    if (port <= 0)
        return port;
    pthread_mutex_lock(&g->lock);
    assert(g->port_count < PORTS_MAX);
    g->ports[g->port_count++] = htons((in_port_t)port);
    pthread_mutex_unlock(&g->lock);
    return port;
}

/* The roles of a key, 0 when it may not come in; and its name. */
static unsigned find(struct curve_guard *g, const char *key, char name[PEER_NAME_BYTES_MAX + 1])
{
    const struct curve_keys *own = &g->conf->curve.keys;
    unsigned roles = 0;
    span_to_text(name, PEER_NAME_BYTES_MAX + 1, span_of(own->name));
    if (strcmp(key, own->public_key) == 0)
        return ROLE_STAGE;
    pthread_mutex_lock(&g->lock);
    const struct curve_file *file = curve_folder_find(&g->folder, key);
    if (file) {
        roles = file->roles;
        span_to_text(name, PEER_NAME_BYTES_MAX + 1, span_of(file->name));
    }
    pthread_mutex_unlock(&g->lock);
    if (strcmp(key, own->server_key) != 0)
        return roles;
    if (file == NULL)
        span_to_text(name, PEER_NAME_BYTES_MAX + 1, span_of("installation"));
    return ROLE_STAGE;
}

int curve_guard_admits(struct curve_guard *g, const char *endpoint, enum curve_domain domain, const void *message)
{
    char name[PEER_NAME_BYTES_MAX + 1] = "";
    if (!curve_covers(&g->conf->curve.keys, endpoint))
        return 1;
    const char *key = zmq_msg_gets(message, KEY_PROPERTY);
    unsigned roles = key ? find(g, key, name) : 0;
    if (curve_roles_may(roles, domain))
        return 1;
    log_warn("a message is not obeyed: its key may not do this", log_str("what", curve_domain_name(domain)),
             log_str("peer", zmq_msg_gets(message, "User-Id")), log_str("key", key));
    return 0;
}

/* --- cutting ------------------------------------------------------------------------------------------------------ */

static int is_guarded(struct curve_guard *g, in_port_t port)
{
    for (size_t i = 0; i < g->port_count; i++)
        if (g->ports[i] == port)
            return 1;
    return 0;
}

/* Returns 1 when the descriptor was a connection of a guarded port. */
static int cut(struct curve_guard *g, int fd)
{
    struct stat info;
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } at = {{0}}, from;
    socklen_t at_bytes = sizeof at, from_bytes = sizeof from;
    /* A file must not be duplicated: closing the copy would give up its fcntl locks (LMDB has some). */
    if (fstat(fd, &info) != 0 || !S_ISSOCK(info.st_mode))
        return 0;
    int copy = dup3(fd, g->spare_fd, O_CLOEXEC);
    if (copy < 0)
        return 0; /* it was closed meanwhile */
    int is_ours = getsockname(copy, &at.any, &at_bytes) == 0 &&
                  ((at.any.sa_family == AF_INET && is_guarded(g, at.four.sin_port)) ||
                   (at.any.sa_family == AF_INET6 && is_guarded(g, at.six.sin6_port))) &&
                  getpeername(copy, &from.any, &from_bytes) == 0; /* what listens has no peer */
    if (is_ours)
        shutdown(copy, SHUT_RDWR);
    dup3(dirfd(g->fds), copy, O_CLOEXEC); /* what closes meanwhile must not stay open here */
    return is_ours;
}

static void cut_all(struct curve_guard *g)
{
    struct dirent *entry;
    uint64_t count = 0;
    if (g->fds == NULL) {
        log_error("connections cannot be cut: messages of the key are not obeyed, but it may still read; restart this process");
        return;
    }
    rewinddir(g->fds);
    while ((entry = readdir(g->fds)) != NULL) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (*end == '\0' && end != entry->d_name && fd != dirfd(g->fds) && fd != g->spare_fd)
            count += (uint64_t)cut(g, (int)fd);
    }
    log_info("all connections are cut, so that each shows its key again", log_u64("connections", count));
}

/* --- the folder --------------------------------------------------------------------------------------------------- */

/* 1 when a key could do something before that it cannot do now; each is logged. */
static int has_lost(const struct curve_folder *before, const struct curve_folder *now)
{
    int lost = 0;
    for (size_t i = 0; i < before->count; i++) {
        const struct curve_file *was = &before->files[i], *is = curve_folder_find(now, was->public_key);
        if (is && (was->roles & ~is->roles) == 0 && strcmp(was->name, is->name) == 0)
            continue;
        log_info(is ? "a key may do less now" : "a key may not come in any more", log_str("name", was->name));
        lost = 1;
    }
    return lost;
}

static void take(struct curve_guard *g, struct curve_folder *now)
{
    int lost = has_lost(&g->folder, now);
    struct curve_folder before = g->folder;
    pthread_mutex_lock(&g->lock);
    g->folder = *now;
    pthread_mutex_unlock(&g->lock);
    curve_folder_free(&before);
    if (g->looked_ms)
        log_info("the folder of keys has changed", log_u64("keys", now->count));
    if (lost)
        cut_all(g);
}

/* A folder that cannot be read (as opposed to one that is not there) leaves everything as it is. */
static void look(struct curve_guard *g)
{
    const char *path = g->conf->curve.clients;
    uint64_t stamp = 0;
    struct curve_folder now = {0};
    int failed = curve_folder_stamp(path, &g->held, &stamp);
    if (!failed && (stamp != g->folder.stamp)) {
        failed = curve_folder_read(path, &g->held, &g->folder, &now);
        if (!failed)
            take(g, &now);
    }
    if (failed && !g->is_unreadable)
        log_error("the folder of keys cannot be read: it counts as it was", log_str("clients", path), log_str("error", strerror(errno)));
    g->is_unreadable = failed != 0;
    g->looked_ms = clock_mono_ms();
}

/* --- the handler -------------------------------------------------------------------------------------------------- */

/* Looks again when the key is not known: its file may have come just now. */
static unsigned find_hurried(struct curve_guard *g, const char *key, char name[PEER_NAME_BYTES_MAX + 1])
{
    unsigned roles = find(g, key, name);
    if (roles || clock_mono_ms() - g->looked_ms < HURRY_MS)
        return roles;
    look(g);
    return find(g, key, name);
}

static int may_enter(struct curve_guard *g, zframe_t **frames, char key[CURVE_KEY_CHARS + 1], char name[PEER_NAME_BYTES_MAX + 1])
{
    struct span domain = {(char *)zframe_data(frames[2]), zframe_size(frames[2])};
    struct span address = {(char *)zframe_data(frames[3]), zframe_size(frames[3])};
    enum curve_domain which = curve_domain_find(domain);
    if (!zframe_streq(frames[5], "CURVE") || zframe_size(frames[6]) != 32 || which == CURVE_DOMAINS)
        return 0;
    zmq_z85_encode(key, zframe_data(frames[6]), 32);
    unsigned roles = find_hurried(g, key, name);
    if (curve_roles_may(roles, which)) {
        log_debug("a key comes in", log_str("name", name), log_str("socket", curve_domain_name(which)), log_span("address", address));
        return 1;
    }
    log_warn(roles ? "a key is turned away: its role does not open this socket" : "a key is turned away: it is not known",
             log_str("socket", curve_domain_name(which)), log_span("address", address), log_str("name", roles ? name : ""),
             log_str("key", key));
    return 0;
}

/* One property, as ZMTP writes them. */
static zframe_t *key_property(const char *key)
{
    struct buf out = {0};
    char name_bytes = sizeof KEY_PROPERTY - 1;
    buf_append(&out, &name_bytes, 1);
    buf_append_str(&out, KEY_PROPERTY);
    buf_append_u32be(&out, (uint32_t)strlen(key));
    buf_append_str(&out, key);
    zframe_t *frame = zframe_new(out.data, out.bytes);
    buf_free(&out);
    return frame;
}

/* Answers one request. 300 says nothing to the peer, who tries again; after 400 a ZeroMQ socket would never come back. */
static void answer(struct curve_guard *g, zsock_t *handler)
{
    char key[CURVE_KEY_CHARS + 1] = "", name[PEER_NAME_BYTES_MAX + 1] = "";
    zframe_t *frames[ZAP_FRAMES] = {NULL};
    size_t count = 0;
    zmsg_t *request = zmsg_recv(handler);
    if (request == NULL)
        return;
    while (count < ZAP_FRAMES && (frames[count] = zmsg_pop(request)) != NULL)
        count++;
    int may = count == ZAP_FRAMES && may_enter(g, frames, key, name);
    zmsg_t *reply = zmsg_new();
    zmsg_addstr(reply, "1.0");
    if (count > 1)
        zmsg_append(reply, &frames[1]);
    else
        zmsg_addstr(reply, "");
    zmsg_addstr(reply, may ? "200" : "300");
    zmsg_addstr(reply, may ? "OK" : "the key may not come in");
    zmsg_addstr(reply, may ? name : "");
    zframe_t *properties = may ? key_property(key) : zframe_new_empty();
    zmsg_append(reply, &properties);
    zmsg_send(&reply, handler);
    for (size_t i = 0; i < count; i++)
        zframe_destroy(&frames[i]);
    zmsg_destroy(&request);
}

static void run(zsock_t *pipe, void *self)
{
    struct curve_guard *g = self;
    zsock_t *handler = zsock_new(ZMQ_REP);
    int bound = zsock_bind(handler, "%s", ZAP_ENDPOINT);
    assert(bound >= 0); /* there is one in a process */
    zsock_signal(pipe, 0);
    zmq_pollitem_t items[] = {{zsock_resolve(pipe), 0, ZMQ_POLLIN, 0}, {zsock_resolve(handler), 0, ZMQ_POLLIN, 0}};
    for (;;) {
        int polled = zmq_poll(items, 2, LOOK_MS);
        assert(polled >= 0 || errno == EINTR || errno == ETERM || errno == ENOTSOCK); /* without a handler everybody would be let in */
        if (polled < 0 && errno != EINTR) /* the process is at its end: CZMQ has closed what was open */
            break;
        if (items[0].revents) /* $TERM is all that comes */
            break;
        if (items[1].revents)
            answer(g, handler);
        if (clock_mono_ms() - g->looked_ms >= LOOK_MS)
            look(g);
    }
    zsock_destroy(&handler);
}
