/* A world (store_world.h) of which everything is known: what each message was and on which page it stood; damage to a copy of its file; the
 * rescue; and the comparison of what it made with what there was. A message on a whole page must be in the new store, nothing may wait there
 * that was out or settled, and the new store must be without fault. For test_store_salvage*.c.
 */
#ifndef TESTS_UNIT_SALVAGE_WORLD_H
#define TESTS_UNIT_SALVAGE_WORLD_H

#include <sys/stat.h>

#include "broker/store_check.h"
#include "broker/store_record.h"
#include "broker/store_salvage.h"
#include "broker/store_tree.h"
#include "tests/unit/store_world.h"

#define MESSAGES_MADE 1500
#define PAGE          4096
#define HIT_BIT       2 /* a page in which one bit was changed; 1: one that was overwritten */
#define KIND_BIT      4 /* of damage: one bit of the page; KIND_HEAD: one of its first bytes */
#define KIND_HEAD     5

/* What a seq was, and where it stood. */
struct truth {
    enum store_state state;
    uint32_t turn;
    uint64_t content;
    size_t fallback_bytes, tries_bytes; /* of its message, else of its result */
    char id[32], account[16];
    uint64_t page;       /* of its message; of its result when it is settled and not dead */
    uint64_t final_page; /* of a dead one */
    uint64_t id_page;
    int is_big;          /* its value lies in pages of its own */
    int has_message;
};

struct world {
    uint64_t number; /* its seed */
    struct buf file; /* data.mdb as it was */
    struct truth truths[MESSAGES_MADE + 1];
    uint64_t pages;
    unsigned char *is_fate;  /* by page: one that tells what became of messages, or leads there */
    unsigned char *is_place; /* one that tells where they stand */
    unsigned newest_meta;
    uint64_t main_root, free_root;
};

/* --- what there was ----------------------------------------------------------------------------------------------- */

static inline void set_truth(struct truth *t, const struct found *f)
{
    struct span id = f->has_message ? f->m.id : f->f.id, account = f->has_message ? f->m.account : f->f.account;
    *t = (struct truth){.state = f->state, .turn = f->m.turn, .content = f->m.content, .has_message = f->has_message};
    t->fallback_bytes = f->has_message ? f->m.fallback.bytes : f->f.fallback.bytes;
    t->tries_bytes = f->has_message ? f->m.tries.bytes : f->f.tries.bytes;
    memcpy(t->id, id.data, id.bytes);
    memcpy(t->account, account.data, account.bytes);
    t->is_big = f->has_message && f->m.vars.bytes > 1500;
}

static inline void find_pages(struct world *w, struct store_file *f, enum database db, const struct page_tree *top)
{
    struct tree t;
    struct span key, value;
    uint64_t seq, content;
    tree_open(&t, f, top, 1);
    while (tree_next(&t, &key, &value) == TREE_ENTRY) {
        if (db == IDS && record_unpack_id(value, &seq, &content) == 0)
            w->truths[seq].id_page = t.bad_page;
        if (db == MESSAGES)
            w->truths[key_read_seq(key)].page = t.bad_page;
        if (db == LEDGER)
            w->truths[key_read_seq(key)].final_page = t.bad_page;
    }
    tree_close(&t);
}

static inline struct world *world_read(const char *name)
{
    struct world *w = mem_new(sizeof *w);
    struct store *s = fixture_open(name);
    struct buf path = {0}, error = {0};
    struct page_tree trees[DATABASES];
    struct page_meta metas[2];
    int found[DATABASES];
    struct found f;
    for (uint64_t seq = 1; seq <= MESSAGES_MADE; seq++)
        if (store_look(s, seq, &f) == STORE_OK)
            set_truth(&w->truths[seq], &f);
    CHECK_U64(store_next_seq(s), MESSAGES_MADE + 1);
    store_close(&s);
    char *dir = fixture_path(name);
    buf_printf(&path, "%s/data.mdb", dir);
    w->file = test_read(buf_str(&path));
    struct store_file *file = store_file_open(dir, &error);
    CHECK_INT(store_file_begin(file), 0);
    CHECK_INT(tree_find_all(file, 0, trees, found), 0);
    w->pages = store_file_pages(file);
    for (unsigned i = 0; i < 2; i++)
        CHECK_INT(store_file_meta(file, i, &metas[i]), 0);
    w->newest_meta = metas[1].txn > metas[0].txn;
    w->main_root = metas[w->newest_meta].main.root;
    w->free_root = metas[w->newest_meta].free.root;
    w->is_fate = mem_new(w->pages);
    w->is_fate[0] = w->is_fate[1] = w->is_fate[w->main_root] = w->is_fate[w->free_root] = 1;
    find_pages(w, file, LEDGER, &trees[LEDGER]);
    find_pages(w, file, MARKS, &trees[MARKS]);
    for (uint64_t page = 0; page < w->pages; page++)
        w->is_fate[page] |= store_file_use(file, page) != 0;
    w->is_place = mem_new(w->pages);
    for (int db = QUEUE_NOW; db <= HELD; db++)
        find_pages(w, file, (enum database)db, &trees[db]);
    for (uint64_t page = 0; page < w->pages; page++)
        w->is_place[page] = store_file_use(file, page) != 0 && !w->is_fate[page];
    find_pages(w, file, MESSAGES, &trees[MESSAGES]);
    find_pages(w, file, IDS, &trees[IDS]);
    store_file_close(&file);
    buf_free(&path);
    free(dir);
    return w;
}

static inline void world_free(struct world **w)
{
    buf_free(&(*w)->file);
    free((*w)->is_fate);
    free((*w)->is_place);
    free(*w);
    *w = NULL;
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

struct damage {
    unsigned char *is_hit; /* by page */
    struct buf file;
};

static inline void hit(struct damage *d, uint64_t page, uint64_t kind, uint64_t *random)
{
    char *at = d->file.data + page * PAGE;
    size_t from = kind == 2 ? 512 * world_dice(random, 8) : 0, bytes = kind == 2 ? 512 : PAGE;
    d->is_hit[page] = kind >= KIND_BIT ? HIT_BIT : 1;
    if (kind == 1)
        memset(at, 0, PAGE);
    else if (kind == 3)
        memcpy(at, d->file.data + PAGE * world_dice(random, d->file.bytes / PAGE), PAGE);
    else if (kind >= KIND_BIT)
        at[world_dice(random, kind == KIND_BIT ? PAGE : 152)] ^= (char)(1 << world_dice(random, 8));
    else
        for (size_t i = 0; i < bytes; i++)
            at[from + i] = (char)hex_random(random);
}

static inline struct damage damage_begin(const struct world *w)
{
    struct damage d = {.is_hit = mem_new(w->pages)};
    buf_append(&d.file, w->file.data, w->file.bytes);
    return d;
}

static inline void damage_write(const struct damage *d, const char *name)
{
    struct buf path = {0};
    char *dir = fixture_path(name);
    CHECK_INT(mkdir(dir, 0755), 0);
    buf_printf(&path, "%s/data.mdb", name);
    free(test_file(buf_str(&path), buf_span(&d->file)));
    free(dir);
    buf_free(&path);
}

static inline void damage_free(struct damage *d)
{
    free(d->is_hit);
    buf_free(&d->file);
}

/* --- the rescue --------------------------------------------------------------------------------------------------- */

static inline void on_lost(void *self, struct span account, struct span id, uint64_t seq, int has_bytes)
{
    (void)account;
    (void)has_bytes;
    ++*(uint64_t *)self;
    CHECK(seq > 0 && id.bytes > 0);
}

static inline void on_range(void *self, enum database db, uint64_t from, uint64_t to)
{
    (void)self;
    CHECK((db == MESSAGES || db == LEDGER) && from <= to);
}

static inline int on_step(void *self, const char *verb, uint64_t done, uint64_t total)
{
    (void)self;
    (void)total;
    return verb[0] == 0 && done ? -1 : 0;
}

static inline struct salvage_result salvage(const char *from, const char *to)
{
    uint64_t lost = 0;
    struct salvage_result result;
    struct buf error = {0};
    char *old = fixture_path(from), *new = fixture_path(to);
    const struct salvage_report report = {&lost, on_lost, on_range, on_step};
    struct store_file *f = store_file_open(old, &error);
    CHECK(f != NULL);
    store_file_begin(f);
    CHECK_INT(store_salvage(f, new, FIXTURE_BYTES_MAX, FIXTURE_NOW_MS + (int64_t)86400000 * 365, &report, &result, &error), 0);
    CHECK_U64(lost, result.lost);
    store_file_close(&f);
    free(old);
    free(new);
    buf_free(&error);
    return result;
}

static inline void on_problem(void *self, enum problem what, const char *database, uint64_t seq, const char *text)
{
    ++*(uint64_t *)self;
    fprintf(stderr, "%s: %s: %" PRIu64 ": %s\n", store_problem_name(what), database, seq, text);
}

static inline void on_set_aside(void *self, uint64_t seq, size_t bytes)
{
    (void)self;
    (void)seq;
    (void)bytes;
}

static inline int on_check_step(void *self, uint64_t done, uint64_t total)
{
    (void)self;
    (void)done;
    (void)total;
    return 0;
}

static inline uint64_t check_store(const char *name, struct check_result *result)
{
    uint64_t problems = 0;
    struct buf error = {0};
    char *path = fixture_path(name);
    const struct check_report report = {&problems, on_problem, on_set_aside, on_check_step};
    struct store_file *f = store_file_open(path, &error);
    CHECK(f != NULL);
    CHECK_INT(store_file_begin(f), 0);
    store_check(f, &report, result);
    store_file_close(&f);
    free(path);
    return problems;
}

static inline uint64_t count_problems(const char *name)
{
    struct check_result ignored;
    return check_store(name, &ignored);
}

static inline struct check_result check_faultless(const char *name)
{
    struct check_result result;
    CHECK_U64(check_store(name, &result), 0);
    return result;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static inline int is_live(enum store_state state)
{
    return state == STATE_WAITING || state == STATE_OUT;
}

/* 1 when nothing is damaged that could leave open what became of a message. */
static inline int are_fates_known(const struct world *w, const struct damage *d)
{
    for (uint64_t page = 0; page < w->pages; page++)
        if (d->is_hit[page] && w->is_fate[page])
            return 0;
    return 1;
}

/* An entry of a place that was changed and is still in order makes it look as if its message stood nowhere. A result without its id, or
 * a mark without its message, may be of another one. */
static inline int are_places_known(const struct world *w, const struct damage *d)
{
    for (uint64_t seq = 1; seq <= MESSAGES_MADE; seq++) {
        const struct truth *t = &w->truths[seq];
        if ((t->id_page && d->is_hit[t->id_page]) || (t->state == STATE_OUT && (t->is_big || d->is_hit[t->page])))
            return 0;
    }
    for (uint64_t page = 0; page < w->pages; page++)
        if (d->is_hit[page] == HIT_BIT && w->is_place[page])
            return 0;
    return 1;
}

/* Its template and its earlier calls are what they were. */
static inline void compare_tries(const struct truth *t, uint64_t seq, struct span fallback, struct span tries)
{
    char room[1000];
    CHECK_SPAN(fallback, t->fallback_bytes ? "plain" : "");
    struct span expected = world_tries(seq, room);
    expected.bytes = t->tries_bytes ? expected.bytes : 0;
    CHECK_BYTES(tries, expected);
}

static inline void compare_one(const struct truth *t, uint64_t seq, struct store *s, const struct damage *d, int fates_known, int places_known)
{
    struct found f;
    uint64_t of = 0;
    enum store_answer answer = store_look(s, seq, &f);
    enum store_state now = answer == STORE_OK ? f.state : STATE_NONE;
    int is_whole = t->page && !d->is_hit[t->page] && !t->is_big;
    if (t->state == STATE_NONE)
        CHECK(now != STATE_WAITING);
    /* It is in the new store. One that was requeued in a commit that is lost may still be dead there. */
    if (is_live(t->state) && is_whole)
        CHECK(is_live(now) || (now == STATE_DEAD && !fates_known));
    if (is_live(t->state) && is_live(now)) {
        CHECK_SPAN(f.m.id, t->id);
        CHECK_U64(f.m.content, t->content);
        CHECK(f.m.turn == t->turn || !is_whole || !fates_known);
    }
    if (now != STATE_NONE && now == t->state && f.has_message == t->has_message && is_whole && fates_known && f.m.turn == t->turn)
        compare_tries(t, seq, t->has_message ? f.m.fallback : f.f.fallback, t->has_message ? f.m.tries : f.f.tries);
    if (t->state != STATE_WAITING)
        CHECK(now != STATE_WAITING); /* or it would be sent again */
    if (t->state == STATE_WAITING && is_whole && fates_known && places_known)
        CHECK_INT(now, STATE_WAITING);
    if (t->final_page && !d->is_hit[t->final_page] && (t->state != STATE_DEAD || is_whole || !t->has_message) && fates_known)
        CHECK_INT(now, t->state);
    if (t->state != STATE_NONE && t->state != STATE_DEAD && !is_live(t->state))
        CHECK(!is_live(now) || d->is_hit[t->final_page] || !fates_known);
    if (t->id_page && !d->is_hit[t->id_page] && fates_known) {
        CHECK_INT(store_find_seq(s, span_of(t->account), span_of(t->id), &of), STORE_OK); /* it is not accepted anew */
        CHECK_U64(of, seq);
    }
}

static inline void compare(const struct world *w, const struct damage *d, const char *from, const char *to)
{
    struct salvage_result r = salvage(from, to);
    struct check_result c = check_faultless(to);
    struct store *s = fixture_open(to);
    struct span ring;
    struct mp_cursor cursor;
    int fates_known = are_fates_known(w, d);
    int places_known = are_places_known(w, d);
    CHECK(!fates_known || r.is_newest);
    for (uint64_t seq = 1; seq <= MESSAGES_MADE; seq++)
        compare_one(&w->truths[seq], seq, s, d, fates_known, places_known);
    CHECK_U64(c.waiting, r.waiting);
    CHECK_U64(c.out, r.out);
    CHECK_U64(c.settled, r.settled);
    CHECK_U64(c.dead, r.dead);
    CHECK(store_next_seq(s) > MESSAGES_MADE);
    CHECK_INT(store_meta_read(s, "ring", &ring), STORE_OK);
    mp_open(&cursor, ring);
    CHECK_INT(mp_read_array(&cursor), 2);
    CHECK(mp_read_u64(&cursor) > WORLD_GENERATION);
    CHECK_U64(store_index_left(s), 0);
    store_close(&s);
}

/* One damaged copy. `pages` of them are hit at random, or those given. */
static inline void try_damage(const struct world *w, uint64_t seed, size_t pages, int64_t kind, const uint64_t *which)
{
    char from[32], to[32];
    uint64_t random = seed * 2 + 1;
    struct damage d = damage_begin(w);
    snprintf(from, sizeof from, "from-%" PRIu64, seed);
    snprintf(to, sizeof to, "to-%" PRIu64, seed);
    for (size_t i = 0; i < pages; i++)
        hit(&d, which ? which[i] : world_dice(&random, w->pages), kind < 0 ? world_dice(&random, 5) : (uint64_t)kind, &random);
    damage_write(&d, from);
    fprintf(stderr, "seed %" PRIu64 ": %zu pages\n", seed, pages);
    compare(w, &d, from, to);
    damage_free(&d);
}

static inline struct world *make_world(uint64_t number)
{
    char name[32];
    snprintf(name, sizeof name, "world-%d", (int)number);
    world_make(name, MESSAGES_MADE, number);
    struct world *w = world_read(name);
    w->number = number;
    return w;
}

#endif
