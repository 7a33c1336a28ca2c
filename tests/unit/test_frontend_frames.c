/* Several requests, or results, one behind the other in a frame: where each ends, whatever is wrong with it. */
#include "proto/frontend.h"

#include "proto/mp.h"
#include "tests/unit/pack.h"

#define PUSH "op push openid o key k "

/* Requests that stand one behind the other in a frame: where each ends is known even when it is refused, unless it is no msgpack. */
static void test_several_in_a_frame(void)
{
    static const struct {
        const char *first, *error;
        int is_lost; /* what stands behind it cannot be found */
    } cases[] = {{"{" PUSH "vars {a 1 b two}}", "", 0},
                 {"{" PUSH "colour red}", "colour: unknown member", 0},
                 {"{op push openid o}", "key: missing", 0},
                 {"[1 2 3]", "request: an array; give a map with str names", 1},
                 {"7", "request: an integer; give a map with str names", 1}, /* text is a row of such */
                 {"<c1>", "request: not msgpack", 1},
                 {"{op <c1>}", "op: damaged; give a str", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf first = pack(cases[i].first), second = pack("{op status id i}"), frame = {0}, error = {0};
        struct request r;
        size_t used;
        buf_append(&frame, first.data, first.bytes);
        buf_append(&frame, second.data, second.bytes);
        CHECK_INT(request_unpack(buf_span(&frame), &used, &r, &error), *cases[i].error ? -1 : 0);
        CHECK_SPAN(buf_span(&error), cases[i].error);
        CHECK_U64(used, cases[i].is_lost ? frame.bytes : first.bytes);
        struct span rest = {frame.data + first.bytes, frame.bytes - first.bytes};
        CHECK_INT(request_unpack(rest, &used, &r, &error), 0);
        CHECK_INT(r.op, OP_STATUS);
        CHECK_U64(used, second.bytes);
        buf_free(&first);
        buf_free(&second);
        buf_free(&frame);
        buf_free(&error);
    }
}

static void test_several_results(void)
{
    struct buf frame = {0};
    struct result r;
    size_t used, first;
    result_pack(&(struct result){.code = CODE_OK, .msgid = 1, .packs = 1}, &frame);
    first = frame.bytes;
    result_pack(&(struct result){.code = CODE_REFUSED, .msgid = 2}, &frame);
    CHECK_INT(result_unpack(buf_span(&frame), &used, &r), 0);
    CHECK_INT(r.msgid, 1);
    CHECK_INT(r.packs, 1);
    CHECK_U64(used, first);
    CHECK_INT(result_unpack((struct span){frame.data + used, frame.bytes - used}, &used, &r), 0);
    CHECK_INT(r.msgid, 2);
    CHECK_INT(r.packs, 0);
    CHECK_U64(used, frame.bytes - first);
    buf_free(&frame);
}

int main(void)
{
    test_several_in_a_frame();
    test_several_results();
    return 0;
}
