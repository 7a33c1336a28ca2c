/* Lost connections of ZeroMQ sockets. */
#include <czmq.h>

#include "base/monitor.h"
#include "tests/unit/test.h"

#define WAIT_MS 5000 /* far more than it takes; the test ends as soon as the event is there */

/* Waits until the monitor tells of a loss. */
static int wait_lost(struct monitor *m)
{
    zpoller_t *poller = zpoller_new(monitor_socket(m), NULL);
    int lost = 0;
    while (lost == 0) {
        CHECK(zpoller_wait(poller, WAIT_MS) == monitor_socket(m));
        lost = monitor_lost(m);
    }
    zpoller_destroy(&poller);
    return lost;
}

/* A pair of connected sockets: waits until a message went through. */
static zsock_t *connect_peer(zsock_t *server, const char *endpoint)
{
    zsock_t *peer = zsock_new(ZMQ_DEALER);
    CHECK(zsock_connect(peer, "%s", endpoint) == 0);
    CHECK(zstr_send(peer, "hello") == 0);
    char *text = zstr_recv(server);
    CHECK_STR(text, "hello");
    zstr_free(&text);
    return peer;
}

static void test_server_side(const char *endpoint)
{
    zsock_t *server = zsock_new(ZMQ_DEALER);
    CHECK(zsock_bind(server, "%s", endpoint) >= 0);
    struct monitor *m = monitor_new(server);
    char *at = zsock_last_endpoint(server);
    zsock_t *peers[2] = {connect_peer(server, at), NULL};
    peers[1] = connect_peer(server, at);
    CHECK_INT(monitor_lost(m), 0);
    zsock_destroy(&peers[0]);
    CHECK_INT(wait_lost(m), 1);
    CHECK_INT(monitor_lost(m), 0);
    zsock_destroy(&peers[1]);
    CHECK_INT(wait_lost(m), 1);
    freen(at);
    monitor_destroy(&m);
    CHECK(m == NULL);
    zsock_destroy(&server);
}

/* A client that has nobody to talk to loses nothing; one whose server goes does. */
static void test_client_side(void)
{
    zsock_t *server = zsock_new(ZMQ_DEALER);
    int port = zsock_bind(server, "tcp://127.0.0.1:*");
    zsock_t *client = zsock_new(ZMQ_DEALER);
    struct monitor *m = monitor_new(client);
    CHECK(zsock_connect(client, "tcp://127.0.0.1:%d", port) == 0);
    CHECK(zstr_send(client, "hello") == 0);
    char *text = zstr_recv(server);
    zstr_free(&text);
    CHECK_INT(monitor_lost(m), 0);
    zsock_destroy(&server);
    CHECK_INT(wait_lost(m), 1);
    monitor_destroy(&m);
    zsock_destroy(&client);
}

/* A monitor can be made again for the same socket, and the socket lives on without it. */
static void test_again(void)
{
    zsock_t *server = zsock_new(ZMQ_DEALER);
    int port = zsock_bind(server, "tcp://127.0.0.1:*");
    char endpoint[64];
    zsock_t *unwatched[3]; /* kept until the end: the next monitor would tell of one that goes a little late */
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    for (int i = 0; i < 3; i++) {
        struct monitor *m = monitor_new(server);
        zsock_t *peer = connect_peer(server, endpoint);
        zsock_destroy(&peer);
        CHECK_INT(wait_lost(m), 1);
        monitor_destroy(&m);
        unwatched[i] = connect_peer(server, endpoint);
    }
    for (int i = 0; i < 3; i++)
        zsock_destroy(&unwatched[i]);
    struct monitor *none = NULL;
    monitor_destroy(&none);
    zsock_destroy(&server);
}

/* Connects without a word, and returns when the other side has given up. */
static void connect_mute(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    char bytes[64];
    ssize_t got;
    do {
        got = read(fd, bytes, sizeof bytes);
    } while (got > 0); /* its greeting */
    close(fd);
}

/* Who connects and never makes the handshake is not lost; who comes afterwards and goes is. */
static void test_broken_handshake(void)
{
    zsock_t *server = zsock_new(ZMQ_DEALER);
    zsock_set_handshake_ivl(server, 50); /* a peer that is slower under load just tries again */
    int port = zsock_bind(server, "tcp://127.0.0.1:*");
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    struct monitor *m = monitor_new(server);
    for (int i = 0; i < 2; i++) {
        connect_mute(port); /* libzmq tells before it closes */
        CHECK_INT(monitor_lost(m), 0);
        zsock_t *peer = connect_peer(server, endpoint);
        zsock_destroy(&peer);
        CHECK_INT(wait_lost(m), 1);
    }
    monitor_destroy(&m);
    zsock_destroy(&server);
}

int main(void)
{
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "ipc://%s/m.ipc", test_folder());
    test_server_side(endpoint);
    test_server_side("tcp://127.0.0.1:*");
    test_client_side();
    test_again();
    test_broken_handshake();
    return 0;
}
