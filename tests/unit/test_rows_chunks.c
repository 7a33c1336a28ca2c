/* Recipients files larger than what is read at once: the same rows come out however the bytes come in, and memory stays bounded. */
#include <sys/resource.h>

#include "client/rows/csv.h"
#include "tests/unit/rows_case.h"

#define GROWTH_KIB_MAX (4 * 1024)

static void compare(struct span text, struct buf *out)
{
    struct buf bytewise = {0};
    int fd = rows_case_file(text);
    buf_clear(out);
    rows_case_fd(&(struct rows_options){0}, fd, out);
    rows_case_pipe(&(struct rows_options){0}, text, 1, &bytewise);
    CHECK_BYTES(buf_span(&bytewise), buf_span(out));
    close(fd);
    buf_free(&bytewise);
}

/* Everything that needs a look at the next byte stands at every place of a chunk sooner or later. */
static void test_rows(const char *line_end)
{
    struct buf text = {0}, out = {0}, expected = {0};
    buf_printf(&text, "openid,a%s", line_end);
    for (int i = 0, line = 2; i < 2600; i++) {
        buf_printf(&text, "o%d,\"a\"\"b\"%so,\"x\"y%so,\"1%s2\"%s", i, line_end, line_end, line_end, line_end);
        buf_printf(&expected, "%d o%d {a=a\"b}\n%d! column \"a\": something stands behind the closing quote; a quote within quotes is "
                   "written \"\"\n%d o {a=1%s2}\n", line, i, line + 1, line + 2, line_end);
        line += 4;
    }
    buf_append_str(&expected, ".\n");
    compare(buf_span(&text), &out);
    CHECK_BYTES(buf_span(&out), buf_span(&expected));
    buf_free(&text);
    buf_free(&out);
    buf_free(&expected);
}

/* The line that is met first is broken; the lines behind it say that the file is UTF-8, though they have not been read by then. */
static void test_guess(void)
{
    struct buf text = {0}, out = {0};
    buf_append_str(&text, "openid,a\n");
    for (int i = 0; i < 16500; i++)
        buf_append_str(&text, "o,1\n");
    buf_append_str(&text, "oA,\xE8\x8C\n");
    for (int i = 0; i < 3000; i++)
        buf_append_str(&text, "o,\xE8\x8C\xB6\xE8\x8C\xB6\n");
    compare(buf_span(&text), &out);
    CHECK_HAS(buf_str(&out), "\n16502! column \"a\": the value is not valid UTF-8; if the file is GBK, give --encoding gbk\n16503 o {a=茶茶}\n");
    buf_free(&text);
    buf_free(&out);
}

static void test_guess_cut(void)
{
    struct buf error = {0};
    struct gbk *g = gbk_new(&error);
    CHECK_INT(encoding_guess(g, span_of("\xE8\x8C\n\xE8\x8C\xB6\xE8\x8C\xB6\n\xE8\x8C")), ENCODING_UTF8);
    CHECK_INT(encoding_guess(g, span_of("\xB2\xE8\n\xE8\x8C\xB6\xE8\x8C\xB6\n\xB2\xE8\n\xB2")), ENCODING_GBK);
    CHECK_INT(encoding_guess(g, span_of("\xB2\xE8\xB2\xE8")), ENCODING_GBK); /* the only line */
    CHECK_INT(encoding_guess(NULL, span_of("\xB2\xE8\n")), ENCODING_UTF8);
    gbk_destroy(&g);
}

/* Two bytes become three. */
static void test_utf16(void)
{
    struct buf text = {0}, out = {0}, expected = {0};
    buf_append(&text, "\xFE\xFF\0o\0p\0e\0n\0i\0d\0,\0a\0\n", 20);
    for (int i = 0; i < 2000; i++) {
        buf_append(&text, "\0o\0,", 4);
        for (int k = 0; k < 100; k++)
            buf_append(&text, "\x83\x36", 2);
        buf_append(&text, "\0\n", 2);
    }
    int fd = rows_case_file(buf_span(&text));
    rows_case_fd(&(struct rows_options){0}, fd, &out);
    for (int i = 0; i < 2000; i++) {
        buf_printf(&expected, "%d o {a=", i + 2);
        for (int k = 0; k < 100; k++)
            buf_append_str(&expected, "茶");
        buf_append_str(&expected, "}\n");
    }
    buf_append_str(&expected, ".\n");
    CHECK_BYTES(buf_span(&out), buf_span(&expected));
    close(fd);
    buf_free(&text);
    buf_free(&out);
    buf_free(&expected);
}

/* A row reaches its limit within a stray quote: reading goes on behind the quote's line and not behind the limit. */
static void test_quote_at_limit(void)
{
    struct buf text = {0}, out = {0};
    buf_append_str(&text, "openid,a,b,c,d,e\no");
    for (int i = 0; i < 4; i++)
        buf_printf(&text, ",%060000d", i);
    buf_append_str(&text, ",\"x\n");
    for (int i = 0; i < 10000; i++)
        buf_append_str(&text, "o,1,2,3,4,5\n");
    int fd = rows_case_file(buf_span(&text));
    rows_case_fd(&(struct rows_options){0}, fd, &out);
    CHECK_HAS(buf_str(&out), "2! column \"e\": the quote is not closed");
    CHECK_HAS(buf_str(&out), "\n3 o {a=1,b=2,c=3,d=4,e=5}\n4 o {");
    close(fd);
    buf_free(&text);
    buf_free(&out);
}

/* In each window that ends in mid-row the splitter waits, and then answers as if it had had all at once. */
static void test_split(void)
{
    static const char text[] = "a,\"b\"\"c\",\"\"\r\n\"d\re\r\nf\",g\rh,\"i\"j\r\n\"k\nl,\"m\n\"\"\"\",n";
    struct csv *whole = mem_new(sizeof *whole), *slow = mem_new(sizeof *slow);
    csv_open(whole, ',');
    csv_open(slow, ',');
    for (size_t at = 0; at < sizeof text - 1; at += whole->bytes) {
        size_t left = sizeof text - 1 - at, bytes = 1;
        enum csv_answer expected = csv_split(whole, (struct span){text + at, left}, 1);
        enum csv_answer got = csv_split(slow, (struct span){text + at, 1}, left == 1);
        while (got == CSV_MORE) {
            bytes++;
            got = csv_split(slow, (struct span){text + at, bytes}, bytes == left);
        }
        CHECK_INT(got, expected);
        CHECK_U64(slow->bytes, whole->bytes);
        CHECK_U64(slow->lines, whole->lines);
        CHECK_U64(slow->count, whole->count);
        CHECK(bytes <= whole->bytes + 1 || expected != CSV_ROW);
    }
    free(whole);
    free(slow);
}

static long rss_kib(void)
{
    struct rusage usage;
    CHECK_INT(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* A child writes `before`, then `mebi` MiB of `filler`, then a last row. */
static void check_bomb(const char *before, const char *filler, int mebi, const char *reason, uint64_t line)
{
    int ends[2], status;
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    long kib = rss_kib();
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        FILE *file = fdopen(ends[1], "w");
        fputs(before, file);
        for (size_t i = 0; i < (size_t)mebi * 1024 * 1024 / strlen(filler); i++)
            fputs(filler, file);
        fputs("\noZ,1\n", file);
        _exit(fclose(file) != 0);
    }
    close(ends[1]);
    struct buf error = {0};
    struct rows *r = rows_new(&(struct rows_options){0}, ends[0], &error);
    struct row row;
    CHECK(r != NULL);
    CHECK_INT(rows_next(r, &row), ROWS_BAD);
    CHECK_U64(row.line, line);
    CHECK_HAS(row.reason.data, reason);
    enum rows_answer answer = ROWS_BAD;
    int is_last = 0;
    while (answer != ROWS_END) {
        is_last = answer == ROWS_ROW && span_is(row.openid, "oZ");
        answer = rows_next(r, &row);
        CHECK(answer != ROWS_FAILED);
    }
    CHECK(is_last);
    CHECK(rss_kib() - kib < GROWTH_KIB_MAX);
    rows_destroy(&r);
    close(ends[0]);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
}

static void test_bombs(void)
{
    check_bomb("openid,a\no,", "0123456789abcdef", 16, "a row of more than 262,144 bytes", 2);
    check_bomb("openid,a\no,\"", "0123456789abcdef", 16, "the quote is not closed", 2);
    check_bomb("openid,a\no,\"", "o,0123456789ab\r\n", 16, "the quote is not closed", 2);
    check_bomb("openid,a\n", "\"\n\",", 4, "a row of more than 262,144 bytes", 2);
}

int main(void)
{
    test_bombs(); /* first, while little memory was ever used */
    test_rows("\n");
    test_rows("\r\n");
    test_rows("\r");
    test_guess();
    test_guess_cut();
    test_utf16();
    test_quote_at_limit();
    test_split();
    return 0;
}
