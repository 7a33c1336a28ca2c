/* msgpack to JSON for what mega prints: each type, what JSON has no word for, depth, what is no msgpack. */
#include "proto/mp_json.h"

#include "base/json.h"
#include "proto/mp_view.h"
#include "tests/unit/pack.h"

#define MP_DEEP 40

static void check(const char *packed_text, const char *expected)
{
    struct buf packed = pack(packed_text), out = {0};
    if (mp_json(buf_span(&packed), &out))
        fprintf(stderr, "in case: %s\n", packed_text);
    CHECK_BYTES(buf_span(&out), span_of(expected));
    buf_free(&packed);
    buf_free(&out);
}

static void test_values(void)
{
    check("nil", "null");
    check("true", "true");
    check("false", "false");
    check("0", "0");
    check("-1", "-1");
    check("9223372036854775807", "9223372036854775807");
    check("<cfffffffffffffffff>", "18446744073709551615");
    check("<d38000000000000000>", "-9223372036854775808");
    check("1.5", "1.5");
    check("0.1", "0.1");
    check("-2.0", "-2");
    check("<ca3dcccccd>", "0.10000000149011612"); /* a 32-bit float is what it is */
    check("<cb4341c37937e08000>", "10000000000000000");
    check("''", "\"\"");
    check("'a \"b\" \\'", "\"a \\\"b\\\" \\\\\"");
    check("<a3090a1f>", "\"\\t\\n\\u001f\"");
    check("<a6e4bda0e5a5bd>", "\"你好\"");
    check("<c403610062>", "\"a\\u0000b\"");
    check("[]", "[]");
    check("{}", "{}");
    check("[1 [2 {a b}] nil]", "[1,[2,{\"a\":\"b\"}],null]");
    check("{a 1 'b\"' [] a 2}", "{\"a\":1,\"b\\\"\":[],\"a\":2}");
}

/* Bytes that are no UTF-8 become U+FFFD, one each. */
static void test_not_utf8(void)
{
    check("<a1ff>", "\"\xEF\xBF\xBD\"");
    check("<a461c36280>", "\"a\xEF\xBF\xBD"
                          "b\xEF\xBF\xBD\"");
    check("<a3eda080>", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""); /* a surrogate */
    check("<a3efbfbd>", "\"\xEF\xBF\xBD\"");
    check("{<a1ff> 1}", "{\"\xEF\xBF\xBD\":1}");
}

static void test_without_a_word(void)
{
    check("<cb7ff0000000000000>", "null"); /* infinite */
    check("<cb7ff8000000000000>", "null"); /* no number */
    check("<d40135>", "5");
    check("<c7170131323334353637383930313233343536373839303132 33>", "12345678901234567890123");
    check("<c702012d30>", "-0");
    check("<c7020130 31>", "\"01\""); /* no number as JSON has it */
    check("<c7030131202c>", "\"1 ,\"");
    check("<c70001>", "\"\"");
    check("<d40261>", "\"a\"");
    check("{5 a nil b [1 x] c}", "{\"5\":\"a\",\"null\":\"b\",\"[1,\\\"x\\\"]\":\"c\"}");
}

static void test_depth(void)
{
    struct buf packed = {0}, out = {0};
    for (int depth = 1; depth <= MP_DEEP; depth++) {
        buf_clear(&packed);
        buf_clear(&out);
        for (int i = 0; i < depth; i++)
            mp_array(&packed, 1);
        mp_nil(&packed);
        CHECK_INT(mp_json(buf_span(&packed), &out), depth <= MP_JSON_DEPTH_MAX ? 0 : -1);
        CHECK_U64(out.bytes, depth <= MP_JSON_DEPTH_MAX ? 2 * (size_t)depth + 4 : 0);
    }
    buf_free(&packed);
    buf_free(&out);
}

/* What was there stays, and nothing of the wrong value is added. */
static void test_wrong(void)
{
    static const char *const texts[] = {"",      "c1",         "92 01",       "82 01 02 03", "a5 61",
                                        "01 02", "dfffffffff", "81 a1 61 c1", "92 01 c1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = hex_bytes(texts[i]), out = {0};
        struct span exact = hex_exact_copy(buf_span(&packed));
        buf_append_str(&out, "before");
        CHECK_INT(mp_json(exact, &out), -1);
        CHECK_STR(buf_str(&out), "before");
        free((char *)exact.data);
        buf_free(&packed);
        buf_free(&out);
    }
}

/* Whatever the bytes are, what comes out is JSON. */
static void test_random(void)
{
    uint64_t seed = 1;
    size_t read = 0;
    for (int i = 0; i < 200000; i++) {
        char bytes[12];
        struct buf out = {0};
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (char)hex_random(&seed);
        size_t length = hex_random(&seed) % sizeof bytes;
        if (mp_json((struct span){bytes, length}, &out) == 0) {
            struct json_reader r;
            json_open(&r, buf_span(&out));
            CHECK_INT(json_skip(&r, json_next(&r)), 0);
            CHECK_INT(json_next(&r).type, JSON_END);
            read++;
        }
        buf_free(&out);
    }
    CHECK(read > 1000);
}

/* --- members by name ---------------------------------------------------------------------------------------------- */

static void test_view(void)
{
    struct buf packed = pack(
        "{5 6 a 1 b -2 c 2.9 d true e text f [1 2] g {x y} h <cfffffffffffffffff> i <cb7ff8000000000000>}");
    struct span map = buf_span(&packed);
    CHECK_INT(mp_view_i64(map, "a"), 1);
    CHECK_INT(mp_view_i64(map, "b"), -2);
    CHECK_INT(mp_view_i64(map, "c"), 2);
    CHECK_INT(mp_view_i64(map, "d"), 1);
    CHECK_INT(mp_view_i64(map, "e"), 0);
    CHECK_INT(mp_view_i64(map, "h"), INT64_MAX);
    CHECK_INT(mp_view_i64(map, "i"), 0);
    CHECK_INT(mp_view_i64(map, "none"), 0);
    CHECK(mp_view_number(map, "c") == 2.9);
    CHECK(mp_view_number(map, "e") == 0);
    CHECK_SPAN(mp_view_str(map, "e"), "text");
    CHECK_U64(mp_view_str(map, "a").bytes, 0);
    CHECK_SPAN(mp_view_str(mp_view(map, "g"), "x"), "y");
    CHECK_U64(mp_view(map, "none").bytes, 0);
    CHECK_U64(mp_view(mp_view(map, "none"), "none").bytes, 0);
    CHECK_U64(mp_view(mp_view(map, "f"), "x").bytes, 0);
    buf_free(&packed);
}

static void test_list(void)
{
    struct buf packed = pack("[a [b c] d]");
    struct mp_list list;
    struct span element;
    CHECK_INT(mp_list_open(&list, buf_span(&packed)), 0);
    CHECK_INT(mp_list_next(&list, &element), 1);
    CHECK_INT(mp_list_next(&list, &element), 1);
    CHECK_BYTES(element, ((struct span){"\x92\xa1"
                                        "b"
                                        "\xa1"
                                        "c",
                                        5}));
    CHECK_INT(mp_list_next(&list, &element), 1);
    CHECK_INT(mp_list_next(&list, &element), 0);
    CHECK_INT(mp_list_next(&list, &element), 0);
    CHECK_INT(mp_list_open_map(&list, buf_span(&packed)), -1);
    CHECK_INT(mp_list_next(&list, &element), 0);
    CHECK_INT(mp_list_open(&list, (struct span){NULL, 0}), -1);
    packed.bytes--; /* the last element is cut off */
    CHECK_INT(mp_list_open(&list, buf_span(&packed)), 0);
    CHECK_INT(mp_list_next(&list, &element), 1);
    CHECK_INT(mp_list_next(&list, &element), 1);
    CHECK_INT(mp_list_next(&list, &element), 0);
    buf_free(&packed);
}

int main(void)
{
    test_values();
    test_not_utf8();
    test_without_a_word();
    test_depth();
    test_wrong();
    test_random();
    test_view();
    test_list();
    return 0;
}
