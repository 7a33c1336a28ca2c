#include "broker/store_check_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_EVERY   4096

const char *store_problem_name(enum problem what)
{
    static const char *const names[PROBLEMS] = {
        "damaged page",        "damaged entry",      "wrong number of entries", "page used and free, or neither",
        "cannot be checked",   "damaged value",      "odd key",                 "message that stands nowhere",
        "message in two places", "place without its message", "mark without its message", "settled message still there",
        "message without its id", "id without its message", "result not listed as dead or ended", "dead or ended entry without its result",
        "missing time to be over", "time to be over without its message", "missing in the index", "index entry without its message"};
    return names[what];
}

int store_problem_is_of_pages(enum problem what)
{
    return what <= PROBLEM_STATE;
}

void check_problem(struct check *c, enum problem what, enum database db, uint64_t seq, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->result->problems[what]++;
    c->report->problem(c->report->self, what, db < DATABASES ? engine_database_name(db) : "", seq, text);
}

/* --- walks -------------------------------------------------------------------------------------------------------- */

void check_walk_open(struct check *c, struct check_walk *w, enum database db)
{
    *w = (struct check_walk){.c = c, .db = db};
    tree_open(&w->tree, c->file, &c->trees[db], 1);
}

/* "behind 0000…", of a key as it lies there: seqs and times are read off its end. */
static void append_key(struct span key, struct buf *out)
{
    for (size_t i = 0; i < key.bytes && i < 64; i++)
        buf_printf(out, "%02x", (unsigned char)key.data[i]);
    if (key.bytes > 64)
        buf_append_str(out, "...");
}

static void report_bad(struct check_walk *w, enum tree_step step)
{
    const struct tree *t = &w->tree;
    const struct key *behind = step == TREE_BAD_PAGE ? &t->bad_bounds.low : &t->last;
    struct buf where = {0};
    w->had_bad = 1;
    if (behind->used)
        append_key((struct span){behind->bytes, behind->used}, &where);
    check_problem(w->c, step == TREE_BAD_PAGE ? PROBLEM_PAGE : PROBLEM_ENTRY, w->db, 0, "page %" PRIu64 "%s%s", t->bad_page,
                  where.bytes ? ", behind key " : ", at the beginning", where.bytes ? buf_str(&where) : "");
    buf_free(&where);
}

static int is_stopped(struct check *c)
{
    struct check_result *r = c->result;
    if (++r->entries % STEP_EVERY == 0 && !r->is_stopped)
        r->is_stopped = c->report->step(c->report->self, r->entries, c->total) != 0;
    return r->is_stopped;
}

int check_walk_next(struct check_walk *w, struct span *key, struct span *value)
{
    enum tree_step step;
    while (!w->c->result->is_stopped && (step = tree_next(&w->tree, key, value)) != TREE_END) {
        if (step != TREE_ENTRY) {
            report_bad(w, step);
            continue;
        }
        w->count++;
        return !is_stopped(w->c);
    }
    return 0;
}

void check_walk_close(struct check_walk *w)
{
    uint64_t expected = w->tree.top.entries;
    if (!w->had_bad && !w->c->result->is_stopped && w->count != expected)
        check_problem(w->c, PROBLEM_COUNT, w->db, 0, "%" PRIu64 " entries; it should have %" PRIu64, w->count, expected);
    tree_close(&w->tree);
}

/* --- looking up --------------------------------------------------------------------------------------------------- */

int check_has(struct check *c, enum database db, const struct key *key)
{
    enum store_answer answer = tree_get(&c->look[db], key, NULL);
    return answer == STORE_DAMAGED ? -1 : answer == STORE_OK;
}

enum store_answer check_read_message(struct check *c, uint64_t seq, struct message *m)
{
    struct key key = key_seq(seq);
    struct span value;
    enum store_answer answer = tree_get(&c->look[MESSAGES], &key, &value);
    return answer != STORE_OK ? answer : sound_message(value, seq, m) ? STORE_DAMAGED : STORE_OK;
}

enum store_answer check_read_final(struct check *c, uint64_t seq, struct final *f)
{
    struct key key = key_seq(seq);
    struct span value;
    enum store_answer answer = tree_get(&c->look[LEDGER], &key, &value);
    return answer != STORE_OK ? answer : sound_final(value, seq, f) ? STORE_DAMAGED : STORE_OK;
}

int check_is_set_aside(struct check *c, uint64_t seq)
{
    struct key key = key_seq(seq);
    return check_has(c, DAMAGED, &key) != 0;
}

size_t check_held_keys(const struct message *m, struct key keys[STORE_HOLDS_MAX])
{
    uint64_t holds[STORE_HOLDS_MAX];
    store_holds_of(m, holds);
    for (size_t i = 0; i < STORE_HOLDS_MAX; i++)
        keys[i] = key_held(holds[i], m->due_ms, m->seq);
    return STORE_HOLDS_MAX;
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

/* The pages of one entry of the list of free pages: their number, and then themselves. Returns -1 when it is none. */
static int note_free(struct check *c, struct span value)
{
    uint64_t count, page, last = store_file_state(c->file)->last_page;
    if (!sound_free_pages(value, &count))
        return -1;
    for (uint64_t i = 0; i < count; i++) {
        memcpy(&page, value.data + (i + 1) * sizeof page, sizeof page);
        if (page < PAGE_META_COUNT || page > last)
            return -1;
        if (page < store_file_pages(c->file) && store_file_note(c->file, page, 1, USE_FREE))
            check_problem(c, PROBLEM_USE, DATABASES, 0, "page %" PRIu64 " is listed as free and %s", page,
                          store_file_use(c->file, page) == USE_FREE ? "listed twice" : "is used");
    }
    return 0;
}

static void check_free(struct check *c)
{
    struct tree t;
    struct span key, value;
    enum tree_step step;
    tree_open(&t, c->file, &store_file_state(c->file)->free, 1);
    while ((step = tree_next(&t, &key, &value)) != TREE_END)
        if (step != TREE_ENTRY || note_free(c, value))
            check_problem(c, step == TREE_BAD_PAGE ? PROBLEM_PAGE : PROBLEM_ENTRY, DATABASES, 0,
                          "page %" PRIu64 " of the list of free pages", t.bad_page);
    tree_close(&t);
}

/* LMDB loses no page: one that nobody knows of was known to a page that is damaged. */
static void check_pages(struct check *c)
{
    uint64_t pages = store_file_state(c->file)->last_page + 1, unknown = 0, first = 0;
    uint64_t *of = c->result->problems;
    if (pages > store_file_pages(c->file)) {
        check_problem(c, PROBLEM_PAGE, DATABASES, 0, "the file has %" PRIu64 " pages and needs %" PRIu64 ": it was cut",
                      store_file_pages(c->file), pages);
        return;
    }
    for (uint64_t i = PAGE_META_COUNT; i < pages; i++)
        if (store_file_use(c->file, i) == 0 && unknown++ == 0)
            first = i;
    if (unknown && of[PROBLEM_PAGE] == 0 && of[PROBLEM_ENTRY] == 0 && of[PROBLEM_STATE] == 0)
        check_problem(c, PROBLEM_USE, DATABASES, 0, "%" PRIu64 " pages are neither used nor free, the first is %" PRIu64, unknown,
                      first);
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

static uint64_t read_number(struct check *c, const char *name)
{
    struct key key = {.used = 0};
    struct span value, number;
    key_text(&key, span_of(name));
    if (tree_get(&c->look[META], &key, &value) != STORE_OK || record_unpack_blob(value, &number) || number.bytes != 8)
        return 0;
    return key_read_u64(number.data);
}

/* A meta page whose number became larger hides the last commit. */
static void check_commit(struct check *c)
{
    const struct page_meta *state = store_file_state(c->file);
    uint64_t commit = tree_commit_of(c->file, state);
    if (commit && commit != state->txn)
        check_problem(c, PROBLEM_PAGE, DATABASES, 0, "a meta page says that it is of commit %" PRIu64 "; it is of %" PRIu64, state->txn, commit);
}

/* Returns -1 when there is nothing that can be checked. */
static int find_databases(struct check *c)
{
    if (tree_find_all(c->file, 1, c->trees, c->found))
        check_problem(c, PROBLEM_PAGE, DATABASES, 0, "the list of databases");
    for (int db = 0; db < DATABASES; db++)
        tree_open(&c->look[db], c->file, &c->trees[db], 0);
    uint64_t format = read_number(c, "format");
    if (format && (format < STORE_FORMAT_FIRST || format > STORE_FORMAT)) {
        check_problem(c, PROBLEM_STATE, META, 0, "made by another version of mega-broker: its format is %" PRIu64 ", not %d", format,
                      STORE_FORMAT);
        return -1;
    }
    for (int db = 0; db < DATABASES; db++) {
        int is_newer = (db == MSGIDS && format < STORE_FORMAT_MSGIDS) || (db == WINDOWS && format < STORE_FORMAT_WINDOWS);
        if (!c->found[db] && !is_newer)
            check_problem(c, PROBLEM_STATE, (enum database)db, 0, "the database is missing");
        c->total += c->trees[db].entries;
    }
    c->indexed = read_number(c, "indexed");
    return 0;
}

void store_check(struct store_file *f, const struct check_report *report, struct check_result *result)
{
    struct check *c = mem_new(sizeof *c);
    *result = (struct check_result){.entries = 0};
    c->file = f;
    c->report = report;
    c->result = result;
    check_commit(c);
    if (find_databases(c) == 0) {
        check_messages(c);
        check_entries(c);
        if (!result->is_stopped) {
            check_free(c);
            check_pages(c);
        }
    }
    for (int db = 0; db < DATABASES; db++)
        tree_close(&c->look[db]);
    free(c);
}
