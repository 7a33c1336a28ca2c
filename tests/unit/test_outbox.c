/* What goes out after the commit, over real sockets: nothing before, everything once and in order, dropped
 * and counted for a reader who is gone or does not read, and jobs that wait for a templater. */
#include "broker/outbox.h"

#include <czmq.h>

#include "base/clock.h"
#include "tests/unit/test.h"

#define LIMIT_MS         10000             /* for what has to happen; it takes a few ms */
#define FRAMES_A_MESSAGE 256               /* more results for one reader are another message */
#define BYTES_A_MESSAGE  (64 * 1024)       /* after which no further one is added */
#define KEPT_BYTES       (4 * 1024 * 1024) /* what an empty outbox may keep of each of its boxes */

/* Of the sanitizer; not there without it. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

struct fixture {
    zsock_t *frontend, *control, *jobs;
    struct outbox *outbox;
};

/* --- sockets -------------------------------------------------------------------------------------------- */

static zsock_t *bound(int type, const char *endpoint, int hwm)
{
    zsock_t *socket = zsock_new(type);
    CHECK(socket != NULL);
    if (type == ZMQ_ROUTER)
        zsock_set_router_mandatory(socket, 1);
    zsock_set_sndhwm(socket, hwm);
    zsock_set_linger(socket, 0);
    zsock_set_rcvtimeo(socket, LIMIT_MS);
    CHECK(zsock_bind(socket, "%s", endpoint) >= 0);
    return socket;
}

/* hwm: messages that a socket takes for a reader who does not read; 0 = any number. */
static struct fixture begin(int hwm)
{
    struct fixture f = {.frontend = bound(ZMQ_ROUTER, "inproc://frontend", hwm),
                        .control = bound(ZMQ_ROUTER, "inproc://control", 0),
                        .jobs = bound(ZMQ_PUSH, "inproc://jobs", hwm)};
    f.outbox = outbox_new(f.frontend, f.control, f.jobs);
    CHECK(f.outbox != NULL);
    return f;
}

static void end(struct fixture *f)
{
    outbox_destroy(&f->outbox);
    CHECK(f->outbox == NULL);
    outbox_destroy(&f->outbox);
    /* Another thread closes them: until then the name would be taken. */
    CHECK_INT(zsock_unbind(f->frontend, "inproc://frontend"), 0);
    CHECK_INT(zsock_unbind(f->control, "inproc://control"), 0);
    CHECK_INT(zsock_unbind(f->jobs, "inproc://jobs"), 0);
    zsock_destroy(&f->frontend);
    zsock_destroy(&f->control);
    zsock_destroy(&f->jobs);
}

static zsock_t *connected(int type, const char *name, const char *endpoint, int hwm)
{
    zsock_t *socket = zsock_new(type);
    CHECK(socket != NULL);
    if (name)
        zsock_set_identity(socket, name);
    zsock_set_rcvhwm(socket, hwm);
    zsock_set_linger(socket, 0);
    zsock_set_rcvtimeo(socket, LIMIT_MS);
    CHECK_INT(zsock_connect(socket, "%s", endpoint), 0);
    return socket;
}

/* Takes one message off the router: from then on it knows who sent it. */
static void meet(zsock_t *router, zsock_t *peer)
{
    CHECK_INT(zmq_send(zsock_resolve(peer), "hello", 5, 0), 5);
    zmsg_t *hello = zmsg_recv(router);
    CHECK(hello != NULL);
    zmsg_destroy(&hello);
}

static zsock_t *client(struct fixture *f, int type, const char *name)
{
    zsock_t *socket = connected(type, name, "inproc://frontend", 0);
    meet(f->frontend, socket);
    return socket;
}

static zsock_t *stage(struct fixture *f, const char *name)
{
    zsock_t *socket = connected(ZMQ_DEALER, name, "inproc://control", 0);
    meet(f->control, socket);
    return socket;
}

/* The next message that is there now; NULL when there is none. */
static zmsg_t *next(zsock_t *socket)
{
    zmq_pollitem_t item = {zsock_resolve(socket), 0, ZMQ_POLLIN, 0};
    return zmq_poll(&item, 1, 0) > 0 ? zmsg_recv(socket) : NULL;
}

static void check_nothing(zsock_t *socket)
{
    CHECK(next(socket) == NULL);
}

static struct span span_of_frame(zframe_t *frame)
{
    return (struct span){(const char *)zframe_data(frame), zframe_size(frame)};
}

/* --- answers -------------------------------------------------------------------------------------------- */

static struct caller caller_of(const char *peer, const char *ref)
{
    struct caller c = {.peer_bytes = (uint8_t)strlen(peer), .ref_bytes = (uint8_t)strlen(ref)};
    memcpy(c.peer, peer, c.peer_bytes);
    memcpy(c.ref, ref, c.ref_bytes);
    return c;
}

/* An answer with this number in it, and as many bytes more. */
static void answer(struct fixture *f, const char *peer, int64_t number, size_t bytes)
{
    struct caller to = caller_of(peer, "\x07");
    struct buf text = {0};
    for (size_t i = 0; i < bytes; i++)
        buf_append(&text, "x", 1);
    struct result r = {.ref = span_of("\x01"), .code = CODE_OK, .msgid = number, .message = buf_span(&text)};
    outbox_answer(f->outbox, &to, &r);
    buf_free(&text);
}

static int64_t number_of(zframe_t *frame)
{
    struct result r;
    CHECK_INT(result_unpack(span_of_frame(frame), NULL, &r), 0);
    CHECK_SPAN(r.ref, "\x07"); /* the caller's, not the result's own */
    return r.msgid;
}

/* Reads what is there; all of it has to be results with growing numbers. Returns how many. */
static size_t read_answers(zsock_t *peer, int64_t *last)
{
    zmsg_t *message;
    size_t count = 0;
    while ((message = next(peer)) != NULL) {
        CHECK(zmsg_size(message) <= FRAMES_A_MESSAGE);
        for (zframe_t *frame = zmsg_first(message); frame; frame = zmsg_next(message), count++) {
            int64_t number = number_of(frame);
            CHECK(number > *last);
            *last = number;
        }
        zmsg_destroy(&message);
    }
    return count;
}

static void check_answers(zsock_t *peer, size_t count, int64_t last)
{
    int64_t got = 0;
    CHECK_U64(read_answers(peer, &got), count);
    CHECK_INT(got, last);
}

static void test_not_before_flush(void)
{
    struct fixture f = begin(0);
    zsock_t *a = client(&f, ZMQ_DEALER, "a"), *s = stage(&f, "s");
    answer(&f, "a", 1, 0);
    outbox_control(f.outbox, "s", &(struct control){.type = CONTROL_WHO});
    check_nothing(a);
    check_nothing(s);
    outbox_flush(f.outbox);
    check_answers(a, 1, 1);
    zmsg_t *who = next(s);
    CHECK(who != NULL);
    zmsg_destroy(&who);
    outbox_flush(f.outbox); /* once is enough */
    check_nothing(a);
    check_nothing(s);
    CHECK_U64(outbox_dropped(f.outbox), 0);
    zsock_destroy(&a);
    zsock_destroy(&s);
    end(&f);
}

static void test_each_its_own(void)
{
    struct fixture f = begin(0);
    zsock_t *a = client(&f, ZMQ_DEALER, "a"), *b = client(&f, ZMQ_DEALER, "ab");
    for (int64_t i = 1; i <= 9; i += 2) {
        answer(&f, "a", i, 0);
        answer(&f, "ab", i + 1, 0);
    }
    outbox_flush(f.outbox);
    check_answers(a, 5, 9);
    check_answers(b, 5, 10);
    zsock_destroy(&a);
    zsock_destroy(&b);
    end(&f);
}

/* A client that packs several requests into a frame reads its results that way too; nobody else's are among them. */
static void test_packed(void)
{
    struct fixture f = begin(0);
    zsock_t *a = client(&f, ZMQ_DEALER, "a"), *b = client(&f, ZMQ_DEALER, "b");
    struct caller to = caller_of("a", "\x07");
    for (int64_t i = 1; i <= 6; i++) {
        to.packs = i <= 4;
        if (i == 3)
            answer(&f, "b", 1, 0);
        outbox_answer(f.outbox, &to, &(struct result){.code = CODE_OK, .msgid = i});
    }
    outbox_flush(f.outbox);
    static const size_t results[] = {2, 2, 1, 1}; /* of each frame; the last two are of one message */
    int64_t number = 0;
    zmsg_t *message = NULL;
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        zframe_t *frame = message ? zmsg_next(message) : NULL;
        if (frame == NULL) {
            zmsg_destroy(&message);
            message = next(a);
            CHECK(message != NULL);
            frame = zmsg_first(message);
        }
        struct span rest = span_of_frame(frame);
        for (size_t n = 0; n < results[i]; n++) {
            struct result r;
            size_t used;
            CHECK_INT(result_unpack(rest, &used, &r), 0);
            CHECK_INT(r.msgid, ++number);
            rest = (struct span){rest.data + used, rest.bytes - used};
        }
        CHECK_U64(rest.bytes, 0);
    }
    CHECK(zmsg_next(message) == NULL);
    zmsg_destroy(&message);
    check_nothing(a);
    check_answers(b, 1, 1);
    zsock_destroy(&a);
    zsock_destroy(&b);
    end(&f);
}

/* A REQ takes one answer a message, behind an empty frame. */
static void test_envelope(void)
{
    struct fixture f = begin(0);
    zsock_t *req = client(&f, ZMQ_REQ, "req"), *dealer = client(&f, ZMQ_DEALER, "dealer");
    struct caller to = caller_of("req", "\x07"), raw = caller_of("dealer", "\x07");
    to.envelope = raw.envelope = 1;
    outbox_answer(f.outbox, &to, &(struct result){.code = CODE_OK, .msgid = 1});
    outbox_answer(f.outbox, &raw, &(struct result){.code = CODE_OK, .msgid = 1});
    outbox_answer(f.outbox, &raw, &(struct result){.code = CODE_OK, .msgid = 2});
    outbox_flush(f.outbox);
    check_answers(req, 1, 1);
    for (int i = 1; i <= 2; i++) {
        zmsg_t *message = next(dealer);
        CHECK(message != NULL);
        CHECK_U64(zmsg_size(message), 2);
        CHECK_U64(zframe_size(zmsg_first(message)), 0);
        CHECK_INT(number_of(zmsg_next(message)), i);
        zmsg_destroy(&message);
    }
    check_nothing(dealer);
    zsock_destroy(&req);
    zsock_destroy(&dealer);
    end(&f);
}

/* Many answers are few messages, but none is without bounds. */
static void test_bounded_messages(void)
{
    struct fixture f = begin(0);
    zsock_t *a = client(&f, ZMQ_DEALER, "a");
    int64_t last = 0;
    for (int64_t i = 1; i <= 600; i++)
        answer(&f, "a", i, 0);
    outbox_flush(f.outbox);
    zmsg_t *first = next(a);
    CHECK(first != NULL && zmsg_size(first) > 1);
    CHECK(zmsg_size(first) <= FRAMES_A_MESSAGE);
    last = number_of(zmsg_last(first));
    CHECK_U64(zmsg_size(first) + read_answers(a, &last), 600);
    CHECK_INT(last, 600);
    zmsg_destroy(&first);
    for (int64_t i = 1; i <= 10; i++)
        answer(&f, "a", i, 8000);
    outbox_flush(f.outbox);
    last = 0;
    for (zmsg_t *message; (message = next(a)) != NULL; zmsg_destroy(&message)) {
        CHECK(zmsg_content_size(message) <= BYTES_A_MESSAGE + 9000);
        for (zframe_t *frame = zmsg_first(message); frame; frame = zmsg_next(message))
            CHECK_INT(number_of(frame), ++last);
    }
    CHECK_INT(last, 10);
    zsock_destroy(&a);
    end(&f);
}

/* Every answer for somebody who was never there is counted, and costs the others nothing. */
static void test_unknown_reader(void)
{
    struct fixture f = begin(0);
    zsock_t *a = client(&f, ZMQ_DEALER, "a");
    for (int64_t i = 1; i <= 300; i++)
        answer(&f, "nobody", i, 0);
    answer(&f, "a", 1, 0);
    answer(&f, "nobody", 301, 0);
    answer(&f, "a", 2, 0);
    outbox_flush(f.outbox);
    CHECK_U64(outbox_dropped(f.outbox), 301);
    check_answers(a, 2, 2);
    zsock_destroy(&a);
    end(&f);
}

/* The same for one that has left: after a moment nothing is lost without being counted. */
static void check_left(const char *endpoint)
{
    struct fixture f = begin(0);
    CHECK(zsock_bind(f.frontend, "%s", endpoint) >= 0);
    zsock_t *stays = connected(ZMQ_DEALER, "stays", endpoint, 0);
    zsock_t *goes = connected(ZMQ_DEALER, "goes", endpoint, 0);
    zmq_pollitem_t item = {zsock_resolve(stays), 0, ZMQ_POLLIN, 0};
    int64_t until_ms = clock_mono_ms() + LIMIT_MS, number = 0, last = 0;
    size_t got = 0;
    meet(f.frontend, stays);
    meet(f.frontend, goes);
    zsock_destroy(&goes);
    while (outbox_dropped(f.outbox) == 0) {
        CHECK(clock_mono_ms() < until_ms);
        answer(&f, "goes", ++number, 0);
        answer(&f, "stays", number, 0);
        outbox_flush(f.outbox);
        CHECK(zmq_poll(&item, 1, LIMIT_MS) == 1); /* ipc: it is on its way through another thread */
        got += read_answers(stays, &last);
    }
    uint64_t before = outbox_dropped(f.outbox);
    for (int i = 1; i <= 10; i++)
        answer(&f, "goes", number + i, 0);
    outbox_flush(f.outbox);
    CHECK_U64(outbox_dropped(f.outbox), before + 10);
    CHECK_U64(got, number);
    zsock_destroy(&stays);
    end(&f);
}

static void test_reader_left(void)
{
    struct buf ipc = {0};
    buf_printf(&ipc, "ipc://%s/frontend", test_folder());
    check_left("inproc://left");
    check_left(buf_str(&ipc));
    buf_free(&ipc);
}

/* Who does not read loses answers and nothing else: what it gets is whole and in order, and when it reads
 * again it gets the next one. */
static void test_slow_reader(void)
{
    struct fixture f = begin(2);
    zsock_t *slow = connected(ZMQ_DEALER, "slow", "inproc://frontend", 2);
    zsock_t *quick = client(&f, ZMQ_DEALER, "quick");
    int64_t last = 0;
    meet(f.frontend, slow);
    for (int64_t i = 1; i <= 50; i++) {
        answer(&f, "slow", i * 2 - 1, 100);
        answer(&f, "slow", i * 2, 100);
        answer(&f, "quick", i, 0);
        outbox_flush(f.outbox);
        check_answers(quick, 1, i);
    }
    uint64_t dropped = outbox_dropped(f.outbox);
    CHECK(dropped > 0);
    CHECK_U64(read_answers(slow, &last), 100 - dropped);
    check_nothing(slow);
    int64_t until_ms = clock_mono_ms() + LIMIT_MS;
    zmq_pollitem_t item = {zsock_resolve(slow), 0, ZMQ_POLLIN, 0};
    do { /* the router hears a little later that there is room again */
        CHECK(clock_mono_ms() < until_ms);
        answer(&f, "slow", 1000, 0);
        outbox_flush(f.outbox);
    } while (zmq_poll(&item, 1, 1) == 0);
    CHECK_U64(read_answers(slow, &last), 1);
    CHECK_INT(last, 1000);
    zsock_destroy(&slow);
    zsock_destroy(&quick);
    end(&f);
}

/* --- stages --------------------------------------------------------------------------------------------- */

static void test_control(void)
{
    struct fixture f = begin(0);
    zsock_t *one = stage(&f, "sender-1"), *two = stage(&f, "sender-2");
    struct control m;
    for (uint64_t generation = 1; generation <= 3; generation++)
        outbox_control(f.outbox, "sender-1",
                       &(struct control){.type = CONTROL_FENCE, .generation = generation});
    outbox_control(f.outbox, "sender-2", &(struct control){.type = CONTROL_WHO});
    outbox_control(f.outbox, "gone", &(struct control){.type = CONTROL_WHO});
    outbox_flush(f.outbox);
    uint64_t got = 0;
    for (zmsg_t *message; (message = next(one)) != NULL; zmsg_destroy(&message))
        for (zframe_t *frame = zmsg_first(message); frame; frame = zmsg_next(message)) {
            CHECK_INT(control_unpack(span_of_frame(frame), &m), 0);
            CHECK_INT(m.type, CONTROL_FENCE);
            CHECK_U64(m.generation, ++got); /* a fence never overtakes another */
        }
    CHECK_U64(got, 3);
    zmsg_t *who = next(two);
    CHECK(who != NULL);
    CHECK_INT(control_unpack(span_of_frame(zmsg_first(who)), &m), 0);
    CHECK_INT(m.type, CONTROL_WHO);
    zmsg_destroy(&who);
    zsock_destroy(&one);
    zsock_destroy(&two);
    end(&f);
}

/* --- jobs ----------------------------------------------------------------------------------------------- */

static void give(struct fixture *f, uint64_t seq)
{
    struct job j = {.seq = seq,
                    .turn = 1,
                    .generation = 5,
                    .sender = span_of("inproc://nowhere"),
                    .id = span_of("order-7"),
                    .app = span_of("shop"),
                    .openid = span_of("oABC"),
                    .key = span_of("paid")};
    outbox_job(f->outbox, &j);
}

/* The job that is there. */
static uint64_t take_now(zsock_t *templater)
{
    struct job j;
    zmsg_t *message = next(templater);
    CHECK(message != NULL);
    CHECK_U64(zmsg_size(message), 1);
    CHECK_INT(job_unpack(span_of_frame(zmsg_first(message)), &j), 0);
    zmsg_destroy(&message);
    return j.seq;
}

/* Flushes until a job comes, as every turn of the broker does. */
static uint64_t take(struct fixture *f, zsock_t *templater)
{
    zmq_pollitem_t item = {zsock_resolve(templater), 0, ZMQ_POLLIN, 0};
    int64_t until_ms = clock_mono_ms() + LIMIT_MS;
    do {
        CHECK(clock_mono_ms() < until_ms);
        outbox_flush(f->outbox);
    } while (zmq_poll(&item, 1, 1) == 0);
    return take_now(templater);
}

/* The marker is the last one; nothing else comes before it. */
static void check_jobs(struct fixture *f, zsock_t *templater, uint64_t first, uint64_t last)
{
    for (uint64_t seq = first; seq <= last; seq++)
        CHECK_U64(take(f, templater), seq);
    give(f, 999);
    CHECK_U64(take(f, templater), 999);
    outbox_flush(f->outbox);
    check_nothing(templater);
}

static void test_jobs_wait(void)
{
    struct fixture f = begin(0);
    for (uint64_t seq = 1; seq <= 3; seq++)
        give(&f, seq);
    outbox_flush(f.outbox);
    give(&f, 4);
    outbox_flush(f.outbox);
    zsock_t *templater = connected(ZMQ_PULL, NULL, "inproc://jobs", 0);
    CHECK_U64(take(&f, templater), 1);
    for (uint64_t seq = 2; seq <= 4; seq++)
        CHECK_U64(take_now(templater), seq); /* one flush sends all that is taken */
    check_jobs(&f, templater, 1, 0);
    CHECK_U64(outbox_dropped(f.outbox), 0); /* counts answers */
    zsock_destroy(&templater);
    end(&f);
}

/* A fence: what had not gone comes back through the store, so it must not go any more. */
static void test_jobs_dropped(void)
{
    struct fixture f = begin(0);
    give(&f, 1);
    give(&f, 2);
    outbox_flush(f.outbox);
    outbox_drop_jobs(f.outbox);
    outbox_drop_jobs(f.outbox);
    give(&f, 3);
    zsock_t *templater = connected(ZMQ_PULL, NULL, "inproc://jobs", 0);
    check_jobs(&f, templater, 3, 3);
    zsock_destroy(&templater);
    end(&f);
}

/* A templater that takes only some of them: the others follow, none twice; a fence drops just those. */
static void test_jobs_in_part(void)
{
    struct fixture f = begin(1);
    zsock_t *templater = connected(ZMQ_PULL, NULL, "inproc://jobs", 1);
    check_jobs(&f, templater, 1, 0);
    for (uint64_t seq = 1; seq <= 20; seq++)
        give(&f, seq);
    check_jobs(&f, templater, 1, 20);
    for (uint64_t seq = 1; seq <= 20; seq++)
        give(&f, seq);
    CHECK_U64(take(&f, templater), 1);
    outbox_flush(f.outbox);
    outbox_drop_jobs(f.outbox);
    give(&f, 21);
    uint64_t seq, last = 1;
    while ((seq = take(&f, templater)) != 21)
        CHECK_U64(seq, ++last);
    CHECK(last < 20);
    check_jobs(&f, templater, 1, 0);
    zsock_destroy(&templater);
    end(&f);
}

/* --- memory --------------------------------------------------------------------------------------------- */

/* A large turn leaves no large outbox behind. */
static void test_given_back(void)
{
    struct fixture f = begin(0);
    if (__sanitizer_get_current_allocated_bytes == NULL) {
        end(&f);
        return;
    }
    size_t before = __sanitizer_get_current_allocated_bytes();
    for (int i = 1; i <= 200; i++) {
        answer(&f, "nobody", i, 100000);
        outbox_control(f.outbox, "nobody", &(struct control){.type = CONTROL_WHO});
        give(&f, (uint64_t)i);
    }
    CHECK(__sanitizer_get_current_allocated_bytes() > before + 200u * 100000);
    outbox_flush(f.outbox);
    outbox_drop_jobs(f.outbox);
    CHECK(__sanitizer_get_current_allocated_bytes() < before + KEPT_BYTES);
    answer(&f, "nobody", 1, 10); /* and goes on as before */
    outbox_flush(f.outbox);
    CHECK(outbox_dropped(f.outbox) >= 201);
    end(&f);
}

/* What was not said before the end is nobody's business any more. */
static void test_destroyed_full(void)
{
    struct fixture f = begin(0);
    zsock_t *a = client(&f, ZMQ_DEALER, "a");
    answer(&f, "a", 1, 100);
    outbox_control(f.outbox, "a", &(struct control){.type = CONTROL_WHO});
    give(&f, 1);
    outbox_destroy(&f.outbox);
    check_nothing(a);
    zsock_destroy(&a);
    end(&f);
}

int main(void)
{
    test_not_before_flush();
    test_each_its_own();
    test_packed();
    test_envelope();
    test_bounded_messages();
    test_unknown_reader();
    test_reader_left();
    test_slow_reader();
    test_control();
    test_jobs_wait();
    test_jobs_dropped();
    test_jobs_in_part();
    test_given_back();
    test_destroyed_full();
    zsys_shutdown();
    return 0;
}
