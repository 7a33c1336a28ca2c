/* A consistent copy of a store, while the broker runs or not. LMDB copies one commit, compacted, from a child process through a
 * pipe; here it is written at a limited rate, and synced as it goes, so that the broker's own syncs do not wait behind it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "broker/store_reader.h"
#include "broker/store_tree.h"
#include "broker/tool.h"

#define PIECE_BYTES (256u * 1024)
#define SYNC_BYTES  (32u * 1024 * 1024)
#define PIPE_BYTES  (1024 * 1024)
#define WAIT_MS     500
#define MORE_BYTES  (16u * 1024 * 1024) /* a copy is no larger than its store but for so much, which the broker may add meanwhile */

struct backup {
    const struct tool_options *options;
    struct tool_stop stop;
    struct tool_watch watch;
    struct tool_progress progress;
    struct tool_folder folder;
    struct store_file *store;
    struct reader reader;
    int fd; /* of the copy */
    char *piece;
    uint64_t bytes;
    int64_t began_ms;
    struct buf error;
};

struct counts {
    uint64_t waiting, out, results;
};

/* --- copying ------------------------------------------------------------------------------------------------------ */

static int open_copy(struct backup *b)
{
    struct buf path = {0};
    buf_printf(&path, "%s/data.mdb", buf_str(&b->folder.path));
    b->fd = open(buf_str(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    int rc = b->fd >= 0 && fchmod(b->fd, 0640) == 0 ? 0 : -1;
    if (rc)
        buf_printf(&b->error, "%s: cannot be made: %s", buf_str(&path), strerror(errno));
    buf_free(&path);
    return rc;
}

static int write_failed(struct backup *b)
{
    buf_printf(&b->error, "%s: cannot be written: %s", buf_str(&b->folder.path), strerror(errno));
    return -1;
}

static int write_piece(struct backup *b, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t written = write(b->fd, b->piece + done, bytes - done);
        if (written < 0 && errno != EINTR)
            return write_failed(b);
        done += written > 0 ? (size_t)written : 0;
    }
    uint64_t before = b->bytes;
    b->bytes += bytes;
    return before / SYNC_BYTES != b->bytes / SYNC_BYTES && fdatasync(b->fd) ? write_failed(b) : 0;
}

/* Milliseconds until as much time has gone by as the bytes written may take. */
static int64_t ahead_ms(const struct backup *b)
{
    if (b->options->rate_bytes == 0)
        return 0;
    int64_t due_ms = (int64_t)((double)b->bytes * 1000 / (double)b->options->rate_bytes);
    int64_t ahead = due_ms - (clock_mono_ms() - b->began_ms);
    return ahead > 0 ? ahead : 0;
}

/* Looks at everything that can end the copy, and waits until the rate allows the next piece. Returns 0 or -1. */
static int may_go_on(struct backup *b)
{
    int64_t wait_ms;
    do {
        wait_ms = ahead_ms(b);
        if (tool_stop_came(&b->stop, (int)(wait_ms < WAIT_MS ? wait_ms : WAIT_MS))) {
            buf_printf(&b->error, "ended by a signal");
            return -1;
        }
        if (tool_watch_look(&b->watch, &b->error))
            return -1;
    } while (wait_ms > WAIT_MS);
    tool_progress_show(&b->progress, "copied", b->bytes >> 20, 0, "MiB");
    if (b->bytes <= store_file_bytes(b->store) + MORE_BYTES)
        return 0;
    buf_printf(&b->error, "%s: the copy grows beyond the store: its pages are damaged", b->options->from);
    return -1;
}

/* 1 when the child has something, or its end, to read. */
static int has_data(const struct backup *b)
{
    struct pollfd items[] = {{.fd = b->reader.data, .events = POLLIN}, {.fd = b->stop.fd, .events = POLLIN}};
    return poll(items, 2, WAIT_MS) > 0 && items[0].revents;
}

static int copy(struct backup *b)
{
    for (;;) {
        if (may_go_on(b))
            return -1;
        if (!has_data(b))
            continue;
        ssize_t got = read(b->reader.data, b->piece, PIECE_BYTES);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR && errno != EAGAIN) {
            buf_printf(&b->error, "%s: cannot be read: %s", b->options->from, strerror(errno));
            return -1;
        }
        if (got > 0 && write_piece(b, (size_t)got))
            return -1;
    }
    return 0;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

/* LMDB copies the pages of the leaves as they are: a copy of damaged ones is no backup. Returns 1 when a tree is as it should be. */
static int is_whole(struct store_file *f, const struct page_tree *top)
{
    struct tree t;
    struct span key;
    enum tree_step step;
    uint64_t entries = 0;
    tree_open(&t, f, top, 1);
    while ((step = tree_next(&t, &key, NULL)) == TREE_ENTRY)
        entries++;
    tree_close(&t);
    return step == TREE_END && entries == top->entries;
}

static int look_at(struct store_file *f, struct counts *counts)
{
    struct page_tree trees[DATABASES];
    int found[DATABASES];
    if (store_file_begin(f) || tree_find_all(f, 1, trees, found))
        return -1;
    for (int db = 0; db < DATABASES; db++)
        if (!is_whole(f, &trees[db]))
            return -1;
    *counts = (struct counts){trees[QUEUE_NOW].entries + trees[QUEUE_WALL].entries + trees[QUEUE_ORDER].entries +
                                  trees[PARKED].entries + trees[HELD].entries,
                              trees[MARKS].entries, trees[LEDGER].entries};
    return 0;
}

static int count(struct backup *b, struct counts *counts)
{
    struct store_file *f = store_file_open(buf_str(&b->folder.path), &b->error);
    if (f == NULL)
        return -1;
    int rc = look_at(f, counts);
    if (rc)
        buf_printf(&b->error, "%s: its pages are damaged: see docs/operations.md, A damaged store", b->options->from);
    store_file_close(&f);
    return rc;
}

static void print_done(const struct backup *b, const struct counts *counts)
{
    double seconds = (double)(clock_mono_ms() - b->began_ms) / 1000;
    if (b->options->json) {
        struct buf to = {0};
        json_escape(span_of(b->options->to), &to);
        printf("{\"to\":\"%s\",\"waiting\":%" PRIu64 ",\"out\":%" PRIu64 ",\"results\":%" PRIu64 ",\"bytes\":%" PRIu64
               ",\"seconds\":%.1f}\n",
               buf_str(&to), counts->waiting, counts->out, counts->results, b->bytes, seconds);
        buf_free(&to);
        return;
    }
    printf("%s: %" PRIu64 " messages wait, %" PRIu64 " are out, %" PRIu64 " results, %" PRIu64 " bytes, %.1f s\n", b->options->to,
           counts->waiting, counts->out, counts->results, b->bytes, seconds);
}

static enum tool_status status_of(enum reader_answer answer)
{
    return answer == READER_OK ? TOOL_DONE : TOOL_UNREADABLE;
}

/* The folder is there; makes the copy in it. */
static enum tool_status make(struct backup *b, struct counts *counts)
{
    enum tool_status status = status_of(reader_copy(&b->reader, b->options->from, &b->error));
    if (status != TOOL_DONE)
        return status;
    fcntl(b->reader.data, F_SETPIPE_SZ, PIPE_BYTES); /* only for speed */
    if (open_copy(b) || copy(b)) {
        reader_end(&b->reader);
        return TOOL_WRONG;
    }
    status = status_of(reader_end_copy(&b->reader, &b->error));
    if (status != TOOL_DONE)
        return status;
    if (count(b, counts))
        return TOOL_UNREADABLE;
    if (fsync(b->fd)) {
        write_failed(b);
        return TOOL_WRONG;
    }
    return tool_folder_finish(&b->folder, &b->error) ? TOOL_WRONG : TOOL_DONE;
}

enum tool_status tool_backup(const struct tool_options *o)
{
    struct backup b = {.options = o, .fd = -1, .stop = {.fd = -1}, .began_ms = clock_mono_ms()};
    struct counts counts;
    enum tool_status status = TOOL_WRONG;
    tool_progress_begin(&b.progress);
    b.piece = mem_new(PIECE_BYTES);
    b.store = store_file_open(o->from, &b.error);
    if (b.store == NULL) {
        status = TOOL_UNREADABLE;
    } else if (store_file_begin(b.store)) {
        buf_printf(&b.error, "%s: neither meta page can be read: see docs/operations.md, A damaged store", o->from);
        status = TOOL_UNREADABLE;
    } else if (tool_stop_open(&b.stop) == 0 && tool_folder_begin(&b.folder, o->to, &b.error) == 0) {
        tool_watch_begin(&b.watch, o, buf_str(&b.folder.path), b.store);
        status = make(&b, &counts);
        tool_folder_drop(&b.folder);
    }
    tool_progress_end(&b.progress);
    if (status == TOOL_DONE)
        print_done(&b, &counts);
    else if (b.error.bytes)
        tool_error("no backup was made: %s", buf_str(&b.error));
    if (b.fd >= 0)
        close(b.fd);
    store_file_close(&b.store);
    tool_stop_close(&b.stop);
    buf_free(&b.error);
    free(b.piece);
    return status;
}
