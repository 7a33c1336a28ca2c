/* A store whose file was damaged page by page, or cut: what is lost is never passed over in silence. A child
 * opens the damaged file and reads everything; either all of it is there, or it ends with a message that
 * names the way back. */
#include <fcntl.h>
#include <sys/wait.h>

#include "tests/unit/store_fixture.h"

#define MESSAGES_COUNT 400
#define PAGE_BYTES     4096

enum end { INTACT = 10, SAID_SO, SILENT };

static char *data_path(const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s/data.mdb", test_folder(), name);
    buf_str(&path);
    return path.data;
}

static void write_file(const char *path, struct span content)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_U64(fwrite(content.data, 1, content.bytes, file), content.bytes);
    CHECK_INT(fclose(file), 0);
}

/* Messages in every place, with the index. Returns the bytes of the file. */
static struct buf make_store(const char *name)
{
    struct store *s = fixture_open(name);
    char id[16];
    for (uint64_t seq = 1; seq <= MESSAGES_COUNT; seq++) {
        snprintf(id, sizeof id, "%d", (int)seq);
        fixture_add(s, "a", id, id);
        if (seq % 4 == 0)
            fixture_settle(s, seq, STATE_SENT);
        if (seq % 4 == 1)
            fixture_park(s, seq);
        if (seq % 4 == 2)
            fixture_take(s, seq);
    }
    store_index_step(s, MESSAGES_COUNT);
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
    char *path = data_path(name);
    struct buf content = test_read(path);
    free(path);
    return content;
}

static void see_mark(void *self, const struct mark *mark, const struct message *m)
{
    (void)mark;
    (void)m;
    ++*(size_t *)self;
}

static void see_parked(void *self, const struct message *first)
{
    (void)first;
    ++*(size_t *)self;
}

/* Everything that a broker reads at its start and later. */
static int is_whole(struct store *s)
{
    struct walk live = {.path = WALK_LIVE}, settled = {.path = WALK_SETTLED};
    struct found found;
    size_t seen = 0, marks = 0, parked = 0;
    uint64_t seq;
    while (store_walk_next(s, &live, &seq) == STORE_OK)
        seen += store_look(s, seq, &found) == STORE_OK && found.standing != STANDS_NOWHERE;
    while (store_walk_next(s, &settled, &seq) == STORE_OK)
        seen += store_look(s, seq, &found) == STORE_OK;
    for (seq = 1; seq <= MESSAGES_COUNT; seq++) {
        char id[16];
        uint64_t by_id = 0;
        snprintf(id, sizeof id, "%d", (int)seq);
        seen += store_find_seq(s, span_of("a"), span_of(id), &by_id) == STORE_OK && by_id == seq;
        struct walk w = {.path = WALK_RECIPIENT, .account = span_of("a"), .openid = span_of(id)};
        seen += store_walk_next(s, &w, &by_id) == STORE_OK && by_id == seq;
    }
    return store_each_mark(s, see_mark, &marks) == 0 && store_each_parked(s, see_parked, &parked) == 0 &&
           marks == MESSAGES_COUNT / 4 && parked == MESSAGES_COUNT / 4 && seen == 3 * MESSAGES_COUNT;
}

static _Noreturn void run_child(const char *name, int fd)
{
    struct buf error = {0};
    char *path = fixture_path(name);
    dup2(fd, 2);
    struct store *s = store_open(path, FIXTURE_BYTES_MAX, &error);
    if (s == NULL) {
        fprintf(stderr, "%s\n", buf_str(&error));
        _exit(SAID_SO);
    }
    int whole = is_whole(s);
    uint64_t damaged = store_counts(s).damaged; /* values that were set aside, each with a line in the log */
    if (store_commit(s) != 0 || damaged > 0)
        _exit(SAID_SO);
    _exit(whole ? INTACT : SILENT);
}

/* What became of a child that reads the store. Its log is in `log`. */
static int read_in_child(const char *name, struct buf *log)
{
    char *path = test_file("log", span_of(""));
    int fd = open(path, O_WRONLY | O_TRUNC | O_APPEND), status;
    CHECK(fd >= 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        run_child(name, fd);
    close(fd);
    CHECK_INT(waitpid(child, &status, 0), child);
    *log = test_read(path);
    free(path);
    return WIFSIGNALED(status) || WEXITSTATUS(status) == 1
               ? SAID_SO
               : WEXITSTATUS(status); /* 1: ended by a sanitizer */
}

/* Writes a damaged file over the store's and reads that. The way back must be named, unless all is there or
 * `may_crash` (LMDB believes what stands in a page and may follow it out of its map). Returns 1 when all is
 * there. */
static int check(const char *name, struct span content, const char *what, size_t page, int may_crash)
{
    struct buf log = {0};
    char *path = data_path(name);
    write_file(path, content);
    int end = read_in_child(name, &log);
    int is_named = strstr(buf_str(&log), "docs/operations.md, A damaged store") != NULL;
    if (end == SILENT || (end != INTACT && !is_named && !may_crash))
        fprintf(stderr, "%s, page %zu: ended with %d and said: %s\n", what, page, end, buf_str(&log));
    CHECK(end != SILENT);
    CHECK(end == INTACT || is_named || may_crash);
    free(path);
    buf_free(&log);
    return end == INTACT;
}

static size_t check_filled(const char *name, struct span whole, const char *what, int fill)
{
    size_t intact = 0;
    for (size_t page = 1; page < whole.bytes / PAGE_BYTES; page++) {
        struct buf copy = {0};
        buf_append(&copy, whole.data, whole.bytes);
        memset(copy.data + page * PAGE_BYTES, fill, PAGE_BYTES);
        intact += (size_t)check(name, buf_span(&copy), what, page, fill != 0);
        buf_free(&copy);
    }
    return intact;
}

/* Pages that are in use by nothing may be damaged without harm; of a store this small that is not many. LMDB
 * has no checksums: a page that was replaced by one that looks right is believed, and no test here can change
 * that. */
static void test_filled(void)
{
    struct buf whole = make_store("filled");
    size_t pages = whole.bytes / PAGE_BYTES;
    CHECK_INT(check("filled", buf_span(&whole), "whole", 0, 0), 1);
    CHECK(check_filled("filled", buf_span(&whole), "zeroed", 0) < pages / 2);
    CHECK(check_filled("filled", buf_span(&whole), "all ones", 0xff) < pages / 2);
    buf_free(&whole);
}

/* A file that was cut to nothing, too: LMDB alone would take it for one that is to be made. */
static void test_cut(void)
{
    struct buf whole = make_store("cut");
    CHECK_INT(check("cut", (struct span){whole.data, 0}, "cut", 0, 0), 0);
    for (size_t page = 1; page < whole.bytes / PAGE_BYTES; page += 3)
        CHECK_INT(check("cut", (struct span){whole.data, page * PAGE_BYTES}, "cut", page, 0), 0);
    buf_free(&whole);
}

int main(void)
{
    test_filled();
    test_cut();
    return 0;
}
