/* Pages of the data file: bytes written by hand, as the format says, and with one number wrong each. What LMDB itself writes is read in
 * test_store_check.c and test_store_salvage.c. */
#include "broker/store_page.h"

#include "tests/unit/test.h"

#define BYTES 4096

static char bytes[BYTES];

static void put(size_t at, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        bytes[at + i] = (char)(value >> (8 * i) & 0xff);
}

static struct span all(void)
{
    return (struct span){bytes, sizeof bytes};
}

/* --- meta pages --------------------------------------------------------------------------------------------------- */

static void make_tree(size_t at, unsigned flags, unsigned depth, uint64_t entries, uint64_t root)
{
    put(at + 4, flags, 2);
    put(at + 6, depth, 2);
    put(at + 32, entries, 8);
    put(at + 40, root, 8);
}

static void make_meta(void)
{
    memset(bytes, 0, sizeof bytes);
    put(10, 8, 2);
    put(16, 0xBEEFC0DE, 4);
    put(20, 1, 4);
    put(32, 1 << 30, 8);
    make_tree(40, 8, 1, 3, 7);
    put(40, BYTES, 4);
    make_tree(88, 0, 2, 17, 9);
    put(136, 99, 8);
    put(144, 1234, 8);
}

static void test_meta(void)
{
    struct page_meta meta;
    make_meta();
    CHECK_INT(page_read_meta(all(), &meta), 0);
    CHECK_U64(meta.page_bytes, BYTES);
    CHECK_U64(meta.map_bytes, 1 << 30);
    CHECK_U64(meta.last_page, 99);
    CHECK_U64(meta.txn, 1234);
    CHECK_U64(meta.free.root, 7);
    CHECK_INT(meta.free.flags, PAGE_TREE_INTEGER);
    CHECK_U64(meta.main.root, 9);
    CHECK_U64(meta.main.entries, 17);
    CHECK_INT(meta.main.depth, 2);
    CHECK_INT(page_read_meta((struct span){bytes, 100}, &meta), -1);
}

static void test_meta_wrong(void)
{
    static const struct {
        size_t at, width;
        uint64_t value;
    } rows[] = {{10, 2, 2},      {16, 4, 0xBEEFC0DF}, {20, 4, 2},          {40, 4, 0},     {40, 4, 4097},
                {40, 4, 65536},  {40, 4, 256},        {46, 2, 0},          {94, 2, 17},    {128, 8, 1},
                {136, 8, ~0ull}, {128, 8, 0},         {128, 8, PAGE_NONE}, {80, 8, 1}};
    struct page_meta meta;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_meta();
        put(rows[i].at, rows[i].value, rows[i].width);
        if (page_read_meta(all(), &meta) == 0)
            fprintf(stderr, "row %zu\n", i);
        CHECK_INT(page_read_meta(all(), &meta), -1);
    }
    make_meta();
    make_tree(88, 0, 0, 0, PAGE_NONE); /* an empty one is fine */
    CHECK_INT(page_read_meta(all(), &meta), 0);
}

/* --- leaves and branches ------------------------------------------------------------------------------------------ */

static void make_page(unsigned flags, uint64_t number, size_t count, size_t upper)
{
    memset(bytes, 0, sizeof bytes);
    put(0, number, 8);
    put(10, flags, 2);
    put(12, 16 + 2 * count, 2);
    put(14, upper, 2);
}

static void make_node(size_t i, size_t at, unsigned low, unsigned high, unsigned flags, const char *key)
{
    put(16 + 2 * i, at, 2);
    put(at, low, 2);
    put(at + 2, high, 2);
    put(at + 4, flags, 2);
    put(at + 6, strlen(key), 2);
    memcpy(bytes + at + 8, key, strlen(key));
}

static void test_leaf(void)
{
    struct page p;
    struct page_node n;
    make_page(2, 5, 3, 4000);
    make_node(0, 4000, 3, 0, 0, "abc");
    memcpy(bytes + 4011, "xyz", 3);
    make_node(1, 4020, 1000, 1, 1, "big");
    put(4031, 77, 8);
    make_node(2, 4050, 4, 0, 2, "tree");
    CHECK_INT(page_open(&p, all(), 5), 0);
    CHECK_INT(p.kind, PAGE_LEAF);
    CHECK_U64(p.count, 3);
    CHECK_INT(page_node(&p, 0, &n), 0);
    CHECK_SPAN(n.key, "abc");
    CHECK_SPAN(n.value, "xyz");
    CHECK_INT(page_node(&p, 1, &n), 0);
    CHECK_SPAN(n.key, "big");
    CHECK_U64(n.overflow, 77);
    CHECK_U64(n.value_bytes, 65536 + 1000);
    CHECK_U64(n.value.bytes, 0);
    CHECK_INT(page_node(&p, 2, &n), 0);
    CHECK_INT(n.is_tree, 1);
    CHECK_INT(page_open(&p, all(), 6), -1); /* it is not that page */
}

static void test_branch(void)
{
    struct page p;
    struct page_node n;
    make_page(1 | 0x10, 5, 2, 4000); /* what LMDB notes for itself is passed over */
    make_node(0, 4000, 2, 0, 0, "");
    make_node(1, 4020, 0x1234, 0x5678, 0x9, "key");
    CHECK_INT(page_open(&p, all(), 5), 0);
    CHECK_INT(p.kind, PAGE_BRANCH);
    CHECK_INT(page_node(&p, 0, &n), 0);
    CHECK_U64(n.child, 2);
    CHECK_INT(page_node(&p, 1, &n), 0);
    CHECK_U64(n.child, 0x956781234);
    CHECK_SPAN(n.key, "key");
    make_node(0, 4000, 1, 0, 0, ""); /* a meta page is no child */
    CHECK_INT(page_node(&p, 0, &n), -1);
}

static void test_overflow(void)
{
    struct page p;
    make_page(4, 5, 0, 0);
    put(12, 9, 4);
    CHECK_INT(page_open(&p, all(), 5), 0);
    CHECK_INT(p.kind, PAGE_OVERFLOW);
    CHECK_U64(p.run, 9);
    put(12, 0, 4);
    CHECK_INT(page_open(&p, all(), 5), -1);
    CHECK_U64(page_overflow_run(1, 4096), 1);
    CHECK_U64(page_overflow_run(4080, 4096), 1);
    CHECK_U64(page_overflow_run(4081, 4096), 2);
    CHECK_U64(page_overflow_run(8176, 4096), 2);
    CHECK_U64(page_overflow_run(8177, 4096), 3);
}

static void test_page_wrong(void)
{
    static const struct {
        size_t at;
        uint64_t value;
    } rows[] = {{0, 6}, {10, 0}, {10, 3}, {10, 8}, {10, 0x22}, {10, 0x42}, {12, 14}, {12, 17}, {12, 4100}, {14, 15}, {14, 4097}};
    struct page p;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_page(2, 5, 1, 4000);
        put(rows[i].at, rows[i].value, 2);
        CHECK_INT(page_open(&p, all(), 5), -1);
    }
    make_page(2, 5, 1, 4000);
    CHECK_INT(page_open(&p, (struct span){bytes, 4000}, 5), -1);
    CHECK_INT(page_open(&p, (struct span){bytes, 0}, 5), -1);
}

static void test_node_wrong(void)
{
    static const struct {
        size_t at, value;
    } rows[] = {{16, 0},        {16, 16},      {16, 4001},      {16, 4090},  {16, 65534},
                {4000 + 6, 89}, {4006, 65535}, {4000 + 0, 100}, {4002, 0xffff}};
    struct page p;
    struct page_node n;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_page(2, 5, 1, 4000);
        make_node(0, 4000, 3, 0, 0, "abc");
        CHECK_INT(page_open(&p, all(), 5), 0);
        CHECK_INT(page_node(&p, 0, &n), 0);
        put(rows[i].at, rows[i].value, 2);
        CHECK_INT(page_node(&p, 0, &n), -1);
    }
    make_page(2, 5, 1, 4000);
    make_node(0, 4080, 100, 0, 1, "abc"); /* no room for the number of its page */
    CHECK_INT(page_open(&p, all(), 5), 0);
    CHECK_INT(page_node(&p, 0, &n), -1);
}

int main(void)
{
    test_meta();
    test_meta_wrong();
    test_leaf();
    test_branch();
    test_overflow();
    test_page_wrong();
    test_node_wrong();
    return 0;
}
