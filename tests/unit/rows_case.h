/* Reads recipients files in tests and writes down what came out, one line a row:
 *
 *   2 oA {item=tea,amount=1}      a row, with its line
 *   3! column "item": ...         a bad one
 *   .                             the end; or "failed: ..." , or "refused: ..." by rows_new
 */
#ifndef TESTS_UNIT_ROWS_CASE_H
#define TESTS_UNIT_ROWS_CASE_H

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "client/rows/rows.h"
#include "tests/unit/test.h"

/* Bytes that may hold NUL. */
#define BYTES(literal) ((struct span){literal, sizeof literal - 1})

static inline void rows_case_vars(struct span vars, struct buf *out)
{
    struct mp_cursor c;
    mp_open(&c, vars);
    uint32_t count = mp_read_map(&c);
    buf_append_str(out, "{");
    for (uint32_t i = 0; i < count; i++) {
        struct span name = mp_read_str(&c), value = mp_read_str(&c);
        buf_append_str(out, i ? "," : "");
        buf_append(out, name.data, name.bytes);
        buf_append_str(out, "=");
        buf_append(out, value.data, value.bytes);
    }
    CHECK(!c.failed && c.at == c.end);
    buf_append_str(out, "}");
}

static inline void rows_case_all(struct rows *r, struct buf *out)
{
    struct row row;
    for (;;) {
        enum rows_answer answer = rows_next(r, &row);
        if (answer == ROWS_END || answer == ROWS_FAILED) {
            buf_printf(out, "%s%s\n", answer == ROWS_END ? "." : "failed: ", answer == ROWS_END ? "" : rows_error(r));
            CHECK_INT(rows_next(r, &row), answer); /* it stays so */
            return;
        }
        CHECK((answer == ROWS_BAD) == (row.fault != ROW_GOOD));
        buf_printf(out, "%llu", (unsigned long long)row.line);
        if (answer == ROWS_BAD) {
            CHECK_INT(row.reason.data[row.reason.bytes], 0);
            CHECK(span_is_utf8(row.reason) && row.openid.bytes == 0);
            buf_printf(out, "! %s\n", row.reason.data);
            continue;
        }
        buf_printf(out, " %.*s ", (int)row.openid.bytes, row.openid.data);
        rows_case_vars(row.vars, out);
        buf_append_str(out, "\n");
    }
}

static inline void rows_case_fd(const struct rows_options *o, int fd, struct buf *out)
{
    struct buf error = {0};
    struct rows *r = rows_new(o, fd, &error);
    if (r) {
        CHECK_U64(error.bytes, 0);
        rows_case_all(r, out);
    } else {
        buf_printf(out, "refused: %s\n", buf_str(&error));
        CHECK(span_is_utf8(buf_span(&error)));
    }
    rows_destroy(&r);
    buf_free(&error);
}

static inline int rows_case_file(struct span text)
{
    int fd = memfd_create("rows", MFD_CLOEXEC);
    CHECK(fd >= 0);
    for (size_t done = 0; done < text.bytes;) {
        ssize_t put = write(fd, text.data + done, text.bytes - done);
        CHECK(put > 0);
        done += (size_t)put;
    }
    CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* Through a pipe, written by a child in pieces of `chunk` bytes. With 1 it is a pipe of packets: each read gives one byte. */
static inline void rows_case_pipe(const struct rows_options *o, struct span text, size_t chunk, struct buf *out)
{
    int ends[2], status;
    CHECK_INT(pipe2(ends, O_CLOEXEC | (chunk == 1 ? O_DIRECT : 0)), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(ends[0]);
        for (size_t at = 0; at < text.bytes; at += chunk) {
            size_t bytes = text.bytes - at < chunk ? text.bytes - at : chunk;
            if (write(ends[1], text.data + at, bytes) != (ssize_t)bytes)
                _exit(1);
        }
        _exit(0);
    }
    close(ends[1]);
    rows_case_fd(o, ends[0], out);
    close(ends[0]);
    CHECK_INT(waitpid(child, &status, 0), child);
}

#endif
