/* What mega-task does not take: each member at its limit and over it, with its exact words and the ref of the ask, wherever that stands;
 * what is no map. Rows, read one by one: a row that is damaged, cut off, nested too deep or too large is none. */
#include "proto/task.h"

#include "tests/unit/pack.h"

#define UPLOAD "0123456789abcdef"
#define L33    "a23456789012345678901234567890123"
#define L65    L33 "45678901234567890123456789012345"
#define L129   L65 "6789012345678901234567890123456789012345678901234567890123456789"
#define L256   L129 "0123456789012345678901234567890123456789012345678901234567890123456789" \
                    "012345678901234567890123456789012345678901234567890123456"
#define MS_400_DAYS "34560000000"
#define OPS "op: unknown; give open, rows, drop, commit, abort, list, show, start, pause, resume, stop, rate, failed, resend or delete"
#define NOT_PLAIN ": empty, or not plain UTF-8 without spaces and control characters; give 1 to "
#define BAD_NAME "name: give 1 to 32 letters, digits, '.', '_' and '-', a letter or digit first"

/* Each with the ref 77, in front or behind. */
static const struct {
    const char *text, *error;
} refused[] = {
    {"{ref 77}", "op: missing; say what is to be done"},
    {"{t ask ref 77}", "op: missing; say what is to be done"},
    {"{ref 77 t answer op list}", "t: unknown; give ask"},
    {"{t answer op list ref 77}", "t: unknown; give ask"},
    {"{t 5 op list ref 77}", "t: an integer; give a str"},
    {"{t nil op list ref 77}", "t: unknown; give ask"},
    {"{t ask op dance ref 77}", OPS},
    {"{t ask op '' ref 77}", "op: empty, or not UTF-8; give 1 to 32 bytes"},
    {"{t ask op nil ref 77}", OPS},
    {"{t ask op 5 ref 77}", "op: an integer; give a str"},
    {"{t ask op list colour red ref 77}", "colour: unknown member"},
    {"{t ask op list colour {a [1 {b 2}]} ref 77}", "colour: unknown member"},
    {"{ref 77 t ask op list 5 5}", "ask: a member's name that is no str"},
    {"{t ask op show ref 77}", "name: missing; say which task"},
    {"{t ask op delete name nil ref 77}", "name: missing; say which task"},
    {"{t ask op show name '' ref 77}", "name" NOT_PLAIN "1024 bytes"},
    {"{t ask op show name 'a b' ref 77}", "name" NOT_PLAIN "1024 bytes"},
    {"{t ask op show name <a26100> ref 77}", "name" NOT_PLAIN "1024 bytes"},
    {"{t ask op show name .. ref 77}", BAD_NAME},
    {"{t ask op show name a/b ref 77}", BAD_NAME},
    {"{t ask op show name " L33 " ref 77}", BAD_NAME},
    {"{t ask op show name 5 ref 77}", "name: an integer; give a str"},
    {"{t ask op open name a key k ref 77}", "upload: missing; name this making of the task"},
    {"{t ask op rows name a ref 77}", "upload: missing; name this making of the task"},
    {"{t ask op drop name a ref 77}", "upload: missing; name this making of the task"},
    {"{t ask op commit name a ref 77}", "upload: missing; name this making of the task"},
    {"{t ask op abort name a ref 77}", "upload: missing; name this making of the task"},
    {"{t ask op open name a upload 0123456789abcde ref 77}", "upload: give 16 hexadecimal digits"},
    {"{t ask op open name a upload 0123456789ABCDEF ref 77}", "upload: give 16 hexadecimal digits"},
    {"{t ask op open name a upload 0123456789abcdeg ref 77}", "upload: give 16 hexadecimal digits"},
    {"{t ask op open name a upload " UPLOAD "0 ref 77}", "upload: 17 bytes; at most 16"},
    {"{t ask op open name a upload '' ref 77}", "upload" NOT_PLAIN "16 bytes"},
    {"{t ask op open name a upload " UPLOAD " ref 77}", "key: missing; say which template"},
    {"{t ask op open key '' ref 77}", "key: empty, or not UTF-8; give 1 to 128 bytes"},
    {"{t ask op open key " L129 " ref 77}", "key: 129 bytes; at most 128"},
    {"{t ask op open key <a1ff> ref 77}", "key: empty, or not UTF-8; give 1 to 128 bytes"},
    {"{t ask op open app " L33 " ref 77}", "app: 33 bytes; at most 32"},
    {"{t ask op open app 'a b' ref 77}", "app" NOT_PLAIN "32 bytes"},
    {"{t ask op open source " L256 " ref 77}", "source: 256 bytes; at most 255"},
    {"{t ask op open source '' ref 77}", "source: empty, or not UTF-8; give 1 to 255 bytes"},
    {"{t ask op open columns a ref 77}", "columns: give an array of at most 1024"},
    {"{t ask op open columns {a b} ref 77}", "columns: give an array of at most 1024"},
    {"{t ask op open columns [a 5] ref 77}", "columns: an integer in it; give str of at most 256 bytes of UTF-8"},
    {"{t ask op open columns [a nil] ref 77}", "columns: nil in it; give str of at most 256 bytes of UTF-8"},
    {"{t ask op open columns [[a]] ref 77}", "columns: an array in it; give str of at most 256 bytes of UTF-8"},
    {"{t ask op open columns [a " L256 "7] ref 77}", "columns: a str in it; give str of at most 256 bytes of UTF-8"},
    {"{t ask op open columns [<a1ff>] ref 77}", "columns: a str in it; give str of at most 256 bytes of UTF-8"},
    {"{t ask op open lane fast ref 77}", "lane: unknown; give express or bulk"},
    {"{t ask op open lane 1 ref 77}", "lane: an integer; give a str"},
    {"{t ask op open rate -1 ref 77}", "rate: out of range; give 0 to 1000000 messages a second"},
    {"{t ask op rate rate 1000001 ref 77}", "rate: out of range; give 0 to 1000000 messages a second"},
    {"{t ask op rate rate 1.5 ref 77}", "rate: a float; give an integer"},
    {"{t ask op open at -1 ref 77}", "at: out of range; give 0 to 9223372036854775807 ms"},
    {"{t ask op open at <cf8000000000000000> ref 77}", "at: out of range; give 0 to 9223372036854775807 ms"},
    {"{t ask op open ttl " MS_400_DAYS "1 ref 77}", "ttl: out of range; give 0 to " MS_400_DAYS " ms"},
    {"{t ask op open ttl 34560000001 ref 77}", "ttl: out of range; give 0 to " MS_400_DAYS " ms"},
    {"{t ask op rows row -1 ref 77}", "row: out of range; give 0 to 100000000"},
    {"{t ask op rows row 100000001 ref 77}", "row: out of range; give 0 to 100000000"},
    {"{t ask op rows data [1] ref 77}", "data: an array; give a bin"},
    {"{t ask op drop drops 5 ref 77}", "drops: give an array of at most 65536"},
    {"{t ask op drop drops [1 -1] ref 77}", "drops: an integer in it; give integers that are not negative"},
    {"{t ask op drop drops [1 a] ref 77}", "drops: a str in it; give integers that are not negative"},
    {"{t ask op commit rows 100000001 ref 77}", "rows: out of range; give 0 to 100000000"},
    {"{t ask op commit rows a ref 77}", "rows: a str; give an integer"},
    {"{t ask op commit bad -1 ref 77}", "bad: out of range; give 0 to 9223372036854775807"},
    {"{t ask op commit start 1 ref 77}", "start: an integer; give true or false"},
    {"{t ask op failed from -1 ref 77}", "from: out of range; give 0 to 9223372036854775807"},
    {"{t ask op failed from <c40100> ref 77}", "from: a bin; give an integer"},
    {"{t ask op failed limit 1001 ref 77}", "limit: out of range; give 0 to 1000"},
    {"{t ask op failed limit -1 ref 77}", "limit: out of range; give 0 to 1000"},
    {"{t ask op resend name a ref 77}", "failed: missing; say whom to send to again: failed, cancelled or both"},
    {"{t ask op resend name a failed false ref 77}", "failed: missing; say whom to send to again: failed, cancelled or both"},
    {"{t ask op resend name a failed 1 ref 77}", "failed: an integer; give true or false"},
    {"{t ask op resend name a cancelled yes ref 77}", "cancelled: a str; give true or false"},
    {"{t ask op list by " L65 " ref 77}", "by: 65 bytes; at most 64"},
    {"{t ask op list by 'a b' ref 77}", "by" NOT_PLAIN "64 bytes"},
};

static void test_refused(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct buf packed = pack(refused[i].text), error = {0};
        struct task_ask a;
        buf_append_str(&error, "of the ask before"); /* to be cleared */
        int wrong = task_ask_unpack(buf_span(&packed), &a, &error);
        if (wrong != -1 || !span_is(buf_span(&error), refused[i].error) || a.ref != 77)
            fprintf(stderr, "in case: %s\n", refused[i].text);
        CHECK_INT(wrong, -1);
        CHECK_STR(buf_str(&error), refused[i].error);
        CHECK_U64(a.ref, 77);
        buf_free(&packed);
        buf_free(&error);
    }
}

/* Without a ref, or with one that is none. */
static void test_refused_without_ref(void)
{
    static const struct {
        const char *text, *error;
        uint64_t ref;
    } cases[] = {
        {"{}", "op: missing; say what is to be done", 0},
        {"[t ask]", "ask: an array; give a map with str names", 0},
        {"7", "ask: an integer; give a map with str names", 0},
        {"{5 5}", "ask: a member's name that is no str", 0},
        {"{5 5 ref 77}", "ask: a member's name that is no str", 0},
        {"{t ask op list ref -1}", "ref: out of range; give 0 to 9223372036854775807", 0},
        {"{t ask op list ref x}", "ref: a str; give an integer", 0},
        {"{t ask op list ref <cfffffffffffffffff>}", "ref: out of range; give 0 to 9223372036854775807", UINT64_MAX},
        {"{t ask op list ref <c1>}", "ref: damaged; give an integer", 0},
        {"{t ask op list by <c1> ref 77}", "by: damaged; give a str", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf packed = pack(cases[i].text), error = {0};
        struct task_ask a;
        CHECK_INT(task_ask_unpack(buf_span(&packed), &a, &error), -1);
        CHECK_STR(buf_str(&error), cases[i].error);
        CHECK_U64(a.ref, cases[i].ref);
        buf_free(&packed);
        buf_free(&error);
    }
}

static void check_error(const struct buf *packed, const char *expected)
{
    struct buf error = {0};
    struct task_ask a;
    CHECK_INT(task_ask_unpack(buf_span(packed), &a, &error), -1);
    CHECK_STR(buf_str(&error), expected);
    CHECK_U64(a.ref, 7);
    buf_free(&error);
}

static void open_ask(struct buf *packed, const char *member)
{
    buf_clear(packed);
    mp_map(packed, 3);
    mp_put_u64(packed, "ref", 7);
    mp_put_str(packed, "op", "rows");
    mp_str(packed, member);
}

/* What is too large to be written down in a table. */
static void test_too_large(void)
{
    struct buf packed = {0};
    char *data = mem_new(TASK_DATA_BYTES_MAX + 1);
    open_ask(&packed, "data");
    mp_bin(&packed, (struct span){data, TASK_DATA_BYTES_MAX + 1});
    check_error(&packed, "data: 1048577 bytes; at most 1048576");
    open_ask(&packed, "drops");
    mp_array(&packed, TASK_DROPS_MAX + 1);
    buf_append(&packed, data, TASK_DROPS_MAX + 1); /* zeros */
    check_error(&packed, "drops: give an array of at most 65536");
    open_ask(&packed, "columns");
    mp_array(&packed, TASK_COLUMNS_MAX + 1);
    for (size_t i = 0; i <= TASK_COLUMNS_MAX; i++)
        mp_str(&packed, "c");
    check_error(&packed, "columns: give an array of at most 1024");
    memset(data, 'n', 100);
    buf_clear(&packed);
    mp_map(&packed, 2);
    mp_put_u64(&packed, "ref", 7);
    mp_span(&packed, (struct span){data, 100});
    mp_nil(&packed);
    data[64] = '\0';
    struct buf expected = {0};
    buf_printf(&expected, "%s: unknown member", data);
    check_error(&packed, buf_str(&expected));
    buf_free(&expected);
    buf_free(&packed);
    free(data);
}

static void test_bytes_behind(void)
{
    struct buf packed = pack("{t ask op list ref 7}");
    mp_nil(&packed);
    check_error(&packed, "ask: bytes behind the map; give one map a frame");
    buf_free(&packed);
}

/* --- rows ---------------------------------------------------------------------------------------------------------- */

static void test_rows(void)
{
    struct buf vars = pack("{item tea n {m [1 2 nil]}}"), data = {0}, again = {0};
    char openid[OPENID_BYTES_MAX];
    memset(openid, 'o', sizeof openid);
    const struct task_row rows[] = {{.line = 0, .openid = {"a", 1}},
                                    {.line = 1, .openid = {"\xe5\xbc\xa0", 3}, .vars = buf_span(&vars)},
                                    {.line = UINT64_MAX, .openid = {openid, sizeof openid}},
                                    {.line = 4, .openid = {"b", 1}, .vars = {"\x80", 1}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        task_row_pack(&rows[i], &data);
    struct span left = buf_span(&data);
    struct task_row got;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_INT(task_row_next(&left, &got), 1);
        CHECK_U64(got.line, rows[i].line);
        CHECK_BYTES(got.openid, rows[i].openid);
        CHECK_BYTES(got.vars, rows[i].vars);
        task_row_pack(&got, &again);
        CHECK_BYTES(got.packed, ((struct span){again.data + again.bytes - got.packed.bytes, got.packed.bytes}));
    }
    CHECK_U64(left.bytes, 0);
    CHECK_INT(task_row_next(&left, &got), 0);
    CHECK_BYTES(buf_span(&again), buf_span(&data));
    left = (struct span){NULL, 0};
    CHECK_INT(task_row_next(&left, &got), 0);
    buf_free(&vars);
    buf_free(&data);
    buf_free(&again);
}

/* Cut off at every place, behind a whole one: that one reads, the other does not, and what is left stays where it was. */
static void test_rows_cut(void)
{
    struct buf row = pack("[2 o1 {item tea more [1 2 {a b}]}]"), data = {0};
    buf_append(&data, row.data, row.bytes);
    buf_append(&data, row.data, row.bytes);
    for (size_t bytes = row.bytes + 1; bytes < data.bytes; bytes++) {
        struct span copy = hex_exact_copy((struct span){data.data, bytes}), left = copy;
        struct task_row got;
        CHECK_INT(task_row_next(&left, &got), 1);
        CHECK_BYTES(got.packed, buf_span(&row));
        CHECK_INT(task_row_next(&left, &got), -1);
        CHECK(left.data == copy.data + row.bytes && left.bytes == bytes - row.bytes);
        free((char *)copy.data);
    }
    buf_free(&row);
    buf_free(&data);
}

static void test_no_rows(void)
{
    static const char *const texts[] = {"5",          "nil",        "{a b}",          "[]",          "[2 o1]",
                                        "[2 o1 nil 5]", "[a o1 nil]", "[-1 o1 nil]",  "[1.5 o1 nil]", "[nil o1 nil]",
                                        "[2 nil nil]", "[2 5 nil]",  "[2 '' nil]",     "[2 " L129 " nil]", "[2 <a1ff> nil]",
                                        "[2 <a3eda080> nil]", "[2 o1 5]", "[2 o1 a]",  "[2 o1 [a b]]", "[2 o1 true]",
                                        "[2 o1 <c1>]", "[2 o1 {a <c1>}]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf data = pack(texts[i]);
        struct span left = buf_span(&data);
        struct task_row row;
        if (task_row_next(&left, &row) != -1)
            fprintf(stderr, "in case: %s\n", texts[i]);
        CHECK_INT(task_row_next(&left, &row), -1);
        CHECK(left.data == data.data && left.bytes == data.bytes);
        buf_free(&data);
    }
}

/* vars nested `depth` deep, with `bytes` of text at the bottom. */
static int read_nested(size_t depth, size_t bytes)
{
    struct buf data = pack("<930201>");
    data.data[2] = (char)0xa1;
    buf_append_str(&data, "o");
    char *text = mem_new(bytes + 1);
    for (size_t i = 0; i < depth; i++)
        buf_append_str(&data, "\x81\xa1v");
    mp_span(&data, (struct span){text, bytes});
    struct span left = buf_span(&data);
    struct task_row row;
    int found = task_row_next(&left, &row);
    if (found == 1)
        CHECK_U64(row.packed.bytes, data.bytes);
    free(text);
    buf_free(&data);
    return found;
}

static void test_row_limits(void)
{
    /* Around the text: the array, the line, the openid of one byte, a map with one name, the head of the text. */
    size_t most = TASK_ROW_BYTES_MAX - (1 + 1 + 2) - (1 + 2) - 5;
    CHECK_INT(read_nested(32, 0), 1);
    CHECK_INT(read_nested(33, 0), -1);
    CHECK_INT(read_nested(1000, 0), -1);
    CHECK_INT(read_nested(1, most), 1);
    CHECK_INT(read_nested(1, most + 1), -1);
}

int main(void)
{
    test_refused();
    test_refused_without_ref();
    test_too_large();
    test_bytes_behind();
    test_rows();
    test_rows_cut();
    test_no_rows();
    test_row_limits();
    return 0;
}
