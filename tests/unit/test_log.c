/* The lines of the log, what is escaped in them, and the repeats that are left out. */
#include <errno.h>

#include "base/log.h"
#include "base/log_repeat.h"
#include "tests/unit/test.h"

static char *log_path; /* of the file that the test logs to */

static void open_log(enum log_level level, int json, const char *prefix)
{
    struct log_options options = {
        .program = "mega-test", .path = log_path, .prefix = prefix, .level = level, .json = json};
    remove(log_path);
    CHECK_INT(log_open(&options), 0);
}

/* What was logged since open_log, behind the time of each line: checks that this is ISO 8601 with
 * milliseconds. */
static struct buf logged(const char *before_time, const char *behind_time)
{
    struct buf raw = test_read(log_path), out = {0};
    const char *p = buf_str(&raw);
    while (*p != '\0') {
        int bytes = 0;
        CHECK(strncmp(p, before_time, strlen(before_time)) == 0);
        p += strlen(before_time);
        sscanf(p, "2%*3[0-9]-%*2[0-9]-%*2[0-9]T%*2[0-9]:%*2[0-9]:%*2[0-9].%*3[0-9]Z%n", &bytes);
        CHECK_INT(bytes, strlen("2026-01-02T03:04:05.678Z"));
        p += bytes;
        CHECK(strncmp(p, behind_time, strlen(behind_time)) == 0);
        p += strlen(behind_time);
        size_t line_bytes = strcspn(p, "\n") + 1;
        buf_append(&out, p, line_bytes);
        p += line_bytes;
    }
    buf_free(&raw);
    buf_str(&out);
    return out;
}

static void test_logfmt(void)
{
    open_log(LEVEL_INFO, 0, "");
    log_info("sender lost", log_str("name", "sender-1"), log_u64("epoch", UINT64_MAX));
    log_error("alone");
    log_warn("n", log_i64("a", INT64_MIN), log_span("b", (struct span){"xyz", 2}), log_str("c", NULL));
    struct buf got = logged("t=", " level=");
    CHECK_STR(got.data, "info prog=mega-test event=\"sender lost\" name=sender-1 epoch=18446744073709551615\n"
                        "error prog=mega-test event=alone\n"
                        "warn prog=mega-test event=n a=-9223372036854775808 b=xy c=\"\"\n");
    buf_free(&got);
}

static void test_json(void)
{
    open_log(LEVEL_DEBUG, 1, "p");
    log_debug("sender lost", log_str("name", "a\"b\\c\n"), log_u64("epoch", 17),
              log_span("n", (struct span){NULL, 0}));
    struct buf got = logged("{\"t\":\"", "\",");
    CHECK_STR(got.data,
              "\"level\":\"debug\",\"prog\":\"mega-test\",\"prefix\":\"p\",\"event\":\"sender lost\","
              "\"name\":\"a\\\"b\\\\c\\n\",\"epoch\":17,\"n\":\"\"}\n");
    buf_free(&got);
}

static void test_escapes(void)
{
    static const struct {
        struct span value;
        const char *shown;
    } cases[] = {
        {{"plain", 5}, "plain"},
        {{"a b", 3}, "\"a b\""},
        {{"a=b", 3}, "\"a=b\""},
        {{"a\"b", 3}, "\"a\\\"b\""},
        {{"a\\b", 3}, "\"a\\\\b\""},
        {{"", 0}, "\"\""},
        {{"a\r\n\tb", 5}, "\"a\\r\\n\\tb\""},
        {{"\0\x1B[31m", 6}, "\"\\u0000\\u001b[31m\""},
        {{"\x7F", 1}, "\"\\u007f\""},
        {{"\xE4\xBD\xA0", 3}, "\xE4\xBD\xA0"},
        {{"\xC2\x9B", 2}, "\"\\u009b\""},
        {{"\xC2\xA0", 2}, "\xC2\xA0"},
        {{"\xC2"
          "a",
          2},
         "\"\\u00c2a\""},
        {{"\xE4\xBD", 2}, "\"\\u00e4\\u00bd\""},
        {{"\xFF\n", 2}, "\"\\u00ff\\n\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_log(LEVEL_INFO, 0, NULL);
        log_info("e", log_span("v", cases[i].value));
        struct buf want = {0}, got = logged("t=", " level=info prog=mega-test event=e v=");
        buf_printf(&want, "%s\n", cases[i].shown);
        CHECK_STR(got.data, buf_str(&want));
        buf_free(&got);
        buf_free(&want);
    }
}

static void test_long_values_are_cut(void)
{
    struct buf value = {0}, want = {0};
    for (int i = 0; i < 341; i++) /* 1023 bytes: the next character lies across the limit */
        buf_append_str(&value, "\xE4\xBD\xA0");
    buf_printf(&want, "\"%s ...\"\n", buf_str(&value));
    buf_append_str(&value, "\xE4\xBD\xA0 and more");
    open_log(LEVEL_INFO, 0, NULL);
    log_info("e", log_span("v", buf_span(&value)));
    struct buf got = logged("t=", " level=info prog=mega-test event=e v=");
    CHECK_STR(got.data, buf_str(&want));
    buf_free(&got);
    buf_free(&value);
    buf_free(&want);
}

static void test_levels(void)
{
    open_log(LEVEL_WARN, 0, NULL);
    CHECK(log_level_now() == LEVEL_WARN);
    log_debug("d");
    log_info("i");
    log_warn("w");
    log_fatal("f");
    struct buf got = logged("t=", " level=");
    CHECK_STR(got.data, "warn prog=mega-test event=w\nfatal prog=mega-test event=f\n");
    buf_free(&got);
}

/* A line that cannot be written is lost and nothing else. */
static void test_errno_is_kept(void)
{
    struct log_options options = {.program = "mega-test", .path = "/dev/full", .level = LEVEL_INFO};
    CHECK_INT(log_open(&options), 0);
    errno = ENOENT;
    log_info("e");
    CHECK_INT(errno, ENOENT);
}

static void test_reopen(void)
{
    struct buf moved = {0};
    open_log(LEVEL_INFO, 0, NULL);
    log_info("before");
    buf_printf(&moved, "%s.1", log_path);
    CHECK_INT(rename(log_path, buf_str(&moved)), 0);
    log_info("between"); /* still goes to the file that was moved */
    CHECK_INT(log_reopen(), 0);
    log_info("after");
    struct buf got = logged("t=", " level=info prog=mega-test event=");
    CHECK_STR(got.data, "after\n");
    buf_free(&got);
    got = test_read(buf_str(&moved));
    CHECK_HAS(buf_str(&got), "event=between\n");
    buf_free(&got);
    buf_free(&moved);
}

static void test_no_such_folder(void)
{
    struct log_options options = {
        .program = "mega-test", .path = "/nowhere/at/all.log", .level = LEVEL_FATAL};
    CHECK_INT(log_open(&options), -1);
    CHECK_INT(errno, ENOENT);
    CHECK_INT(log_reopen(), -1);
    log_info("left out by its level");
}

static void test_repeats_are_left_out(void)
{
    open_log(LEVEL_INFO, 0, NULL);
    for (int i = 0; i < 100; i++)
        log_info("again", log_i64("i", i));
    log_info("other");
    struct buf got = logged("t=", " level=info prog=mega-test event=");
    CHECK_HAS(got.data, "again i=19\nother\n");
    buf_free(&got);
}

static void test_repeat_table(void)
{
    static const char one[] = "one", two[] = "two";
    struct log_repeats r = {0};
    uint64_t left_out = 0;
    for (int i = 0; i < LOG_REPEAT_LINES_MAX; i++)
        CHECK(log_repeats_allow(&r, one, LOG_REPEAT_LINES_MAX, 1000 + i));
    for (int i = 0; i < 7; i++)
        CHECK(!log_repeats_allow(&r, one, LOG_REPEAT_LINES_MAX, 1100));
    CHECK(log_repeats_allow(&r, two, LOG_REPEAT_LINES_MAX, 1100));
    CHECK(log_repeats_ended(&r, 10999, &left_out) == NULL);
    CHECK(log_repeats_ended(&r, 11000, &left_out) == one);
    CHECK_U64(left_out, 7);
    CHECK(log_repeats_ended(&r, 11000, &left_out) == NULL);
    CHECK(log_repeats_allow(&r, one, LOG_REPEAT_LINES_MAX, 11000));               /* a new window */
    CHECK(log_repeats_ended(&r, 90000, &left_out) == NULL); /* nothing was left out of it, nor of two's */
    for (int i = 0; i < LOG_REPEAT_EVENTS_MAX; i++)
        CHECK(r.events[i].event == NULL);
}

static void test_repeat_table_full(void)
{
    static const char names[LOG_REPEAT_EVENTS_MAX + 1];
    struct log_repeats r = {0};
    for (int i = 0; i < LOG_REPEAT_EVENTS_MAX; i++)
        CHECK(log_repeats_allow(&r, &names[i], LOG_REPEAT_LINES_MAX, 0));
    for (int i = 0; i < 100; i++)
        CHECK(log_repeats_allow(&r, &names[LOG_REPEAT_EVENTS_MAX], LOG_REPEAT_LINES_MAX, 0)); /* rather too much than nothing */
}

/* Lines about single messages go by [log] messages, whatever the level is, and name the stage. */
static void log_messages_with(enum log_messages messages, int steps)
{
    struct log_options options = {.program = "mega-test", .path = log_path, .level = LEVEL_FATAL, .stage = "test-1", .messages = messages};
    remove(log_path);
    CHECK_INT(log_open(&options), 0);
    for (int i = 0; i < steps; i++) {
        log_step("step", log_str("id", "m1"), log_some("key", span_of("")), log_some_i64("errcode", 0));
        log_trouble(LEVEL_WARN, "trouble", log_str("id", "m1"), log_some_i64("errcode", -1), log_some("key", span_of("k")));
    }
}

static void test_messages(void)
{
    log_messages_with(MESSAGES_NONE, 1);
    struct buf got = logged("t=", " level=");
    CHECK_STR(buf_str(&got), "");
    buf_free(&got);
    log_messages_with(MESSAGES_FAILED, 1);
    got = logged("t=", " level=");
    CHECK_STR(buf_str(&got), "warn prog=mega-test event=trouble stage=test-1 id=m1 errcode=-1 key=k\n");
    buf_free(&got);
    log_messages_with(MESSAGES_ALL, 1);
    got = logged("t=", " level=");
    CHECK_STR(buf_str(&got), "info prog=mega-test event=step stage=test-1 id=m1\n"
                             "warn prog=mega-test event=trouble stage=test-1 id=m1 errcode=-1 key=k\n");
    buf_free(&got);
}

static size_t lines_of(const struct buf *text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text->bytes; i++)
        lines += text->data[i] == '\n';
    return lines;
}

/* Of what fails a flood does not fill the disk; of everything, nothing is left out. */
static void test_messages_limits(void)
{
    log_messages_with(MESSAGES_FAILED, LOG_REPEAT_MESSAGES_MAX + 50);
    struct buf got = test_read(log_path);
    CHECK_U64(lines_of(&got), LOG_REPEAT_MESSAGES_MAX);
    buf_free(&got);
    log_messages_with(MESSAGES_ALL, LOG_REPEAT_MESSAGES_MAX + 50);
    got = test_read(log_path);
    CHECK_U64(lines_of(&got), 2 * (LOG_REPEAT_MESSAGES_MAX + 50));
    buf_free(&got);
}

int main(void)
{
    log_path = test_file("test.log", span_of(""));
    test_logfmt();
    test_json();
    test_escapes();
    test_long_values_are_cut();
    test_levels();
    test_errno_is_kept();
    test_reopen();
    test_no_such_folder();
    test_repeats_are_left_out();
    test_repeat_table();
    test_repeat_table_full();
    test_messages();
    test_messages_limits();
    free(log_path);
    return 0;
}
