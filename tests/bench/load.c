/* Loads a server with requests over many TCP connections, a fixed number unanswered on each, and prints what came of it as one
 * line of JSON:
 *
 *   {"answers":N,"refused":N,"seconds":S,"per_s":N,"p50_us":N,"p90_us":N,"p99_us":N,"max_us":N,"cpu_s":S}
 *
 * An answer is followed by the next request in its slot; requests that follow answers of one read go out in one write. One thread,
 * epoll. Times are from the write of a request to the read of its answer, of all answers within the measured seconds.
 * Exit status 1 when a connection fails or says something else than answers.
 */
#include "tests/bench/load.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/bench/times.h"

#define READ_BYTES 65536
#define EVENTS_MAX 64

struct conn {
    int fd;
    uint32_t next;      /* slot of the next answer where they come in order */
    int64_t *sent_us;   /* by slot */
    struct buf in, out; /* what is left over of a read; what the kernel did not take */
    int waits;          /* for room to write */
};

struct load {
    struct load_options options;
    int epoll_fd;
    uint64_t numbers; /* requests so far */
    uint64_t answers, refused;
    int64_t from_us, until_us; /* what is measured */
    struct times times;
    struct conn *conns;
    char *room;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench-load: %s: %s\n", what, why);
    exit(1);
}

static void usage(void)
{
    fprintf(stderr,
            "usage: bench-load --connect HOST:PORT [--protocol mega|beanstalkd|redis] [--connections N] [--window N]\n"
            "                  [--seconds S] [--warm S] [--command push|send] [--key KEY] [--extra PARAMETERS]\n");
    exit(2);
}

static void flush(struct load *l, struct conn *c)
{
    size_t sent = 0;
    while (sent < c->out.bytes) {
        ssize_t n = send(c->fd, c->out.data + sent, c->out.bytes - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            die("send", strerror(errno));
        sent += (size_t)n;
    }
    buf_drop_front(&c->out, sent);
    int waits = c->out.bytes > 0;
    if (waits == c->waits)
        return;
    c->waits = waits;
    struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void ask(struct load *l, struct conn *c, uint32_t slot, int64_t now_us)
{
    c->sent_us[slot] = now_us;
    l->options.protocol->request(&l->options, &c->out, l->numbers++, slot);
}

static void take_answers(struct load *l, struct conn *c, int64_t now_us)
{
    size_t taken = 0;
    while (taken < c->in.bytes) {
        uint32_t slot = c->next;
        int is_ok = 0;
        long bytes = l->options.protocol->answer((struct span){c->in.data + taken, c->in.bytes - taken}, &slot, &is_ok);
        if (bytes < 0 || slot >= l->options.window)
            die("answer", "is none of this protocol");
        if (bytes == 0)
            break;
        taken += (size_t)bytes;
        c->next = (c->next + 1) % l->options.window;
        if (now_us >= l->from_us && now_us < l->until_us) {
            l->answers++;
            l->refused += !is_ok;
            times_add(&l->times, now_us - c->sent_us[slot]);
        }
        if (now_us < l->until_us)
            ask(l, c, slot, now_us);
    }
    buf_drop_front(&c->in, taken);
}

static void handle(struct load *l, struct conn *c, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        ssize_t n = recv(c->fd, l->room, READ_BYTES, 0);
        if (n == 0)
            die("connection", "closed by the server");
        if (n < 0 && errno != EAGAIN)
            die("recv", strerror(errno));
        if (n > 0) {
            buf_append(&c->in, l->room, (size_t)n);
            take_answers(l, c, clock_mono_us());
        }
    }
    flush(l, c);
}

static void connect_one(struct load *l, struct conn *c, const struct addrinfo *to)
{
    int on = 1;
    c->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, to->ai_addr, to->ai_addrlen) != 0)
        die("connect", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->sent_us = mem_new(l->options.window * sizeof *c->sent_us);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("epoll_ctl", strerror(errno));
    for (uint32_t slot = 0; slot < l->options.window; slot++)
        ask(l, c, slot, clock_mono_us());
}

static void connect_all(struct load *l)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *to;
    int error = getaddrinfo(l->options.host, l->options.port, &wanted, &to);
    if (error)
        die("--connect", gai_strerror(error));
    for (unsigned i = 0; i < l->options.connections; i++)
        connect_one(l, &l->conns[i], to);
    freeaddrinfo(to);
}

static void run(struct load *l)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t began_us = clock_mono_us();
    l->from_us = began_us + (int64_t)(l->options.warm_seconds * 1e6);
    l->until_us = l->from_us + (int64_t)(l->options.seconds * 1e6);
    connect_all(l);
    for (unsigned i = 0; i < l->options.connections; i++)
        flush(l, &l->conns[i]);
    while (clock_mono_us() < l->until_us) {
        int count = epoll_wait(l->epoll_fd, events, EVENTS_MAX, 100);
        for (int i = 0; i < count; i++)
            handle(l, events[i].data.ptr, events[i].events);
    }
}

static void print(const struct load *l)
{
    double seconds = l->options.seconds;
    printf("{\"answers\":%llu,\"refused\":%llu,\"seconds\":%.3f,\"per_s\":%.1f,\"p50_us\":%lld,\"p90_us\":%lld,\"p99_us\":%lld,"
           "\"max_us\":%lld,\"cpu_s\":%.3f}\n",
           (unsigned long long)l->answers, (unsigned long long)l->refused, seconds, (double)l->answers / seconds,
           (long long)times_percentile(&l->times, 50), (long long)times_percentile(&l->times, 90),
           (long long)times_percentile(&l->times, 99), (long long)l->times.max_us, times_cpu_s());
}

static unsigned number_of(const char *text, unsigned long most)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*text == 0 || *end || number == 0 || number > most)
        usage();
    return (unsigned)number;
}

static void read_options(struct load_options *o, int argc, char **argv)
{
    static const struct option names[] = {{"connect", 1, NULL, 'a'}, {"protocol", 1, NULL, 'p'}, {"connections", 1, NULL, 'c'},
                                          {"window", 1, NULL, 'w'},  {"seconds", 1, NULL, 's'},  {"warm", 1, NULL, 'W'},
                                          {"command", 1, NULL, 'm'}, {"key", 1, NULL, 'k'},      {"extra", 1, NULL, 'x'},
                                          {NULL, 0, NULL, 0}};
    *o = (struct load_options){.protocol = protocol_find("mega"), .connections = 50, .window = 32, .seconds = 5,
                               .warm_seconds = 1, .command = "push", .key = "test", .extra = ""};
    int c;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'a': {
            char *colon = strrchr(optarg, ':');
            if (colon == NULL)
                usage();
            *colon = 0;
            o->host = optarg;
            o->port = colon + 1;
            break;
        }
        case 'p': o->protocol = protocol_find(optarg); break;
        case 'c': o->connections = number_of(optarg, 10000); break;
        case 'w': o->window = number_of(optarg, 65536); break;
        case 's': o->seconds = strtod(optarg, NULL); break;
        case 'W': o->warm_seconds = strtod(optarg, NULL); break;
        case 'm': o->command = optarg; break;
        case 'k': o->key = optarg; break;
        case 'x': o->extra = optarg; break;
        default: usage();
        }
    }
    if (optind < argc || o->host == NULL || o->protocol == NULL || o->seconds <= 0 || o->warm_seconds < 0)
        usage();
}

int main(int argc, char **argv)
{
    struct load l = {.answers = 0};
    read_options(&l.options, argc, argv);
    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l.conns = mem_new(l.options.connections * sizeof *l.conns);
    l.room = mem_new(READ_BYTES);
    run(&l);
    print(&l);
    return 0; /* the process ends; its memory and its connections go with it */
}
