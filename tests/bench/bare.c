/* The yardstick of accepting: the least that two processes can do to take messages over TCP, keep each durably and say so, without
 * any of our code on the way.
 *
 *   bench-bare DIR     prints "port=N", serves until it is killed; DIR is made and holds its store
 *
 * Two processes, as the gateway and the broker. The front end reads frames with epoll and sends all whole frames that one read
 * brought as one message of its DEALER. The store's ROUTER takes what is there, writes three records for each message (the message
 * by its number, the number by the id, the place in the queue), commits them with full sync, and then answers what it committed.
 * Nothing is checked, nothing is bounded but the turn; any failure ends it.
 *
 * It speaks to bench-load as the gateway does: an answer to each opaque number.
 */
#include <lmdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "base/buf.h"
#include "base/clock.h"

#define READ_BYTES   65536
#define EVENTS_MAX   64
#define CONNS_MAX    16384 /* file descriptors */
#define TURN_MAX     8192  /* messages of a commit */
#define MAP_BYTES    ((size_t)64 << 30)
#define ANSWER_BYTES 26

static void check(int holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(1);
}

/* Bytes of the whole frames at the beginning of `in`. */
static size_t whole_frames(struct span in)
{
    size_t bytes = 0;
    while (in.bytes - bytes >= 4 && in.bytes - bytes - 4 >= u32be_at(in.data + bytes))
        bytes += 4 + u32be_at(in.data + bytes);
    return bytes;
}

/* --- the front end: a message to the store is the descriptor (4 bytes) and frames; one back is the descriptor and answers - */

struct front {
    int epoll_fd, listen_fd;
    void *dealer;
    struct buf in[CONNS_MAX]; /* by descriptor: the beginning of a frame */
    char room[READ_BYTES];
};

static void front_accept(struct front *f)
{
    int on = 1, fd = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    check(fd >= 0 && fd < CONNS_MAX, "accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    check(epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void front_read(struct front *f, int fd)
{
    struct buf *in = &f->in[fd];
    ssize_t n = recv(fd, f->room, sizeof f->room, 0);
    if (n <= 0) {
        buf_clear(in);
        close(fd);
        return;
    }
    buf_append(in, f->room, (size_t)n);
    size_t whole = whole_frames(buf_span(in));
    if (whole == 0)
        return;
    zmq_msg_t message;
    int32_t number = fd;
    check(zmq_msg_init_size(&message, sizeof number + whole) == 0, "message");
    memcpy(zmq_msg_data(&message), &number, sizeof number);
    memcpy((char *)zmq_msg_data(&message) + sizeof number, in->data, whole);
    check(zmq_msg_send(&message, f->dealer, 0) >= 0, "send");
    buf_drop_front(in, whole);
}

static void front_answers(struct front *f)
{
    for (;;) {
        zmq_msg_t message;
        int32_t fd;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, f->dealer, ZMQ_DONTWAIT) < 0)
            return;
        memcpy(&fd, zmq_msg_data(&message), sizeof fd);
        size_t bytes = zmq_msg_size(&message) - sizeof fd;
        ssize_t sent = send(fd, (char *)zmq_msg_data(&message) + sizeof fd, bytes, MSG_NOSIGNAL);
        check(sent == (ssize_t)bytes || sent < 0, "answers are small: the kernel takes them whole");
        zmq_msg_close(&message);
    }
}

static void front_run(const char *endpoint, int listen_fd)
{
    struct front *f = mem_new(sizeof *f);
    struct epoll_event events[EVENTS_MAX];
    int zmq_fd, unbounded = 0;
    size_t fd_bytes = sizeof zmq_fd;
    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    f->listen_fd = listen_fd;
    f->dealer = zmq_socket(zmq_ctx_new(), ZMQ_DEALER);
    zmq_setsockopt(f->dealer, ZMQ_SNDHWM, &unbounded, sizeof unbounded);
    zmq_setsockopt(f->dealer, ZMQ_RCVHWM, &unbounded, sizeof unbounded);
    check(zmq_connect(f->dealer, endpoint) == 0, "connect");
    zmq_getsockopt(f->dealer, ZMQ_FD, &zmq_fd, &fd_bytes);
    struct epoll_event listening = {.events = EPOLLIN, .data.fd = listen_fd}, answers = {.events = EPOLLIN, .data.fd = zmq_fd};
    check(epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, listen_fd, &listening) == 0, "epoll_ctl");
    check(epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, zmq_fd, &answers) == 0, "epoll_ctl");
    for (;;) {
        int count = epoll_wait(f->epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listen_fd)
                front_accept(f);
            else if (events[i].data.fd != zmq_fd)
                front_read(f, events[i].data.fd);
        }
        front_answers(f);
    }
}

/* --- the store ---------------------------------------------------------------------------------------------------- */

enum { MESSAGES, IDS, QUEUE, DATABASES };

struct store {
    MDB_env *env;
    MDB_dbi db[DATABASES];
    MDB_txn *txn;
    uint64_t seq;
    void *router;
    struct buf answers; /* of this turn: routing id length, routing id, length, what goes back; each length 4 bytes */
    size_t taken;
};

static void store_open(struct store *s, const char *dir)
{
    static const char *const names[DATABASES] = {"messages", "ids", "queue"};
    mkdir(dir, 0770);
    check(mdb_env_create(&s->env) == 0 && mdb_env_set_mapsize(s->env, MAP_BYTES) == 0 &&
              mdb_env_set_maxdbs(s->env, DATABASES) == 0 && mdb_env_open(s->env, dir, MDB_NORDAHEAD, 0660) == 0,
          dir);
    check(mdb_txn_begin(s->env, NULL, 0, &s->txn) == 0, "begin");
    for (int i = 0; i < DATABASES; i++)
        check(mdb_dbi_open(s->txn, names[i], MDB_CREATE, &s->db[i]) == 0, "open");
    check(mdb_txn_commit(s->txn) == 0, "commit");
}

static void put(struct store *s, int db, const void *key, size_t key_bytes, const void *value, size_t bytes)
{
    MDB_val k = {key_bytes, (void *)key}, v = {bytes, (void *)value};
    check(mdb_put(s->txn, s->db[db], &k, &v, 0) == 0, "put");
}

static void keep(struct store *s, struct span frame)
{
    uint64_t seq = __builtin_bswap64(++s->seq), due = __builtin_bswap64((uint64_t)clock_wall_ms());
    char place[16], id[25];
    memcpy(place, &due, 8);
    memcpy(place + 8, &seq, 8);
    snprintf(id, sizeof id, "gateway-%016llx", (unsigned long long)s->seq);
    put(s, MESSAGES, &seq, sizeof seq, frame.data, frame.bytes);
    put(s, IDS, id, 24, &seq, sizeof seq);
    put(s, QUEUE, place, sizeof place, "", 0);
}

static void append_answer(struct buf *out, const char *opaque)
{
    static const char head[] = "\0\0\0\x16\0\0\0\x0aresult 200";
    buf_append(out, head, sizeof head - 1);
    buf_append(out, opaque, 4);
    buf_append_u32be(out, 0);
}

/* One message of the front end. */
static void take(struct store *s, struct span peer, struct span packed)
{
    uint32_t length = (uint32_t)peer.bytes;
    buf_append(&s->answers, &length, sizeof length);
    buf_append(&s->answers, peer.data, peer.bytes);
    size_t length_at = s->answers.bytes;
    buf_append(&s->answers, &length, sizeof length);
    buf_append(&s->answers, packed.data, 4);
    for (size_t at = 4; at < packed.bytes;) {
        struct span frame = {packed.data + at, 4 + (size_t)u32be_at(packed.data + at)};
        keep(s, frame);
        append_answer(&s->answers, frame.data + 8 + u32be_at(frame.data + 4));
        at += frame.bytes;
        s->taken++;
    }
    length = (uint32_t)(s->answers.bytes - length_at - sizeof length);
    memcpy(s->answers.data + length_at, &length, sizeof length);
}

static void receive(struct store *s)
{
    while (s->taken < TURN_MAX) {
        zmq_msg_t peer, packed;
        zmq_msg_init(&peer);
        if (zmq_msg_recv(&peer, s->router, ZMQ_DONTWAIT) < 0)
            return;
        zmq_msg_init(&packed);
        check(zmq_msg_recv(&packed, s->router, 0) >= 0, "recv");
        take(s, (struct span){zmq_msg_data(&peer), zmq_msg_size(&peer)},
             (struct span){zmq_msg_data(&packed), zmq_msg_size(&packed)});
        zmq_msg_close(&peer);
        zmq_msg_close(&packed);
    }
}

static void answer_all(struct store *s)
{
    for (size_t at = 0; at < s->answers.bytes;) {
        for (int part = 0; part < 2; part++) {
            uint32_t length;
            memcpy(&length, s->answers.data + at, sizeof length);
            at += sizeof length;
            check(zmq_send(s->router, s->answers.data + at, length, part == 0 ? ZMQ_SNDMORE : 0) >= 0, "send");
            at += length;
        }
    }
    buf_clear(&s->answers);
}

static void store_run(const char *endpoint, const char *dir)
{
    struct store s = {.seq = 0};
    int unbounded = 0;
    s.router = zmq_socket(zmq_ctx_new(), ZMQ_ROUTER);
    zmq_setsockopt(s.router, ZMQ_SNDHWM, &unbounded, sizeof unbounded);
    zmq_setsockopt(s.router, ZMQ_RCVHWM, &unbounded, sizeof unbounded);
    check(zmq_bind(s.router, endpoint) == 0, endpoint);
    store_open(&s, dir);
    for (;;) {
        zmq_pollitem_t item = {.socket = s.router, .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, -1);
        s.taken = 0;
        check(mdb_txn_begin(s.env, NULL, 0, &s.txn) == 0, "begin");
        receive(&s);
        check(mdb_txn_commit(s.txn) == 0, "commit");
        answer_all(&s);
    }
}

static int listen_anywhere(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 4096) == 0 &&
              getsockname(fd, (struct sockaddr *)&at, &bytes) == 0,
          "listen");
    printf("port=%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    char endpoint[512];
    if (argc != 2 || strlen(argv[1]) > 80) {
        fprintf(stderr, "usage: bench-bare DIR   (at most 80 bytes: it holds a socket)\n");
        return 2;
    }
    mkdir(argv[1], 0770);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/bare.ipc", argv[1]);
    int listen_fd = listen_anywhere();
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        front_run(endpoint, listen_fd);
    }
    store_run(endpoint, argv[1]);
    return 0;
}
