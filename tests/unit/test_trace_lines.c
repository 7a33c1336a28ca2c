/* The lines of one message are found by its whole id, and put into the order in which things happened; files are read line by line
 * wherever their pieces end. */
#include <fcntl.h>

#include "client/log_read.h"
#include "client/trace_lines.h"
#include "tests/unit/test.h"

static const struct trace_of of_12 = {{"12", 2}, {NULL, 0}};

static int add(struct trace_lines *t, const struct trace_of *of, const char *line)
{
    return trace_lines_add(t, of, span_of(line));
}

static void test_whose(void)
{
    struct trace_lines t = {0};
    const struct trace_of default_12 = {{"12", 2}, {"default", 7}}, shop_12 = {{"12", 2}, {"shop", 4}};
    CHECK(add(&t, &of_12, "t=2026-01-02T03:04:05.678Z id=12"));
    CHECK(!add(&t, &of_12, "t=2026-01-02T03:04:05.678Z id=123"));
    CHECK(!add(&t, &of_12, "t=2026-01-02T03:04:05.678Z id=012"));
    CHECK(!add(&t, &of_12, "t=2026-01-02T03:04:05.678Z openid=12 seq=12"));
    CHECK(!add(&t, &of_12, "t=yesterday id=12"));
    CHECK(!add(&t, &of_12, "id=12"));
    CHECK(add(&t, &of_12, "{\"t\":\"2026-01-02T03:04:05.678Z\",\"id\":\"12\"}"));
    CHECK(add(&t, &of_12, "t=2026-01-02T03:04:05.678Z id=12 app=shop"));
    CHECK(!add(&t, &default_12, "t=2026-01-02T03:04:05.678Z id=12 app=shop"));
    CHECK(add(&t, &default_12, "t=2026-01-02T03:04:05.678Z id=12 app=default"));
    CHECK(add(&t, &default_12, "t=2026-01-02T03:04:05.678Z id=12"));
    CHECK(add(&t, &shop_12, "t=2026-01-02T03:04:05.678Z id=12 app=shop"));
    CHECK(!add(&t, &shop_12, "t=2026-01-02T03:04:05.678Z id=12"));
    trace_lines_free(&t);
}

static void test_order(void)
{
    static const char *const lines[] = {
        "t=2026-01-02T03:04:05.678Z event=\"message answered\" id=12",
        "t=2026-01-02T03:04:05.678Z event=\"message settled\" id=12 turn=2",
        "t=2026-01-02T03:04:05.678Z event=\"call ended\" id=12 turn=2",
        "t=2026-01-02T03:04:05.678Z event=\"message given out\" id=12 turn=2",
        "t=2026-01-02T03:04:05.678Z event=\"message waits\" id=12 turn=1",
        "t=2026-01-02T03:04:05.678Z event=\"call ended\" id=12 turn=1",
        "t=2026-01-02T03:04:05.678Z event=\"call begun\" id=12 turn=1",
        "t=2026-01-02T03:04:05.678Z event=\"message rendered\" id=12 turn=1",
        "t=2026-01-02T03:04:05.678Z event=\"message given out\" id=12 turn=1",
        "t=2026-01-02T03:04:05.678Z event=\"message accepted\" id=12",
        "t=2026-01-02T03:04:05.678Z event=\"message taken\" id=12",
        "t=2026-01-02T03:04:05.677Z event=\"something else\" id=12",
        "t=2026-01-02T03:04:05.678Z event=\"call ended\" id=12 turn=2", /* out of a second file */
    };
    enum { LINES = sizeof lines / sizeof *lines };
    struct trace_lines t = {0};
    for (size_t i = 0; i < LINES; i++)
        CHECK(add(&t, &of_12, lines[i]));
    trace_lines_sort(&t);
    CHECK_U64(t.count, LINES - 1);
    for (size_t i = 0; i < t.count; i++) {
        struct log_parsed p = {0};
        CHECK_INT(log_parse(span_of(lines[LINES - 2 - i]), &p), 0);
        CHECK_BYTES(log_parsed_find(trace_lines_read(&t, i), "event"), log_parsed_find(&p, "event"));
        log_parsed_free(&p);
    }
    trace_lines_free(&t);
}

static void test_bounds(void)
{
    struct trace_lines t = {0};
    for (int i = 0; i < TRACE_LINES_MAX; i++) {
        char line[64];
        snprintf(line, sizeof line, "t=2026-01-02T03:04:05.678Z id=12 i=%d", i);
        CHECK(add(&t, &of_12, line));
    }
    CHECK(!t.is_cut);
    CHECK(!add(&t, &of_12, "t=2026-01-02T03:04:05.678Z id=12"));
    CHECK(t.is_cut);
    trace_lines_free(&t);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static int gather(void *self, struct span line)
{
    struct buf *out = self;
    buf_append(out, line.data, line.bytes < 40 ? line.bytes : 40);
    buf_append_str(out, "|");
    return out->bytes > 4096;
}

static struct buf read_lines(const char *path, const char *needle)
{
    struct buf out = {0};
    pid_t pid;
    int fd = log_file_open(path, &pid);
    CHECK(fd >= 0);
    CHECK_INT(log_read(fd, span_of(needle), gather, &out), 0);
    CHECK_INT(log_file_close(fd, pid), 0);
    buf_str(&out);
    return out;
}

static void test_lines_of_a_file(void)
{
    char *path = test_file("a.log", span_of("one\ntwo xx\n\nthree xx xx\nxx four"));
    struct buf out = read_lines(path, "xx");
    CHECK_SPAN(buf_span(&out), "two xx|three xx xx|xx four|");
    buf_free(&out);
    out = read_lines(path, "");
    CHECK_SPAN(buf_span(&out), "one|two xx||three xx xx|xx four|");
    buf_free(&out);
    out = read_lines(path, "\n"); /* never within a line */
    buf_free(&out);
    free(path);
}

/* Lines that lie across the ends of the pieces, and one that is longer than a piece. */
static void test_long_files(void)
{
    struct buf text = {0};
    size_t hits = 0;
    for (int i = 0; text.bytes < 3 * 1024 * 1024; i++)
        buf_printf(&text, "%d%*s\n", i, 4000, i % 100 == 0 ? "needle" : "");
    for (const char *at = buf_str(&text); (at = strstr(at, "needle")) != NULL; at++)
        hits++;
    for (int i = 0; i < 2 * 1024 * 1024; i++)
        buf_append_str(&text, "x");
    buf_append_str(&text, "needle\nlast needle\n");
    char *path = test_file("long.log", buf_span(&text));
    struct buf out = read_lines(path, "needle");
    size_t found = 0;
    for (size_t i = 0; i < out.bytes; i++)
        found += out.data[i] == '|';
    CHECK_U64(found, hits + 1); /* but the one that is too long */
    CHECK_HAS(buf_str(&out), "|last needle|");
    buf_free(&out);
    buf_free(&text);
    free(path);
}

static void test_which_files(void)
{
    static const char *const names[] = {"x[1].log", "x[1].log.1", "x[1].log.2.gz", "x[1].log-20260101", "x[1].log.swp", "x1.log"};
    struct log_files *files = mem_new(sizeof *files);
    char *paths[6];
    for (size_t i = 0; i < 6; i++)
        paths[i] = test_file(names[i], span_of("a\n"));
    log_files_add_rotated(files, paths[0], 0);
    CHECK_U64(files->count, 4);
    log_files_add_rotated(files, paths[0], 0);
    CHECK_U64(files->count, 4); /* each once */
    log_files_free(files);
    log_files_add_rotated(files, paths[0], INT32_MAX * 2LL); /* none was changed since */
    CHECK_U64(files->count, 0);
    for (size_t i = 0; i < 6; i++)
        free(paths[i]);
    free(files);
}

int main(void)
{
    test_whose();
    test_order();
    test_bounds();
    test_lines_of_a_file();
    test_long_files();
    test_which_files();
    return 0;
}
