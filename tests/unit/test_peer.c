/* Who sent a message: what ZeroMQ says of a connection, and what real connections over ipc and tcp say. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <czmq.h>

#include "base/peer.h"
#include "tests/unit/test.h"

static const struct {
    const char *user, *address;
    enum peer_kind kind;
    const char *name, *from;
    int64_t uid, pid;
} rows[] = {
    {"", "localhost:0:0:14513", PEER_USER, "uid:0", "", 0, 14513},
    {"", "localhost:4294967294:5:1", PEER_USER, "uid:4294967294", "", 4294967294, 1},
    {"ann", "10.0.0.5", PEER_KEY, "ann", "10.0.0.5", -1, -1},
    {"ann", "localhost:0:0:1", PEER_KEY, "ann", "localhost:0:0:1", -1, -1},
    {"ann", "", PEER_KEY, "ann", "", -1, -1},
    {"", "10.0.0.5", PEER_ADDRESS, "ip:10.0.0.5", "10.0.0.5", -1, -1},
    {"", "::1:2:3", PEER_ADDRESS, "ip:::1:2:3", "::1:2:3", -1, -1}, /* not the user 1 */
    {"", "fe80::1%eth0", PEER_ADDRESS, "ip:fe80::1%eth0", "fe80::1%eth0", -1, -1},
    {"", "localhost:0:0", PEER_ADDRESS, "ip:localhost:0:0", "localhost:0:0", -1, -1},
    {"", "localhost:x:0:1", PEER_ADDRESS, "ip:localhost:x:0:1", "localhost:x:0:1", -1, -1},
    {"", "localhost:", PEER_ADDRESS, "ip:localhost:", "localhost:", -1, -1},
    {"", "", PEER_UNKNOWN, "unknown", "", -1, -1},
};

static void check_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer p;
        peer_read(span_of(rows[i].user), span_of(rows[i].address), &p);
        CHECK_INT(p.kind, rows[i].kind);
        CHECK_STR(p.name, rows[i].name);
        CHECK_STR(p.address, rows[i].from);
        CHECK_INT(p.uid, rows[i].uid);
        CHECK_INT(p.pid, rows[i].pid);
    }
}

static void check_long(void)
{
    char text[301];
    struct peer p;
    memset(text, 'a', 300);
    text[300] = '\0';
    peer_read(span_of(text), span_of(text), &p);
    CHECK_INT(strlen(p.name), PEER_NAME_BYTES_MAX);
    CHECK_STR(p.address, "");
}

/* What stands behind the routing id knows it, also when the connection is gone. */
static void check_real(const char *endpoint, struct peer *out)
{
    zsock_t *router = zsock_new(ZMQ_ROUTER), *dealer = zsock_new(ZMQ_DEALER);
    CHECK(zsock_bind(router, "%s", endpoint) != -1);
    char *address = zsock_last_endpoint(router);
    CHECK(zsock_connect(dealer, "%s", address) == 0);
    zstr_send(dealer, "hello");
    zmq_pollitem_t item = {zsock_resolve(router), 0, ZMQ_POLLIN, 0};
    CHECK(zmq_poll(&item, 1, 5000) == 1);
    zsock_destroy(&dealer);
    for (int i = 0; i < 2; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        CHECK(zmq_msg_recv(&frame, zsock_resolve(router), 0) >= 0);
        peer_of(&frame, 0, out);
        zmq_msg_close(&frame);
    }
    free(address);
    zsock_destroy(&router);
}

/* A peer that says in its handshake that it is ann (ZMTP 3.0, NULL). */
static void check_liar(void)
{
    static const char greeting[65] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL";
    static const char ready[] = "\x04\x2b\x05READY\x0bSocket-Type\0\0\0\x06" "DEALER\x07User-Id\0\0\0\x03" "ann";
    zsock_t *router = zsock_new(ZMQ_ROUTER);
    int port = zsock_bind(router, "tcp://127.0.0.1:*");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    CHECK_INT(write(fd, greeting, 64), 64);
    CHECK_INT(write(fd, ready, sizeof ready - 1), sizeof ready - 1);
    char bytes[64 + 43]; /* greeting and READY of the router */
    for (size_t got = 0; got < sizeof bytes;) {
        ssize_t now = read(fd, bytes, sizeof bytes - got);
        CHECK(now > 0);
        got += (size_t)now;
    }
    CHECK_INT(write(fd, "\0\x02hi", 4), 4);
    zmq_pollitem_t item = {zsock_resolve(router), 0, ZMQ_POLLIN, 0};
    CHECK(zmq_poll(&item, 1, 5000) == 1);
    zmq_msg_t frame;
    struct peer p;
    for (int i = 0; i < 2; i++) {
        zmq_msg_init(&frame);
        CHECK(zmq_msg_recv(&frame, zsock_resolve(router), 0) >= 0);
        if (i == 1) {
            CHECK_STR(zmq_msg_gets(&frame, "User-Id"), "ann");
            peer_of(&frame, 0, &p);
            CHECK_STR(p.name, "ip:127.0.0.1");
        }
        zmq_msg_close(&frame);
    }
    close(fd);
    zsock_destroy(&router);
}

int main(void)
{
    struct peer p;
    char endpoint[64];
    check_rows();
    check_long();
    snprintf(endpoint, sizeof endpoint, "ipc:///tmp/test-peer-%ld.ipc", (long)getpid());
    check_real(endpoint, &p);
    CHECK_INT(p.kind, PEER_USER);
    CHECK_INT(p.uid, geteuid());
    CHECK_INT(p.pid, getpid());
    check_real("tcp://127.0.0.1:*", &p);
    CHECK_INT(p.kind, PEER_ADDRESS);
    CHECK_STR(p.name, "ip:127.0.0.1");
    check_liar();
    zmq_msg_t made;
    zmq_msg_init(&made);
    peer_of(&made, 1, &p);
    CHECK_INT(p.kind, PEER_UNKNOWN);
    return 0;
}
