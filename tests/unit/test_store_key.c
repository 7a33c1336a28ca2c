/* The store's keys: their order is that of what they are made of, and keys that were damaged are told from
 * whole ones without a byte behind their end being read. */
#include "broker/store_key.h"

#include "tests/unit/store_fixture.h"

static struct span span_of_key(const struct key *k)
{
    return (struct span){k->bytes, k->used};
}

static int compare(const struct key *a, const struct key *b)
{
    size_t bytes = a->used < b->used ? a->used : b->used;
    int order = memcmp(a->bytes, b->bytes, bytes);
    return order ? order : (a->used > b->used) - (a->used < b->used);
}

static const uint64_t numbers[] = {0, 1, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000, INT64_MAX};

#define NUMBERS (sizeof numbers / sizeof *numbers)

static void test_numbers_in_order(void)
{
    for (size_t i = 0; i + 1 < NUMBERS; i++) {
        struct key low = key_seq(numbers[i]), high = key_seq(numbers[i + 1]);
        CHECK(compare(&low, &high) < 0);
        CHECK_U64(key_read_u64(low.bytes), numbers[i]);
        CHECK_U64(low.used, KEY_SEQ_BYTES);
        low = key_time((int64_t)numbers[i], UINT64_MAX);
        high = key_time((int64_t)numbers[i + 1], 0);
        CHECK(compare(&low, &high) < 0);
        CHECK_U64(low.used, KEY_TIME_BYTES);
        low = key_held(5, (int64_t)numbers[i], UINT64_MAX);
        high = key_held(5, (int64_t)numbers[i + 1], 0);
        CHECK(compare(&low, &high) < 0);
    }
}

static void test_queue_in_order(void)
{
    const struct place places[] = {{.lane = 0, .due_ms = 5, .seq = 9},
                                   {.lane = 0, .due_ms = 6, .seq = 1},
                                   {.lane = 0, .due_ms = 6, .seq = 2},
                                   {.lane = 0, .due_ms = 256, .seq = 0},
                                   {.lane = 1, .due_ms = 0, .seq = 0}};
    for (size_t i = 0; i + 1 < sizeof places / sizeof *places; i++) {
        struct key low = key_queue(span_of("a"), &places[i]), high = key_queue(span_of("a"), &places[i + 1]);
        CHECK(compare(&low, &high) < 0);
        high = key_queue_prefix(span_of("a"), 0xff);
        CHECK(compare(&low, &high) < 0);
        high = key_queue(span_of("b"), &(struct place){.lane = 0});
        CHECK(compare(&low, &high) < 0);
    }
}

static void test_sound(void)
{
    struct key one = key_seq(1), none = key_seq(0), large = key_seq((uint64_t)INT64_MAX + 1),
               most = key_seq(INT64_MAX);
    CHECK_INT(key_is_sound(span_of_key(&one), 8), 1);
    CHECK_INT(key_is_sound(span_of_key(&one), 16), 0);
    CHECK_INT(key_is_sound(span_of_key(&one), 7), 0);
    CHECK_INT(key_is_sound(span_of_key(&none), 8), 0);
    CHECK_INT(key_is_sound(span_of_key(&large), 8), 0);
    CHECK_INT(key_is_sound(span_of_key(&most), 8), 1);
    CHECK_INT(key_is_sound((struct span){"", 0}, 0), 0);
    CHECK_INT(key_is_sound((struct span){"\1\2\3", 3}, 3), 0);
}

/* Every beginning of a key, in memory that ends with it, and every key with one byte more. */
static void check_lengths(const struct key *k, int (*read)(struct span key))
{
    for (size_t bytes = 0; bytes <= k->used; bytes++) {
        struct span cut = hex_exact_copy((struct span){k->bytes, bytes});
        CHECK_INT(read(cut), bytes == k->used ? 0 : -1);
        free((char *)cut.data);
    }
    struct key longer = *k;
    key_u8(&longer, 1);
    CHECK_INT(read(span_of_key(&longer)), -1);
}

static int read_queue(struct span key)
{
    struct span account;
    return key_read_queue(key, &account);
}

static int read_parked(struct span key)
{
    struct span account, openid;
    return key_read_parked(key, &account, &openid);
}

static void test_lengths(void)
{
    const struct place place = {.due_ms = 5, .seq = 9};
    struct message m = fixture_full_message();
    m.seq = 9;
    struct key queued = key_queue(m.account, &place), parked = key_parked(&m);
    struct span account, openid;
    check_lengths(&queued, read_queue);
    check_lengths(&parked, read_parked);
    CHECK_INT(key_read_queue(span_of_key(&queued), &account), 0);
    CHECK_SPAN(account, "shop");
    CHECK_INT(key_read_parked(span_of_key(&parked), &account, &openid), 0);
    CHECK_SPAN(account, "shop");
    CHECK_SPAN(openid, "oABC");
}

/* Lengths inside that are wrong, whatever they claim. */
static void test_wrong_lengths_inside(void)
{
    struct message m = fixture_full_message();
    m.seq = 9;
    struct key parked = key_parked(&m);
    for (int at = 0; at <= 5; at += 5)
        for (int length = 0; length < 256; length++) {
            struct key wrong = parked;
            wrong.bytes[at] = (char)length;
            struct span exact = hex_exact_copy(span_of_key(&wrong));
            if (length != parked.bytes[at])
                CHECK_INT(read_parked(exact), -1);
            read_queue(exact);
            free((char *)exact.data);
        }
}

static void test_copy(void)
{
    char bytes[600];
    memset(bytes, 'x', sizeof bytes);
    struct key k = key_copy((struct span){bytes, 20});
    CHECK_BYTES(span_of_key(&k), ((struct span){bytes, 20}));
    k = key_copy((struct span){bytes, sizeof bytes});
    CHECK_U64(k.used, KEY_ROOM);
    k = key_copy((struct span){bytes, 0});
    CHECK_U64(k.used, 0);
}

/* As long as the protocol lets names be. */
static void test_room(void)
{
    char text[128];
    memset(text, 'x', sizeof text);
    struct message m = {.account = {text, 32}, .openid = {text, 128}, .task = {text, 64}, .seq = 1};
    struct key parked = key_parked(&m), person = key_person(m.account, m.openid, 1),
               task = key_task(m.account, m.task, 1);
    CHECK_U64(parked.used, 179);
    CHECK_U64(person.used, 16);
    CHECK_U64(task.used, 106);
}

int main(void)
{
    test_numbers_in_order();
    test_queue_in_order();
    test_sound();
    test_lengths();
    test_wrong_lengths_inside();
    test_copy();
    test_room();
    return 0;
}
