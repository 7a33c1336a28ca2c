/* A store whose file was damaged page by page, or cut: what is lost is never passed over in silence. A child
 * opens the damaged file and reads everything; either all of it is there, or it ends with a message that
 * names the way back. And whatever LMDB believes, the check (mega-store verify) does not.
 *
 *   test_store_pages [SEED]
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "broker/store_check.h"
#include "broker/store_tree.h"
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

/* Messages in every place, with the index; some have earlier calls of up to 1,000 bytes. Returns the bytes of the file. */
static struct buf make_store(const char *name, uint64_t seed)
{
    struct store *s = fixture_open(name);
    char id[16], tries[1000];
    uint64_t random = seed * 2 + 1;
    memset(tries, 't', sizeof tries);
    for (uint64_t seq = 1; seq <= MESSAGES_COUNT; seq++) {
        snprintf(id, sizeof id, "%d", (int)seq);
        struct message m = fixture_message("a", id, id);
        if (seed)
            m.tries = (struct span){tries, hex_random(&random) % 4 ? 0 : hex_random(&random) % 1001};
        fixture_append(s, m);
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

/* --- what the check says ------------------------------------------------------------------------------------------ */

static void on_problem(void *self, enum problem what, const char *database, uint64_t seq, const char *text)
{
    (void)database;
    (void)seq;
    (void)text;
    *(uint64_t *)self += store_problem_is_of_pages(what) != 0;
}

static void on_set_aside(void *self, uint64_t seq, size_t bytes)
{
    (void)self;
    (void)seq;
    (void)bytes;
}

static int on_step(void *self, uint64_t done, uint64_t total)
{
    (void)self;
    (void)done;
    (void)total;
    return 0;
}

/* 1 when mega-store verify finds damaged pages. */
static int is_found_by_check(const char *name)
{
    uint64_t problems = 0;
    struct buf error = {0};
    char *path = fixture_path(name);
    const struct check_report report = {&problems, on_problem, on_set_aside, on_step};
    struct check_result result;
    struct store_file *f = store_file_open(path, &error);
    CHECK(f != NULL);
    int has_begun = store_file_begin(f) == 0;
    if (has_begun)
        store_check(f, &report, &result);
    int is_newest = store_file_is_newest(f);
    store_file_close(&f);
    free(path);
    buf_free(&error);
    return !has_begun || !is_newest || problems > 0;
}

/* The last page in which something stands that belongs to a database, and not to LMDB's list of free pages. */
static uint64_t last_page_in_use(const char *name)
{
    struct buf error = {0};
    char *path = fixture_path(name);
    struct store_file *f = store_file_open(path, &error);
    struct page_tree trees[DATABASES];
    struct span key;
    int found[DATABASES];
    uint64_t last = 0;
    CHECK(f != NULL);
    CHECK_INT(store_file_begin(f), 0);
    CHECK_INT(tree_find_all(f, 1, trees, found), 0);
    for (int db = 0; db < DATABASES; db++) {
        struct tree t;
        tree_open(&t, f, &trees[db], 1);
        while (tree_next(&t, &key, NULL) == TREE_ENTRY)
            continue;
        tree_close(&t);
    }
    for (uint64_t page = 0; page < store_file_pages(f); page++)
        if (store_file_use(f, page))
            last = page;
    store_file_close(&f);
    free(path);
    return last;
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

/* 1 when a page full of ones leads LMDB to a page of the file. LMDB takes it for a branch with 32,759 children, all before the key that it
 * looks for, and goes to the last one: where that lies is told by the two bytes 65,532 behind the page's begin, and its number by the six
 * bytes there. Both are bytes of other pages, and where they happen to be the number of a page, LMDB goes on with a page of another
 * database and finds nothing in it, without a word. It has no checksums, so the broker cannot know. Source: mdb_node_search and
 * mdb_page_search_root in mdb.c of LMDB 0.9.24. */
static int do_ones_lead_on(struct span content, size_t page)
{
    const unsigned char *bytes = (const unsigned char *)content.data;
    size_t pointer = page * PAGE_BYTES + 65532;
    if (pointer + 2 > content.bytes)
        return 0;
    size_t node = page * PAGE_BYTES + bytes[pointer] + 256u * bytes[pointer + 1];
    if (node + 6 > content.bytes)
        return 0;
    static const int order[] = {5, 4, 3, 2, 1, 0}; /* 48 bits, the lowest byte first */
    uint64_t child = 0;
    for (size_t i = 0; i < 6; i++)
        child = child << 8 | bytes[node + (size_t)order[i]];
    return child < content.bytes / PAGE_BYTES;
}

/* Writes a damaged file over the store's and reads that. The way back must be named, unless all is there or `may_crash` (LMDB believes
 * what stands in a page and may follow it out of its map); nothing may be passed over unless `may_mislead`, and what is not intact the
 * check must find. Returns 1 when all is there. */
static int check(const char *name, struct span content, const char *what, size_t page, int may_crash, int may_mislead)
{
    struct buf log = {0};
    char *path = data_path(name);
    write_file(path, content);
    int is_found = content.bytes == 0 || is_found_by_check(name); 
    int end = read_in_child(name, &log);
    int is_named = strstr(buf_str(&log), "docs/operations.md, A damaged store") != NULL;
    if ((end == SILENT && !may_mislead) || (end != INTACT && ((!is_named && !may_crash) || !is_found)))
        fprintf(stderr, "%s, page %zu: ended with %d, %s by the check, and said: %s\n", what, page, end, is_found ? "found" : "not found",
                buf_str(&log));
    CHECK(end != SILENT || may_mislead);
    CHECK(end == INTACT || is_named || may_crash);
    CHECK(end == INTACT || is_found);
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
        intact += (size_t)check(name, buf_span(&copy), what, page, fill != 0, fill != 0 && do_ones_lead_on(buf_span(&copy), page));
        buf_free(&copy);
    }
    return intact;
}

/* Pages that are in use by nothing may be damaged without harm; of a store this small that is not many. */
static void test_filled(uint64_t seed)
{
    struct buf whole = make_store("filled", seed);
    size_t pages = whole.bytes / PAGE_BYTES;
    CHECK_INT(check("filled", buf_span(&whole), "whole", 0, 0, 0), 1);
    CHECK_INT(is_found_by_check("filled"), 0);
    CHECK(check_filled("filled", buf_span(&whole), "zeroed", 0) < pages / 2);
    CHECK(check_filled("filled", buf_span(&whole), "all ones", 0xff) < pages / 2);
    buf_free(&whole);
}

/* A file that was cut to nothing, too: LMDB alone would take it for one that is to be made. Only what the broker does not need to
 * read is no loss: pages at its end that are free, or tell which ones are. */
static void test_cut(uint64_t seed)
{
    struct buf whole = make_store("cut", seed);
    uint64_t last_used = last_page_in_use("cut");
    CHECK(last_used > whole.bytes / PAGE_BYTES / 2);
    CHECK_INT(check("cut", (struct span){whole.data, 0}, "cut", 0, 0, 0), 0);
    for (size_t page = 1; page < whole.bytes / PAGE_BYTES; page += 3)
        CHECK_INT(check("cut", (struct span){whole.data, page * PAGE_BYTES}, "cut", page, 0, 0), page > last_used);
    buf_free(&whole);
}

int main(int count, char **args)
{
    uint64_t seed = count > 1 ? strtoull(args[1], NULL, 10) : 0;
    test_filled(seed);
    test_cut(seed);
    return 0;
}
