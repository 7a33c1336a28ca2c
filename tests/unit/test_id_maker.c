/* Ids that are made: of one maker they ascend as bytes do, of two they differ, and they fit. */
#include "proto/id_maker.h"

#include "proto/frontend.h"
#include "tests/unit/test.h"

static struct span at(struct id_maker *m, uint64_t count, char room[ID_BYTES_MAX])
{
    m->count = count - 1;
    return id_maker_next(m, room);
}

static void test_ascend(void)
{
    static const uint64_t counts[] = {1, 2, 9, 10, 15, 16, 17, 255, 256, 4095, 4096, 0xFFFFFFFFFF};
    struct id_maker m;
    char before[ID_BYTES_MAX] = "", room[ID_BYTES_MAX];
    id_maker_open(&m, hash_random_128());
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct span id = at(&m, counts[i], room);
        CHECK_U64(id.bytes, 43);
        CHECK(name_is_plain(id, ID_BYTES_MAX));
        CHECK(memcmp(room, before, id.bytes) > 0);
        memcpy(before, room, sizeof room);
    }
}

static void test_text(void)
{
    struct id_maker m = {.prefix = "0123456789abcdef0123456789abcdef"};
    char room[ID_BYTES_MAX];
    m.prefix[32] = '-';
    CHECK_SPAN(id_maker_next(&m, room), "0123456789abcdef0123456789abcdef-0000000001");
    CHECK_SPAN(at(&m, 0xFFFFFFFFFF, room), "0123456789abcdef0123456789abcdef-ffffffffff");
    CHECK_SPAN(at(&m, 0x10000000000, room), "0123456789abcdef0123456789abcdef-10000000000");
    CHECK_SPAN(at(&m, UINT64_MAX, room), "0123456789abcdef0123456789abcdef-ffffffffffffffff");
}

static void test_two_makers(void)
{
    struct id_maker a, b;
    id_maker_open(&a, hash_random_128());
    id_maker_open(&b, hash_random_128());
    CHECK(memcmp(a.prefix, b.prefix, 32) != 0);
    CHECK_INT(a.prefix[32], '-');
}

int main(void)
{
    test_ascend();
    test_text();
    test_two_makers();
    return 0;
}
