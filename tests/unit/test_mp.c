/* msgpack: every type both ways, every size of a header, input that ends too early, lengths that lie,
 * nesting. */
#include "proto/mp.h"

#include "tests/unit/hex.h"

#define DEPTH_MAX 32

static void check_hex(const struct buf *got, const char *expected_hex)
{
    struct buf expected = hex_bytes(expected_hex);
    CHECK_BYTES(buf_span(got), buf_span(&expected));
    buf_free(&expected);
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------ */

static void test_write_unsigned(void)
{
    static const struct {
        uint64_t value;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {0x7f, "7f"},
        {0x80, "cc80"},
        {0xff, "ccff"},
        {0x100, "cd0100"},
        {0xffff, "cdffff"},
        {0x10000, "ce00010000"},
        {0xffffffff, "ceffffffff"},
        {0x100000000, "cf0000000100000000"},
        {UINT64_MAX, "cfffffffffffffffff"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        struct mp_cursor c;
        mp_u64(&out, cases[i].value);
        check_hex(&out, cases[i].hex);
        mp_open(&c, buf_span(&out));
        CHECK_U64(mp_read_u64(&c), cases[i].value);
        CHECK(!c.failed && c.at == c.end);
        buf_free(&out);
    }
}

static void test_write_signed(void)
{
    static const struct {
        int64_t value;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {127, "7f"},
        {128, "cc80"},
        {-1, "ff"},
        {-32, "e0"},
        {-33, "d0df"},
        {-128, "d080"},
        {-129, "d1ff7f"},
        {-32768, "d18000"},
        {-32769, "d2ffff7fff"},
        {INT32_MIN, "d280000000"},
        {(int64_t)INT32_MIN - 1, "d3ffffffff7fffffff"},
        {INT64_MIN, "d38000000000000000"},
        {INT64_MAX, "cf7fffffffffffffff"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        struct mp_cursor c;
        mp_i64(&out, cases[i].value);
        check_hex(&out, cases[i].hex);
        mp_open(&c, buf_span(&out));
        CHECK_INT(mp_read_i64(&c), cases[i].value);
        CHECK(!c.failed && c.at == c.end);
        buf_free(&out);
    }
}

static void test_write_small(void)
{
    struct buf out = {0};
    mp_nil(&out);
    mp_bool(&out, 0);
    mp_bool(&out, 7);
    mp_double(&out, 1.5);
    mp_double(&out, -0.0);
    mp_raw(&out, (struct span){"\x01\x02", 2});
    check_hex(&out, "c0 c2 c3 cb3ff8000000000000 cb8000000000000000 0102");
    buf_clear(&out);
    mp_put_str(&out, "a", "b");
    mp_put_span(&out, "a", (struct span){NULL, 0});
    mp_put_u64(&out, "u", 200);
    mp_put_i64(&out, "i", -200);
    check_hex(&out, "a161 a162  a161 a0  a175 ccc8  a169 d1ff38");
    buf_free(&out);
}

/* Empty and zero are left out, everything else is one member. */
static void test_write_optional(void)
{
    struct buf out = {0};
    CHECK_U64(mp_opt_span(&out, "a", (struct span){NULL, 0}), 0);
    CHECK_U64(mp_opt_span(&out, "a", span_of("")), 0);
    CHECK_U64(mp_opt_raw(&out, "r", (struct span){NULL, 0}), 0);
    CHECK_U64(mp_opt_u64(&out, "u", 0), 0);
    CHECK_U64(mp_opt_i64(&out, "i", 0), 0);
    CHECK_U64(out.bytes, 0);
    CHECK_U64(mp_opt_span(&out, "a", span_of("b")), 1);
    CHECK_U64(mp_opt_raw(&out, "r", (struct span){"\x90", 1}), 1);
    CHECK_U64(mp_opt_u64(&out, "u", UINT64_MAX), 1);
    CHECK_U64(mp_opt_i64(&out, "i", -1), 1);
    check_hex(&out, "a161 a162  a172 90  a175 cfffffffffffffffff  a169 ff");
    buf_free(&out);
}

static void write_text(struct buf *out, struct span s)
{
    mp_span(out, s);
}

static void write_bin(struct buf *out, struct span s)
{
    mp_bin(out, s);
}

static void write_ext(struct buf *out, struct span s)
{
    mp_ext(out, -5, s);
}

/* Headers of every size: what is written, and that it reads back the same. */
static void test_write_sizes(void)
{
    static char content[70000];
    static const struct {
        void (*write)(struct buf *out, struct span s);
        enum mp_type type;
        size_t bytes;
        const char *header;
    } cases[] = {
        {write_text, MP_STR, 0, "a0"},
        {write_text, MP_STR, 31, "bf"},
        {write_text, MP_STR, 32, "d920"},
        {write_text, MP_STR, 255, "d9ff"},
        {write_text, MP_STR, 256, "da0100"},
        {write_text, MP_STR, 65535, "daffff"},
        {write_text, MP_STR, 65536, "db00010000"},
        {write_bin, MP_BIN, 0, "c400"},
        {write_bin, MP_BIN, 255, "c4ff"},
        {write_bin, MP_BIN, 256, "c50100"},
        {write_bin, MP_BIN, 65535, "c5ffff"},
        {write_bin, MP_BIN, 65536, "c600010000"},
        {write_ext, MP_EXT, 1, "d4fb"},
        {write_ext, MP_EXT, 2, "d5fb"},
        {write_ext, MP_EXT, 4, "d6fb"},
        {write_ext, MP_EXT, 8, "d7fb"},
        {write_ext, MP_EXT, 16, "d8fb"},
        {write_ext, MP_EXT, 0, "c700fb"},
        {write_ext, MP_EXT, 3, "c703fb"},
        {write_ext, MP_EXT, 255, "c7fffb"},
        {write_ext, MP_EXT, 256, "c80100fb"},
        {write_ext, MP_EXT, 65535, "c8fffffb"},
        {write_ext, MP_EXT, 65536, "c900010000fb"},
    };
    memset(content, 'x', sizeof content);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0}, header = hex_bytes(cases[i].header);
        struct mp_cursor c;
        cases[i].write(&out, (struct span){content, cases[i].bytes});
        CHECK_U64(out.bytes, header.bytes + cases[i].bytes);
        CHECK_BYTES(((struct span){out.data, header.bytes}), buf_span(&header));
        mp_open(&c, buf_span(&out));
        struct mp_value v = mp_read(&c);
        CHECK_INT(v.type, cases[i].type);
        CHECK_INT(v.ext, cases[i].type == MP_EXT ? -5 : 0);
        CHECK_BYTES(v.text, ((struct span){content, cases[i].bytes}));
        CHECK(!c.failed && c.at == c.end);
        buf_free(&header);
        buf_free(&out);
    }
}

static void test_write_containers(void)
{
    static const struct {
        void (*write)(struct buf *out, size_t count);
        enum mp_type type;
        size_t count;
        const char *header;
    } cases[] = {
        {mp_array, MP_ARRAY, 0, "90"},
        {mp_array, MP_ARRAY, 15, "9f"},
        {mp_array, MP_ARRAY, 16, "dc0010"},
        {mp_array, MP_ARRAY, 65535, "dcffff"},
        {mp_array, MP_ARRAY, 65536, "dd00010000"},
        {mp_map, MP_MAP, 0, "80"},
        {mp_map, MP_MAP, 15, "8f"},
        {mp_map, MP_MAP, 16, "de0010"},
        {mp_map, MP_MAP, 65535, "deffff"},
        {mp_map, MP_MAP, 65536, "df00010000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        struct mp_cursor c;
        cases[i].write(&out, cases[i].count);
        check_hex(&out, cases[i].header);
        size_t values = cases[i].type == MP_MAP ? cases[i].count * 2 : cases[i].count;
        for (size_t n = 0; n < values; n++)
            mp_nil(&out);
        mp_open(&c, buf_span(&out));
        struct mp_value v = mp_read(&c);
        CHECK_INT(v.type, cases[i].type);
        CHECK_U64(v.as.count, cases[i].count);
        mp_open(&c, buf_span(&out));
        CHECK_BYTES(mp_skip(&c), buf_span(&out));
        CHECK(c.at == c.end);
        buf_free(&out);
    }
}

static void test_map_open(void)
{
    struct buf out = {0};
    mp_nil(&out);
    size_t place = mp_map_open(&out);
    CHECK_U64(place, 1);
    mp_put_u64(&out, "a", 1);
    mp_map_close(&out, place, 1);
    check_hex(&out, "c0 de0001 a161 01");
    mp_map_close(&out, place, 0x1234);
    check_hex(&out, "c0 de1234 a161 01");
    buf_free(&out);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------ */

/* What the first byte says, by the msgpack specification. */
static enum mp_type type_of_first_byte(unsigned first)
{
    static const enum mp_type sized[] = {
        MP_NIL,   MP_ERROR, MP_BOOL, MP_BOOL, MP_BIN,  MP_BIN,  MP_BIN,   MP_EXT,   MP_EXT,  MP_EXT, MP_FLOAT,
        MP_FLOAT, MP_UINT,  MP_UINT, MP_UINT, MP_UINT, MP_UINT, MP_UINT,  MP_UINT,  MP_UINT, MP_EXT, MP_EXT,
        MP_EXT,   MP_EXT,   MP_EXT,  MP_STR,  MP_STR,  MP_STR,  MP_ARRAY, MP_ARRAY, MP_MAP,  MP_MAP};
    if (first <= 0x7f)
        return MP_UINT;
    if (first <= 0x8f)
        return MP_MAP;
    if (first <= 0x9f)
        return MP_ARRAY;
    if (first <= 0xbf)
        return MP_STR;
    return first >= 0xe0 ? MP_INT : sized[first - 0xc0];
}

static void test_every_first_byte(void)
{
    char bytes[80] = {0}; /* zeros behind it: d0 to d3 are then the integer 0, lengths are 0 */
    for (unsigned first = 0; first <= 0xff; first++) {
        struct mp_cursor c;
        bytes[0] = (char)first;
        mp_open(&c, (struct span){bytes, sizeof bytes});
        CHECK_INT(mp_peek(&c), type_of_first_byte(first));
        CHECK(c.at == bytes);
        CHECK_INT(mp_read(&c).type, type_of_first_byte(first));
        CHECK_INT(c.failed, first == 0xc1);
    }
}

static void check_one(const char *hex, struct mp_value expected)
{
    struct buf packed = hex_bytes(hex);
    struct mp_cursor c;
    mp_open(&c, buf_span(&packed));
    struct mp_value v = mp_read(&c);
    CHECK_INT(v.type, expected.type);
    if (expected.type == MP_FLOAT)
        CHECK(v.as.number == expected.as.number);
    else if (expected.type == MP_UINT || expected.type == MP_INT)
        CHECK_U64(v.as.u64, expected.as.u64);
    else if (expected.type == MP_BOOL)
        CHECK_INT(v.as.boolean, expected.as.boolean);
    CHECK(!c.failed && c.at == c.end);
    buf_free(&packed);
}

/* Forms that our own packer never writes. */
static void test_foreign_forms(void)
{
    check_one("ca3fc00000", (struct mp_value){.type = MP_FLOAT, .as.number = 1.5});
    check_one("cac2c80000", (struct mp_value){.type = MP_FLOAT, .as.number = -100.0});
    check_one("cbc059000000000000", (struct mp_value){.type = MP_FLOAT, .as.number = -100.0});
    check_one("cc05", (struct mp_value){.type = MP_UINT, .as.u64 = 5});
    check_one("cf0000000000000005", (struct mp_value){.type = MP_UINT, .as.u64 = 5});
    check_one("d005", (struct mp_value){.type = MP_UINT, .as.u64 = 5});
    check_one("d17fff", (struct mp_value){.type = MP_UINT, .as.u64 = 0x7fff});
    check_one("d27fffffff", (struct mp_value){.type = MP_UINT, .as.u64 = 0x7fffffff});
    check_one("d30000000000000000", (struct mp_value){.type = MP_UINT, .as.u64 = 0});
    check_one("d3ffffffffffffffff", (struct mp_value){.type = MP_INT, .as.i64 = -1});
    check_one("d2fffffffe", (struct mp_value){.type = MP_INT, .as.i64 = -2});
    check_one("d1fffd", (struct mp_value){.type = MP_INT, .as.i64 = -3});
    check_one("d0fc", (struct mp_value){.type = MP_INT, .as.i64 = -4});
    check_one("c3", (struct mp_value){.type = MP_BOOL, .as.boolean = 1});
    check_one("c2", (struct mp_value){.type = MP_BOOL, .as.boolean = 0});
}

/* One of each form; cut off at every place it is an error, and the cursor stays in it. */
static void test_truncated(void)
{
    static const char *const forms[] = {"cc80",
                                        "cdffff",
                                        "ceffffffff",
                                        "cfffffffffffffffff",
                                        "d080",
                                        "d18000",
                                        "d280000000",
                                        "d38000000000000000",
                                        "ca3fc00000",
                                        "cb3ff8000000000000",
                                        "a3616263",
                                        "d903616263",
                                        "da0003616263",
                                        "db00000003616263",
                                        "c403616263",
                                        "c50003616263",
                                        "c600000003616263",
                                        "d401aa",
                                        "d501aabb",
                                        "d601aabbccdd",
                                        "d701aabbccddaabbccdd",
                                        "d801aabbccddaabbccddaabbccddaabbccdd",
                                        "c70301aabbcc",
                                        "c8000301aabbcc",
                                        "c90000000301aabbcc",
                                        "920102",
                                        "dc00020102",
                                        "dd000000020102",
                                        "8101a161",
                                        "de000101a161",
                                        "df0000000101a161",
                                        "93 92 01 02 81 a161 c0 c3"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct buf packed = hex_bytes(forms[i]);
        struct mp_cursor c;
        mp_open(&c, buf_span(&packed));
        CHECK_BYTES(mp_skip(&c), buf_span(&packed));
        for (size_t bytes = 0; bytes < packed.bytes; bytes++) {
            struct span cut = hex_exact_copy((struct span){packed.data, bytes});
            mp_open(&c, cut);
            CHECK(mp_skip(&c).data == NULL);
            CHECK(c.failed && c.at == c.end);
            CHECK_INT(mp_read(&c).type, MP_ERROR);
            CHECK(mp_skip(&c).data == NULL);
            free((char *)cut.data);
        }
        buf_free(&packed);
    }
}

/* A header that claims more than is there is refused before anything follows it. */
static void test_lying_lengths(void)
{
    static const char *const lies[] = {"a261",
                                       "d902 61",
                                       "da0002 61",
                                       "db00000002 61",
                                       "dbffffffff 616263",
                                       "c402 61",
                                       "c50002 61",
                                       "c600000002 61",
                                       "c6ffffffff 616263",
                                       "c702 01 61",
                                       "c80002 01 61",
                                       "c900000002 01 61",
                                       "c9ffffffff 01 61",
                                       "c9ffffffff",
                                       "92 01",
                                       "9f 0102",
                                       "dc0002 01",
                                       "dcffff 01",
                                       "dd00000002 01",
                                       "ddffffffff 010203",
                                       "81 01",
                                       "8f 0101",
                                       "de0001 01",
                                       "df00000001 01",
                                       "dfffffffff 01010101",
                                       "df80000000 01010101"};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct buf packed = hex_bytes(lies[i]);
        struct span exact = hex_exact_copy(buf_span(&packed));
        struct mp_cursor c;
        mp_open(&c, exact);
        CHECK_INT(mp_read(&c).type, MP_ERROR);
        CHECK(c.failed);
        free((char *)exact.data);
        buf_free(&packed);
    }
}

static void check_depth(char container, int is_map, int depth, int holds)
{
    struct buf packed = {0};
    struct mp_cursor c;
    for (int i = 0; i < depth; i++) {
        buf_append(&packed, &container, 1);
        if (is_map)
            mp_str(&packed, "k");
    }
    mp_u64(&packed, 1);
    mp_open(&c, buf_span(&packed));
    struct span whole = mp_skip(&c);
    CHECK_INT(whole.data != NULL, holds);
    CHECK_INT(c.failed, !holds);
    if (holds)
        CHECK_U64(whole.bytes, packed.bytes);
    buf_free(&packed);
}

static void test_nesting(void)
{
    check_depth((char)0x91, 0, 1, 1);
    check_depth((char)0x91, 0, DEPTH_MAX, 1);
    check_depth((char)0x91, 0, DEPTH_MAX + 1, 0);
    check_depth((char)0x91, 0, 100000, 0);
    check_depth((char)0x81, 1, DEPTH_MAX, 1);
    check_depth((char)0x81, 1, DEPTH_MAX + 1, 0);
}

/* Values side by side are stepped over one by one, each with all that is in it. */
static void test_skip_in_row(void)
{
    struct buf packed = hex_bytes("01  92 90 91 c0  82 01 80 a16b 93 010203  c0");
    static const size_t sizes[] = {1, 4, 9, 1};
    struct mp_cursor c;
    mp_open(&c, buf_span(&packed));
    for (size_t i = 0; i < 4; i++)
        CHECK_U64(mp_skip(&c).bytes, sizes[i]);
    CHECK(!c.failed && c.at == c.end);
    CHECK(mp_skip(&c).data == NULL && c.failed);
    buf_free(&packed);
}

static void test_typed_reads(void)
{
    struct buf packed = hex_bytes("05 e0 a161 c4 01 62 91 c0 81 a16b 01");
    struct mp_cursor c;
    struct span name;
    mp_open(&c, buf_span(&packed));
    CHECK_U64(mp_read_u64(&c), 5);
    CHECK_INT(mp_read_i64(&c), -32);
    CHECK_SPAN(mp_read_str(&c), "a");
    CHECK_SPAN(mp_read_str(&c), "b"); /* bin is taken where text is wanted */
    CHECK_U64(mp_read_array(&c), 1);
    CHECK_INT(mp_read(&c).type, MP_NIL);
    CHECK_U64(mp_read_map(&c), 1);
    CHECK_INT(mp_read_name(&c, &name), 0);
    CHECK_SPAN(name, "k");
    CHECK_U64(mp_read_u64(&c), 1);
    CHECK(!c.failed && c.at == c.end);
    buf_free(&packed);
}

enum typed { AS_U64, AS_I64, AS_STR, AS_ARRAY, AS_MAP, AS_NAME };

/* Returns 1 when the typed read gave nothing. */
static int read_is_empty(struct mp_cursor *c, enum typed as)
{
    struct span name = {NULL, 0};
    switch (as) {
    case AS_U64:
        return mp_read_u64(c) == 0;
    case AS_I64:
        return mp_read_i64(c) == 0;
    case AS_STR:
        return mp_read_str(c).data == NULL;
    case AS_ARRAY:
        return mp_read_array(c) == 0;
    case AS_MAP:
        return mp_read_map(c) == 0;
    default:
        return mp_read_name(c, &name) == -1 && name.data == NULL;
    }
}

static void test_typed_reads_of_another_type(void)
{
    static const struct {
        enum typed as;
        const char *hex;
    } cases[] = {
        {AS_U64, "ff"},      {AS_U64, "a131"}, {AS_U64, "c0"},   {AS_U64, "cb3ff0000000000000"},
        {AS_U64, ""},        {AS_I64, "a131"}, {AS_I64, "c3"},   {AS_I64, "cf8000000000000000"},
        {AS_I64, ""},        {AS_STR, "01"},   {AS_STR, "c0"},   {AS_STR, "91c0"},
        {AS_STR, "d40161"},  {AS_STR, ""},     {AS_ARRAY, "80"}, {AS_ARRAY, "01"},
        {AS_ARRAY, ""},      {AS_MAP, "90"},   {AS_MAP, "c0"},   {AS_MAP, ""},
        {AS_NAME, "c40161"}, {AS_NAME, "01"},  {AS_NAME, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf packed = hex_bytes(cases[i].hex);
        struct mp_cursor c;
        mp_open(&c, buf_span(&packed));
        CHECK(read_is_empty(&c, cases[i].as));
        CHECK(c.failed);
        buf_free(&packed);
    }
}

static void test_nothing(void)
{
    struct mp_cursor c;
    mp_open(&c, (struct span){NULL, 0});
    CHECK(!c.failed);
    CHECK_INT(mp_peek(&c), MP_ERROR);
    CHECK_INT(mp_read(&c).type, MP_ERROR);
    CHECK(c.failed);
}

int main(void)
{
    test_write_unsigned();
    test_write_signed();
    test_write_small();
    test_write_optional();
    test_write_sizes();
    test_write_containers();
    test_map_open();
    test_every_first_byte();
    test_foreign_forms();
    test_truncated();
    test_lying_lengths();
    test_nesting();
    test_skip_in_row();
    test_typed_reads();
    test_typed_reads_of_another_type();
    test_nothing();
    return 0;
}
