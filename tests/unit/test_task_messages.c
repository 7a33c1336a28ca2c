/* What mega-task is asked: every member of every operation, there and back; what is refused, with its words and the ref that it had;
 * names; rows, whole and damaged. The golden bytes of a few asks. */
#include "proto/task.h"

#include "tests/unit/golden.h"

#define UPLOAD "0123456789abcdef"

/* --- there and back ------------------------------------------------------------------------------------------------ */

static void check_same(const struct task_ask *got, const struct task_ask *expected)
{
    CHECK_INT(got->op, expected->op);
    CHECK_U64(got->ref, expected->ref);
    CHECK_BYTES(got->name, expected->name);
    CHECK_BYTES(got->upload, expected->upload);
    CHECK_BYTES(got->key, expected->key);
    CHECK_BYTES(got->app, expected->app);
    CHECK_BYTES(got->source, expected->source);
    CHECK_BYTES(got->columns, expected->columns);
    CHECK_INT(got->lane, expected->lane);
    CHECK_INT(got->rate_per_s, expected->rate_per_s);
    CHECK_INT(got->at_ms, expected->at_ms);
    CHECK_INT(got->ttl_ms, expected->ttl_ms);
    CHECK_U64(got->row, expected->row);
    CHECK_BYTES(got->data, expected->data);
    CHECK_BYTES(got->drops, expected->drops);
    CHECK_U64(got->rows, expected->rows);
    CHECK_U64(got->bad, expected->bad);
    CHECK_INT(got->start, expected->start);
    CHECK_U64(got->from, expected->from);
    CHECK_INT(got->limit, expected->limit);
    CHECK_INT(got->failed, expected->failed);
    CHECK_INT(got->cancelled, expected->cancelled);
    CHECK_BYTES(got->by, expected->by);
}

/* Packed, cut off at every place, read, and packed again. */
static void check_round_trip(const struct task_ask *a)
{
    struct buf packed = {0}, again = {0}, error = {0};
    struct task_ask got;
    task_ask_pack(a, &packed);
    for (size_t bytes = 0; bytes < packed.bytes; bytes++) {
        struct span cut = hex_exact_copy((struct span){packed.data, bytes});
        CHECK_INT(task_ask_unpack(cut, &got, &error), -1);
        CHECK(error.bytes > 0 && (got.ref == 0 || got.ref == a->ref || bytes < 16));
        free((char *)cut.data);
    }
    struct span whole = hex_exact_copy(buf_span(&packed));
    if (task_ask_unpack(whole, &got, &error) != 0)
        test_print(task_op_name(a->op), buf_span(&error));
    CHECK_U64(error.bytes, 0);
    check_same(&got, a);
    task_ask_pack(&got, &again);
    CHECK_BYTES(buf_span(&again), buf_span(&packed));
    free((char *)whole.data);
    buf_free(&packed);
    buf_free(&again);
    buf_free(&error);
}

static void test_every_op(void)
{
    for (enum task_op op = TASK_OPEN; op <= TASK_STATUS; op++) {
        struct task_ask a = {.op = op, .lane = -1, .name = S("a")};
        if (op <= TASK_ABORT)
            a.upload = span_of(UPLOAD);
        if (op == TASK_OPEN)
            a.key = span_of("k");
        a.failed = op == TASK_RESEND;
        check_round_trip(&a);
        a.ref = INT64_MAX;
        a.by = span_of("ann@ops");
        check_round_trip(&a);
    }
    check_round_trip(&(struct task_ask){.op = TASK_LIST, .lane = -1});
    check_round_trip(&(struct task_ask){.op = TASK_RESEND, .name = S("a"), .lane = -1, .cancelled = 1});
    CHECK(task_op_name(TASK_NONE) == NULL);
}

static void test_every_member(void)
{
    struct buf columns = pack("[item 'two words' <a6e4bbb7e6a0bc>]"), drops = pack("[0 100000000 7]");
    struct buf data = pack("<93010203ff>");
    check_round_trip(&(struct task_ask){.op = TASK_OPEN,
                                        .ref = 1,
                                        .name = S("a2345678901234567890123456789012"),
                                        .upload = S(UPLOAD),
                                        .key = S("order paid"),
                                        .app = S("shop"),
                                        .source = S("/home/ann/may sale.csv"),
                                        .columns = buf_span(&columns),
                                        .lane = LANE_EXPRESS,
                                        .rate_per_s = 1000000,
                                        .at_ms = INT64_MAX,
                                        .ttl_ms = 34560000000,
                                        .by = S("ann@ops")});
    check_round_trip(&(struct task_ask){
        .op = TASK_OPEN, .name = S("a"), .upload = S(UPLOAD), .key = S("k"), .lane = LANE_BULK});
    check_round_trip(&(struct task_ask){.op = TASK_ROWS,
                                        .name = S("a"),
                                        .upload = S(UPLOAD),
                                        .lane = -1,
                                        .row = TASK_ROWS_MAX,
                                        .data = buf_span(&data)});
    check_round_trip(&(struct task_ask){
        .op = TASK_DROP, .name = S("a"), .upload = S(UPLOAD), .lane = -1, .drops = buf_span(&drops)});
    check_round_trip(&(struct task_ask){.op = TASK_COMMIT,
                                        .name = S("a"),
                                        .upload = S(UPLOAD),
                                        .lane = -1,
                                        .rows = TASK_ROWS_MAX,
                                        .bad = INT64_MAX,
                                        .start = 1});
    check_round_trip(&(struct task_ask){.op = TASK_RATE, .name = S("a"), .lane = -1, .rate_per_s = 1});
    check_round_trip(&(struct task_ask){
        .op = TASK_FAILED, .name = S("a"), .lane = -1, .from = INT64_MAX, .limit = TASK_FAILED_MAX});
    check_round_trip(&(struct task_ask){
        .op = TASK_RESEND, .name = S("a"), .lane = -1, .failed = 1, .cancelled = 1});
    buf_free(&columns);
    buf_free(&drops);
    buf_free(&data);
}

/* As many as there may be. */
static void test_largest(void)
{
    struct buf columns = {0}, drops = {0}, data = {0};
    char name[VAR_NAME_BYTES_MAX];
    memset(name, 'x', sizeof name);
    mp_array(&columns, TASK_COLUMNS_MAX);
    for (size_t i = 0; i < TASK_COLUMNS_MAX; i++)
        mp_span(&columns, (struct span){name, sizeof name});
    mp_array(&drops, TASK_DROPS_MAX);
    for (size_t i = 0; i < TASK_DROPS_MAX; i++)
        mp_u64(&drops, i);
    memset(buf_reserve(&data, TASK_DATA_BYTES_MAX), 'x', TASK_DATA_BYTES_MAX);
    data.bytes = TASK_DATA_BYTES_MAX;
    struct task_ask a = {.op = TASK_OPEN, .name = S("a"), .upload = S(UPLOAD), .key = S("k"), .lane = -1};
    a.columns = buf_span(&columns);
    a.drops = buf_span(&drops);
    a.data = buf_span(&data);
    struct buf packed = {0}, error = {0};
    struct task_ask got;
    task_ask_pack(&a, &packed);
    CHECK_INT(task_ask_unpack(buf_span(&packed), &got, &error), 0);
    check_same(&got, &a);
    buf_free(&packed);
    buf_free(&error);
    buf_free(&columns);
    buf_free(&drops);
    buf_free(&data);
}

/* nil counts as not given; members stand in any order; of one given twice the last counts. */
static void test_taken(void)
{
    static const char *const texts[] = {
        "{t ask op list}",
        "{op list t ask}",
        "{t ask op list name nil upload nil key nil app nil source nil columns nil lane nil rate nil at nil}",
        "{t ask op list ttl nil row nil data nil drops nil rows nil bad nil start nil from nil limit nil}",
        "{t ask op list failed nil cancelled nil by nil ref nil}",
        "{t ask op show name b name a}",
        "{name a op show}",
        "{t ask op open name a upload " UPLOAD " key k lane bulk lane express columns [] at 0 ttl 0 rate 0}",
        "{t ask op rows name a upload " UPLOAD " data abc}", /* a str as well */
        "{t ask op failed name a limit 1000 from 9223372036854775807}",
        "{t ask op resend name a failed false cancelled true}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = pack(texts[i]), error = {0};
        struct task_ask a;
        if (task_ask_unpack(buf_span(&packed), &a, &error) != 0)
            fprintf(stderr, "in case: %s: %s\n", texts[i], buf_str(&error));
        CHECK_U64(error.bytes, 0);
        CHECK(a.op == TASK_LIST || a.op == TASK_STATUS || span_is(a.name, "a"));
        CHECK_INT(a.lane, a.op == TASK_OPEN ? LANE_EXPRESS : -1);
        buf_free(&packed);
        buf_free(&error);
    }
}

/* --- names --------------------------------------------------------------------------------------------------------- */

static void test_names(void)
{
    static const char *const good[] = {"a", "Z", "0", "9z", "a.b", "a_b", "a-b", "a..", "a-_.-", "A2345678901234567890123456789012"};
    static const char *const bad[] = {"",    ".",     "..",       ".a",        "-a", "_a", "a b", "a/b", "a\\b", "a:b", "a+",
                                      "a\n", "a\x7f", "\xc3\xa4", "a\xc3\xa4", "a,", "a@", "a[",  "a`",  "a{",
                                      "a23456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(task_name_is_good(span_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!task_name_is_good(span_of(bad[i])));
    CHECK(!task_name_is_good((struct span){NULL, 0}));
    for (int c = 0; c < 256; c++) {
        char text[2] = {'a', (char)c};
        int is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        CHECK_INT(task_name_is_good((struct span){text + 1, 1}), is_plain);
        CHECK_INT(task_name_is_good((struct span){text, 2}), is_plain || c == '.' || c == '_' || c == '-');
    }
}

/* --- golden bytes -------------------------------------------------------------------------------------------------- */

static void test_golden(struct golden *g)
{
    struct buf columns = pack("[item price]"), data = {0};
    struct buf vars = pack("{item tea price '9.90'}");
    task_row_pack(&(struct task_row){.line = 2, .openid = S("o1"), .vars = buf_span(&vars)}, &data);
    task_row_pack(&(struct task_row){.line = 3, .openid = S("o2")}, &data);
    const struct {
        const char *name;
        struct task_ask ask;
    } asks[] = {
        {"task open",
         {.op = TASK_OPEN,
          .ref = 1,
          .name = S("may-sale"),
          .upload = S("5c0ffee5c0ffee00"),
          .key = S("sale"),
          .app = S("shop"),
          .source = S("may.csv"),
          .columns = buf_span(&columns),
          .lane = LANE_BULK,
          .rate_per_s = 200,
          .at_ms = 1700000000000,
          .ttl_ms = 3600000,
          .by = S("ann@ops")}},
        {"task rows",
         {.op = TASK_ROWS,
          .ref = 2,
          .name = S("may-sale"),
          .upload = S("5c0ffee5c0ffee00"),
          .lane = -1,
          .row = 4000,
          .data = buf_span(&data)}},
        {"task commit",
         {.op = TASK_COMMIT,
          .ref = 3,
          .name = S("may-sale"),
          .upload = S("5c0ffee5c0ffee00"),
          .lane = -1,
          .rows = 4002,
          .bad = 3,
          .start = 1,
          .by = S("ann@ops")}},
        {"task failed", {.op = TASK_FAILED, .ref = 4, .name = S("may-sale"), .lane = -1, .from = 4096, .limit = 100}},
        {"task status", {.op = TASK_STATUS, .ref = 5, .lane = -1}},
    };
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        struct buf bytes = golden_find(g, asks[i].name), packed = {0}, error = {0};
        struct task_ask a;
        task_ask_pack(&asks[i].ask, &packed);
        golden_check_packed(asks[i].name, &packed, &bytes);
        CHECK_INT(task_ask_unpack(buf_span(&bytes), &a, &error), 0);
        check_same(&a, &asks[i].ask);
        buf_free(&bytes);
        buf_free(&packed);
        buf_free(&error);
    }
    buf_free(&columns);
    buf_free(&data);
    buf_free(&vars);
}

int main(void)
{
    struct golden g = {.text = test_read(GOLDEN_FILE)};
    test_every_op();
    test_every_member();
    test_largest();
    test_taken();
    test_names();
    test_golden(&g);
    CHECK_U64(g.compared, golden_count(&g, GOLDEN_OF_TASKS));
    buf_free(&g.text);
    return 0;
}
