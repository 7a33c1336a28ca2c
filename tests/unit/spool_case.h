/* A small spool for tests, and its three files as bytes, so that each can be cut off and damaged. Row n of generation g says so in
 * everything it holds: whatever row is read, it is seen whose it is. */
#ifndef TESTS_UNIT_SPOOL_CASE_H
#define TESTS_UNIT_SPOOL_CASE_H

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "proto/mp.h"
#include "task/spool.h"
#include "tests/unit/test.h"

enum { FILE_ROWS, FILE_MARKS, FILE_FAILURES, FILES };

#define MARK_BYTES 16
#define HEAD_BYTES 8 /* of a record */

static const char *const spool_files[FILES] = {"rows", "marks", "failures"};

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* Generation 0: the smallest rows there are. */
static inline void spool_case_row(uint64_t number, unsigned generation, struct buf *out)
{
    struct buf openid = {0}, vars = {0};
    if (generation == 0)
        buf_printf(&openid, "%c", (int)('a' + number));
    else
        buf_printf(&openid, "openid-%u-%" PRIu64, generation, number);
    if (generation > 0 && number % 2 == 0) {
        mp_map(&vars, 1);
        mp_put_u64(&vars, "n", number * 1000 + generation);
    }
    task_row_pack(&(struct task_row){.line = number + 2, .openid = buf_span(&openid), .vars = buf_span(&vars)}, out);
    buf_free(&openid);
    buf_free(&vars);
}

static inline int spool_case_put(struct spool *s, uint64_t first, size_t count, unsigned generation)
{
    struct buf data = {0};
    for (size_t i = 0; i < count; i++)
        spool_case_row(first + i, generation, &data);
    int wrong = spool_put_rows(s, first, buf_span(&data)), error = errno;
    buf_free(&data);
    errno = error;
    return wrong;
}

/* 1 when the row reads and is that one; 0 when it does not read. Any other row ends the test. */
static inline int spool_case_reads(struct spool *s, uint64_t number, unsigned generation)
{
    struct mark mark;
    struct task_row row;
    struct buf bytes = {0}, expected = {0};
    CHECK_INT(spool_marks(s, number, 1, &mark), 0);
    int reads = spool_row(s, number, &mark, &bytes, &row) == 0;
    if (reads) {
        spool_case_row(number, generation, &expected);
        CHECK_BYTES(row.packed, buf_span(&expected));
        CHECK_U64(row.line, number + 2);
    }
    buf_free(&bytes);
    buf_free(&expected);
    return reads;
}

static inline void spool_case_check_rows(struct spool *s, uint64_t first, uint64_t count, unsigned generation)
{
    for (uint64_t i = first; i < first + count; i++)
        CHECK(spool_case_reads(s, i, generation));
}

static inline struct mark spool_case_mark(struct spool *s, uint64_t number)
{
    struct mark mark;
    CHECK_INT(spool_marks(s, number, 1, &mark), 0);
    return mark;
}

static inline void spool_case_set(struct spool *s, uint64_t number, enum row_state state, int32_t errcode)
{
    struct mark mark = spool_case_mark(s, number);
    mark.state = state;
    mark.errcode = errcode;
    CHECK_INT(spool_put_mark(s, number, &mark), 0);
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static inline struct failure spool_case_failure(uint64_t row)
{
    static const char *const messages[] = {"{\"errcode\":43004}", "", "its ttl is over"};
    return (struct failure){.row = row,
                            .round = 1,
                            .state = ROW_REFUSED,
                            .code = 400,
                            .errcode = 43004,
                            .settled_ms = 1700000000000 + (int64_t)row,
                            .message = span_of(messages[row % 3])};
}

static inline int spool_case_put_failures(struct spool *s, uint64_t first, size_t count)
{
    struct failure failures[8];
    CHECK(count <= 8);
    for (size_t i = 0; i < count; i++)
        failures[i] = spool_case_failure(first + i);
    return spool_put_failures(s, failures, count);
}

/* The rows of the failures that read, in order, at most `room`; each is the one that was written. Returns how many. */
static inline size_t spool_case_failures(struct spool *s, uint64_t *rows, size_t room)
{
    struct failure f;
    struct buf bytes = {0};
    uint64_t at = 0;
    size_t count = 0;
    while (spool_next_failure(s, &at, &bytes, &f) == 1) {
        struct failure expected = spool_case_failure(f.row);
        CHECK_INT(f.round, expected.round);
        CHECK_INT(f.state, expected.state);
        CHECK_INT(f.code, expected.code);
        CHECK_INT(f.errcode, expected.errcode);
        CHECK_INT(f.settled_ms, expected.settled_ms);
        CHECK_BYTES(f.message, expected.message);
        CHECK(count < room);
        rows[count++] = f.row;
    }
    buf_free(&bytes);
    return count;
}

/* --- the files ---------------------------------------------------------------------------------------------------- */

static inline struct spool *spool_case_open(int is_new)
{
    struct buf error = {0};
    struct spool *s = spool_open(test_folder(), is_new, &error);
    CHECK(s != NULL || error.bytes > 0);
    if (s == NULL && is_new)
        test_print("error", buf_span(&error));
    buf_free(&error);
    return s;
}

static inline struct spool *spool_case_reopen(struct spool *s)
{
    spool_close(&s);
    CHECK(s == NULL);
    s = spool_case_open(0);
    CHECK(s != NULL);
    return s;
}

static inline struct buf spool_case_bytes(int file)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", test_folder(), spool_files[file]);
    struct buf bytes = test_read(buf_str(&path));
    buf_free(&path);
    return bytes;
}

/* Reads all three. */
static inline void spool_case_keep(struct buf kept[FILES])
{
    for (int i = 0; i < FILES; i++)
        kept[i] = spool_case_bytes(i);
}

static inline void spool_case_write(int file, struct span bytes)
{
    free(test_file(spool_files[file], bytes));
}

/* Writes all three as they were kept. */
static inline void spool_case_restore(const struct buf kept[FILES])
{
    for (int i = 0; i < FILES; i++)
        spool_case_write(i, buf_span(&kept[i]));
}

static inline void spool_case_forget(struct buf kept[FILES])
{
    for (int i = 0; i < FILES; i++)
        buf_free(&kept[i]);
}

/* Files end at so many bytes from now on; RLIM_INFINITY: as far as they may. */
static inline void spool_case_limit(rlim_t bytes)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
}

#endif
