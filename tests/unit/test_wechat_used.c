/* The count of a month's clear_quota calls: the months of Beijing, the file's text, the file itself. */
#include <errno.h>
#include <sys/stat.h>

#include "sender/wechat_used.h"
#include "tests/unit/test.h"

#define NOVEMBER (2026 * 12 + 10)

static void test_month(void)
{
    CHECK_INT(wechat_used_month(1793462399000), 2026 * 12 + 9); /* 2026-10-31T23:59:59+08:00 */
    CHECK_INT(wechat_used_month(1793462400000), NOVEMBER);
    CHECK_INT(wechat_used_month(1798732800000), 2027 * 12); /* 2027-01-01T00:00:00+08:00, still December in UTC */
}

static void test_find(void)
{
    const char *text = "2026-11 3 wx1\n2026-10 9 wx2\n2026-11 10 wx 3\n\n2026-11 11 wx4\n2026-13 1 wx5\nrubbish\n2026-11 2 wx6";
    CHECK_U64(wechat_used_find(span_of(text), "wx1", NOVEMBER), 3);
    CHECK_U64(wechat_used_find(span_of(text), "wx2", NOVEMBER), 0);
    CHECK_U64(wechat_used_find(span_of(text), "wx 3", NOVEMBER), 10);
    CHECK_U64(wechat_used_find(span_of(text), "wx4", NOVEMBER), 0); /* more than there are in a month */
    CHECK_U64(wechat_used_find(span_of(text), "wx6", NOVEMBER), 2);
    CHECK_U64(wechat_used_find(span_of(text), "wx", NOVEMBER), 0);
    CHECK_U64(wechat_used_find(span_of(""), "wx1", NOVEMBER), 0);
    for (size_t bytes = 0; bytes <= strlen(text); bytes++) { /* cut anywhere; a copy, so that ASan sees a byte too far */
        char *copy = mem_new(bytes + 1), *exact = mem_resize(copy, bytes ? bytes : 1);
        memcpy(exact, text, bytes);
        CHECK(wechat_used_find((struct span){exact, bytes}, "wx6", NOVEMBER) <= 2);
        free(exact);
    }
}

static void test_set(void)
{
    struct buf out = {0};
    wechat_used_set(span_of("2026-11 3 wx1\n2026-10 9 wx2\nrubbish\n2026-11 1 wx3\n"), "wx3", NOVEMBER, 2, &out);
    CHECK_SPAN(buf_span(&out), "2026-11 3 wx1\n2026-11 2 wx3\n");
    buf_free(&out);
}

static void check_count(const char *path, unsigned expected)
{
    unsigned count = 99;
    CHECK_INT(wechat_used_read(path, "wx1", NOVEMBER, &count), 0);
    CHECK_U64(count, expected);
}

static void test_counts(void)
{
    struct buf cache = {0}, path = {0};
    struct stat st;
    buf_printf(&cache, "%s/store/token.cache", test_folder());
    wechat_used_path(buf_str(&cache), &path);
    CHECK_HAS(buf_str(&path), "/store/clear_quota");
    check_count(buf_str(&path), 0); /* neither file nor folder */
    CHECK_INT(wechat_used_add(buf_str(&path), "wx1", NOVEMBER, 1), 0);
    CHECK_INT(wechat_used_add(buf_str(&path), "wx2", NOVEMBER, 1), 0);
    CHECK_INT(wechat_used_add(buf_str(&path), "wx1", NOVEMBER, 1), 0);
    check_count(buf_str(&path), 2);
    CHECK_INT(stat(buf_str(&path), &st), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
    CHECK_INT(wechat_used_add(buf_str(&path), "wx1", NOVEMBER, WECHAT_CLEARS_MAX), 0);
    check_count(buf_str(&path), WECHAT_CLEARS_MAX);
    CHECK_INT(wechat_used_add(buf_str(&path), "wx1", NOVEMBER + 1, 1), 0); /* a new month begins anew */
    check_count(buf_str(&path), 0);
    buf_free(&cache);
    buf_free(&path);
}

/* What cannot be written is told, and the count stays. */
static void test_no_folder(void)
{
    struct buf path = {0};
    unsigned count;
    buf_printf(&path, "%s/none/none/clear_quota", test_folder());
    CHECK_INT(wechat_used_add(buf_str(&path), "wx1", NOVEMBER, 1), -1);
    CHECK_INT(errno, ENOENT);
    buf_clear(&path);
    buf_printf(&path, "%s", test_folder());
    CHECK_INT(wechat_used_read(buf_str(&path), "wx1", NOVEMBER, &count), -1); /* a folder is no file */
    CHECK_INT(errno, EISDIR);
    buf_free(&path);
}

int main(void)
{
    test_month();
    test_find();
    test_set();
    test_counts();
    test_no_folder();
    return 0;
}
