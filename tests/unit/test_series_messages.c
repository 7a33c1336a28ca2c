/* What mega-listener is asked about series: every member of every operation, there and back; what is refused, with its words and the ref
 * that it had. The golden bytes of a few asks. */
#include "proto/series.h"

#include "tests/unit/golden.h"

#define L33  "a23456789012345678901234567890123"
#define L129 L33 "4567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" "89"
#define L137 L129 "12345678"
#define BAD_NAME "name: give 1 to 32 letters, digits, '.', '_' and '-', a letter or digit first"
#define NO_EVENT "event: is no event that starts a series; give follow, scan:SCENE, click:KEY or keyword:TEXT"

static void check_same(const struct series_ask *got, const struct series_ask *expected)
{
    CHECK_INT(got->op, expected->op);
    CHECK_U64(got->ref, expected->ref);
    CHECK_BYTES(got->name, expected->name);
    CHECK_BYTES(got->openid, expected->openid);
    CHECK_INT(got->all, expected->all);
    CHECK_INT(got->at_ms, expected->at_ms);
    CHECK_BYTES(got->app, expected->app);
    CHECK_BYTES(got->event, expected->event);
    CHECK_INT(got->limit, expected->limit);
    CHECK_BYTES(got->from, expected->from);
    CHECK_BYTES(got->by, expected->by);
}

/* Packed, cut off at every place, read, and packed again. */
static void check_round_trip(const struct series_ask *a)
{
    struct buf packed = {0}, again = {0}, error = {0};
    struct series_ask got;
    series_ask_pack(a, &packed);
    for (size_t bytes = 0; bytes < packed.bytes; bytes++) {
        struct span cut = hex_exact_copy((struct span){packed.data, bytes});
        CHECK_INT(series_ask_unpack(cut, &got, &error), -1);
        CHECK(error.bytes > 0 && (got.ref == 0 || got.ref == a->ref || bytes < 16));
        free((char *)cut.data);
    }
    struct span whole = hex_exact_copy(buf_span(&packed));
    if (series_ask_unpack(whole, &got, &error) != 0)
        test_print(series_op_name(a->op), buf_span(&error));
    CHECK_U64(error.bytes, 0);
    check_same(&got, a);
    series_ask_pack(&got, &again);
    CHECK_BYTES(buf_span(&again), buf_span(&packed));
    free((char *)whole.data);
    buf_free(&packed);
    buf_free(&again);
    buf_free(&error);
}

static void test_round_trips(void)
{
    check_round_trip(&(struct series_ask){.op = SERIES_LIST});
    check_round_trip(&(struct series_ask){.op = SERIES_SHOW, .ref = INT64_MAX, .name = S("a")});
    check_round_trip(&(struct series_ask){.op = SERIES_WHO, .ref = 1, .name = S("a"), .limit = SERIES_WHO_MAX, .from = S("oABCD\0shop")});
    check_round_trip(&(struct series_ask){.op = SERIES_WHO, .name = S("a"), .openid = S("oABCD")});
    check_round_trip(&(struct series_ask){
        .op = SERIES_START, .ref = 2, .name = S("a"), .openid = S("oABCD"), .at_ms = INT64_MAX, .by = S("ann@ops")});
    check_round_trip(&(struct series_ask){.op = SERIES_STOP, .ref = 3, .name = S("a"), .openid = S("oABCD")});
    check_round_trip(&(struct series_ask){.op = SERIES_STOP, .ref = 4, .name = S("a"), .all = 1});
    check_round_trip(&(struct series_ask){.op = SERIES_PLAN, .ref = 5, .app = S("shop"), .event = S("keyword:two words")});
    check_round_trip(&(struct series_ask){.op = SERIES_STATUS, .ref = 6});
    CHECK(series_op_name(SERIES_NONE) == NULL);
}

/* --- refused ---------------------------------------------------------------------------------------------------------- */

static void test_refused(void)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{ref 77}", "op: missing; say what is to be done"},
        {"{t answer op list ref 77}", "t: unknown; give ask"},
        {"{t ask op dance ref 77}", "op: unknown; give list, show, who, start, stop, plan or status"},
        {"{t ask op list colour red ref 77}", "colour: unknown member"},
        {"{t ask op show ref 77}", "name: missing; say which series"},
        {"{t ask op who ref 77}", "name: missing; say which series"},
        {"{t ask op show name .. ref 77}", BAD_NAME},
        {"{t ask op show name a/b ref 77}", BAD_NAME},
        {"{t ask op show name " L33 " ref 77}", BAD_NAME},
        {"{t ask op start name a ref 77}", "openid: missing; say who is to start it"},
        {"{t ask op start name a openid '' ref 77}", "openid: empty, or not UTF-8; give 1 to 128 bytes"},
        {"{t ask op start name a openid o at -1 ref 77}", "at: out of range; give 0 to 9223372036854775807 ms"},
        {"{t ask op stop name a ref 77}", "openid: give whom to stop, or all: true, and not both"},
        {"{t ask op stop name a openid o all true ref 77}", "openid: give whom to stop, or all: true, and not both"},
        {"{t ask op plan event unfollow ref 77}", NO_EVENT},
        {"{t ask op plan event series:a ref 77}", NO_EVENT},
        {"{t ask op plan event scan: ref 77}", "event: \"scan:\" needs 1 to 128 bytes of UTF-8 behind it"},
        {"{t ask op plan event " L137 " ref 77}", "event: 137 bytes; at most 136"},
        {"{t ask op plan app 'a b' ref 77}", "app: empty, or not plain UTF-8 without spaces and control characters; give 1 to 32 bytes"},
        {"{t ask op who name a limit 1001 ref 77}", "limit: out of range; give 0 to 1000"},
        {"{t ask op who name a from 5 ref 77}", "from: an integer; give a bin"},
        {"[1 2]", "ask: an array; give a map with str names"},
        {"<82a174a361736ba26f70a46c69737401>", "ask: bytes behind the map; give one map a frame"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf packed = pack(cases[i].text), error = {0};
        struct series_ask a;
        CHECK_INT(series_ask_unpack(buf_span(&packed), &a, &error), -1);
        CHECK_STR(buf_str(&error), cases[i].error);
        CHECK_U64(a.ref, strchr("[<", cases[i].text[0]) ? 0 : 77);
        buf_free(&packed);
        buf_free(&error);
    }
}

/* --- golden bytes --------------------------------------------------------------------------------------------------------- */

static void test_golden(void)
{
    static const struct {
        const char *name;
        struct series_ask ask;
    } cases[] = {
        {"series who", {.op = SERIES_WHO, .ref = 1, .name = S("welcome"), .limit = 100, .from = S("oABCD\0shop")}},
        {"series start",
         {.op = SERIES_START, .ref = 2, .name = S("welcome"), .openid = S("oABCD"), .at_ms = 1700000000000, .by = S("ann@ops")}},
        {"series stop", {.op = SERIES_STOP, .ref = 3, .name = S("welcome"), .all = 1, .by = S("ann@ops")}},
        {"series plan", {.op = SERIES_PLAN, .ref = 4, .app = S("shop"), .event = S("scan:poster-7")}},
        {"series status", {.op = SERIES_STATUS, .ref = 5}},
    };
    struct golden g = {.text = test_read(GOLDEN_FILE)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf bytes = golden_find(&g, cases[i].name), packed = {0}, error = {0};
        struct series_ask a;
        series_ask_pack(&cases[i].ask, &packed);
        golden_check_packed(cases[i].name, &packed, &bytes);
        CHECK_INT(series_ask_unpack(buf_span(&bytes), &a, &error), 0);
        check_same(&a, &cases[i].ask);
        buf_free(&bytes);
        buf_free(&packed);
        buf_free(&error);
    }
    CHECK_U64(g.compared, golden_count(&g, GOLDEN_OF_SERIES));
    buf_free(&g.text);
}

int main(void)
{
    test_round_trips();
    test_refused();
    test_golden();
    return 0;
}
