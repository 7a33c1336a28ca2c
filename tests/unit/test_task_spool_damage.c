/* What a kill, a power cut and a bad disk make of a task's files: each of them cut off at every length, its end turned to zeros, each
 * byte changed. Opening works or says why not; a row that reads is the row that was written, and so is a failure. */
#include "tests/unit/spool_case.h"

#define ROWS 5

/* Rows with and without results; of rows 1 and 3 there are failures, whose marks are written or, as a kill leaves it, not. */
static void make(struct buf kept[FILES], int has_marks)
{
    struct spool *s = spool_case_open(1);
    CHECK_INT(spool_case_put(s, 0, 3, 1), 0);
    CHECK_INT(spool_case_put(s, 3, ROWS - 3, 1), 0);
    CHECK_INT(spool_case_put_failures(s, 1, 1), 0);
    CHECK_INT(spool_case_put_failures(s, 3, 1), 0);
    if (has_marks) {
        spool_case_set(s, 0, ROW_SENT, 0);
        spool_case_set(s, 1, ROW_REFUSED, 43004);
        spool_case_set(s, 3, ROW_REFUSED, 43004);
    }
    spool_close(&s);
    spool_case_keep(kept);
}

/* What always holds. Returns how many rows read. */
static size_t check_rows(struct spool *s)
{
    size_t reads = 0;
    CHECK(spool_rows(s) <= ROWS);
    for (uint64_t i = 0; i < spool_rows(s); i++) {
        reads += (size_t)spool_case_reads(s, i, 1);
        CHECK(spool_case_mark(s, i).state < ROW_STATES);
    }
    return reads;
}

static size_t check_failures(struct spool *s, uint64_t rows[ROWS])
{
    size_t count = spool_case_failures(s, rows, ROWS);
    CHECK(count <= 2);
    for (size_t i = 0; i < count; i++)
        CHECK(rows[i] == 1 || rows[i] == 3);
    CHECK(count < 2 || (rows[0] == 1 && rows[1] == 3));
    return count;
}

/* Whatever was found, the spool is one with which a maker goes on. */
static void check_goes_on(struct spool *s)
{
    uint64_t rows = spool_rows(s);
    uint64_t failed[ROWS + 1];
    size_t failures = spool_case_failures(s, failed, ROWS);
    CHECK_INT(spool_case_put(s, rows, 2, 2), 0);
    CHECK_INT(spool_case_put_failures(s, rows, 1), 0);
    s = spool_case_reopen(s);
    CHECK_U64(spool_rows(s), rows + 2);
    spool_case_check_rows(s, rows, 2, 2);
    CHECK_U64(spool_case_failures(s, failed, ROWS + 1), failures + 1);
    CHECK_U64(failed[failures], rows);
    spool_close(&s);
}

/* --- cut off ------------------------------------------------------------------------------------------------------- */

static void cut_file(const struct buf kept[FILES], int file, size_t bytes)
{
    spool_case_restore(kept);
    spool_case_write(file, (struct span){kept[file].data, bytes});
}

/* A mark whose record is not whole: a task that says so, for the disk has lost what was synced. */
static void test_rows_cut(void)
{
    struct buf kept[FILES];
    make(kept, 1);
    for (size_t bytes = 0; bytes < kept[FILE_ROWS].bytes; bytes++) {
        cut_file(kept, FILE_ROWS, bytes);
        CHECK(spool_case_open(0) == NULL);
    }
    spool_case_forget(kept);
}

/* Records without marks, as a kill leaves them: the rows before. */
static void test_marks_cut(void)
{
    struct buf kept[FILES];
    make(kept, 1);
    for (size_t bytes = 0; bytes <= kept[FILE_MARKS].bytes; bytes++) {
        cut_file(kept, FILE_MARKS, bytes);
        struct spool *s = spool_case_open(0);
        CHECK(s != NULL);
        CHECK_U64(spool_rows(s), bytes / MARK_BYTES);
        CHECK_U64(check_rows(s), bytes / MARK_BYTES);
        check_goes_on(s);
    }
    spool_case_forget(kept);
}

/* Failures up to the cut, and with them marks that a kill has taken away. */
static void test_failures_cut(void)
{
    for (int has_marks = 0; has_marks <= 1; has_marks++) {
        struct buf kept[FILES];
        uint64_t rows[ROWS];
        make(kept, has_marks);
        size_t all = kept[FILE_FAILURES].bytes;
        size_t first = HEAD_BYTES + u32be_at(kept[FILE_FAILURES].data);
        for (size_t bytes = 0; bytes <= all; bytes++) {
            size_t whole = bytes == all ? 2 : bytes >= first ? 1 : 0;
            cut_file(kept, FILE_FAILURES, bytes);
            struct spool *s = spool_case_open(0);
            CHECK(s != NULL);
            CHECK_U64(check_rows(s), ROWS);
            CHECK_U64(check_failures(s, rows), whole);
            CHECK_INT(spool_case_mark(s, 1).state, has_marks || whole > 0 ? ROW_REFUSED : ROW_TODO);
            CHECK_INT(spool_case_mark(s, 3).state, has_marks || whole > 1 ? ROW_REFUSED : ROW_TODO);
            check_goes_on(s);
        }
        spool_case_forget(kept);
    }
}

static void test_no_file(void)
{
    struct buf kept[FILES];
    make(kept, 1);
    for (int i = 0; i < FILES; i++) {
        struct buf path = {0}, error = {0}, expected = {0};
        spool_case_restore(kept);
        buf_printf(&path, "%s/%s", test_folder(), spool_files[i]);
        buf_printf(&expected, "%s: No such file or directory", buf_str(&path));
        CHECK_INT(remove(buf_str(&path)), 0);
        CHECK(spool_open(test_folder(), 0, &error) == NULL);
        CHECK_STR(buf_str(&error), buf_str(&expected));
        buf_free(&path);
        buf_free(&error);
        buf_free(&expected);
    }
    spool_case_forget(kept);
}

/* --- zeros --------------------------------------------------------------------------------------------------------- */

/* A file that has grown, and whose last bytes had not been written when the power went. */
static void test_zeros_at_the_end(void)
{
    for (int file = 0; file < FILES; file++) {
        struct buf kept[FILES];
        size_t opened = 0;
        make(kept, 1);
        for (size_t from = 0; from < kept[file].bytes; from++) {
            uint64_t rows[ROWS];
            spool_case_restore(kept);
            struct buf changed = {0};
            buf_append(&changed, kept[file].data, kept[file].bytes);
            memset(changed.data + from, 0, changed.bytes - from);
            spool_case_write(file, buf_span(&changed));
            buf_free(&changed);
            struct spool *s = spool_case_open(0);
            if (s == NULL)
                continue;
            opened++;
            check_rows(s);
            check_failures(s, rows);
            check_goes_on(s);
        }
        CHECK_U64(opened > 0, file != FILE_ROWS); /* its last byte is a record's */
        spool_case_forget(kept);
    }
}

/* --- damage -------------------------------------------------------------------------------------------------------- */

/* Returns the spool with one byte changed; NULL when it is not opened any more. */
static struct spool *open_changed(const struct buf kept[FILES], int file, size_t at, int change)
{
    struct buf changed = {0};
    spool_case_restore(kept);
    buf_append(&changed, kept[file].data, kept[file].bytes);
    changed.data[at] = (char)(changed.data[at] ^ change);
    spool_case_write(file, buf_span(&changed));
    buf_free(&changed);
    return spool_case_open(0);
}

static void test_byte_of_rows(void)
{
    static const int changes[] = {0x01, 0x20, 0x80, 0xff};
    struct buf kept[FILES];
    make(kept, 1);
    for (size_t i = 0; i < kept[FILE_ROWS].bytes * 4; i++) {
        struct spool *s = open_changed(kept, FILE_ROWS, i / 4, changes[i % 4]);
        if (s == NULL)
            continue; /* of the last one */
        CHECK_U64(spool_rows(s), ROWS);
        CHECK_U64(check_rows(s), ROWS - 1);
        spool_close(&s);
    }
    spool_case_forget(kept);
}

/* Marks have no checksum: what became of a row may be wrong then, but not whose row it is. */
static void test_byte_of_marks(void)
{
    struct buf kept[FILES];
    make(kept, 1);
    for (size_t at = 0; at < kept[FILE_MARKS].bytes; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct spool *s = open_changed(kept, FILE_MARKS, at, 1 << bit);
            int is_offset = at % MARK_BYTES < 8;
            if (s == NULL) {
                CHECK(is_offset && at / MARK_BYTES == ROWS - 1);
                continue;
            }
            CHECK_U64(check_rows(s), is_offset ? ROWS - 1 : ROWS);
            spool_close(&s);
        }
    spool_case_forget(kept);
}

/* The place of each row's record in each row's mark. */
static void test_places_mixed_up(void)
{
    struct buf kept[FILES];
    make(kept, 1);
    for (size_t i = 0; i < ROWS - 1; i++)
        for (size_t j = 0; j < ROWS; j++) {
            struct buf changed = {0};
            spool_case_restore(kept);
            buf_append(&changed, kept[FILE_MARKS].data, kept[FILE_MARKS].bytes);
            memcpy(changed.data + i * MARK_BYTES, kept[FILE_MARKS].data + j * MARK_BYTES, 8);
            spool_case_write(FILE_MARKS, buf_span(&changed));
            buf_free(&changed);
            struct spool *s = spool_case_open(0);
            CHECK(s != NULL);
            CHECK_INT(spool_case_reads(s, i, 1), i == j);
            CHECK_U64(check_rows(s), i == j ? ROWS : ROWS - 1);
            spool_close(&s);
        }
    spool_case_forget(kept);
}

/* One that is damaged hides itself; when it is its length, those behind it too. Its mark goes on to say that it failed. */
static void test_byte_of_failures(void)
{
    static const int changes[] = {0x01, 0x04, 0x80, 0xff};
    struct buf kept[FILES];
    uint64_t rows[ROWS];
    make(kept, 1);
    size_t first = HEAD_BYTES + u32be_at(kept[FILE_FAILURES].data);
    for (size_t i = 0; i < kept[FILE_FAILURES].bytes * 4; i++) {
        size_t at = i / 4;
        struct spool *s = open_changed(kept, FILE_FAILURES, at, changes[i % 4]);
        CHECK(s != NULL);
        CHECK_U64(check_rows(s), ROWS);
        size_t there = check_failures(s, rows);
        CHECK(there == 1 || (there == 0 && at < 4));
        if (there == 1)
            CHECK_U64(rows[0], at < first ? 3 : 1);
        CHECK_INT(spool_case_mark(s, 1).state, ROW_REFUSED);
        check_goes_on(s);
    }
    spool_case_forget(kept);
}

int main(void)
{
    test_rows_cut();
    test_marks_cut();
    test_failures_cut();
    test_no_file();
    test_zeros_at_the_end();
    test_byte_of_rows();
    test_byte_of_marks();
    test_places_mixed_up();
    test_byte_of_failures();
    return 0;
}
