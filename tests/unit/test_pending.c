/* The table of unanswered requests: refs, bounds, asking again, order, giving up; and the queue below it. */
#include "gateway/pending.h"

#include "tests/unit/test.h"

static const struct pending_options options = {.again_ms = 5000,
                                               .send_again_ms = 60000,
                                               .give_up_ms = 50000,
                                               .pushes_max = 3,
                                               .sends_max = 2,
                                               .bytes_max = 1000};

static struct pending_entry *add(struct pending *p, enum op op, const char *packed, int64_t now_ms)
{
    struct pending_entry *e = pending_add(p, op, 0, NULL, now_ms);
    pending_keep(p, e, span_of(packed));
    return e;
}

/* Asks everything that is unasked; returns the packed texts in their order. */
static const char *ask(struct pending *p, uint32_t ping, int64_t now_ms, struct buf *texts)
{
    struct pending_entry *out[8];
    size_t count = pending_unasked(p, out, 8, SIZE_MAX);
    buf_clear(texts);
    for (size_t i = 0; i < count; i++) {
        buf_append(texts, out[i]->packed, out[i]->bytes);
        pending_asked(p, out[i], ping, now_ms);
    }
    return buf_str(texts);
}

static void test_refs(void)
{
    struct pending *p = pending_new(&options);
    struct pending_entry *e = add(p, OP_PUSH, "a", 0);
    uint64_t ref = pending_ref(e);
    CHECK(pending_find(p, ref) == e);
    CHECK(pending_find(p, ref + 1) == NULL);
    CHECK(pending_find(p, UINT64_MAX) == NULL);
    CHECK(pending_find(p, UINT32_MAX) == NULL);
    pending_remove(p, e);
    CHECK(pending_find(p, ref) == NULL);

    struct pending_entry *other = add(p, OP_PUSH, "b", 0); /* the same slot, another use */
    CHECK(other == e);
    CHECK(pending_ref(other) != ref);
    CHECK(pending_find(p, ref) == NULL);
    CHECK(pending_find(p, pending_ref(other)) == other);

    struct pending_entry *unpacked = pending_add(p, OP_SEND, 0, NULL, 0);
    CHECK(pending_find(p, pending_ref(unpacked)) == NULL);
    pending_remove(p, unpacked);
    CHECK_U64(pending_sends(p), 0);
    CHECK_U64(pending_unasked_count(p), 1);
    pending_destroy(&p);
    CHECK(p == NULL);
}

static void test_bounds(void)
{
    struct pending *p = pending_new(&options);
    add(p, OP_PUSH, "a", 0);
    add(p, OP_TSET, "b", 0);
    struct pending_entry *last = add(p, OP_PUSH, "c", 0);
    CHECK(!pending_has_room(p, OP_PUSH));
    CHECK(!pending_has_room(p, OP_TSET));
    CHECK(pending_has_room(p, OP_SEND)); /* Sends have a bound of their own */
    add(p, OP_SEND, "d", 0);
    add(p, OP_SEND, "e", 0);
    CHECK(!pending_has_room(p, OP_SEND));
    CHECK_U64(pending_pushes(p), 3);
    CHECK_U64(pending_sends(p), 2);
    pending_remove(p, last);
    CHECK(pending_has_room(p, OP_PUSH));

    char large[1000] = {0};
    memset(large, 'x', sizeof large - 1);
    last = add(p, OP_PUSH, large, 0); /* bytes are passed by one request at most */
    pending_remove(p, last);
    CHECK(pending_has_room(p, OP_PUSH));
    last = add(p, OP_PUSH, large, 0);
    CHECK(!pending_has_room(p, OP_PUSH) && !pending_has_room(p, OP_SEND));
    pending_destroy(&p);
}

static void test_many_slots(void)
{
    enum { COUNT = 5000 };
    struct pending_options many = options;
    many.pushes_max = COUNT;
    many.bytes_max = SIZE_MAX;
    struct pending *p = pending_new(&many);
    static struct pending_entry *entries[COUNT];
    for (int i = 0; i < COUNT; i++)
        entries[i] = add(p, OP_PUSH, "x", 0);
    for (int i = 0; i < COUNT; i++)
        CHECK(pending_find(p, pending_ref(entries[i])) == entries[i]);
    for (int i = 0; i < COUNT; i += 2)
        pending_remove(p, entries[i]);
    for (int i = 0; i < COUNT; i += 2)
        entries[i] = add(p, OP_PUSH, "x", 0);
    for (int i = 0; i < COUNT; i++)
        CHECK(pending_find(p, pending_ref(entries[i])) == entries[i]);
    pending_destroy(&p);
}

static void test_batches(void)
{
    struct pending *p = pending_new(&options);
    struct pending_entry *out[8];
    add(p, OP_PUSH, "aaa", 0);
    add(p, OP_SEND, "bbb", 0);
    add(p, OP_PUSH, "ccc", 0);
    CHECK_U64(pending_unasked(p, out, 2, SIZE_MAX), 2);
    CHECK_U64(pending_unasked(p, out, 8, 4), 2); /* passed by one at most */
    CHECK_U64(pending_unasked(p, out, 8, 3), 1);
    CHECK_U64(pending_unasked(p, out, 8, 1), 1); /* and never nothing */
    CHECK_U64(pending_unasked(p, out, 8, SIZE_MAX), 3);
    CHECK_U64(pending_unasked_count(p), 3);
    pending_asked(p, out[1], 0, 0);
    CHECK_U64(pending_unasked(p, out, 8, SIZE_MAX), 2);
    CHECK(memcmp(out[1]->packed, "ccc", 3) == 0);
    pending_destroy(&p);
}

/* Overdue is what is unanswered for the time of its kind, and only when the broker has read past it. */
static void test_overdue(void)
{
    struct pending *p = pending_new(&options);
    struct buf texts = {0};
    struct pending_entry *push = add(p, OP_PUSH, "p", 0), *send = add(p, OP_SEND, "s", 0);
    ask(p, 7, 1000, &texts);
    CHECK(pending_overdue(p, 8, 5999) == NULL);
    CHECK(pending_overdue(p, 8, 6000) == push);
    CHECK(pending_overdue(p, 7, 6000) == NULL);
    CHECK_INT(pending_due_ms(p, 8), 6000);
    CHECK_INT(pending_due_ms(p, 7), 50000); /* no timer for what cannot be asked yet: only for giving up */
    pending_ask_again(p, push);
    CHECK(pending_overdue(p, 8, 6000) == NULL);
    CHECK_STR(ask(p, 8, 6000, &texts), "p");
    CHECK(pending_overdue(p, 9, 10999) == NULL);
    CHECK(pending_overdue(p, 9, 11000) == push);
    CHECK(pending_given_up(p, 49999) == NULL);
    CHECK(pending_given_up(p, 50000) == push);
    pending_remove(p, push);
    CHECK(pending_given_up(p, INT64_MAX) == NULL); /* a Send waits as long as it must */
    CHECK(pending_overdue(p, 9, 60999) == NULL);
    CHECK(pending_overdue(p, 9, 61000) == send);
    CHECK_INT(pending_due_ms(p, 9), 61000);
    pending_remove(p, send);
    CHECK_INT(pending_due_ms(p, 9), INT64_MAX);
    buf_free(&texts);
    pending_destroy(&p);
}

/* Asked or not, asked twice or once: after a loss all stands in the order in which it came. */
static void test_order_after_loss(void)
{
    struct pending *p = pending_new(&options);
    struct buf texts = {0};
    struct pending_entry *a = add(p, OP_PUSH, "a", 0);
    struct pending_entry *b = add(p, OP_SEND, "b", 0);
    add(p, OP_PUSH, "c", 0);
    CHECK_STR(ask(p, 1, 0, &texts), "abc");
    pending_ask_again(p, a);
    add(p, OP_SEND, "d", 0);
    CHECK_STR(ask(p, 2, 0, &texts), "ad");
    add(p, OP_PUSH, "e", 0);
    pending_remove(p, b);
    CHECK_U64(pending_ask_all_again(p), 3);
    CHECK_U64(pending_unasked_count(p), 4);
    CHECK_STR(ask(p, 3, 0, &texts), "acde");
    CHECK_U64(pending_unasked_count(p), 0);
    buf_free(&texts);
    pending_destroy(&p);
}

static void test_queue(void)
{
    struct queue q, other;
    struct queue_item a = {0}, b = {0};
    queue_open(&q);
    queue_open(&other);
    CHECK(queue_first(&q) == NULL && queue_due_ms(&q) == INT64_MAX);
    queue_remove(&a);
    queue_add(&q, &a, 10);
    queue_add(&q, &b, 20);
    CHECK(queue_first(&q) == &a && queue_next(&q, &a) == &b && queue_next(&q, &b) == NULL);
    CHECK(queue_first_due(&q, 9) == NULL && queue_first_due(&q, 10) == &a);
    queue_add(&q, &a, 30); /* to the end */
    CHECK(queue_first(&q) == &b && queue_due_ms(&q) == 20);
    queue_add(&other, &b, 5); /* out of the first queue */
    CHECK(queue_first(&q) == &a && queue_first(&other) == &b);
    queue_remove(&a);
    CHECK(!queue_has(&a) && queue_first(&q) == NULL);
}

/* Another time until it is asked again: for what is asked already, too, and in the same order. */
static void test_change(void)
{
    struct pending *p = pending_new(&options);
    struct buf texts = {0};
    struct pending_entry *a = add(p, OP_PUSH, "a", 0);
    ask(p, 1, 0, &texts);
    struct pending_entry *b = add(p, OP_PUSH, "b", 1000);
    ask(p, 1, 1000, &texts);
    pending_change(p, 2000);
    CHECK(pending_overdue(p, 2, 1999) == NULL);
    CHECK(pending_overdue(p, 2, 2000) == a);
    pending_ask_again(p, a);
    ask(p, 3, 2000, &texts);
    CHECK(pending_overdue(p, 4, 2999) == NULL);
    CHECK(pending_overdue(p, 4, 3000) == b);
    pending_change(p, 60000);
    CHECK(pending_overdue(p, 4, 60999) == NULL);
    CHECK(pending_overdue(p, 4, 61000) == b);
    buf_free(&texts);
    pending_remove(p, a);
    pending_remove(p, b);
    pending_destroy(&p);
}

int main(void)
{
    test_queue();
    test_refs();
    test_bounds();
    test_many_slots();
    test_batches();
    test_overdue();
    test_order_after_loss();
    test_change();
    return 0;
}
