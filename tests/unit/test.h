/* What the unit tests check with. A test is a plain main(); the first check that fails prints where, what was
 * expected and what came, and ends the process with 1.
 *
 * Always in the order (got, expected). The macros do nothing but add the place to a function call.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <ftw.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

#define CHECK(condition)           test_check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define CHECK_INT(got, expected)   test_int((int64_t)(got), (int64_t)(expected), #got, __FILE__, __LINE__)
#define CHECK_U64(got, expected)   test_u64((uint64_t)(got), (uint64_t)(expected), #got, __FILE__, __LINE__)
#define CHECK_STR(got, expected)   test_str((got), (expected), #got, __FILE__, __LINE__)
#define CHECK_SPAN(got, expected)  test_span((got), span_of(expected), #got, __FILE__, __LINE__)
#define CHECK_BYTES(got, expected) test_span((got), (expected), #got, __FILE__, __LINE__) /* two spans */
#define CHECK_HAS(got, part)       test_has((got), (part), #got, __FILE__, __LINE__)      /* part is in it */

static inline void test_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
}

static inline void test_check(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    test_fail("does not hold", file, line);
    fprintf(stderr, "  %s\n", what);
    exit(1);
}

static inline void test_int(int64_t got, int64_t expected, const char *what, const char *file, int line)
{
    if (got == expected)
        return;
    test_fail(what, file, line);
    fprintf(stderr, "  expected %" PRId64 "\n  got      %" PRId64 "\n", expected, got);
    exit(1);
}

static inline void test_u64(uint64_t got, uint64_t expected, const char *what, const char *file, int line)
{
    if (got == expected)
        return;
    test_fail(what, file, line);
    fprintf(stderr, "  expected %" PRIu64 "\n  got      %" PRIu64 "\n", expected, got);
    exit(1);
}

/* Prints bytes so that every one can be seen. */
static inline void test_print(const char *name, struct span s)
{
    fprintf(stderr, "  %-8s ", name);
    for (size_t i = 0; i < s.bytes; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c == '\\')
            fputs("\\\\", stderr);
        else if (c >= 0x20 && c < 0x7F)
            fputc(c, stderr);
        else
            fprintf(stderr, "\\x%02x", c);
    }
    fprintf(stderr, " (%zu bytes)\n", s.bytes);
}

static inline void test_span(struct span got, struct span expected, const char *what, const char *file,
                             int line)
{
    if (span_equal(got, expected))
        return;
    test_fail(what, file, line);
    test_print("expected", expected);
    test_print("got", got);
    exit(1);
}

static inline void test_str(const char *got, const char *expected, const char *what, const char *file,
                            int line)
{
    if (got == expected)
        return;
    test_span(span_of(got == NULL ? "(NULL)" : got), span_of(expected == NULL ? "(NULL)" : expected), what,
              file, line);
}

static inline void test_has(const char *got, const char *part, const char *what, const char *file, int line)
{
    if (strstr(got, part) != NULL)
        return;
    test_fail(what, file, line);
    fprintf(stderr, "  expected ...%s...\n  got      %s\n", part, got);
    exit(1);
}

/* Of the running test; empty until it is asked for. */
static char test_folder_path[64];

static inline int test_remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static inline void test_remove_folder(void)
{
    nftw(test_folder_path, test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A temporary folder, the same one at each call, removed when the test ends well or not (but for a crash). */
static inline const char *test_folder(void)
{
    if (*test_folder_path != '\0')
        return test_folder_path;
    snprintf(test_folder_path, sizeof test_folder_path, "/tmp/mega-test-XXXXXX");
    CHECK(mkdtemp(test_folder_path) != NULL);
    atexit(test_remove_folder);
    return test_folder_path;
}

/* Writes a file into the temporary folder. Returns its path, to be freed by the caller. */
static inline char *test_file(const char *name, struct span content)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", test_folder(), name);
    FILE *file = fopen(buf_str(&path), "w");
    CHECK(file != NULL);
    CHECK_U64(fwrite(content.data, 1, content.bytes, file), content.bytes);
    CHECK_INT(fclose(file), 0);
    return path.data;
}

/* The content of a file, to be freed by the caller with buf_free. */
static inline struct buf test_read(const char *path)
{
    struct buf content = {0};
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    for (int c = getc(file); c != EOF; c = getc(file))
        buf_append(&content, &(char){(char)c}, 1);
    fclose(file);
    return content;
}

#endif
