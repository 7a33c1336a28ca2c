/* What mega task shows: the line of a task, the bar, counts, time left, the list; the CSV of who did not get
 * it. */
#include "base/term.h"
#include "client/task_failed.h"
#include "client/task_print.h"
#include "proto/mp.h"
#include "tests/unit/test.h"

static void check_count(int64_t count, const char *text)
{
    struct buf out = {0};
    task_print_count(count, &out);
    CHECK_STR(buf_str(&out), text);
    buf_free(&out);
}

static void test_counts(void)
{
    check_count(0, "0");
    check_count(999, "999");
    check_count(1000, "1,000");
    check_count(61200, "61,200");
    check_count(100000, "100,000");
    check_count(10000000, "10,000,000");
    check_count(-1000, "-1,000");
}

static void check_bar(int percent, size_t cells, size_t full)
{
    struct buf out = {0}, expected = {0};
    task_print_bar(percent, cells, &out);
    buf_append_str(&expected, "[");
    for (size_t i = 0; i < cells; i++)
        buf_append_str(&expected, i < full ? "\xE2\x96\x88" : "\xE2\x96\x91");
    buf_append_str(&expected, "]");
    CHECK_STR(buf_str(&out), buf_str(&expected));
    buf_free(&out);
    buf_free(&expected);
}

static void test_bar(void)
{
    check_bar(0, 10, 0);
    check_bar(9, 10, 0);
    check_bar(61, 10, 6);
    check_bar(99, 10, 9);
    check_bar(100, 10, 10);
    check_bar(150, 4, 4);
    check_bar(-1, 4, 0);
}

static struct task_view running(void)
{
    return (struct task_view){.name = span_of("may-sale"),
                              .state = span_of("running"),
                              .rows = 100000,
                              .todo = 38000,
                              .out = 490,
                              .sent = 61200,
                              .refused = 310,
                              .per_s = 833.4};
}

static void check_line(const struct task_view *v, size_t columns, const char *text)
{
    struct buf out = {0};
    task_print_line(v, columns, &out);
    CHECK_STR(buf_str(&out), text);
    if (columns)
        CHECK(term_columns(buf_span(&out)) <= columns);
    buf_free(&out);
}

static void test_line(void)
{
    struct task_view v = running();
    check_line(
        &v, 0,
        "may-sale  running  [██████░░░░] 61%  61,200 sent  310 refused  38,490 waiting  833/s  46s left");
    check_line(&v, 30, "may-sale  running  [██████░░░…");
    v.per_s = 2.5;
    check_line(
        &v, 0,
        "may-sale  running  [██████░░░░] 61%  61,200 sent  310 refused  38,490 waiting  2.5/s  4h16m left");
    v.state = span_of("paused");
    check_line(&v, 0, "may-sale  paused  [██████░░░░] 61%  61,200 sent  310 refused  38,490 waiting  2.5/s");
    v = (struct task_view){
        .name = span_of("a"), .state = span_of("scheduled"), .rows = 5, .todo = 5, .at_ms = 1714564800123LL};
    check_line(&v, 0, "a  scheduled  [░░░░░░░░░░] 0%  0 sent  5 waiting  starts 2024-05-01T12:00:00.123Z");
    v = (struct task_view){.name = span_of("a"),
                           .state = span_of("stopped"),
                           .rows = 9,
                           .sent = 2,
                           .pending = 1,
                           .expired = 1,
                           .dead = 1,
                           .cancelled = 4,
                           .note = span_of("no\x1b[0m")};
    check_line(&v, 0,
               "a  stopped  [██████████] 100%  2 sent  1 pending  1 expired  1 dead  4 cancelled  "
               "no\xEF\xBF\xBD[0m");
}

static void test_figures(void)
{
    struct task_view v = running();
    CHECK_INT(task_view_percent(&v), 61);
    CHECK_INT(task_view_waiting(&v), 38490);
    CHECK_INT(task_view_failed(&v), 310);
    CHECK_INT(task_view_settled(&v), 61510);
    v.rows = 61511;
    CHECK_INT(task_view_percent(&v), 99);
    v.rows = 0;
    CHECK_INT(task_view_percent(&v), 0);
    v.per_s = 0;
    CHECK_INT(task_view_left_ms(&v), -1);
    v.per_s = 1e-300;
    CHECK_INT(task_view_left_ms(&v), -1);
}

static void test_reading(void)
{
    struct task_view v;
    struct buf data = {0};
    CHECK_INT(task_view_read(buf_span(&data), &v), -1);
    mp_map(&data, 3);
    mp_put_str(&data, "name", "a");
    mp_put_str(&data, "state", "done");
    mp_put_u64(&data, "sent", UINT64_MAX);
    CHECK_INT(task_view_read(buf_span(&data), &v), 0);
    CHECK(task_view_is_over(&v));
    CHECK_INT(v.sent, INT64_MAX);
    CHECK_INT(v.todo, 0);
    buf_free(&data);
}

/* --- failed
 * ------------------------------------------------------------------------------------------------------- */

static void check_names(const char *const *names, size_t count, const char *line)
{
    struct buf packed = {0}, out = {0};
    struct task_failed_columns c;
    mp_array(&packed, count);
    for (size_t i = 0; i < count; i++)
        mp_str(&packed, names[i]);
    task_failed_columns_make(count ? buf_span(&packed) : (struct span){NULL, 0}, &c);
    task_failed_names(&c, &out);
    CHECK_STR(buf_str(&out), line);
    task_failed_columns_free(&c);
    buf_free(&packed);
    buf_free(&out);
}

static void test_failed_names(void)
{
    static const char *const plain[] = {"name", "a,b"}, *const again[] = {"row", "task_row", "openid",
                                                                          "state"};
    check_names(NULL, 0, "openid,row,line,state,code,errcode,message,round,id,settled\r\n");
    check_names(plain, 2, "openid,name,\"a,b\",row,line,state,code,errcode,message,round,id,settled\r\n");
    check_names(again, 4,
                "task_openid,row,task_row,openid,state,task_task_row,line,task_state,code,errcode,message,"
                "round,id,settled\r\n");
}

static void test_failed_row(void)
{
    struct buf columns = {0}, entry = {0}, out = {0};
    struct task_failed_columns c;
    mp_array(&columns, 3);
    mp_str(&columns, "a");
    mp_str(&columns, "b");
    mp_str(&columns, "c");
    task_failed_columns_make(buf_span(&columns), &c);
    mp_map(&entry, 5);
    mp_put_str(&entry, "openid", "o\"1");
    mp_put_str(&entry, "state", "refused");
    mp_put_i64(&entry, "errcode", -1);
    mp_put_u64(&entry, "settled", 1714564800123);
    mp_str(&entry, "vars");
    mp_map(&entry, 2);
    mp_put_str(&entry, "c", "x\r\ny");
    mp_put_u64(&entry, "a", 7);
    task_failed_row(&c, buf_span(&entry), &out);
    CHECK_STR(buf_str(&out), "\"o\"\"1\",7,,\"x\r\ny\",0,,refused,,-1,,,,2024-05-01T12:00:00.123Z\r\n");
    buf_clear(&out);
    task_failed_row(&c, (struct span){NULL, 0}, &out);
    CHECK_STR(buf_str(&out), ",,,,0,,,,,,,,\r\n");
    task_failed_columns_free(&c);
    buf_free(&columns);
    buf_free(&entry);
    buf_free(&out);
}

int main(void)
{
    test_counts();
    test_bar();
    test_line();
    test_figures();
    test_reading();
    test_failed_names();
    test_failed_row();
    puts("ok");
    return 0;
}
