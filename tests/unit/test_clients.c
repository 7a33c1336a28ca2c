/* Shares of the frontend's clients, over simulated time: a connection gives a message whenever it is read, serving takes time. */
#include "broker/clients.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/test.h"

#define REQUEST_US 4    /* to serve a request */

/* Of a turn: what a disk takes, fast or slow. */
static int64_t commit_us = 600;

/* Answers of earlier turns that a client replies to later. */
#define REPLIES_MAX 64

/* A client as the socket sees it: so many messages are there, all of the same size. */
struct peer {
    const char *name;
    size_t bytes, requests; /* of a message */
    size_t window;          /* messages unanswered at most; 0 = sends without end */
    int64_t reply_us;       /* from an answer to the next message, of one with a window */
    int64_t every_us;       /* between messages, of one without; 0 = as fast as it is read */
    size_t unread, kept;    /* messages */
    size_t served, refused; /* requests; messages */
    size_t done;            /* messages served in this turn */
    int has_begun;
    int64_t sent_us;        /* all that was to be sent was, until then */
    struct {
        int64_t at_us;
        size_t messages;
    } replies[REPLIES_MAX];
};

struct message {
    struct parcel parcel;
    size_t left; /* requests */
};

static void drop(struct parcel *p)
{
    free(p);
}

static int is_bounded(const struct peer *p)
{
    return p->window || p->every_us;
}

/* What a peer has sent until now. */
static void send_more(struct peer *p, int64_t now_us)
{
    if (!p->has_begun) {
        p->unread = p->window;
        p->sent_us = now_us;
        p->has_begun = 1;
    }
    if (p->every_us) {
        p->unread += (size_t)((now_us - p->sent_us) / p->every_us);
        p->sent_us += (now_us - p->sent_us) / p->every_us * p->every_us;
    }
    for (size_t i = 0; i < REPLIES_MAX; i++)
        if (p->replies[i].messages && p->replies[i].at_us <= now_us) {
            p->unread += p->replies[i].messages;
            p->replies[i].messages = 0;
        }
}

/* The answers of a turn are out. */
static void get_answers(struct peer *p, int64_t now_us)
{
    size_t i = 0;
    while (i < REPLIES_MAX - 1 && p->replies[i].messages)
        i++;
    if (p->window) {
        p->replies[i].messages += p->done;
        p->replies[i].at_us = now_us + p->reply_us;
    }
    p->done = 0;
}

/* The next peer with a message, in turn, as ROUTER does. */
static struct peer *next_peer(struct peer *peers, size_t count, size_t *at)
{
    for (size_t i = 0; i < count; i++) {
        struct peer *p = &peers[(*at + i) % count];
        if (is_bounded(p) && p->unread == 0)
            continue;
        *at = (*at + i + 1) % count;
        return p;
    }
    return NULL;
}

static void read_turn(struct clients *c, struct peer *peers, size_t count, size_t *at)
{
    for (;;) {
        struct peer *p = next_peer(peers, count, at);
        if (p == NULL)
            return;
        struct client *who = clients_find(c, span_of(p->name));
        if (is_bounded(p))
            p->unread--;
        if (clients_take(c, who)) {
            struct message *m = calloc(1, sizeof *m);
            m->parcel.bytes = p->bytes;
            m->parcel.work = 1 + (uint32_t)(p->bytes / 2048);
            m->left = p->requests;
            clients_keep(c, who, &m->parcel);
            p->kept++;
        } else {
            p->refused++;
            p->done++;
        }
        if (!clients_read_on(c, who))
            return;
    }
}

/* `p` is NULL when it has left. */
static size_t serve_slice(struct clients *c, struct client *who, struct peer *p)
{
    size_t count = 0;
    while (who->first && count < CLIENTS_SLICE) {
        struct message *m = (struct message *)who->first;
        size_t now = m->left < CLIENTS_SLICE - count ? m->left : CLIENTS_SLICE - count;
        m->left -= now;
        count += now;
        if (m->left)
            break;
        free(clients_pop(c, who));
        if (p) {
            p->kept--;
            p->done++;
        }
    }
    if (p)
        p->served += count;
    return count;
}

static struct peer *peer_of(struct clients *c, const struct client *who, struct peer *peers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (clients_find(c, span_of(peers[i].name)) == who)
            return &peers[i];
    return NULL;
}

/* Runs for so long; returns the longest turn in microseconds. */
static int64_t run(struct clients *c, struct peer *peers, size_t count, int64_t from_us, int64_t for_us)
{
    int64_t now_us = from_us, longest_us = 0;
    size_t at = 0;
    while (now_us < from_us + for_us) {
        size_t requests = 0, greedy = 0;
        struct client *who;
        int64_t began_us = now_us;
        clients_begin(c, now_us);
        for (size_t i = 0; i < count; i++)
            send_more(&peers[i], now_us);
        read_turn(c, peers, count, &at);
        while (requests < CLIENTS_TURN_WORK && greedy < clients_greedy_max(c) && (who = clients_next(c)) != NULL) {
            int is_greedy = who->is_greedy;
            size_t done = serve_slice(c, who, peer_of(c, who, peers, count));
            requests += done;
            greedy += is_greedy ? done : 0;
            now_us += (int64_t)done * REQUEST_US;
            clients_served(c, who, done, is_greedy ? (int64_t)done * REQUEST_US : 0);
        }
        if (requests)
            clients_charge(c, (int64_t)requests * REQUEST_US + commit_us, commit_us * (int64_t)greedy / (int64_t)requests);
        now_us += requests ? commit_us : 50;
        for (size_t i = 0; i < count; i++)
            get_answers(&peers[i], now_us);
        longest_us = now_us - began_us > longest_us ? now_us - began_us : longest_us;
    }
    return longest_us;
}

static struct clients *fresh(size_t kept_max, uint32_t rate)
{
    struct clients *c = clients_new();
    clients_configure(c, &(struct clients_rules){.kept_bytes_max = kept_max, .rate_per_s = rate});
    return c;
}

static void clear(struct peer *peers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        peers[i].served = peers[i].refused = 0;
}

/* Throughput of the first peer without and beside the second. */
static void check_beside(struct peer good, struct peer flood)
{
    struct peer peers[] = {good, flood};
    struct clients *c = fresh(64u << 20, 0);
    run(c, peers, 1, 0, 2000000);
    size_t alone = peers[0].served;
    run(c, peers, 2, 2000000, 1000000); /* until it is known for what it is */
    clear(peers, 2);
    int64_t longest_us = run(c, peers, 2, 3000000, 2000000);
    printf("%zu requests a message, beside %zu: %zu alone, %zu beside, flood %zu, %lld us\n", good.requests, flood.requests, alone,
           peers[0].served, peers[1].served, (long long)longest_us);
    CHECK(peers[0].served * 100 >= alone * 80);
    CHECK(peers[1].served > 0); /* it is slowed down, not starved */
    CHECK(longest_us < 30000 + commit_us);
    CHECK(clients_kept_bytes(c) <= 2u * (64u << 20));
    clients_destroy(&c, drop);
}

static void test_flood_leaves_others_their_throughput(int64_t of_a_commit_us)
{
    commit_us = of_a_commit_us;
    struct peer gateway = {.name = "gateway", .bytes = 77000, .requests = 256, .window = 6};
    struct peer caller = {.name = "caller", .bytes = 300, .requests = 1, .window = 10};
    struct peer floods[] = {{.name = "flood", .bytes = 1200000, .requests = 4096},
                            {.name = "flood", .bytes = 77000, .requests = 256},
                            {.name = "flood", .bytes = 300, .requests = 1},
                            {.name = "flood", .bytes = 3000000, .requests = 1}};
    for (size_t i = 0; i < sizeof floods / sizeof floods[0]; i++) {
        check_beside(gateway, floods[i]);
        check_beside(caller, floods[i]);
    }
    commit_us = 600;
}

/* A flood that is served as fast as it comes: nothing of it waits, but it would make every turn long. */
static void test_flood_below_what_can_be_served(void)
{
    struct peer gateway = {.name = "gateway", .bytes = 77000, .requests = 256, .window = 6, .reply_us = 300};
    struct peer caller = {.name = "caller", .bytes = 300, .requests = 1, .window = 10, .reply_us = 300};
    struct peer flood = {.name = "flood", .bytes = 38400, .requests = 256};
    for (flood.every_us = 800; flood.every_us <= 12800; flood.every_us *= 2) {
        check_beside(gateway, flood);
        check_beside(caller, flood);
    }
}

/* A gateway with much to do takes most of the time, beside a caller who does one thing after the other. It waits for its answers. */
static void test_who_waits_for_answers_is_not_held_for_long(void)
{
    struct peer peers[] = {{.name = "gateway", .bytes = 77000, .requests = 256, .window = 6, .reply_us = 300},
                           {.name = "caller", .bytes = 300, .requests = 1, .window = 1, .reply_us = 100}};
    struct clients *c = fresh(64u << 20, 0);
    run(c, peers, 1, 0, 1000000);
    size_t alone = peers[0].served;
    clear(peers, 2);
    run(c, peers, 2, 1000000, 20000000);
    CHECK(peers[0].served * 100 >= alone * 20 * 90);
    CHECK(peers[1].served > 0);
    /* It has no trust left once it is a flood. */
    peers[0].window = 0;
    run(c, peers, 2, 21000000, 1000000);
    CHECK_INT(clients_greedy_count(c), 1);
    clear(peers, 2);
    run(c, peers, 2, 22000000, 1000000);
    CHECK(peers[0].served * 100 <= alone * 20);
    clients_destroy(&c, drop);
}

/* Gateways with the same to do hold each other up for no more than an instant. */
static void test_gateways_among_themselves(void)
{
    struct peer gateway = {.bytes = 77000, .requests = 256, .window = 16, .reply_us = 300}, peers[] = {gateway, gateway, gateway};
    struct clients *c = fresh(64u << 20, 0);
    peers[0].name = "a";
    peers[1].name = "b";
    peers[2].name = "c";
    run(c, peers, 1, 0, 1000000);
    size_t alone = peers[0].served;
    clear(peers, 3);
    run(c, peers, 3, 1000000, 10000000);
    CHECK((peers[0].served + peers[1].served + peers[2].served) * 100 >= alone * 10 * 95);
    for (size_t i = 1; i < 3; i++)
        CHECK(peers[i].served * 10 >= peers[0].served * 9 && peers[i].served * 9 <= peers[0].served * 10);
    clients_destroy(&c, drop);
}

static void test_alone_nobody_is_held_back(void)
{
    struct peer flood = {.name = "flood", .bytes = 1200000, .requests = 4096};
    struct clients *c = fresh(64u << 20, 0);
    run(c, &flood, 1, 0, 1000000);
    CHECK(flood.served >= (size_t)(1000000 / (4096 * REQUEST_US + commit_us)) * 4096);
    CHECK_INT(flood.refused, 0);
    CHECK_INT(clients_greedy_count(c), 0);
    CHECK(clients_kept_bytes(c) < 10u << 20); /* the rest stays in its connection */
    clients_destroy(&c, drop);
}

static void test_equals_have_equal_shares(void)
{
    struct peer peers[] = {{.name = "a", .bytes = 77000, .requests = 256, .window = 20},
                           {.name = "b", .bytes = 300, .requests = 1, .window = 5000},
                           {.name = "c", .bytes = 900, .requests = 3, .window = 2000}};
    struct clients *c = fresh(64u << 20, 0);
    run(c, peers, 3, 0, 2000000);
    for (size_t i = 1; i < 3; i++)
        CHECK(peers[i].served * 10 >= peers[0].served * 9 && peers[i].served * 9 <= peers[0].served * 10);
    CHECK_INT(clients_greedy_count(c), 0);
    clients_destroy(&c, drop);
}

static void test_floods_alone_are_not_refused(void)
{
    struct peer peers[] = {{.name = "a", .bytes = 77000, .requests = 256}, {.name = "b", .bytes = 77000, .requests = 256}};
    struct clients *c = fresh(64u << 20, 0);
    run(c, peers, 2, 0, 3000000);
    CHECK(peers[0].served * 10 >= peers[1].served * 9 && peers[0].served * 9 <= peers[1].served * 10);
    CHECK_INT(peers[0].refused + peers[1].refused, 0);
    clients_destroy(&c, drop);
}

/* A commit that took a minute is charged to the flood as far as it is its own, but does not silence it for minutes. */
static void test_a_disk_that_stood_still_is_forgotten(void)
{
    struct peer peers[] = {{.name = "good", .bytes = 300, .requests = 1, .window = 100}, {.name = "flood", .bytes = 1200000, .requests = 4096}};
    struct clients *c = fresh(64u << 20, 0);
    commit_us = 20000;
    run(c, peers, 2, 0, 1000000);
    commit_us = 60000000;
    run(c, peers, 2, 1000000, 70000000); /* with the flood's turn in one of these commits */
    commit_us = 600;
    clear(peers, 2);
    run(c, peers, 2, 200000000, 8000000);
    printf("after commits of a minute: good %zu, flood %zu\n", peers[0].served, peers[1].served);
    CHECK(peers[1].served > 0);
    clients_destroy(&c, drop);
}

static void test_what_is_kept_has_a_bound(void)
{
    struct peer peers[] = {{.name = "good", .bytes = 300, .requests = 1, .window = 2000}, {.name = "flood", .bytes = 1200000, .requests = 4096}};
    struct clients *c = fresh(32u << 20, 0);
    run(c, peers, 2, 0, 1000000);
    CHECK(peers[1].refused > 0);
    CHECK_INT(peers[0].refused, 0);
    CHECK(clients_kept_bytes(c) < (32u << 20) + 2 * peers[1].bytes);
    /* Calm again when the flood has ended. */
    run(c, peers, 1, 1000000, 40000000);
    CHECK_INT(clients_greedy_count(c), 0);
    CHECK_INT(clients_count(c), 1);
    clients_destroy(&c, drop);
}

/* CPU time of so many turns, so far apart, of clients of whom all wait for something and nobody asks anything. */
static clock_t cost_of_turns(struct clients *c, int64_t *now_us, int turns, int64_t apart_us)
{
    clock_t from = clock();
    for (int i = 0; i < turns; i++)
        clients_begin(c, *now_us += apart_us);
    return clock() - from;
}

/* The table is gone through once a second, to forget who is idle, and not for each look at who is to be held. */
static void test_who_does_nothing_costs_nothing(void)
{
    struct clients *c = fresh(32u << 20, 0);
    int64_t now_us = 1;
    char name[16];
    clients_begin(c, now_us);
    for (int i = 0; i < 50000; i++) {
        snprintf(name, sizeof name, "%d", i);
        clients_find(c, span_of(name))->waiting = 1;
    }
    clock_t seconds = cost_of_turns(c, &now_us, 100, 1000000), tenths = cost_of_turns(c, &now_us, 100, 100000);
    printf("100 turns beside 50,000 clients: %ld, a tenth of a second apart %ld\n", (long)seconds, (long)tenths);
    CHECK(tenths * 3 < seconds);
    clients_destroy(&c, drop);
}

static void test_rate(void)
{
    struct clients *c = fresh(32u << 20, 100);
    int allowed = 0;
    clients_begin(c, 1000000);
    struct client *who = clients_find(c, span_of("x"));
    for (int i = 0; i < 150; i++)
        allowed += clients_rate_allows(c, who);
    CHECK_INT(allowed, 100); /* a second's worth at once */
    clients_begin(c, 1050000);
    for (int i = 0; i < 50; i++)
        allowed += clients_rate_allows(c, who);
    CHECK_INT(allowed, 105);
    clients_destroy(&c, drop);
}

static void test_who_waits_is_remembered(void)
{
    struct clients *c = fresh(32u << 20, 0);
    clients_begin(c, 1);
    clients_find(c, span_of("waits"))->waiting = 1;
    clients_find(c, span_of("leaves"));
    clients_begin(c, 1 + 2 * CLIENTS_IDLE_US);
    CHECK_INT(clients_count(c), 1);
    CHECK_INT(clients_find(c, span_of("waits"))->waiting, 1);
    clients_destroy(&c, drop);
    CHECK(c == NULL);
    clients_destroy(&c, drop);
}

int main(void)
{
    test_flood_leaves_others_their_throughput(600);
    test_flood_leaves_others_their_throughput(20000);
    test_flood_below_what_can_be_served();
    test_who_waits_for_answers_is_not_held_for_long();
    test_gateways_among_themselves();
    test_alone_nobody_is_held_back();
    test_equals_have_equal_shares();
    test_floods_alone_are_not_refused();
    test_what_is_kept_has_a_bound();
    test_a_disk_that_stood_still_is_forgotten();
    test_who_does_nothing_costs_nothing();
    test_rate();
    test_who_waits_is_remembered();
    return 0;
}
