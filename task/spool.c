#include "task/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "proto/mp.h"

#define MARK_BYTES        16
#define HEAD_BYTES        8    /* of a record: its length and its checksum */
#define MARKS_A_READ      4096
#define FAILURE_BYTES_MAX (MESSAGE_TEXT_BYTES_MAX + 256)

struct spool {
    int rows_fd, marks_fd, failures_fd;
    uint64_t rows;           /* marks there are */
    uint64_t rows_bytes;     /* of their records */
    uint64_t failures_bytes; /* up to the end of the last whole record */
    struct buf scratch;
};

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static void put_u64be(char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (char)(value >> (56 - 8 * i));
}

static uint64_t u64be_at(const char *at)
{
    return (uint64_t)u32be_at(at) << 32 | u32be_at(at + 4);
}

static int read_at(int fd, char *to, size_t bytes, uint64_t at)
{
    while (bytes > 0) {
        ssize_t got = pread(fd, to, bytes, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : EIO; /* what was written is not there */
            return -1;
        }
        to += got;
        at += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return 0;
}

static int write_at(int fd, const char *from, size_t bytes, uint64_t at)
{
    while (bytes > 0) {
        ssize_t put = pwrite(fd, from, bytes, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        from += put;
        at += (uint64_t)put;
        bytes -= (size_t)put;
    }
    return 0;
}

/* With the row's number in it, so that a mark which points at another row's record is noticed. Of a failure the number is 0. */
static uint32_t check_of(struct span payload, uint64_t number)
{
    char bytes[8];
    put_u64be(bytes, number);
    return (uint32_t)(hash_64(payload.data, payload.bytes) ^ hash_64(bytes, sizeof bytes));
}

static void append_record(struct span payload, uint64_t number, struct buf *out)
{
    buf_append_u32be(out, (uint32_t)payload.bytes);
    buf_append_u32be(out, check_of(payload, number));
    buf_append(out, payload.data, payload.bytes);
}

/* Reads the payload of the record at `at` into `bytes`. Returns 0, or -1 with errno set: EBADMSG when it is damaged, EMSGSIZE when not
 * even its length can be right. */
static int read_record(int fd, uint64_t at, uint64_t number, size_t bytes_max, struct buf *bytes)
{
    char head[HEAD_BYTES];
    if (read_at(fd, head, sizeof head, at) != 0)
        return -1;
    size_t length = u32be_at(head);
    buf_clear(bytes);
    errno = EMSGSIZE;
    if (length > bytes_max || read_at(fd, buf_reserve(bytes, length + 1), length, at + HEAD_BYTES) != 0)
        return -1;
    bytes->bytes = length;
    errno = EBADMSG;
    return u32be_at(head + 4) == check_of(buf_span(bytes), number) ? 0 : -1;
}

/* Takes away what stands in the file behind its first `bytes`. Returns 0 or -1. */
static int cut_file(int fd, uint64_t bytes)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -1;
    return (uint64_t)st.st_size > bytes ? ftruncate(fd, (off_t)bytes) : 0;
}

static void pack_mark(const struct mark *m, char *to)
{
    put_u64be(to, m->offset);
    to[8] = (char)m->state;
    to[9] = (char)m->is_unfed;
    to[10] = (char)(m->round >> 8);
    to[11] = (char)m->round;
    uint32_t errcode = (uint32_t)m->errcode;
    for (int i = 0; i < 4; i++)
        to[12 + i] = (char)(errcode >> (24 - 8 * i));
}

static void unpack_mark(const char *from, struct mark *m)
{
    unsigned char state = (unsigned char)from[8];
    m->offset = u64be_at(from);
    m->state = state < ROW_STATES ? (enum row_state)state : ROW_DEAD; /* a damaged one is never sent again by itself */
    m->is_unfed = from[9] != 0;
    m->round = (uint16_t)((unsigned char)from[10] << 8 | (unsigned char)from[11]);
    m->errcode = (int32_t)u32be_at(from + 12);
}

int32_t failure_errcode(int64_t errcode)
{
    return errcode >= INT32_MIN && errcode <= INT32_MAX ? (int32_t)errcode : INT32_MAX;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static int open_file(const char *folder, const char *name, int is_new, struct buf *error)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", folder, name);
    int fd = open(buf_str(&path), O_RDWR | O_CLOEXEC | (is_new ? O_CREAT | O_TRUNC : 0), 0600);
    if (fd < 0)
        buf_printf(error, "%s: %s", buf_str(&path), strerror(errno));
    buf_free(&path);
    return fd;
}

/* Where the records of the rows that have marks end. */
static int find_rows_end(struct spool *s)
{
    struct mark last;
    if (s->rows == 0) {
        s->rows_bytes = 0;
        return 0;
    }
    if (spool_marks(s, s->rows - 1, 1, &last) != 0 ||
        read_record(s->rows_fd, last.offset, s->rows - 1, TASK_ROW_BYTES_MAX, &s->scratch) != 0)
        return -1;
    s->rows_bytes = last.offset + HEAD_BYTES + s->scratch.bytes;
    return 0;
}

/* A failure whose mark a kill or a power cut has taken away: it is a result all the same. Without this it would be told twice. */
static int apply_failure(struct spool *s, const struct failure *f)
{
    struct mark mark;
    if (f->row >= s->rows)
        return 0;
    if (spool_marks(s, f->row, 1, &mark) != 0)
        return -1;
    if (mark.state != ROW_TODO || mark.round != f->round)
        return 0;
    mark.state = f->state;
    mark.errcode = failure_errcode(f->errcode);
    return spool_put_mark(s, f->row, &mark);
}

/* A record that was cut off by a kill or a power cut is written over. Returns 0 or -1. */
static int find_failures_end(struct spool *s, const char *folder)
{
    uint64_t at = 0, whole = 0;
    struct failure f;
    struct stat st;
    s->failures_bytes = fstat(s->failures_fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    while (spool_next_failure(s, &at, &s->scratch, &f) == 1) {
        whole += HEAD_BYTES + s->scratch.bytes;
        if (apply_failure(s, &f) != 0)
            return -1;
    }
    if (whole != s->failures_bytes)
        log_warn("failures of a task are cut off or damaged and left out", log_str("folder", folder),
                 log_u64("bytes", s->failures_bytes - whole));
    s->failures_bytes = at;
    return 0;
}

struct spool *spool_open(const char *folder, int is_new, struct buf *error)
{
    struct stat st;
    struct spool *s = mem_new(sizeof *s);
    s->rows_fd = open_file(folder, "rows", is_new, error);
    s->marks_fd = s->rows_fd < 0 ? -1 : open_file(folder, "marks", is_new, error);
    s->failures_fd = s->marks_fd < 0 ? -1 : open_file(folder, "failures", is_new, error);
    if (s->failures_fd >= 0 && fstat(s->marks_fd, &st) == 0) {
        s->rows = (uint64_t)st.st_size / MARK_BYTES;
        if (find_rows_end(s) == 0 && find_failures_end(s, folder) == 0)
            return s;
        buf_printf(error, "%s: its rows or marks cannot be read: %s", folder, strerror(errno));
    }
    spool_close(&s);
    return NULL;
}

void spool_close(struct spool **self)
{
    struct spool *s = *self;
    if (s == NULL)
        return;
    int fds[] = {s->rows_fd, s->marks_fd, s->failures_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    buf_free(&s->scratch);
    free(s);
    *self = NULL;
}

uint64_t spool_rows(const struct spool *s)
{
    return s->rows;
}

/* --- rows and marks ----------------------------------------------------------------------------------------------- */

/* Takes away marks that a failure to write has left behind the last row. Returns 0 or -1. */
static int cut_marks(struct spool *s)
{
    return cut_file(s->marks_fd, s->rows * MARK_BYTES);
}

int spool_put_rows(struct spool *s, uint64_t first, struct span data)
{
    struct buf records = {0}, marks = {0};
    struct task_row row;
    int found, wrong;
    if (first > s->rows)
        return -2;
    if (cut_marks(s) != 0)
        return -1;
    while ((found = task_row_next(&data, &row)) == 1) {
        if (first++ < s->rows)
            continue; /* asked again: it is there */
        struct mark mark = {.offset = s->rows_bytes + records.bytes, .state = ROW_TODO, .round = 1};
        append_record(row.packed, s->rows + marks.bytes / MARK_BYTES, &records);
        pack_mark(&mark, buf_reserve(&marks, MARK_BYTES));
        marks.bytes += MARK_BYTES;
    }
    /* Records first: a mark stands for a row that is there. */
    wrong = found < 0 ? -2
            : write_at(s->rows_fd, records.data, records.bytes, s->rows_bytes) ||
                    write_at(s->marks_fd, marks.data, marks.bytes, s->rows * MARK_BYTES)
                ? -1
                : 0;
    if (wrong == 0) {
        s->rows += marks.bytes / MARK_BYTES;
        s->rows_bytes += records.bytes;
    }
    int error = errno;
    if (wrong == -1)
        cut_marks(s); /* if that fails too, the next call does it */
    buf_free(&records);
    buf_free(&marks);
    errno = error;
    return wrong;
}

int spool_marks(struct spool *s, uint64_t first, size_t count, struct mark *marks)
{
    char bytes[64 * MARK_BYTES];
    assert(first + count <= s->rows);
    while (count > 0) {
        size_t now = count < 64 ? count : 64;
        if (read_at(s->marks_fd, bytes, now * MARK_BYTES, first * MARK_BYTES) != 0)
            return -1;
        for (size_t i = 0; i < now; i++)
            unpack_mark(bytes + i * MARK_BYTES, marks++);
        first += now;
        count -= now;
    }
    return 0;
}

int spool_put_mark(struct spool *s, uint64_t row, const struct mark *mark)
{
    char bytes[MARK_BYTES];
    assert(row < s->rows);
    pack_mark(mark, bytes);
    return write_at(s->marks_fd, bytes, sizeof bytes, row * MARK_BYTES);
}

int spool_row(struct spool *s, uint64_t number, const struct mark *mark, struct buf *bytes, struct task_row *row)
{
    if (read_record(s->rows_fd, mark->offset, number, TASK_ROW_BYTES_MAX, bytes) != 0)
        return -1;
    struct span data = buf_span(bytes);
    return task_row_next(&data, row) == 1 ? 0 : -1;
}

int spool_visit(struct spool *s, int (*visit)(void *self, uint64_t row, struct mark *mark), void *self)
{
    char *bytes = mem_new(MARKS_A_READ * MARK_BYTES);
    int wrong = 0;
    for (uint64_t first = 0; first < s->rows && !wrong;) {
        size_t now = s->rows - first < MARKS_A_READ ? (size_t)(s->rows - first) : MARKS_A_READ, changed = 0;
        wrong = read_at(s->marks_fd, bytes, now * MARK_BYTES, first * MARK_BYTES);
        for (size_t i = 0; i < now && !wrong; i++) {
            struct mark mark;
            unpack_mark(bytes + i * MARK_BYTES, &mark);
            if (visit(self, first + i, &mark)) {
                pack_mark(&mark, bytes + i * MARK_BYTES);
                changed++;
            }
        }
        if (changed && !wrong)
            wrong = write_at(s->marks_fd, bytes, now * MARK_BYTES, first * MARK_BYTES);
        first += now;
    }
    free(bytes);
    return wrong;
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static void pack_failure(const struct failure *f, struct buf *out)
{
    mp_array(out, 7);
    mp_u64(out, f->row);
    mp_u64(out, f->round);
    mp_u64(out, f->state);
    mp_i64(out, f->code);
    mp_i64(out, f->errcode);
    mp_i64(out, f->settled_ms);
    mp_span(out, f->message);
}

int spool_put_failures(struct spool *s, const struct failure *failures, size_t count)
{
    struct buf records = {0};
    for (size_t i = 0; i < count; i++) {
        buf_clear(&s->scratch);
        pack_failure(&failures[i], &s->scratch);
        append_record(buf_span(&s->scratch), 0, &records);
    }
    /* What an earlier failure or a kill has left there could end in whole records: they must not follow these. */
    int wrong = cut_file(s->failures_fd, s->failures_bytes) ||
                write_at(s->failures_fd, records.data, records.bytes, s->failures_bytes) || fdatasync(s->failures_fd);
    int error = errno;
    if (!wrong)
        s->failures_bytes += records.bytes;
    else
        cut_file(s->failures_fd, s->failures_bytes);
    buf_free(&records);
    errno = error;
    return wrong ? -1 : 0;
}

/* Finds the first record from `at` on that is not damaged; one that is, and whose length is right, hides only itself. Returns 1 and its
 * place, 0 at the end, -1 when there is no saying where the next one begins. */
static int find_failure(struct spool *s, uint64_t *at, struct buf *bytes)
{
    while (*at < s->failures_bytes) {
        if (read_record(s->failures_fd, *at, 0, FAILURE_BYTES_MAX, bytes) == 0)
            return 1;
        if (errno != EBADMSG)
            return -1;
        *at += HEAD_BYTES + bytes->bytes;
    }
    return 0;
}

int spool_next_failure(struct spool *s, uint64_t *at, struct buf *bytes, struct failure *f)
{
    struct mp_cursor c;
    uint64_t place = *at;
    int found = find_failure(s, &place, bytes);
    if (found != 1)
        return found;
    mp_open(&c, buf_span(bytes));
    if (mp_read_array(&c) != 7)
        return -1;
    f->row = mp_read_u64(&c);
    f->round = (uint16_t)mp_read_u64(&c);
    uint64_t state = mp_read_u64(&c);
    f->state = state < ROW_STATES ? (enum row_state)state : ROW_DEAD;
    f->code = (int32_t)mp_read_i64(&c);
    f->errcode = mp_read_i64(&c);
    f->settled_ms = mp_read_i64(&c);
    f->message = mp_read_str(&c);
    if (c.failed)
        return -1;
    *at = place + HEAD_BYTES + bytes->bytes;
    return 1;
}

int spool_sync(struct spool *s)
{
    return fdatasync(s->rows_fd) || fdatasync(s->marks_fd) ? -1 : 0;
}
