/* The store's values on disk: there and back, every changed bit noticed, everything that is cut off refused,
 * and the bytes of each format. */
#include "broker/store_record.h"

#include "base/hash.h"
#include "tests/unit/pack.h"
#include "tests/unit/store_fixture.h"

static struct buf message_record(void)
{
    struct message m = fixture_full_message();
    struct buf out = {0};
    record_pack_message(&m, &out);
    return out;
}

static struct buf mark_record(void)
{
    const struct mark mark = {
        .generation = UINT64_MAX, .sender = UINT64_MAX - 1, .out_ms = FIXTURE_NOW_MS, .turn = UINT32_MAX, .begun = 1};
    struct buf out = {0};
    record_pack_mark(&mark, &out);
    return out;
}

static struct buf final_record(void)
{
    struct final f = fixture_full_final();
    struct buf out = {0};
    record_pack_final(&f, &out);
    return out;
}

static struct buf id_record(void)
{
    struct buf out = {0};
    record_pack_id(1001, UINT64_MAX, &out);
    return out;
}

static struct buf blob_record(void)
{
    struct buf out = {0};
    record_pack_blob((struct span){"\x00value\xff", 7}, &out);
    return out;
}

static int read_message(struct span value)
{
    struct message m;
    return record_unpack_message(value, &m);
}

static int read_mark(struct span value)
{
    struct mark mark;
    return record_unpack_mark(value, &mark);
}

static int read_final(struct span value)
{
    struct final f;
    return record_unpack_final(value, &f);
}

static int read_id(struct span value)
{
    uint64_t seq, content;
    return record_unpack_id(value, &seq, &content);
}

static int read_blob(struct span value)
{
    struct span out;
    return record_unpack_blob(value, &out);
}

static const struct record {
    struct buf (*pack)(void);
    int (*read)(struct span value);
} records[] = {{message_record, read_message},
               {mark_record, read_mark},
               {final_record, read_final},
               {id_record, read_id},
               {blob_record, read_blob}};

#define RECORDS (sizeof records / sizeof *records)

/* --- there and back
 * ----------------------------------------------------------------------------------------------- */

static void test_message(void)
{
    struct message full = fixture_full_message(), least = {.lane = LANE_EXPRESS}, got;
    struct buf out = {0};
    record_pack_message(&full, &out);
    CHECK_INT(record_unpack_message(buf_span(&out), &got), 0);
    fixture_same_message(&got, &full);
    record_pack_message(&least, &out); /* takes the place of what was there */
    CHECK_INT(record_unpack_message(buf_span(&out), &got), 0);
    fixture_same_message(&got, &least);
    full.accepted_ms = INT64_MAX;
    full.due_ms = INT64_MIN;
    full.expires_ms = -1;
    record_pack_message(&full, &out);
    CHECK_INT(record_unpack_message(buf_span(&out), &got), 0);
    fixture_same_message(&got, &full);
    buf_free(&out);
}

static void test_mark(void)
{
    struct buf out = mark_record();
    struct mark got = {0};
    CHECK_INT(record_unpack_mark(buf_span(&out), &got), 0);
    CHECK_U64(got.generation, UINT64_MAX);
    CHECK_U64(got.sender, UINT64_MAX - 1);
    CHECK_INT(got.out_ms, FIXTURE_NOW_MS);
    CHECK_U64(got.turn, UINT32_MAX);
    CHECK_INT(got.begun, 1);
    buf_free(&out);
}

static void test_final(void)
{
    struct buf out = {0};
    for (int state = STATE_SENT; state <= STATE_DEAD; state++) {
        struct final f = fixture_full_final(), got;
        f.state = (enum store_state)state;
        record_pack_final(&f, &out);
        CHECK_INT(record_unpack_final(buf_span(&out), &got), 0);
        fixture_same_final(&got, &f);
    }
    buf_free(&out);
}

static void test_small_ones(void)
{
    struct buf id = id_record(), blob = blob_record();
    uint64_t seq, content;
    struct span value;
    CHECK_INT(record_unpack_id(buf_span(&id), &seq, &content), 0);
    CHECK_U64(seq, 1001);
    CHECK_U64(content, UINT64_MAX);
    CHECK_INT(record_unpack_blob(buf_span(&blob), &value), 0);
    CHECK_BYTES(value, ((struct span){"\x00value\xff", 7}));
    record_pack_blob((struct span){NULL, 0}, &blob);
    CHECK_INT(record_unpack_blob(buf_span(&blob), &value), 0);
    CHECK_U64(value.bytes, 0);
    buf_free(&id);
    buf_free(&blob);
}

/* --- damage
 * ------------------------------------------------------------------------------------------------------- */

static void test_every_bit(void)
{
    for (size_t i = 0; i < RECORDS; i++) {
        struct buf good = records[i].pack();
        for (size_t bit = 0; bit < good.bytes * 8; bit++) {
            good.data[bit / 8] ^= (char)(1u << bit % 8);
            CHECK_INT(records[i].read(buf_span(&good)), -1);
            good.data[bit / 8] ^= (char)(1u << bit % 8);
        }
        CHECK_INT(records[i].read(buf_span(&good)), 0);
        buf_free(&good);
    }
}

static void test_every_byte_zeroed_or_swapped(void)
{
    for (size_t i = 0; i < RECORDS; i++) {
        struct buf good = records[i].pack();
        for (size_t at = 0; at + 1 < good.bytes; at++) {
            char first = good.data[at], second = good.data[at + 1];
            good.data[at] = second;
            good.data[at + 1] = first;
            CHECK_INT(records[i].read(buf_span(&good)), first == second ? 0 : -1);
            good.data[at] = 0;
            good.data[at + 1] = second;
            CHECK_INT(records[i].read(buf_span(&good)), first == 0 ? 0 : -1);
            good.data[at] = first;
        }
        buf_free(&good);
    }
}

static void test_truncated(void)
{
    for (size_t i = 0; i < RECORDS; i++) {
        struct buf good = records[i].pack();
        CHECK_INT(records[i].read((struct span){NULL, 0}), -1);
        for (size_t bytes = 0; bytes < good.bytes; bytes++) {
            struct span cut = hex_exact_copy((struct span){good.data, bytes});
            CHECK_INT(records[i].read(cut), -1);
            free((char *)cut.data);
        }
        buf_append(&good, "", 1);
        CHECK_INT(records[i].read(buf_span(&good)), -1);
        buf_free(&good);
    }
}

/* Places that no message can have: the checksum is right, the numbers are not. */
static void test_places_out_of_range(void)
{
    static const struct {
        int lane, timed, expected;
    } rows[] = {{LANE_BULK, TIMED_NOW, 0}, {LANE_EXPRESS, TIMED_ORDER, 0}, {LANES, TIMED_NOW, -1},
                {-1, TIMED_NOW, -1},       {LANE_BULK, TIMEDS, -1},        {LANE_BULK, -1, -1}};
    struct buf out = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message m = fixture_full_message();
        m.lane = rows[i].lane;
        m.timed = rows[i].timed;
        record_pack_message(&m, &out);
        CHECK_INT(read_message(buf_span(&out)), rows[i].expected);
    }
    buf_free(&out);
}

/* A record of one kind is none of another. */
static void test_other_kinds(void)
{
    for (size_t i = 0; i < RECORDS; i++) {
        struct buf good = records[i].pack();
        for (size_t other = 0; other < RECORDS; other++)
            CHECK_INT(records[other].read(buf_span(&good)), other == i ? 0 : -1);
        buf_free(&good);
    }
}

/* --- the format
 * --------------------------------------------------------------------------------------------------- */

/* Content with its checksum in front, as a release that is not ours may have written it. */
static struct buf sealed(const char *text)
{
    struct buf content = pack(text), out = {0};
    uint64_t sum = hash_64(content.data, content.bytes);
    for (unsigned i = 0; i < 8; i++)
        buf_append(&out, &(char){(char)(sum >> (8 * i) & 0xff)}, 1);
    buf_append(&out, content.data, content.bytes);
    buf_free(&content);
    return out;
}

/* The checksum is right and the content is not: another format, another number of members, other types,
 * values out of range. */
static void test_wrong_content(void)
{
    static const struct {
        int (*read)(struct span value);
        const char *text;
    } cases[] = {
        {read_mark, "[1 1 2 3 4 0]"}, /* another format */
        {read_mark, "[3 1 2 3 4 0]"},
        {read_mark, "[2 1 2 3 4]"},
        {read_mark, "[2 1 2 3 4 0 0]"},
        {read_mark, "[2 1 2 3 x 0]"},
        {read_mark, "[2 1 2 3 4 x]"},
        {read_mark, "{1 1 2 3}"},
        {read_mark, "1"},
        {read_id, "[1 5]"},
        {read_id, "[2 5 5]"},
        {read_id, "[1 5 -5]"},
        {read_blob, "[1]"},
        {read_blob, "[2 <c400>]"},
        {read_blob, "[1 5]"},
        {read_final, "[2 1 200 0 0 1 0 0 0 m a i o k t]"}, /* a final that waits */
        {read_final, "[2 9 200 0 0 1 0 0 0 m a i o k t]"}, /* no such state */
        {read_final, "[1 3 200 0 0 1 0 0 0 m a i o k t]"},
        {read_final, "[2 3 200 0 0 1 0 0 m a i o k t]"},
        {read_message, "[2 a i o k t <c400> 1 1 1 0 0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf value = sealed(cases[i].text);
        if (cases[i].read(buf_span(&value)) != -1)
            fprintf(stderr, "in case: %s\n", cases[i].text);
        CHECK_INT(cases[i].read(buf_span(&value)), -1);
        buf_free(&value);
    }
}

/* The last state that there is is read, and none behind it. */
static void test_states(void)
{
    struct final f = fixture_full_final();
    struct buf value = {0};
    f.state = STATE_FAILED;
    record_pack_final(&f, &value);
    CHECK_INT(read_final(buf_span(&value)), 0);
    f.state = STATE_FAILED + 1;
    record_pack_final(&f, &value);
    CHECK_INT(read_final(buf_span(&value)), -1);
    buf_free(&value);
}

static void check_bytes(struct buf got, const char *hex)
{
    struct buf expected = hex_bytes(hex);
    CHECK_BYTES(buf_span(&got), buf_span(&expected));
    buf_free(&got);
    buf_free(&expected);
}

/* What versions before have left on disks is read: all that there was then, and nothing else. */
static void test_formats_before(void)
{
    struct buf bytes = hex_bytes("fee80477241f48e2 dc001602a473686f70a76f726465722d37a46f414243a470616964a473616c65c4"
                                 "0481a16100cffedcba9876543210cf0000018bcfe56800cf0000018bcfe56be8cf0000018bcfe56fd0c"
                                 "f0000018bcfe571c4000201ceee6b2801ceee6b2802ceee6b2803ceee6b2804cf0000018bcfe573b8cf"
                                 "0000018bcfe577a092ffab73797374656d2062757379");
    struct message m, expected = fixture_full_message();
    expected.fallback = expected.tries = (struct span){NULL, 0};
    CHECK_INT(record_unpack_message(buf_span(&bytes), &m), 0);
    fixture_same_message(&m, &expected);
    buf_free(&bytes);
    bytes = hex_bytes("174227fdeeb6802f 9f0205cd0190cda7fccf7fffffffffffffff03cf0000018bcfe56800cf0000018b"
                      "cfe56be8cf0000018bcfe57b88b17b22657272636f6465223a34333030347da473686f70a76f7264657"
                      "22d37a46f414243a470616964a473616c65");
    struct final f, settled = fixture_full_final();
    settled.fallback = settled.tries = (struct span){NULL, 0};
    settled.received_ms = 0;
    CHECK_INT(record_unpack_final(buf_span(&bytes), &f), 0);
    fixture_same_final(&f, &settled);
    buf_free(&bytes);
    bytes = hex_bytes("bb3a1b29ea5ef7f3 dc00110305cd0190cda7fccf7fffffffffffffff03cf0000018bcfe56800cf0000018b"
                      "cfe56be8cf0000018bcfe57b88b17b22657272636f6465223a34333030347da473686f70a76f7264657"
                      "22d37a46f414243a470616964a473616c65a5706c61696ec4029101");
    settled = fixture_full_final();
    settled.received_ms = 0;
    CHECK_INT(record_unpack_final(buf_span(&bytes), &f), 0);
    fixture_same_final(&f, &settled);
    buf_free(&bytes);
}

/* As it lies on disks. A change needs a new format number. */
static void test_bytes_of_the_formats(void)
{
    check_bytes(message_record(),
                "df67b73f5244f1c4 dc001803a473686f70a76f726465722d37a46f414243a470616964a473616c65c4"
                "0481a16100cffedcba9876543210cf0000018bcfe56800cf0000018bcfe56be8cf0000018bcfe56fd0c"
                "f0000018bcfe571c4000201ceee6b2801ceee6b2802ceee6b2803ceee6b2804cf0000018bcfe573b8cf"
                "0000018bcfe577a092ffab73797374656d2062757379a5706c61696ec4029101");
    check_bytes(mark_record(),
                "ab5bb2050c11659a 9602cfffffffffffffffffcffffffffffffffffecf0000018bcfe56800ceffffff"
                "ff01");
    check_bytes(final_record(),
                "f94a4fcde341f4d9 dc00120405cd0190cda7fccf7fffffffffffffff03cf0000018bcfe56800cf0000018b"
                "cfe56be8cf0000018bcfe57b88b17b22657272636f6465223a34333030347da473686f70a76f7264657"
                "22d37a46f414243a470616964a473616c65a5706c61696ec4029101cf0000018bcfe58b28");
    check_bytes(id_record(), "c4a315cb42681ba4 9301cd03e9cfffffffffffffffff");
    check_bytes(blob_record(), "f3abca08f319a955 9201c4070076616c7565ff");
}

int main(void)
{
    test_message();
    test_mark();
    test_final();
    test_small_ones();
    test_every_bit();
    test_every_byte_zeroed_or_swapped();
    test_truncated();
    test_other_kinds();
    test_places_out_of_range();
    test_wrong_content();
    test_states();
    test_formats_before();
    test_bytes_of_the_formats();
    return 0;
}
