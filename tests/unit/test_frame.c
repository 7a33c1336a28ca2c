/* Frames: the recorded exchanges, the order of checks, partial input, parameters, and the bytes of
 * answers. */
#include "gateway/frame.h"

#include "base/json.h"
#include "gateway/answer.h"
#include "proto/body.h"
#include "proto/limits.h"
#include "tests/unit/frame_vectors.h"
#include "tests/unit/test.h"

#define PACKAGE_BYTES_MAX 2465792
#define CASES (sizeof frame_cases / sizeof frame_cases[0])

static const char *current; /* the case that runs, for a failure's output */

static void print_current(void)
{
    if (current != NULL)
        fprintf(stderr, "in case: %s\n", current);
}

static void check_message(struct span got, const char *expected, int exact)
{
    char *text = span_dup(got);
    if (exact)
        CHECK_STR(text, expected);
    else
        CHECK_HAS(text, expected);
    free(text);
}

static void check_case(const struct frame_case *c)
{
    struct frame f;
    enum frame_status status = frame_read(c->bytes, PACKAGE_BYTES_MAX, &f);
    CHECK_INT(status, c->status);
    if (status == FRAME_REFUSED) {
        CHECK_INT(f.code, c->code);
        CHECK_INT(f.closes, c->closes);
        CHECK_U64(f.opaque, c->opaque);
        check_message(f.message, c->message, c->exact);
    }
    if (status != FRAME_REQUEST)
        return;
    CHECK_INT(f.op, c->op);
    CHECK_U64(f.opaque, c->opaque);
    CHECK_BYTES(f.key, c->key);
    if (f.op == OP_TSET)
        return;
    CHECK_BYTES(f.openid, c->openid);
    CHECK_BYTES(f.body, c->body);
    struct body body = {0};
    CHECK_INT(body_read(&body, f.body), c->body_error == NULL ? 0 : -1);
    if (c->body_error != NULL)
        check_message(buf_span(&body.error), c->body_error, 0);
    body_free(&body);
}

/* A copy on the heap that ends where the bytes end, so that the sanitizer sees any look behind them. */
static enum frame_status read_copy(struct span bytes, size_t count, struct frame *f, char **copy)
{
    *copy = malloc(count > 0 ? count : 1);
    memcpy(*copy, bytes.data, count);
    return frame_read((struct span){*copy, count}, PACKAGE_BYTES_MAX, f);
}

/* Every beginning of a frame is PARTIAL until the frame is whole, except that a frame is refused for its
 * length at once. */
static void check_partial(const struct frame_case *c)
{
    size_t whole = c->bytes.bytes;
    if (c->status == FRAME_PARTIAL)
        return;
    for (size_t count = 0; count <= whole; count++) {
        struct frame f = {0};
        char *copy;
        enum frame_status status = read_copy(c->bytes, count, &f, &copy);
        if (count < 4)
            CHECK_INT(status, FRAME_PARTIAL);
        else if (f.wanted_bytes > PACKAGE_BYTES_MAX || f.wanted_bytes == 0)
            CHECK_INT(status, FRAME_REFUSED);
        else
            CHECK_INT(status, count < f.wanted_bytes ? FRAME_PARTIAL : c->status);
        free(copy);
    }
}

static void test_vectors(void)
{
    for (size_t i = 0; i < CASES; i++) {
        current = frame_cases[i].name;
        check_case(&frame_cases[i]);
        check_partial(&frame_cases[i]);
    }
    current = NULL;
}

static void append_hex(struct span hex, struct buf *out)
{
    for (size_t i = 0; i + 1 < hex.bytes; i += 2) {
        char digits[3] = {hex.data[i], hex.data[i + 1], '\0'};
        char byte = (char)strtoul(digits, NULL, 16);
        buf_append(out, &byte, 1);
    }
}

static struct span inside(struct span quoted)
{
    return (struct span){quoted.data + 1, quoted.bytes - 2};
}

/* The table is that of the file: same cases, same order, same bytes. */
static void test_table_is_complete(void)
{
    struct buf file = test_read("tests/data/vectors.json"), request = {0};
    struct json_reader r;
    struct json_token token;
    size_t count = 0;
    json_open(&r, buf_span(&file));
    for (token = json_next(&r); token.type != JSON_END; token = json_next(&r)) {
        CHECK(token.type != JSON_ERROR);
        if (token.type != JSON_NAME || r.depth != 3)
            continue;
        struct span name = inside(token.raw);
        if (span_is(name, "name")) {
            CHECK(count < CASES);
            CHECK_SPAN(inside(json_next(&r).raw), frame_cases[count++].name);
        } else if (span_is(name, "request_hex")) {
            buf_clear(&request);
            append_hex(inside(json_next(&r).raw), &request);
            CHECK_BYTES(buf_span(&request), frame_cases[count - 1].bytes);
        }
    }
    CHECK_U64(count, CASES);
    buf_free(&file);
    buf_free(&request);
}

/* --- frames of our own ---------------------------------------------------------------------------------- */

/* A whole frame: header, opaque 7, body. */
static void make_frame(struct buf *out, const char *header, const char *body)
{
    buf_clear(out);
    buf_append_u32be(out, (uint32_t)(4 + strlen(header) + 4 + 4 + strlen(body)));
    buf_append_u32be(out, (uint32_t)strlen(header));
    buf_append_str(out, header);
    buf_append_u32be(out, 7);
    buf_append_u32be(out, (uint32_t)strlen(body));
    buf_append_str(out, body);
}

struct refusal {
    const char *header;
    enum code code; /* 0 = taken */
    const char *message;
};

#define O128 "oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo" \
             "oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo"
#define K32  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define K32_WIDE "模模模模模模模模模模模模模模模模模模模模模模模模模模模模模模模模"

static const struct refusal refusals[] = {
    {"send o test", 0, NULL},
    {"send " O128 " test", 0, NULL},
    {"send " O128 "o test", CODE_REFUSED, "openid: too long; give 1 to 128 bytes"},
    {"push  test", CODE_REFUSED, "openid: empty; give 1 to 128 bytes"},
    {"push o\xff test", CODE_REFUSED, "openid: not UTF-8"},
    {"push o " K32, 0, NULL},
    {"push o " K32_WIDE, 0, NULL},
    {"push o " K32 "k", CODE_REFUSED, "template key not exists"},
    {"push o " K32_WIDE "k", CODE_REFUSED, "template key not exists"},
    {"push o \xff", CODE_REFUSED, "template key not exists"},
    {"push o ", CODE_REFUSED, "template key not exists"},
    {"push o  test", CODE_REFUSED, "template key not exists"},
    {"tset ", CODE_REFUSED, "template key not exists"},
    {"tset " K32 "k", CODE_REFUSED, "template key not exists"},
    {"tset test at=x", 0, NULL},
    {"", CODE_FAILED, "Unknown command"},
    {" send o test", CODE_FAILED, "Unknown command"},
    {"s", CODE_FAILED, "Expect send but was s"},
    {"sen o test", CODE_FAILED, "Expect send but was sen"},
    {"sendo test", CODE_FAILED, "Expect send but was sendo"},
    {"send\to test", CODE_FAILED, "Expect send but was send\to"},
    {"p", CODE_FAILED, "Expect push but was p"},
    {"pull o test", CODE_FAILED, "Expect push but was pull"},
    {"tget test", CODE_FAILED, "Expect tset but was tget"},
    {"results 200", CODE_FAILED, "Expect result but was results"},
    {"result", CODE_FAILED, "Unknown command"},
    {"send", CODE_FAILED, "Unknown command"},
    {"send ", CODE_FAILED, "Unknown command"},
    {"send o", CODE_FAILED, "Unknown command"},
    {"Send o test", CODE_FAILED, "Unknown command"},
};

static void test_refusals(void)
{
    struct buf bytes = {0};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct frame f;
        current = refusals[i].header;
        make_frame(&bytes, current, "null");
        enum frame_status status = frame_read(buf_span(&bytes), PACKAGE_BYTES_MAX, &f);
        CHECK_INT(status, refusals[i].code == 0 ? FRAME_REQUEST : FRAME_REFUSED);
        CHECK_U64(f.bytes, bytes.bytes);
        CHECK_U64(f.opaque, refusals[i].code == CODE_FAILED ? 0 : 7);
        if (status != FRAME_REFUSED)
            continue;
        CHECK_INT(f.code, refusals[i].code);
        CHECK_INT(f.closes, f.code == CODE_FAILED);
        CHECK_SPAN(f.message, refusals[i].message);
    }
    current = NULL;
    buf_free(&bytes);
}

/* An unknown word of any bytes and length comes back as it is, cut to fit. */
static void test_long_word(void)
{
    struct buf bytes = {0}, header = {0};
    buf_append(&header, "s\x01\xff", 3);
    for (int i = 0; i < 100000; i++)
        buf_append(&header, "x", 1);
    make_frame(&bytes, buf_str(&header), "");
    struct frame f;
    CHECK_INT(frame_read(buf_span(&bytes), PACKAGE_BYTES_MAX, &f), FRAME_REFUSED);
    CHECK_U64(f.message.bytes, FRAME_TEXT_BYTES_MAX);
    CHECK(memcmp(f.message.data, "Expect send but was s\x01\xffxxx", 26) == 0);
    buf_free(&bytes);
    buf_free(&header);
}

static void test_lengths(void)
{
    struct buf bytes = {0};
    struct frame f;
    make_frame(&bytes, "push o test", "null");
    CHECK_INT(frame_read(buf_span(&bytes), bytes.bytes, &f), FRAME_REQUEST);
    CHECK_INT(frame_read(buf_span(&bytes), bytes.bytes - 1, &f), FRAME_REFUSED);
    CHECK_SPAN(f.message, "Package too big");
    CHECK_INT(f.closes, 1);

    /* What follows the body, in the package or behind it, is no part of it. */
    buf_append_str(&bytes, "more");
    CHECK_INT(frame_read(buf_span(&bytes), PACKAGE_BYTES_MAX, &f), FRAME_REQUEST);
    CHECK_U64(f.bytes, bytes.bytes - 4);
    CHECK_SPAN(f.body, "null");
    bytes.data[3] = (char)(bytes.data[3] + 4);
    CHECK_INT(frame_read(buf_span(&bytes), PACKAGE_BYTES_MAX, &f), FRAME_REQUEST);
    CHECK_U64(f.bytes, bytes.bytes);
    CHECK_SPAN(f.body, "null");

    make_frame(&bytes, "result 200", "whatever");
    CHECK_INT(frame_read(buf_span(&bytes), PACKAGE_BYTES_MAX, &f), FRAME_IGNORED);
    CHECK_U64(f.bytes, bytes.bytes);
    buf_free(&bytes);
}

/* --- parameters ----------------------------------------------------------------------------------------- */

static void test_parameters_taken(void)
{
    struct params p;
    CHECK(params_read(span_of(" at=12 ttl=86400000 id=a-1 lane=express task=t app=second"), &p) == NULL);
    CHECK_INT(p.at_ms, 12);
    CHECK_INT(p.in_ms, 0);
    CHECK_INT(p.ttl_ms, 86400000);
    CHECK_INT(p.lane, LANE_EXPRESS);
    CHECK_SPAN(p.id, "a-1");
    CHECK_SPAN(p.task, "t");
    CHECK_SPAN(p.app, "second");

    CHECK(params_read(span_of(" in=0 in=34560000000 lane=bulk id=x=y"), &p) == NULL);
    CHECK_INT(p.in_ms, AT_AHEAD_MS_MAX);
    CHECK_INT(p.lane, LANE_BULK);
    CHECK_SPAN(p.id, "x=y");

    /* Ignored as the original did: no name=value, or names of nobody. */
    CHECK(params_read(span_of("  x at  =5 AT=5 at-=x colour=red "), &p) == NULL);
    CHECK_INT(p.at_ms, 0);
    CHECK_INT(p.lane, -1);
    CHECK_U64(p.id.bytes + p.task.bytes + p.app.bytes, 0);
    CHECK(params_read((struct span){NULL, 0}, &p) == NULL);
    CHECK(params_read(span_of(" at=9223372036854775807"), &p) == NULL);
    CHECK_INT(p.at_ms, INT64_MAX);
}

static void test_parameters_wrong(void)
{
    static const char *const wrong[][2] = {
        {" at=", "at: "},
        {" at=x", "at: "},
        {" at=-1", "at: "},
        {" at=+1", "at: "},
        {" at=1.5", "at: "},
        {" at=1e3", "at: "},
        {" at=9223372036854775808", "at: "},
        {" at=99999999999999999999999999", "at: "},
        {" in=34560000001", "in: "},
        {" in=5s", "in: "},
        {" ttl=34560000001", "ttl: "},
        {" ttl=", "ttl: "},
        {" at=1 in=1", "at: "},
        {" id=", "id: "},
        {" id=\x01", "id: "},
        {" id=\xff", "id: "},
        {" id=01234567890123456789012345678901234567890123456789012345678901234", "id: "},
        {" task=", "task: "},
        {" task=01234567890123456789012345678901234567890123456789012345678901234", "task: "},
        {" app=012345678901234567890123456789012", "app: "},
        {" app=", "app: "},
        {" lane=", "lane: "},
        {" lane=fast", "lane: "},
        {" lane=BULK", "lane: "},
        {" id=good lane=bad", "lane: "},
    };
    struct params p;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        current = wrong[i][0];
        const char *error = params_read(span_of(wrong[i][0]), &p);
        CHECK(error != NULL);
        CHECK(strncmp(error, wrong[i][1], strlen(wrong[i][1])) == 0);
    }
    current = NULL;

    struct buf bytes = {0};
    struct frame f;
    make_frame(&bytes, "push o test lane=fast", "null");
    CHECK_INT(frame_read(buf_span(&bytes), PACKAGE_BYTES_MAX, &f), FRAME_REFUSED);
    CHECK_INT(f.code, CODE_REFUSED);
    CHECK_INT(f.closes, 0);
    CHECK_U64(f.opaque, 7);
    CHECK_SPAN(f.message, "lane: give express or bulk");
    buf_free(&bytes);
}

/* --- answers -------------------------------------------------------------------------------------------- */

static void test_answer_bytes(void)
{
    struct buf out = {0};
    answer_write(CODE_OK, 5, (struct span){NULL, 0}, &out);
    CHECK_BYTES(buf_span(&out), ((struct span)BYTES("\0\0\0\x16\0\0\0\nresult 200\0\0\0\5\0\0\0\0")));
    buf_clear(&out);
    answer_write(CODE_REFUSED, 0xffffffff, span_of("template key not exists"), &out);
    struct span expected =
        BYTES("\0\0\0-\0\0\0\nresult 400\xff\xff\xff\xff\0\0\0\x17template key not exists");
    CHECK_BYTES(buf_span(&out), expected);
    buf_clear(&out);
    answer_write(CODE_FAILED, 0, span_of("Unknown command"), &out);
    expected = (struct span)BYTES("\0\0\0%\0\0\0\nresult 500\0\0\0\0\0\0\0\x0fUnknown command");
    CHECK_BYTES(buf_span(&out), expected);
    buf_free(&out);
}

static void test_answers_of_results(void)
{
    static const struct {
        enum op op;
        struct result r;
        enum code code;
        const char *message;
        int closes;
    } cases[] = {
        {OP_PUSH, {.code = CODE_OK}, CODE_OK, "", 0},
        {OP_SEND, {.code = CODE_OK, .message = BYTES("ok"), .msgid = 5}, CODE_OK, "", 0},
        {OP_SEND, {.code = CODE_REFUSED, .message = BYTES("{\"e\":1}")}, CODE_REFUSED, "{\"e\":1}", 0},
        {OP_PUSH, {.code = CODE_REFUSED}, CODE_REFUSED, "message refused", 0},
        {OP_PUSH, {.code = CODE_NOT_FOUND}, CODE_FAILED, "message unknown", 0},
        {OP_SEND, {.code = CODE_EXPIRED}, CODE_FAILED, "message expired", 0},
        {OP_SEND, {.code = CODE_EXPIRED, .message = BYTES("late")}, CODE_FAILED, "late", 0},
        {OP_SEND, {.code = CODE_CANCELLED}, CODE_FAILED, "message cancelled", 0},
        {OP_SEND, {.code = CODE_FAILED}, CODE_FAILED, "message failed", 0},
        {OP_SEND, {.code = CODE_FAILED, .state = BYTES("dead")}, CODE_FAILED, "message dead", 0},
        {OP_PUSH, {.code = CODE_BUSY}, CODE_FAILED, "not accepted now; try again", 0},
        {OP_PUSH, {.code = CODE_BUSY, .message = BYTES("disk full")}, CODE_FAILED, "disk full", 0},
        {OP_TSET, {.code = CODE_OK}, CODE_OK, "", 0},
        {OP_TSET, {.code = CODE_REFUSED, .message = BYTES("table size")}, CODE_REFUSED, "table size", 0},
        {OP_TSET, {.code = CODE_FAILED, .message = BYTES("source gone")}, CODE_FAILED, "source gone", 1},
        {OP_TSET, {.code = CODE_BUSY, .message = BYTES("no templater")}, CODE_FAILED, "no templater", 0},
        {OP_PUSH, {.code = (enum code)599}, CODE_FAILED, "message failed", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer a = answer_of(cases[i].op, &cases[i].r);
        CHECK_INT(a.code, cases[i].code);
        CHECK_SPAN(a.message, cases[i].message);
        CHECK_INT(a.closes, cases[i].closes);
    }
}

int main(void)
{
    atexit(print_current);
    test_vectors();
    test_table_is_complete();
    test_refusals();
    test_long_word();
    test_lengths();
    test_parameters_taken();
    test_parameters_wrong();
    test_answer_bytes();
    test_answers_of_results();
    return 0;
}
