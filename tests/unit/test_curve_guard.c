/* The gatekeeper with real sockets: who comes in, what a message may, what a monitor counts, and who is cut. */
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <czmq.h>

#include "base/curve.h"
#include "base/curve_guard.h"
#include "base/monitor.h"
#include "tests/unit/test.h"

#define WAIT_MS   10000
#define FILES_MAX 256

static struct curve_keys ann, bob;
static char clients[128];

static void make_pair(const char *name, struct curve_keys *out, const char *server_key)
{
    span_to_text(out->name, sizeof out->name, span_of(name));
    CHECK_INT(zmq_curve_keypair(out->public_key, out->secret_key), 0);
    memcpy(out->server_key, server_key ? server_key : out->public_key, sizeof out->server_key);
}

static void let_in(const struct curve_keys *keys, const char *role)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s.pub", clients, keys->name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file, "metadata\n  role = %s\ncurve\n  public-key = %s\n", role, keys->public_key);
    CHECK(fclose(file) == 0);
}

static void put_out(const struct curve_keys *keys)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s.pub", clients, keys->name);
    CHECK(remove(path) == 0);
}

static zsock_t *connect_as(int kind, const struct curve_keys *keys, const char *endpoint)
{
    zsock_t *socket = zsock_new(kind);
    zsock_set_linger(socket, 0);
    zsock_set_reconnect_ivl(socket, 20);
    CHECK_INT(curve_connect(zsock_resolve(socket), keys, endpoint), 0);
    return socket;
}

/* Receives one message of two frames from a ROUTER; the second stays in `frame`. */
static void receive(zsock_t *router, zmq_msg_t *frame)
{
    zmq_pollitem_t item = {zsock_resolve(router), 0, ZMQ_POLLIN, 0};
    CHECK_INT(zmq_poll(&item, 1, WAIT_MS), 1);
    zmq_msg_init(frame);
    for (int i = 0; i < 2; i++)
        CHECK(zmq_msg_recv(frame, item.socket, 0) >= 0);
}

static void wait_lost(struct monitor *m)
{
    zmq_pollitem_t item = {zsock_resolve(monitor_socket(m)), 0, ZMQ_POLLIN, 0};
    while (monitor_lost(m) == 0)
        CHECK_INT(zmq_poll(&item, 1, WAIT_MS), 1);
}

/* A client's messages say its name and are obeyed as its role allows, until it is put out: then it is cut, and what it had sent before
 * is not obeyed any more. When it may come in again it does. */
static void test_messages(struct curve_guard *guard, zsock_t *router, const char *endpoint)
{
    zmq_msg_t frame;
    struct peer peer;
    let_in(&ann, "operator");
    zsock_t *client = connect_as(ZMQ_DEALER, &ann, endpoint);
    struct monitor *lost = monitor_new(client);
    zstr_send(client, "one");
    receive(router, &frame);
    peer_of(&frame, 1, &peer);
    CHECK_INT(peer.kind, PEER_KEY);
    CHECK_STR(peer.name, "ann");
    CHECK_STR(peer.address, "127.0.0.1");
    CHECK(curve_guard_admits(guard, endpoint, CURVE_CONTROL, &frame));
    CHECK(!curve_guard_admits(guard, endpoint, CURVE_RING, &frame));
    CHECK(curve_guard_admits(guard, "ipc:///x", CURVE_RING, &frame)); /* of another socket */
    put_out(&ann);
    wait_lost(lost);
    CHECK(!curve_guard_admits(guard, endpoint, CURVE_CONTROL, &frame));
    zmq_msg_close(&frame);
    let_in(&ann, "client"); /* less than before: not here */
    zstr_send(client, "two");
    let_in(&ann, "operator");
    receive(router, &frame);
    CHECK(curve_guard_admits(guard, endpoint, CURVE_CONTROL, &frame));
    zmq_msg_close(&frame);
    monitor_destroy(&lost);
    zsock_destroy(&client);
    put_out(&ann);
}

/* Takes all descriptors that this process may still have. */
static size_t take_descriptors(int taken[FILES_MAX], struct rlimit *before)
{
    size_t count = 0;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, before), 0);
    struct rlimit few = {FILES_MAX, before->rlim_max};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (count < FILES_MAX && (taken[count] = dup(STDERR_FILENO)) >= 0)
        count++;
    CHECK_INT(errno, EMFILE);
    return count;
}

/* Strangers can take all descriptors of a server: a key is put out all the same, and the others stay. */
static void test_no_descriptors(struct curve_guard *guard, zsock_t *router, const char *endpoint)
{
    int taken[FILES_MAX];
    struct rlimit before;
    zmq_msg_t of_ann, of_bob;
    let_in(&ann, "operator");
    let_in(&bob, "operator");
    zsock_t *client = connect_as(ZMQ_DEALER, &ann, endpoint), *other = connect_as(ZMQ_DEALER, &bob, endpoint);
    zstr_send(client, "one");
    receive(router, &of_ann);
    zstr_send(other, "two");
    receive(router, &of_bob);
    struct monitor *lost = monitor_new(client);
    size_t count = take_descriptors(taken, &before);
    put_out(&ann);
    wait_lost(lost);
    CHECK(!curve_guard_admits(guard, endpoint, CURVE_CONTROL, &of_ann));
    CHECK(curve_guard_admits(guard, endpoint, CURVE_CONTROL, &of_bob));
    while (count > 0)
        close(taken[--count]);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    zmq_msg_close(&of_ann);
    zmq_msg_close(&of_bob);
    monitor_destroy(&lost);
    zsock_destroy(&client);
    zsock_destroy(&other);
    put_out(&bob);
}

/* A message that did not come through the socket has no key. */
static void test_made(struct curve_guard *guard, const char *endpoint)
{
    zmq_msg_t made;
    zmq_msg_init(&made);
    CHECK(!curve_guard_admits(guard, endpoint, CURVE_CONTROL, &made));
}

/* Somebody tries to come in, and goes when that has failed. */
static void try_as(const struct curve_keys *keys, const char *endpoint)
{
    char address[64]; /* libzmq lets go of one a little late */
    snprintf(address, sizeof address, "inproc://tried-%p", (const void *)keys);
    zsock_t *stranger = zsock_new(ZMQ_PULL), *events = zsock_new(ZMQ_PAIR);
    int failures = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    CHECK_INT(zmq_socket_monitor(zsock_resolve(stranger), address, failures), 0);
    CHECK_INT(zsock_connect(events, "%s", address), 0);
    CHECK_INT(curve_connect(zsock_resolve(stranger), keys, endpoint), 0);
    zmq_pollitem_t item = {zsock_resolve(events), 0, ZMQ_POLLIN, 0};
    CHECK_INT(zmq_poll(&item, 1, WAIT_MS), 1);
    zmq_socket_monitor(zsock_resolve(stranger), NULL, 0);
    zsock_destroy(&events);
    zsock_destroy(&stranger);
}

/* However often strangers try, the monitor of the server tells of no loss: else they could raise fences. */
static void test_strangers(struct curve_guard *guard, const struct curve_keys *own)
{
    static const struct curve_keys none;
    struct curve_keys wrong = bob;
    char endpoint[64];
    zsock_t *jobs = zsock_new(ZMQ_PUSH);
    struct monitor *m = monitor_new(jobs);
    int port = curve_guard_bind(guard, jobs, CURVE_JOBS, "tcp://127.0.0.1:*");
    CHECK(port > 0);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    memcpy(wrong.server_key, bob.public_key, sizeof wrong.server_key);
    const struct curve_keys *strangers[] = {&none, &wrong, &bob};
    for (size_t i = 0; i < 3; i++)
        try_as(strangers[i], endpoint);
    zsock_t *good = connect_as(ZMQ_PULL, own, endpoint);
    CHECK_INT(zstr_send(jobs, "job"), 0); /* waits for the good one */
    char *text = zstr_recv(good);
    CHECK_STR(text, "job");
    zstr_free(&text);
    CHECK_INT(monitor_lost(m), 0);
    zsock_destroy(&good);
    wait_lost(m);
    CHECK_INT(monitor_lost(m), 0);
    monitor_destroy(&m);
    zsock_destroy(&jobs);
}

static void test_refused(struct curve_guard *plain)
{
    zsock_t *socket = zsock_new(ZMQ_ROUTER);
    errno = 0;
    CHECK_INT(curve_guard_bind(plain, socket, CURVE_FRONTEND, "tcp://0.0.0.0:*"), -1);
    CHECK_INT(errno, EACCES);
    CHECK(curve_guard_bind(plain, socket, CURVE_FRONTEND, "tcp://127.0.0.1:*") > 0);
    char endpoint[128];
    struct stat info;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/x.ipc", test_folder());
    CHECK_INT(curve_guard_bind(plain, socket, CURVE_FRONTEND, endpoint), 0);
    CHECK_INT(stat(endpoint + 6, &info), 0);
    CHECK_INT(info.st_mode & 0777, 0660);
    zsock_destroy(&socket);
}

int main(void)
{
    struct conf *conf = mem_new(sizeof *conf);
    char endpoint[64];
    snprintf(clients, sizeof clients, "%s/clients", test_folder());
    CHECK_INT(mkdir(clients, 0755), 0);
    struct curve_guard *plain = curve_guard_new(conf);
    test_refused(plain);
    curve_guard_destroy(&plain);
    make_pair("own", &conf->curve.keys, NULL);
    make_pair("ann", &ann, conf->curve.keys.public_key);
    make_pair("bob", &bob, conf->curve.keys.public_key);
    snprintf(conf->curve.clients, sizeof conf->curve.clients, "%s", clients);
    struct curve_guard *guard = curve_guard_new(conf);
    zsock_t *router = zsock_new(ZMQ_ROUTER);
    int port = curve_guard_bind(guard, router, CURVE_CONTROL, "tcp://127.0.0.1:*");
    CHECK(port > 0);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    test_messages(guard, router, endpoint);
    test_no_descriptors(guard, router, endpoint);
    test_made(guard, endpoint);
    test_strangers(guard, &conf->curve.keys);
    zsock_destroy(&router);
    curve_guard_destroy(&guard);
    conf_destroy(&conf);
    return 0;
}
