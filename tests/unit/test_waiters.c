/* Callers who wait for a message: each is answered once for each ref, none is answered for another message,
 * and their number is bounded. */
#include "broker/waiters.h"

#include "tests/unit/test.h"

static struct caller caller_of(struct span peer, struct span ref)
{
    struct caller c = {.peer_bytes = (uint8_t)peer.bytes, .ref_bytes = (uint8_t)ref.bytes};
    if (peer.bytes)
        memcpy(c.peer, peer.data, peer.bytes);
    if (ref.bytes)
        memcpy(c.ref, ref.data, ref.bytes);
    return c;
}

static int add(struct waiters *w, uint64_t seq, const char *peer, const char *ref)
{
    struct caller c = caller_of(span_of(peer), span_of(ref));
    return waiters_add(w, seq, &c);
}

/* Takes all who wait and counts them. */
static size_t take_all(struct waiters *w, uint64_t seq)
{
    struct caller c;
    size_t count = 0;
    while (waiters_take(w, seq, &c))
        count++;
    return count;
}

static void test_taken_once(void)
{
    struct waiters *w = waiters_new();
    struct caller c, envelope = caller_of(span_of("req"), span_of("\x01"));
    CHECK_INT(waiters_take(w, 1, &c), 0);
    envelope.envelope = 1;
    CHECK_INT(waiters_add(w, 1, &envelope), 0);
    CHECK_INT(waiters_take(w, 2, &c), 0);
    CHECK_INT(waiters_take(w, 1, &c), 1);
    CHECK_BYTES(((struct span){(char *)c.peer, c.peer_bytes}), span_of("req"));
    CHECK_BYTES(((struct span){c.ref, c.ref_bytes}), span_of("\x01"));
    CHECK_INT(c.envelope, 1);
    CHECK_INT(waiters_take(w, 1, &c), 0);
    CHECK_INT(add(w, 1, "req", "\x01"), 0); /* after its answer it may ask again */
    CHECK_U64(take_all(w, 1), 1);
    waiters_destroy(&w);
    CHECK(w == NULL);
    waiters_destroy(&w);
}

/* Who asks again under the same ref is answered once; another ref or another peer is another answer. */
static void test_same_caller(void)
{
    static const struct {
        struct span peer, ref;
    } all[] = {{{"p", 1}, {"r", 1}},  {{"p", 1}, {"", 0}},     {{"p", 1}, {"rr", 2}},
               {{"pr", 2}, {"", 0}},  {{"\0p", 2}, {"r", 1}},  {{"\0q", 2}, {"r", 1}},
               {{"p", 1}, {"\0", 1}}, {{"p", 1}, {"\0\0", 2}}, {{"", 0}, {"r", 1}}};
    size_t count = sizeof all / sizeof *all;
    struct waiters *w = waiters_new();
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < count; i++) {
            struct caller c = caller_of(all[i].peer, all[i].ref);
            CHECK_INT(waiters_add(w, 5, &c), 0);
        }
    CHECK_U64(take_all(w, 5), count);
    waiters_destroy(&w);
}

/* Routing ids and refs of their greatest length are told apart by their last byte. */
static void test_longest(void)
{
    struct waiters *w = waiters_new();
    char peer[255], ref[REF_BYTES_MAX];
    memset(peer, 'p', sizeof peer);
    memset(ref, 'r', sizeof ref);
    struct caller one = caller_of((struct span){peer, sizeof peer}, (struct span){ref, sizeof ref});
    struct caller two = one, three = one, got;
    two.peer[sizeof peer - 1] = 'q';
    three.ref[sizeof ref - 1] = 's';
    CHECK_INT(waiters_add(w, 1, &one), 0);
    CHECK_INT(waiters_add(w, 1, &two), 0);
    CHECK_INT(waiters_add(w, 1, &three), 0);
    CHECK_INT(waiters_add(w, 1, &one), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(waiters_take(w, 1, &got), 1);
        CHECK_INT(got.peer_bytes, sizeof peer);
        CHECK_INT(got.ref_bytes, sizeof ref);
    }
    CHECK_U64(take_all(w, 1), 0);
    waiters_destroy(&w);
}

static void test_messages_apart(void)
{
    static const uint64_t seqs[] = {0, 1, 2, 1ull << 32, (1ull << 32) + 1, UINT64_MAX};
    size_t count = sizeof seqs / sizeof *seqs;
    struct waiters *w = waiters_new();
    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; n <= i; n++)
            CHECK_INT(add(w, seqs[i], "p", &"abcdef"[n]), 0);
    for (size_t i = count; i-- > 0;)
        CHECK_U64(take_all(w, seqs[i]), i + 1);
    waiters_destroy(&w);
}

/* Beyond the limit of a message those who have waited longest are forgotten; callers of other messages are not. */
static void test_limit_of_message(void)
{
    struct waiters *w = waiters_new();
    struct caller c;
    char ref[16];
    CHECK_INT(add(w, 2, "p", "other"), 0);
    for (int i = 0; i < WAITERS_A_MESSAGE_MAX + 3; i++) {
        snprintf(ref, sizeof ref, "%02d", i);
        CHECK_INT(add(w, 1, "p", ref), 0);
    }
    for (int left = WAITERS_A_MESSAGE_MAX; left > 0; left--) {
        snprintf(ref, sizeof ref, "%02d", left + 2); /* the latest first; 00, 01 and 02 are gone */
        CHECK_INT(waiters_take(w, 1, &c), 1);
        CHECK_BYTES(((struct span){c.ref, c.ref_bytes}), span_of(ref));
    }
    CHECK_INT(waiters_take(w, 1, &c), 0);
    CHECK_U64(take_all(w, 2), 1);
    CHECK_INT(add(w, 1, "p", "again"), 0);
    waiters_destroy(&w); /* with one in it */
}

/* The limit of all; a refused caller leaves nothing behind. */
static void test_limit(void)
{
    struct waiters *w = waiters_new();
    struct caller c = caller_of(span_of("p"), span_of("r"));
    for (uint64_t seq = 1; seq <= WAITERS_MAX; seq++) {
        CHECK(waiters_have_room(w));
        CHECK_INT(waiters_add(w, seq, &c), 0);
    }
    CHECK(!waiters_have_room(w));
    CHECK_INT(waiters_add(w, 0, &c), -1);
    CHECK_INT(add(w, 1, "q", "r"), -1);
    CHECK_U64(take_all(w, 0), 0);
    CHECK_INT(waiters_add(w, 1, &c), 0); /* waits already */
    CHECK_U64(take_all(w, 7), 1);
    CHECK(waiters_have_room(w));
    CHECK_INT(add(w, 1, "q", "r"), 0);
    CHECK(!waiters_have_room(w));
    waiters_destroy(&w);
}

int main(void)
{
    test_taken_once();
    test_same_caller();
    test_longest();
    test_messages_apart();
    test_limit_of_message();
    test_limit();
    return 0;
}
