/* Repeated recipients, against a list of all that were seen: with no file, with one, and with one that cannot be written. */
#include <sys/resource.h>
#include <signal.h>

#include "client/rows/duplicates.h"
#include "tests/unit/test.h"

#define ROWS_MAX 60000

struct model {
    uint32_t first[ROWS_MAX]; /* of each recipient its first row, 0: none */
    unsigned char is_repeat[ROWS_MAX + 1];
    struct duplicates_example examples[1000];
    size_t examples_count;
    uint64_t count;
};

static uint64_t line_of(uint32_t number)
{
    return 5000000000u + (uint64_t)number * 3;
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void model_add(struct model *m, uint32_t recipient, uint32_t number, size_t examples_max)
{
    if (m->first[recipient] == 0) {
        m->first[recipient] = number;
        return;
    }
    m->is_repeat[number] = 1;
    m->count++;
    if (m->examples_count < examples_max)
        m->examples[m->examples_count++] =
            (struct duplicates_example){line_of(m->first[recipient]), line_of(number)};
}

static void compare(const struct duplicates *d, const struct model *m, uint32_t rows)
{
    size_t examples;
    const struct duplicates_example *first = duplicates_first(d, &examples);
    CHECK_U64(duplicates_count(d), m->count);
    CHECK_U64(examples, m->examples_count);
    for (size_t i = 0; i < examples; i++) {
        CHECK_U64(first[i].first_line, m->examples[i].first_line);
        CHECK_U64(first[i].line, m->examples[i].line);
    }
    uint64_t next = duplicates_next(d, 0);
    for (uint32_t number = 1; number <= rows; number++) {
        CHECK_INT(duplicates_is_repeat(d, number), m->is_repeat[number]);
        if (!m->is_repeat[number])
            continue;
        CHECK_U64(next, number);
        next = duplicates_next(d, next);
    }
    CHECK_U64(next, 0);
    CHECK_INT(duplicates_is_repeat(d, rows + 1), 0);
}

static void check(uint32_t rows, uint32_t recipients, uint32_t block_rows, size_t examples_max)
{
    struct model *m = mem_new(sizeof *m);
    struct duplicates_options o = {.folder = test_folder(), .block_rows = block_rows, .examples_max = examples_max};
    struct duplicates *d = duplicates_new(&o);
    uint64_t state = rows ^ recipients;
    for (uint32_t number = 1; number <= rows; number++) {
        uint32_t recipient = next_random(&state) % recipients;
        char openid[32];
        int bytes = snprintf(openid, sizeof openid, "o%u", recipient);
        CHECK_INT(duplicates_add(d, (struct span){openid, (size_t)bytes}, line_of(number)), 0);
        model_add(m, recipient, number, examples_max);
    }
    CHECK_INT(duplicates_finish(d), 0);
    compare(d, m, rows);
    duplicates_destroy(&d);
    free(m);
}

static void test_model(void)
{
    check(0, 1, 0, 10);
    check(1, 1, 0, 10);
    check(20000, 1, 3, 10);
    check(9, 3, 1, 0);
    check(20000, 20000, 0, 1000);
    check(60000, 50000, 5, 10);
    check(60000, 300, 2, 3);
    check(60000, 60000, 1, 1000);
    CHECK_INT(rmdir(test_folder()), 0); /* nothing was left in it */
    *test_folder_path = 0;
}

static void test_rows_max(void)
{
    struct duplicates *d = duplicates_new(&(struct duplicates_options){.rows_max = 2});
    CHECK_INT(duplicates_add(d, span_of("o1"), 1), 0);
    CHECK_INT(duplicates_add(d, span_of("o1"), 2), 0);
    CHECK_INT(duplicates_add(d, span_of("o1"), 3), -1);
    CHECK_STR(duplicates_error(d), "more than 2 recipients: split the list");
    CHECK_INT(duplicates_finish(d), 0);
    CHECK_U64(duplicates_count(d), 1);
    duplicates_destroy(&d);
}

static int add_until_failure(struct duplicates *d)
{
    for (uint64_t i = 0; i < 100000; i++) {
        char openid[32];
        int bytes = snprintf(openid, sizeof openid, "o%u", (unsigned)i);
        if (duplicates_add(d, (struct span){openid, (size_t)bytes}, i))
            return -1;
    }
    return 0;
}

static void test_failures(void)
{
    struct duplicates *d = duplicates_new(&(struct duplicates_options){.folder = "/nowhere/at/all", .block_rows = 4});
    CHECK_INT(add_until_failure(d), -1);
    CHECK_STR(duplicates_error(d), "making a temporary file in /nowhere/at/all: No such file or directory; it needs 24 bytes for each "
                                   "recipient, set TMPDIR to a folder where it fits");
    duplicates_destroy(&d);

    setenv("TMPDIR", test_folder(), 1);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, small = {.rlim_cur = 100000};
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
    d = duplicates_new(&(struct duplicates_options){.block_rows = 4});
    CHECK_INT(add_until_failure(d), -1);
    CHECK_HAS(duplicates_error(d), "writing a temporary file in /tmp/mega-test-");
    CHECK_HAS(duplicates_error(d), ": File too large; it needs");
    duplicates_destroy(&d);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
}

/* Two million recipients, no two the same: what is kept of them lies in the file. */
static void test_memory(void)
{
    struct rusage before, after;
    CHECK_INT(getrusage(RUSAGE_SELF, &before), 0);
    struct duplicates *d = duplicates_new(&(struct duplicates_options){.folder = test_folder()});
    for (uint32_t i = 0; i < 2000000; i++) {
        CHECK_INT(duplicates_add(d, (struct span){(const char *)&i, sizeof i}, i), 0);
    }
    CHECK_INT(duplicates_finish(d), 0);
    CHECK_U64(duplicates_count(d), 0);
    duplicates_destroy(&d);
    CHECK_INT(getrusage(RUSAGE_SELF, &after), 0);
    CHECK(after.ru_maxrss - before.ru_maxrss < 16 * 1024);
}

int main(void)
{
    test_memory(); /* first, while little memory was ever used */
    test_model();
    test_rows_max();
    test_failures();
    return 0;
}
