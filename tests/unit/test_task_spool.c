/* The rows of a task on disk: put in pieces and put again, marks, failures, and all of it after the files were opened again.
 * What cannot be written is not there, now and after a reopening, and the next that can be is. */
#include "tests/unit/spool_case.h"

/* --- rows --------------------------------------------------------------------------------------------------------- */

static void test_pieces(void)
{
    struct spool *s = spool_case_open(1);
    CHECK(s != NULL);
    CHECK_U64(spool_rows(s), 0);
    CHECK_INT(spool_put_rows(s, 0, (struct span){NULL, 0}), 0);
    CHECK_U64(spool_rows(s), 0);
    CHECK_INT(spool_case_put(s, 0, 3, 1), 0);
    CHECK_INT(spool_case_put(s, 3, 1, 1), 0);
    CHECK_INT(spool_case_put(s, 4, 200, 1), 0);
    CHECK_U64(spool_rows(s), 204);
    spool_case_check_rows(s, 0, 204, 1);
    s = spool_case_reopen(s);
    CHECK_U64(spool_rows(s), 204);
    spool_case_check_rows(s, 0, 204, 1);
    CHECK_INT(spool_case_put(s, 204, 1, 1), 0);
    spool_case_check_rows(s, 0, 205, 1);
    CHECK_INT(spool_sync(s), 0);
    spool_close(&s);
    spool_close(&s);
}

/* A piece that comes again, late or in part, changes nothing of what is there. */
static void test_put_again(void)
{
    for (uint64_t first = 0; first <= 6; first++) {
        struct spool *s = spool_case_open(1);
        uint64_t rows = first + 2 > 6 ? first + 2 : 6;
        CHECK_INT(spool_case_put(s, 0, 6, 1), 0);
        CHECK_INT(spool_case_put(s, first, 2, 2), 0);
        for (int reopened = 0; reopened <= 1; reopened++) {
            CHECK_U64(spool_rows(s), rows);
            spool_case_check_rows(s, 0, 6, 1);
            spool_case_check_rows(s, 6, rows - 6, 2);
            s = spool_case_reopen(s);
        }
        spool_close(&s);
    }
}

/* A gap, and what is no row. */
static void test_refused_rows(void)
{
    static const char *const no_rows[] = {"\x01", "\x93\x01\xa1o", "\x92\x01\xa1o", "\x93\x01\xa0\xc0"};
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_case_put(s, 1, 1, 1), -2);
    CHECK_INT(spool_case_put(s, 0, 2, 1), 0);
    CHECK_INT(spool_case_put(s, 3, 1, 1), -2);
    for (size_t i = 0; i < sizeof no_rows / sizeof *no_rows; i++) {
        struct buf data = {0};
        spool_case_row(2, 1, &data);
        buf_append_str(&data, no_rows[i]);
        CHECK_INT(spool_put_rows(s, 2, buf_span(&data)), -2); /* nor the good one in front of it */
        CHECK_U64(spool_rows(s), 2);
        buf_free(&data);
    }
    s = spool_case_reopen(s);
    CHECK_U64(spool_rows(s), 2);
    spool_case_check_rows(s, 0, 2, 1);
    spool_close(&s);
}

/* A folder in which something was left: a new spool is empty all the same. */
static void test_new_is_empty(void)
{
    uint64_t rows[8];
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_case_put(s, 0, 3, 1), 0);
    CHECK_INT(spool_case_put_failures(s, 0, 3), 0);
    spool_close(&s);
    s = spool_case_open(1);
    CHECK_U64(spool_rows(s), 0);
    CHECK_U64(spool_case_failures(s, rows, 8), 0);
    CHECK_INT(spool_case_put(s, 0, 3, 2), 0);
    s = spool_case_reopen(s);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_INT(spool_case_mark(s, i).state, ROW_TODO);
    spool_close(&s);
}

static void test_no_folder(void)
{
    struct buf error = {0};
    struct spool *s = spool_open("/nonexistent/mega", 1, &error);
    CHECK(s == NULL);
    CHECK_STR(buf_str(&error), "/nonexistent/mega/rows: No such file or directory");
    buf_free(&error);
}

/* --- marks -------------------------------------------------------------------------------------------------------- */

static void test_marks(void)
{
    static const struct mark written[] = {
        {.state = ROW_SENT, .round = 1},
        {.state = ROW_REFUSED, .round = 2, .errcode = 43004},
        {.state = ROW_CANCELLED, .round = UINT16_MAX, .is_unfed = 1},
        {.state = ROW_DEAD, .round = 256, .errcode = INT32_MIN},
        {.state = ROW_DROPPED, .round = 1, .errcode = INT32_MAX},
        {.state = ROW_PENDING, .round = 1, .errcode = -1}};
    size_t count = sizeof written / sizeof *written;
    struct mark marks[6];
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_case_put(s, 0, count, 1), 0);
    for (size_t i = 0; i < count; i++) {
        struct mark mark = spool_case_mark(s, i);
        CHECK_INT(mark.state, ROW_TODO);
        CHECK_INT(mark.round, 1);
        CHECK_INT(mark.is_unfed, 0);
        CHECK_INT(mark.errcode, 0);
        uint64_t offset = mark.offset;
        mark = written[i];
        mark.offset = offset;
        CHECK_INT(spool_put_mark(s, i, &mark), 0);
    }
    s = spool_case_reopen(s);
    CHECK_INT(spool_marks(s, 0, count, marks), 0);
    for (size_t i = 0; i < count; i++) {
        CHECK_INT(marks[i].state, written[i].state);
        CHECK_INT(marks[i].round, written[i].round);
        CHECK_INT(marks[i].is_unfed, written[i].is_unfed);
        CHECK_INT(marks[i].errcode, written[i].errcode);
    }
    spool_case_check_rows(s, 0, count, 1);
    spool_close(&s);
}

static void test_errcode(void)
{
    static const struct {
        int64_t errcode;
        int32_t kept;
    } cases[] = {{0, 0},       {-1, -1},       {43004, 43004},          {INT32_MAX, INT32_MAX}, {INT32_MIN, INT32_MIN},
                 {INT64_C(1) << 32, INT32_MAX}, {INT64_MIN, INT32_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_INT(failure_errcode(cases[i].errcode), cases[i].kept);
}

struct visit {
    uint64_t next;
};

/* Every third row is refused; what it does to the others is not to be written. */
static int visit_row(void *self, uint64_t row, struct mark *mark)
{
    struct visit *v = self;
    CHECK_U64(row, v->next);
    v->next++;
    mark->state = row % 3 == 0 ? ROW_REFUSED : ROW_DEAD;
    return row % 3 == 0;
}

/* More rows than are read at once. */
static void test_visit(void)
{
    enum { ROWS = 10000 };
    struct mark *marks = mem_new(ROWS * sizeof *marks);
    struct visit v = {0};
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_visit(s, visit_row, &v), 0);
    CHECK_U64(v.next, 0);
    CHECK_INT(spool_case_put(s, 0, ROWS, 1), 0);
    CHECK_INT(spool_visit(s, visit_row, &v), 0);
    CHECK_U64(v.next, ROWS);
    s = spool_case_reopen(s);
    CHECK_INT(spool_marks(s, 0, ROWS, marks), 0);
    for (uint64_t i = 0; i < ROWS; i++) {
        CHECK_INT(marks[i].state, i % 3 == 0 ? ROW_REFUSED : ROW_TODO);
        CHECK_INT(marks[i].round, 1);
    }
    spool_case_check_rows(s, ROWS - 3, 3, 1);
    spool_close(&s);
    free(marks);
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static void test_failures(void)
{
    uint64_t rows[8];
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_case_put(s, 0, 5, 1), 0);
    CHECK_U64(spool_case_failures(s, rows, 8), 0);
    CHECK_INT(spool_put_failures(s, NULL, 0), 0);
    CHECK_INT(spool_case_put_failures(s, 2, 2), 0);
    CHECK_INT(spool_case_put_failures(s, 0, 1), 0);
    for (int reopened = 0; reopened <= 1; reopened++) {
        CHECK_U64(spool_case_failures(s, rows, 8), 3);
        CHECK(rows[0] == 2 && rows[1] == 3 && rows[2] == 0);
        s = spool_case_reopen(s);
    }
    CHECK_INT(spool_case_put_failures(s, 4, 1), 0);
    CHECK_U64(spool_case_failures(s, rows, 8), 4);
    spool_close(&s);
}

static void test_longest_failure(void)
{
    char text[MESSAGE_TEXT_BYTES_MAX];
    memset(text, 'x', sizeof text);
    struct failure f = {.row = UINT64_MAX >> 1, .round = UINT16_MAX, .state = ROW_DEAD, .code = 500, .errcode = INT64_MIN,
                        .settled_ms = INT64_MAX, .message = {text, sizeof text}}, got;
    struct buf bytes = {0};
    uint64_t at = 0;
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_put_failures(s, &f, 1), 0);
    s = spool_case_reopen(s);
    CHECK_INT(spool_next_failure(s, &at, &bytes, &got), 1);
    CHECK_U64(got.row, f.row);
    CHECK_INT(got.round, f.round);
    CHECK_INT(got.errcode, f.errcode);
    CHECK_INT(got.settled_ms, f.settled_ms);
    CHECK_BYTES(got.message, f.message);
    CHECK_INT(spool_next_failure(s, &at, &bytes, &got), 0);
    spool_close(&s);
    buf_free(&bytes);
}

/* The process ended between failures and marks: opening puts those marks right, and no others. */
static void test_failure_without_mark(void)
{
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_case_put(s, 0, 4, 1), 0);
    CHECK_INT(spool_case_put_failures(s, 0, 3), 0);
    spool_case_set(s, 1, ROW_SENT, 0); /* has a result */
    struct mark again = spool_case_mark(s, 2);
    again.round = 2; /* has been put back since */
    CHECK_INT(spool_put_mark(s, 2, &again), 0);
    s = spool_case_reopen(s);
    CHECK_INT(spool_case_mark(s, 0).state, ROW_REFUSED);
    CHECK_INT(spool_case_mark(s, 0).errcode, 43004);
    CHECK_INT(spool_case_mark(s, 1).state, ROW_SENT);
    CHECK_INT(spool_case_mark(s, 2).state, ROW_TODO);
    CHECK_INT(spool_case_mark(s, 3).state, ROW_TODO);
    spool_close(&s);
}

/* --- what cannot be written ---------------------------------------------------------------------------------------- */

/* Of generation 0 the marks are larger than the rows, so that it is the marks which are cut off. */
static void rows_with_limit(rlim_t limit, unsigned generation)
{
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_case_put(s, 0, 3, generation), 0);
    spool_case_limit(limit);
    int wrong = spool_case_put(s, 3, 4, generation);
    int error = errno;
    spool_case_limit(RLIM_INFINITY);
    if (wrong) {
        CHECK_INT(wrong, -1);
        CHECK_INT(error, EFBIG);
    }
    CHECK_U64(spool_rows(s), wrong ? 3 : 7);
    spool_case_check_rows(s, 0, spool_rows(s), generation);
    /* Less than before: nothing of that may be behind it. */
    uint64_t whole = spool_rows(s), rows = wrong ? 4 : 7;
    CHECK_INT(spool_case_put(s, 3, 1, 2), 0);
    CHECK_U64(spool_rows(s), rows);
    s = spool_case_reopen(s);
    CHECK_U64(spool_rows(s), rows);
    spool_case_check_rows(s, 0, whole, generation);
    spool_case_check_rows(s, whole, rows - whole, 2);
    spool_close(&s);
}

static void test_rows_that_cannot_be_written(void)
{
    for (unsigned generation = 0; generation <= 1; generation++)
        for (rlim_t limit = 0; limit < 300; limit++)
            rows_with_limit(limit, generation);
}

/* The same when the process ends instead of trying again. */
static void test_reopened_after_a_failure(void)
{
    for (rlim_t limit = 0; limit < 128; limit++) {
        struct spool *s = spool_case_open(1);
        CHECK_INT(spool_case_put(s, 0, 3, 0), 0);
        spool_case_limit(limit);
        int wrong = spool_case_put(s, 3, 4, 0);
        spool_case_limit(RLIM_INFINITY);
        s = spool_case_reopen(s);
        CHECK_U64(spool_rows(s), wrong ? 3 : 7);
        spool_case_check_rows(s, 0, spool_rows(s), 0);
        spool_close(&s);
    }
}

/* Failures of the same size: of a group that failed the second one would follow what is written in the first one's place. Returns 1 when
 * they could not be written. */
static int failures_with_limit(rlim_t limit, int is_reopened)
{
    uint64_t rows[8];
    const struct failure group[] = {spool_case_failure(3), spool_case_failure(6), spool_case_failure(9)};
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_case_put(s, 0, 20, 1), 0);
    CHECK_INT(spool_case_put_failures(s, 0, 2), 0);
    spool_case_limit(limit);
    int wrong = spool_put_failures(s, group, 3);
    spool_case_limit(RLIM_INFINITY);
    CHECK_INT(wrong, wrong ? -1 : 0);
    if (is_reopened)
        s = spool_case_reopen(s);
    size_t there = wrong ? 2 : 5;
    CHECK_U64(spool_case_failures(s, rows, 8), there);
    CHECK_INT(spool_case_put_failures(s, 12, 1), 0);
    for (int reopened = 0; reopened <= 1; reopened++) {
        CHECK_U64(spool_case_failures(s, rows, 8), there + 1);
        CHECK_U64(rows[there], 12);
        s = spool_case_reopen(s);
    }
    CHECK_INT(spool_case_mark(s, 6).state, wrong ? ROW_TODO : ROW_REFUSED);
    spool_close(&s);
    return wrong != 0;
}

static void test_failures_that_cannot_be_written(void)
{
    int failed = 0;
    for (rlim_t limit = 0; limit < 400; limit++)
        for (int is_reopened = 0; is_reopened <= 1; is_reopened++)
            failed += failures_with_limit(limit, is_reopened);
    CHECK(failed > 100 && failed < 798);
}

static void test_marks_that_cannot_be_written(void)
{
    struct visit v = {0};
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_case_put(s, 0, 4, 1), 0);
    struct mark mark = spool_case_mark(s, 2);
    mark.state = ROW_SENT;
    spool_case_limit(2 * MARK_BYTES);
    CHECK_INT(spool_put_mark(s, 2, &mark), -1);
    CHECK_INT(spool_visit(s, visit_row, &v), -1);
    spool_case_limit(RLIM_INFINITY);
    CHECK_INT(spool_case_mark(s, 2).state, ROW_TODO);
    CHECK_INT(spool_put_mark(s, 2, &mark), 0);
    CHECK_INT(spool_case_mark(s, 2).state, ROW_SENT);
    spool_close(&s);
}

int main(void)
{
    test_pieces();
    test_put_again();
    test_refused_rows();
    test_new_is_empty();
    test_no_folder();
    test_marks();
    test_errcode();
    test_visit();
    test_failures();
    test_longest_failure();
    test_failure_without_mark();
    test_rows_that_cannot_be_written();
    test_reopened_after_a_failure();
    test_failures_that_cannot_be_written();
    test_marks_that_cannot_be_written();
    return 0;
}
