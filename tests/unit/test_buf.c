/* Buffers, spans, UTF-8, hashes. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "tests/unit/test.h"

static void test_append(void)
{
    struct buf b = {0};
    CHECK_STR(buf_str(&b), "");
    buf_append(&b, NULL, 0);
    buf_append_str(&b, "ab");
    buf_append(&b, "c\0d", 3);
    CHECK_BYTES(buf_span(&b), ((struct span){"abc\0d", 5}));
    buf_clear(&b);
    buf_append_u32be(&b, 0x01020380);
    CHECK_BYTES(buf_span(&b), ((struct span){"\x01\x02\x03\x80", 4}));
    buf_free(&b);
    CHECK(b.data == NULL && b.bytes == 0 && b.room == 0);
}

static void test_growth(void)
{
    struct buf b = {0};
    for (int i = 0; i < 100000; i++)
        buf_append(&b, "0123456789", 10);
    CHECK_U64(b.bytes, 1000000);
    CHECK(memcmp(b.data + 999990, "0123456789", 10) == 0);
    memcpy(buf_reserve(&b, 3), "end", 3);
    b.bytes += 3;
    CHECK(strcmp(buf_str(&b) + 1000000, "end") == 0);
    buf_free(&b);
}

static void test_printf(void)
{
    struct buf b = {0};
    buf_printf(&b, "%d-%s", 7, "x");
    CHECK_SPAN(buf_span(&b), "7-x");
    for (int width = 120; width < 140; width++) { /* around the room of the first try */
        buf_clear(&b);
        buf_printf(&b, "%*d", width, 5);
        CHECK_INT(b.bytes, width);
        CHECK_INT(b.data[width - 1], '5');
    }
    buf_free(&b);
}

static void test_drop_front(void)
{
    struct buf b = {0};
    buf_drop_front(&b, 0);
    buf_append_str(&b, "abcdef");
    buf_drop_front(&b, 2);
    CHECK_SPAN(buf_span(&b), "cdef");
    buf_drop_front(&b, 4);
    CHECK_U64(b.bytes, 0);
    buf_free(&b);
}

static void test_spans(void)
{
    CHECK(span_is(span_of("ab"), "ab"));
    CHECK(!span_is(span_of("ab"), "abc"));
    CHECK(!span_is(span_of("ab"), "aB"));
    CHECK(span_equal((struct span){NULL, 0}, span_of("")));
    char *copy = span_dup((struct span){"abc", 2});
    CHECK_STR(copy, "ab");
    free(copy);
    copy = span_dup((struct span){NULL, 0});
    CHECK_STR(copy, "");
    free(copy);
}

static void test_utf8(void)
{
    static const struct {
        const char *text;
        int valid;
    } cases[] = {
        {"", 1},
        {"plain ASCII, longer than eight", 1},
        {"\xC2\x80\xDF\xBF", 1},
        {"\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF", 1},
        {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 1},
        {"12345678\xE4\xBD\xA0\xE5\xA5\xBD 12345678", 1},
        {"\x80", 0},     /* stray continuation */
        {"\xC0\xAF", 0}, /* overlong */
        {"\xC1\xBF", 0},
        {"\xE0\x9F\xBF", 0},
        {"\xF0\x8F\xBF\xBF", 0},
        {"\xED\xA0\x80", 0}, /* surrogates */
        {"\xED\xBF\xBF", 0},
        {"\xF4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", 0},
        {"\xFF", 0},
        {"1234567\xC3", 0}, /* cut off */
        {"\xE4\xBD", 0},
        {"\xF0\x9F\x98", 0},
        {"\xE4\xBDx", 0},
        {"\xE4x\xBD", 0},
        {"12345678\xFFwxyz", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span s = span_of(cases[i].text);
        char *exact = malloc(s.bytes + 1); /* so that the sanitizer sees a step too far */
        memcpy(exact + 1, s.data, s.bytes);
        if (span_is_utf8((struct span){exact + 1, s.bytes}) != cases[i].valid)
            fprintf(stderr, "case %zu\n", i);
        CHECK_INT(span_is_utf8((struct span){exact + 1, s.bytes}), cases[i].valid);
        free(exact);
    }
}

/* The bytes of a bad place must be found wherever it lies in the text: the fast way looks at eight at a time.
 */
static void test_utf8_positions(void)
{
    char text[40];
    for (size_t i = 0; i < sizeof text; i++) {
        memset(text, 'x', sizeof text);
        text[i] = '\xFF';
        CHECK(!span_is_utf8((struct span){text, sizeof text}));
        CHECK(span_is_utf8((struct span){text, i}));
    }
}

/* The values are stored, so they must never change: these are XXH3's own for seed 0. */
static void test_hashes(void)
{
    CHECK_U64(hash_64("", 0), 0x2D06800538D394C2);
    struct hash128 h = hash_128("", 0);
    CHECK_U64(h.high, 0x99AA06D3014798D8);
    CHECK_U64(h.low, 0x6001C324468D497F);
    char hex[32];
    hash_hex(h, hex);
    CHECK_BYTES(((struct span){hex, 32}), span_of("99aa06d3014798d86001c324468d497f"));
    CHECK(hash_64("a", 1) != hash_64("b", 1));
}

static void test_random(void)
{
    uint64_t first = hash_random_u64();
    CHECK(first != 0 && first != hash_random_u64());
    unsigned char bytes[1000] = {0}, zero[8] = {0};
    hash_random(bytes, sizeof bytes);
    CHECK(memcmp(bytes + sizeof bytes - 8, zero, 8) != 0);
}

static void test_clocks(void)
{
    CHECK(clock_wall_ms() > 1700000000000);
    int64_t before_us = clock_mono_us();
    int64_t now_ms = clock_mono_ms();
    CHECK(now_ms >= before_us / 1000 && now_ms <= clock_mono_us() / 1000);
}

int main(void)
{
    test_append();
    test_growth();
    test_printf();
    test_drop_front();
    test_spans();
    test_utf8();
    test_utf8_positions();
    test_hashes();
    test_random();
    test_clocks();
    return 0;
}
