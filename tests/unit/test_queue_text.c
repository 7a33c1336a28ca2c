/* What mega queue writes: CSV, points in time, durations, text made harmless for a terminal, tables. */
#include "base/iso_time.h"
#include "base/table.h"
#include "base/term.h"
#include "client/queue_print.h"
#include "proto/entry_csv.h"
#include "tests/unit/pack.h"

#define AT 1714564800123LL /* 2024-05-01T12:00:00.123Z */
#define R  "\xEF\xBF\xBD"  /* what stands for a byte that cannot be shown */

/* --- CSV ---------------------------------------------------------------------------------------------------------- */

static void test_fields(void)
{
    static const struct {
        const char *text, *field;
    } cases[] = {{"", ""},
                 {"plain", "plain"},
                 {"two words", "two words"},
                 {" spaces ", " spaces "},
                 {"a,b", "\"a,b\""},
                 {"\"", "\"\"\"\""},
                 {"say \"yes\"", "\"say \"\"yes\"\"\""},
                 {"a\nb", "\"a\nb\""},
                 {"a\rb", "\"a\rb\""},
                 {"\r\n", "\"\r\n\""},
                 {"=1+1", "=1+1"},
                 {"+1", "+1"},
                 {"-1", "-1"},
                 {"@x", "@x"},
                 {"'x'", "'x'"},
                 {"a;b\tc", "a;b\tc"},
                 {"你好", "你好"},
                 {"\x01\xff", "\x01\xff"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        entry_csv_field(span_of(cases[i].text), &out);
        CHECK_BYTES(buf_span(&out), span_of(cases[i].field));
        buf_free(&out);
    }
    struct buf out = {0};
    entry_csv_field((struct span){"a\0,b", 4}, &out);
    CHECK_BYTES(buf_span(&out), ((struct span){"\"a\0,b\"", 6}));
    buf_free(&out);
}

static void check_row(const char *entry, const char *row)
{
    struct buf packed = pack(entry), out = {0};
    entry_csv_row(buf_span(&packed), &out);
    CHECK_BYTES(buf_span(&out), span_of(row));
    buf_free(&packed);
    buf_free(&out);
}

static void test_rows(void)
{
    struct buf names = {0};
    entry_csv_names(&names);
    CHECK_STR(buf_str(&names),
              "app,id,state,openid,key,task,lane,code,errcode,msgid,calls,failures,accepted,due,settled,"
              "expires,seq,message,received\r\n");
    buf_free(&names);
    check_row("{}", ",,,,,,,,,,0,0,,,,,,,\r\n");
    check_row("{id i app a openid o key k state dead accepted 1714564800123 calls 2 errcode -1 message 'a,b' "
              "more 5}",
              "a,i,dead,o,k,,,,-1,,2,0,2024-05-01T12:00:00.123Z,,,,,\"a,b\",\r\n");
    check_row("{state delivered received 1714564800123}", ",,delivered,,,,,,,,0,0,,,,,,,2024-05-01T12:00:00.123Z\r\n");
    check_row("{id 5 msgid 9223372036854775807 accepted x calls nil}",
              ",,,,,,,,,9223372036854775807,0,0,,,,,,,\r\n");
    check_row("[1 2]", ",,,,,,,,,,0,0,,,,,,,\r\n");
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static void test_times(void)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } cases[] = {{"2024-05-01T12:00:00.123Z", AT},
                 {"2024-05-01 12:00:00.123", AT},
                 {"2024-05-01T12:00:00.123999999Z", AT},
                 {"2024-05-01T20:00:00.123+08:00", AT},
                 {"2024-05-01T06:30:00.123-05:30", AT},
                 {"2024-05-01", 1714521600000},
                 {"2024-05-01Z", 1714521600000},
                 {"2024-05-01T12:00", 1714564800000},
                 {"2024-05-01T12:00Z", 1714564800000},
                 {"2024-05-01T12:00:01", 1714564801000},
                 {"2024-05-01T12:00:00.1", 1714564800100},
                 {"2024-02-29", 1709164800000},
                 {"1970-01-01", 0},
                 {"9999-12-31T23:59:59.999Z", 253402300799999},
                 {"1969-12-31", -1},
                 {"1970-01-01T00:00+00:01", -1},
                 {"2023-02-29", -1},
                 {"2024-13-01", -1},
                 {"2024-00-01", -1},
                 {"2024-05-00", -1},
                 {"2024-05-01T24:00", -1},
                 {"2024-05-01T12:60", -1},
                 {"2024-05-01T12:00:60", -1},
                 {"2024-05-01T12", -1},
                 {"2024-05-01T", -1},
                 {"2024-05-01T12:00:00.", -1},
                 {"2024-05-01T12:00:00.1234567890", -1},
                 {"2024-05-01T12:00+15:00", -1},
                 {"2024-05-01T12:00+08", -1},
                 {"2024-05-01T12:00ZZ", -1},
                 {"2024-5-1", -1},
                 {"24-05-01", -1},
                 {"2024-05-01x", -1},
                 {"1714564800123", -1},
                 {"yesterday", -1},
                 {"", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        int wrong = iso_time_read(cases[i].text, &ms);
        if (wrong != (cases[i].ms < 0 ? -1 : 0) || ms != cases[i].ms)
            fprintf(stderr, "in case: %s\n", cases[i].text);
        CHECK_INT(wrong, cases[i].ms < 0 ? -1 : 0);
        CHECK_INT(ms, cases[i].ms);
    }
}

static void test_time_text(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{AT, "2024-05-01T12:00:00.123Z"},
                 {0, "1970-01-01T00:00:00.000Z"},
                 {253402300799999, "9999-12-31T23:59:59.999Z"},
                 {253402300800000, "253402300800000"},
                 {INT64_MAX, "9223372036854775807"},
                 {-1, "-1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        iso_time_append(cases[i].ms, &out);
        CHECK_STR(buf_str(&out), cases[i].text);
        buf_free(&out);
    }
}

static void test_amounts(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } durations[] = {{0, "0ms"},          {999, "999ms"},         {1000, "1.0s"},     {59999, "59.9s"},
                     {60000, "1m00s"},    {3599999, "59m59s"},    {3600000, "1h00m"}, {86399999, "23h59m"},
                     {86400000, "1d00h"}, {8640000000, "100d00h"}};
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {
        {0, "0"},          {1023, "1023"},         {1024, "1.0K"},        {1536, "1.5K"},
        {1048575, "1.0M"}, {68719476736, "64.0G"}, {UINT64_MAX, "16.0E"}, {1125899906842624, "1.0P"}};
    struct buf out = {0};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        buf_clear(&out);
        term_duration(durations[i].ms, &out);
        CHECK_STR(buf_str(&out), durations[i].text);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        buf_clear(&out);
        term_bytes(sizes[i].bytes, &out);
        CHECK_STR(buf_str(&out), sizes[i].text);
    }
    buf_free(&out);
}

/* --- the terminal ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    size_t columns;
    const char *harmless;
} texts[] = {{"", 0, ""},
             {"abc", 3, "abc"},
             {"你好", 4, "你好"},
             {"e\xCC\x81t\xC3\xA9", 3, "e\xCC\x81t\xC3\xA9"}, /* é in both ways */
             {"\xF0\x9F\x98\x80", 2, "\xF0\x9F\x98\x80"},
             {"\x1b[2J", 4, R "[2J"},
             {"a\r\nb\tc", 6, "a" R R "b" R "c"},
             {"\x7f\xc2\x9b", 2, R R}, /* DEL, CSI in one character */
             {"\xe2\x80\xae"
              "x",
              2, R "x"}, /* right to left from here */
             {"\xff\xfe", 2, R R},
             {"\xe4\xbd", 2, R R}};

static void test_harmless(void)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf out = {0};
        CHECK_U64(term_columns(span_of(texts[i].text)), texts[i].columns);
        term_append(span_of(texts[i].text), &out);
        CHECK_BYTES(buf_span(&out), span_of(texts[i].harmless));
        buf_free(&out);
    }
}

static void test_cut(void)
{
    static const struct {
        const char *text;
        size_t columns_max, columns;
        const char *cut;
    } cases[] = {{"abc", 3, 3, "abc"},         {"abcd", 3, 3, "ab…"},  {"abcd", 1, 1, "…"},
                 {"abcd", 0, 0, ""},           {"", 0, 0, ""},         {"你好吗", 5, 5, "你好…"},
                 {"你好吗", 4, 3, "你…"},      {"你好", 4, 4, "你好"}, {"你好", 1, 1, "…"},
                 {"\x1b\x1b\x1b", 2, 2, R "…"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        CHECK_U64(term_cut(span_of(cases[i].text), cases[i].columns_max, &out), cases[i].columns);
        CHECK_BYTES(buf_span(&out), span_of(cases[i].cut));
        buf_free(&out);
    }
}

static void test_table(void)
{
    static const struct column columns[] = {{"NAME", 6, 0}, {"N", 0, 1}, {"TEXT", 0, 0}};
    struct table *t = table_new(columns, 3);
    struct buf out = {0};
    table_cell(t, span_of("you"));
    table_printf(t, "%d", 10000);
    table_cell(t, span_of("a longer text that is cut"));
    table_cell(t, span_of("你好你好"));
    table_printf(t, "%d", 1);
    table_cell(t, span_of(""));
    table_write(t, 31, &out);
    CHECK_STR(buf_str(&out), "NAME        N  TEXT\n"
                             "you     10000  a longer text t…\n"
                             "你好…       1\n");
    buf_clear(&out);
    table_cell(t, span_of("me"));
    table_printf(t, "%d", 200000);
    table_cell(t, span_of("a longer text that is whole"));
    table_write(t, 0, &out);
    CHECK_STR(buf_str(&out), "me      200000  a longer text that is whole\n");
    table_destroy(&t);
    CHECK(t == NULL);
    table_destroy(&t);
    buf_free(&out);
}

/* --- one message, the filter -------------------------------------------------------------------------------------- */

static void test_entry(void)
{
    struct buf packed = pack(
                   "{id i accepted 1714564800123 due x vars {a 'b c' n 1.5} send 1 5 <a11b> list [1 {a b}]}"),
               out = {0};
    queue_print_entry(buf_span(&packed), &out);
    CHECK_STR(buf_str(&out), "id         i\n"
                             "accepted   2024-05-01T12:00:00.123Z\n"
                             "due        x\n"
                             "vars\n"
                             "  a          b c\n"
                             "  n          1.5\n"
                             "send       1\n"
                             "5          " R "\n"
                             "list       [1,{\"a\":\"b\"}]\n");
    buf_free(&packed);
    buf_free(&out);
}

/* Earlier calls, a line each; nonsense in them harms nothing. */
static void test_tries(void)
{
    struct buf packed = pack("{id i tries [{at 1714564800123 outcome retry errcode -1 http 200 message 'busy <1b>'}"
                             " {at 1714564800123 outcome refused errcode 45015 key plain} 5 {at x outcome 7}]}"),
               out = {0};
    queue_print_entry(buf_span(&packed), &out);
    CHECK_STR(buf_str(&out), "id         i\n"
                             "tries\n"
                             "  2024-05-01T12:00:00.123Z  retry  errcode -1  HTTP 200  busy <1b>\n"
                             "  2024-05-01T12:00:00.123Z  refused  errcode 45015  by plain\n"
                             "  1970-01-01T00:00:00.000Z  \n"
                             "  1970-01-01T00:00:00.000Z  \n");
    buf_free(&packed);
    buf_free(&out);
}

static void test_filter(void)
{
    const struct filter filter = {.app = span_of("a"),
                                  .openid = span_of("o\x1b"),
                                  .key = span_of("k"),
                                  .task = span_of("t"),
                                  .states = ENTRY_READY | ENTRY_DEAD,
                                  .since_ms = AT,
                                  .until_ms = AT + 1,
                                  .errcode = -1};
    struct buf out = {0};
    queue_print_filter(&filter, &out);
    CHECK_STR(buf_str(&out),
              " --app a --openid o" R " --key k --task t --state ready,dead --since 2024-05-01T12:00:00.123Z "
              "--until 2024-05-01T12:00:00.124Z --errcode -1");
    buf_free(&out);
}

int main(void)
{
    test_fields();
    test_rows();
    test_times();
    test_time_text();
    test_amounts();
    test_harmless();
    test_cut();
    test_table();
    test_entry();
    test_tries();
    test_filter();
    return 0;
}
