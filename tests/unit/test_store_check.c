/* The check of a store: it finds nothing in a store in which everything has happened, and finds whatever is changed in it behind its
 * back. What is changed is changed through the engine, which this test knows. */
#include "broker/store_check.h"

#include "broker/store_record.h"
#include "broker/store_tree.h"
#include "tests/unit/store_world.h"

struct told {
    uint64_t problems[PROBLEMS], set_aside;
    uint64_t last_seq;
    int prints;
};

static void on_problem(void *self, enum problem what, const char *database, uint64_t seq, const char *text)
{
    struct told *t = self;
    t->problems[what]++;
    t->last_seq = seq;
    CHECK(text[0] != 0);
    if (t->prints)
        printf("%s: %s: %" PRIu64 ": %s\n", store_problem_name(what), database, seq, text);
}

static void on_set_aside(void *self, uint64_t seq, size_t bytes)
{
    struct told *t = self;
    (void)seq;
    (void)bytes;
    t->set_aside++;
}

static int on_step(void *self, uint64_t done, uint64_t total)
{
    (void)self;
    return done > total * 2 ? -1 : 0;
}

static struct check_result check(const char *name, struct told *told)
{
    struct buf error = {0};
    char *path = fixture_path(name);
    struct store_file *f = store_file_open(path, &error);
    const struct check_report report = {told, on_problem, on_set_aside, on_step};
    struct check_result result;
    CHECK(f != NULL);
    CHECK_INT(store_file_begin(f), 0);
    store_check(f, &report, &result);
    for (int i = 0; i < PROBLEMS; i++)
        CHECK_U64(told->problems[i], result.problems[i]);
    CHECK_INT(result.is_stopped, 0);
    store_file_close(&f);
    free(path);
    return result;
}

static void check_clean(const char *name)
{
    struct told told = {.prints = 1};
    check(name, &told);
    for (int i = 0; i < PROBLEMS; i++)
        CHECK_U64(told.problems[i], 0);
}

/* --- healthy stores ----------------------------------------------------------------------------------------------- */

static void test_clean(void)
{
    struct store *s = fixture_open("empty");
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
    check_clean("empty");
    for (uint64_t seed = 1; seed <= 5; seed++) {
        char name[16];
        struct told told = {.prints = 1};
        snprintf(name, sizeof name, "clean-%d", (int)seed);
        world_make(name, seed * 150, seed);
        struct check_result r = check(name, &told);
        check_clean(name);
        s = fixture_open(name);
        struct store_counts counts = store_counts(s);
        CHECK_U64(r.out, counts.out);
        CHECK_U64(r.waiting, fixture_queued(s) + counts.parked + counts.held);
        CHECK_U64(r.settled, counts.settled);
        CHECK_U64(r.dead, counts.dead);
        while (store_index_left(s))
            store_index_step(s, 1000);
        CHECK_INT(store_commit(s), 0);
        store_close(&s);
        check_clean(name);
    }
}

/* --- one change --------------------------------------------------------------------------------------------------- */

/* What a store has after the changes below are undone: 1 waits queued, 2 parked, 3 held, 4 out, 5 sent, 6 dead, 7 waits timed. */
static void make_small(const char *name)
{
    struct store *s = fixture_open(name);
    for (uint64_t i = 1; i <= 7; i++) {
        char id[4];
        snprintf(id, sizeof id, "%d", (int)i);
        struct message m = fixture_message("a", id, "o");
        m.task = span_of("t");
        m.expires_ms = FIXTURE_NOW_MS + 9;
        m.give_up_ms = FIXTURE_NOW_MS + 10;
        m.timed = i == 7 ? TIMED_WALL : TIMED_NOW;
        fixture_append(s, m);
    }
    struct message m = fixture_read(s, 2);
    store_park(s, &m);
    m = fixture_read(s, 3);
    store_hold(s, &m, store_hold_name(HOLD_TASK, m.account, m.task));
    fixture_take(s, 4);
    fixture_settle_at(s, 5, STATE_SENT, FIXTURE_NOW_MS);
    fixture_settle_at(s, 6, STATE_DEAD, FIXTURE_NOW_MS);
    store_windows_write(s, span_of("a"), span_of("o"), &(struct windows){.unfollowed_ms = FIXTURE_NOW_MS});
    while (store_index_left(s))
        store_index_step(s, 100);
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
}

/* A change: removes a key, or copies its value to another key; `flips` a bit of it. */
struct change {
    enum database db;
    struct key from, to; /* to.used = 0: removed */
    int flips, keeps;    /* keeps: `from` stays too */
};

static void apply(const char *name, const struct change *c)
{
    struct buf error = {0}, copy = {0};
    struct span value;
    char *path = fixture_path(name);
    struct engine *e = engine_open(path, FIXTURE_BYTES_MAX, &error);
    CHECK(e != NULL);
    CHECK_INT(engine_get(e, c->db, &c->from, &value), STORE_OK);
    buf_append(&copy, value.data, value.bytes);
    if (c->flips)
        copy.data[copy.bytes / 2] ^= 0x10;
    if (!c->keeps)
        engine_del(e, c->db, &c->from);
    if (c->to.used)
        engine_put(e, c->db, &c->to, copy.bytes ? buf_span(&copy) : (struct span){"", 0});
    CHECK_INT(engine_commit(e), 0);
    engine_close(&e);
    free(path);
    buf_free(&copy);
    buf_free(&error);
}

static void expect(struct change c, enum problem what, uint64_t seq)
{
    static int number;
    char name[24];
    struct told told = {.prints = 0};
    snprintf(name, sizeof name, "small-%d", ++number);
    make_small(name);
    check_clean(name);
    apply(name, &c);
    check(name, &told);
    if (told.problems[what] == 0) {
        fprintf(stderr, "change %d of %s: not found: %s\n", number, engine_database_name(c.db), store_problem_name(what));
        exit(1);
    }
    if (seq)
        CHECK_U64(told.last_seq, seq);
    for (int i = 0; i < PROBLEMS; i++)
        CHECK(!store_problem_is_of_pages((enum problem)i) || told.problems[i] == 0);
}

static struct key queued_key(uint64_t seq)
{
    const struct place place = {.seq = seq, .due_ms = FIXTURE_NOW_MS, .lane = LANE_BULK};
    return key_queue(span_of("a"), &place);
}

static struct key parked_key(uint64_t seq)
{
    const struct message m = {.seq = seq, .due_ms = FIXTURE_NOW_MS, .lane = LANE_BULK, .account = span_of("a"), .openid = span_of("o")};
    return key_parked(&m);
}

static struct key held_key(uint64_t seq)
{
    return key_held(store_hold_name(HOLD_TASK, span_of("a"), span_of("t")), FIXTURE_NOW_MS, seq);
}

static struct key id_key(const char *id)
{
    return key_id(span_of("a"), span_of(id));
}

static struct key name_key(const char *name)
{
    struct key k = {.used = 0};
    key_text(&k, span_of(name));
    return k;
}

static void test_places(void)
{
    const struct key none = {.used = 0};
    expect((struct change){QUEUE_NOW, queued_key(1), none, 0, 0}, PROBLEM_NOWHERE, 1);
    expect((struct change){PARKED, parked_key(2), none, 0, 0}, PROBLEM_NOWHERE, 2);
    expect((struct change){HELD, held_key(3), none, 0, 0}, PROBLEM_NOWHERE, 3);
    expect((struct change){MARKS, key_seq(4), none, 0, 0}, PROBLEM_NOWHERE, 4);
    expect((struct change){QUEUE_WALL, queued_key(7), none, 0, 0}, PROBLEM_NOWHERE, 7);
    expect((struct change){QUEUE_NOW, queued_key(1), queued_key(2), 0, 1}, PROBLEM_TWICE, 2);
    expect((struct change){QUEUE_NOW, queued_key(1), queued_key(4), 0, 1}, PROBLEM_TWICE, 4);
    expect((struct change){PARKED, parked_key(2), parked_key(1), 0, 1}, PROBLEM_TWICE, 1);
    expect((struct change){HELD, held_key(3), held_key(1), 0, 1}, PROBLEM_TWICE, 1);
    expect((struct change){MARKS, key_seq(4), key_seq(1), 0, 1}, PROBLEM_TWICE, 1);
    expect((struct change){QUEUE_NOW, queued_key(1), queued_key(7), 0, 1}, PROBLEM_PLACE, 7); /* of another clock */
    expect((struct change){QUEUE_NOW, queued_key(1), queued_key(5), 0, 1}, PROBLEM_PLACE, 5);
    expect((struct change){QUEUE_NOW, queued_key(1), queued_key(6), 0, 1}, PROBLEM_PLACE, 6);
    expect((struct change){QUEUE_WALL, queued_key(7), queued_key(99), 0, 1}, PROBLEM_PLACE, 99);
    expect((struct change){PARKED, parked_key(2), parked_key(99), 0, 1}, PROBLEM_PLACE, 99);
    expect((struct change){HELD, held_key(3), held_key(99), 0, 1}, PROBLEM_PLACE, 99);
    expect((struct change){QUEUE_NOW, queued_key(1), key_seq(1), 0, 1}, PROBLEM_KEY, 0);
    expect((struct change){MARKS, key_seq(4), key_seq(5), 0, 1}, PROBLEM_MARK, 5);
    expect((struct change){MARKS, key_seq(4), key_seq(99), 0, 1}, PROBLEM_MARK, 99);
}

static void test_values(void)
{
    expect((struct change){MESSAGES, key_seq(1), key_seq(1), 1, 0}, PROBLEM_VALUE, 0);
    expect((struct change){MARKS, key_seq(4), key_seq(4), 1, 0}, PROBLEM_VALUE, 4);
    expect((struct change){LEDGER, key_seq(5), key_seq(5), 1, 0}, PROBLEM_VALUE, 5);
    expect((struct change){IDS, id_key("1"), id_key("1"), 1, 0}, PROBLEM_VALUE, 0);
    expect((struct change){META, name_key("indexed"), name_key("indexed"), 1, 0}, PROBLEM_VALUE, 0);
    expect((struct change){META, name_key("format"), name_key("x"), 0, 0}, PROBLEM_VALUE, 0);
    expect((struct change){MESSAGES, key_seq(1), id_key("123456789"), 0, 1}, PROBLEM_KEY, 0);
    expect((struct change){META, name_key("format"), key_seq(1), 0, 1}, PROBLEM_KEY, 0);
    expect((struct change){IDS, id_key("1"), key_seq(UINT64_MAX), 0, 1}, PROBLEM_KEY, 0);
    const struct key windows = key_parked_prefix(span_of("a"), span_of("o"));
    expect((struct change){WINDOWS, windows, windows, 1, 0}, PROBLEM_VALUE, 0);
    expect((struct change){WINDOWS, windows, key_seq(1), 0, 1}, PROBLEM_KEY, 0);
    expect((struct change){WINDOWS, windows, id_key("1"), 0, 1}, PROBLEM_KEY, 0);
}

static void test_ids(void)
{
    const struct key none = {.used = 0};
    expect((struct change){IDS, id_key("1"), none, 0, 0}, PROBLEM_NO_ID, 1);
    expect((struct change){IDS, id_key("5"), none, 0, 0}, PROBLEM_NO_ID, 5);
    expect((struct change){IDS, id_key("1"), id_key("2"), 0, 1}, PROBLEM_NO_ID, 1);
    expect((struct change){IDS, id_key("1"), id_key("9"), 0, 1}, PROBLEM_ID, 1);
    expect((struct change){MESSAGES, key_seq(1), none, 0, 0}, PROBLEM_ID, 0);
    expect((struct change){LEDGER, key_seq(5), none, 0, 0}, PROBLEM_ID, 0);
}

static void test_ends(void)
{
    const struct key none = {.used = 0};
    expect((struct change){ENDED, key_time(FIXTURE_NOW_MS, 5), none, 0, 0}, PROBLEM_NO_END, 5);
    expect((struct change){DEAD, key_time(FIXTURE_NOW_MS, 6), none, 0, 0}, PROBLEM_NO_END, 6);
    expect((struct change){ENDED, key_time(FIXTURE_NOW_MS, 5), key_time(FIXTURE_NOW_MS, 6), 0, 1}, PROBLEM_END, 6);
    expect((struct change){ENDED, key_time(FIXTURE_NOW_MS, 5), key_time(FIXTURE_NOW_MS + 1, 5), 0, 1}, PROBLEM_END, 5);
    expect((struct change){DEAD, key_time(FIXTURE_NOW_MS, 6), key_time(FIXTURE_NOW_MS, 5), 0, 1}, PROBLEM_END, 5);
    expect((struct change){DEAD, key_time(FIXTURE_NOW_MS, 6), key_time(FIXTURE_NOW_MS, 99), 0, 1}, PROBLEM_END, 99);
    expect((struct change){LEDGER, key_seq(6), none, 0, 0}, PROBLEM_END, 0);
    expect((struct change){LEDGER, key_seq(6), none, 0, 0}, PROBLEM_NOWHERE, 0);
    expect((struct change){LEDGER, key_seq(5), key_seq(1), 0, 1}, PROBLEM_SETTLED, 0);
}

static void test_over(void)
{
    const struct key none = {.used = 0};
    const int64_t expires_ms = FIXTURE_NOW_MS + 9, give_up_ms = FIXTURE_NOW_MS + 10;
    expect((struct change){EXPIRY, key_time(expires_ms, 1), none, 0, 0}, PROBLEM_NO_OVER, 1);
    expect((struct change){PATIENCE, key_time(give_up_ms, 2), none, 0, 0}, PROBLEM_NO_OVER, 2);
    expect((struct change){EXPIRY, key_time(expires_ms, 1), key_time(expires_ms, 99), 0, 1}, PROBLEM_OVER, 99);
    expect((struct change){EXPIRY, key_time(expires_ms, 1), key_time(expires_ms + 1, 1), 0, 1}, PROBLEM_OVER, 1);
    expect((struct change){PATIENCE, key_time(give_up_ms, 1), key_time(give_up_ms, 6), 0, 1}, PROBLEM_OVER, 6);
}

/* Of a message that is out the times may be missing: the broker forgets them until it comes back. */
static void test_forgotten_over(void)
{
    const struct change c = {EXPIRY, key_time(FIXTURE_NOW_MS + 9, 4), {.used = 0}, 0, 0};
    make_small("forgotten");
    apply("forgotten", &c);
    check_clean("forgotten");
}

static void test_index(void)
{
    const struct key none = {.used = 0};
    const struct span a = {"a", 1}, o = {"o", 1}, t = {"t", 1};
    expect((struct change){PEOPLE, key_person(a, o, 1), none, 0, 0}, PROBLEM_NO_INDEX, 1);
    expect((struct change){TASKS, key_task(a, t, 5), none, 0, 0}, PROBLEM_NO_INDEX, 5);
    expect((struct change){PEOPLE, key_person(a, o, 1), key_person(a, t, 1), 0, 1}, PROBLEM_INDEX, 1);
    expect((struct change){PEOPLE, key_person(a, o, 1), key_person(a, o, 99), 0, 1}, PROBLEM_INDEX, 99);
    expect((struct change){TASKS, key_task(a, t, 1), key_task(a, o, 1), 0, 1}, PROBLEM_INDEX, 1);
    expect((struct change){TASKS, key_task(a, t, 1), key_task(a, t, 99), 0, 1}, PROBLEM_INDEX, 99);
    const int64_t msgid = FIXTURE_MSGID + 5;
    expect((struct change){MSGIDS, key_msgid(msgid, 5), key_msgid(msgid, 99), 0, 1}, PROBLEM_INDEX, 99);
    expect((struct change){MSGIDS, key_msgid(msgid, 5), key_msgid(msgid + 1, 5), 0, 1}, PROBLEM_INDEX, 5);
    expect((struct change){MSGIDS, key_msgid(msgid, 5), key_msgid(msgid, 1), 0, 1}, PROBLEM_INDEX, 1);
    expect((struct change){MSGIDS, key_msgid(msgid, 5), key_seq(5), 0, 1}, PROBLEM_KEY, 0);
}

/* --- pages ------------------------------------------------------------------------------------------------------- */

#define PAGE 4096

static struct buf read_file(const char *name, char **path)
{
    struct buf full = {0};
    char *dir = fixture_path(name);
    buf_printf(&full, "%s/data.mdb", dir);
    buf_str(&full);
    *path = full.data;
    free(dir);
    return test_read(*path);
}

static void write_file(const char *path, const struct buf *data)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_U64(fwrite(data->data, 1, data->bytes, file), data->bytes);
    CHECK_INT(fclose(file), 0);
}

static uint64_t count_of_pages(const struct told *t)
{
    uint64_t count = 0;
    for (int i = 0; i < PROBLEMS; i++)
        count += store_problem_is_of_pages((enum problem)i) ? t->problems[i] : 0;
    return count;
}

/* The pages of the leaves of messages. */
static size_t find_leaves(const char *name, uint64_t *leaves, size_t room)
{
    struct buf error = {0};
    char *path = fixture_path(name);
    struct store_file *f = store_file_open(path, &error);
    struct page_tree trees[DATABASES];
    struct span key;
    struct tree t;
    int found[DATABASES];
    size_t count = 0;
    CHECK_INT(store_file_begin(f), 0);
    CHECK_INT(tree_find_all(f, 0, trees, found), 0);
    tree_open(&t, f, &trees[MESSAGES], 0);
    while (count < room && tree_next(&t, &key, NULL) == TREE_ENTRY)
        if (count == 0 || leaves[count - 1] != t.bad_page)
            leaves[count++] = t.bad_page;
    tree_close(&t);
    store_file_close(&f);
    free(path);
    return count;
}

/* A page with whole entries that belong elsewhere: a write that was lost, or went astray. */
static void test_misplaced_page(void)
{
    uint64_t leaves[4];
    struct told told = {.prints = 0};
    char *path;
    world_make("misplaced", 300, 7);
    CHECK_U64(find_leaves("misplaced", leaves, 4), 4);
    struct buf data = read_file("misplaced", &path);
    memcpy(data.data + leaves[2] * PAGE + 8, data.data + leaves[0] * PAGE + 8, PAGE - 8); /* but for its number */
    write_file(path, &data);
    check("misplaced", &told);
    CHECK(told.problems[PROBLEM_ENTRY] > 0);
    buf_free(&data);
    free(path);
}

/* The name of a database is another one. */
static void test_missing_database(void)
{
    struct told told = {.prints = 0};
    char *path;
    make_small("missing");
    struct buf data = read_file("missing", &path);
    for (size_t i = 0; i + 11 < data.bytes; i++)
        if (memcmp(data.data + i, "queue_order", 11) == 0)
            data.data[i + 10] = 'x';
    write_file(path, &data);
    check("missing", &told);
    CHECK(count_of_pages(&told) > 0);
    CHECK(told.problems[PROBLEM_STATE] > 0);
    buf_free(&data);
    free(path);
}

/* One bit anywhere in a page that is in use, but for where nothing stands: something is found, or it is as it was. */
static void test_bits(void)
{
    uint64_t random = 5, found = 0;
    char *path;
    make_small("bits");
    struct buf whole = read_file("bits", &path);
    for (int i = 0; i < 500; i++) {
        struct told told = {.prints = 0};
        struct buf data = {0};
        buf_append(&data, whole.data, whole.bytes);
        data.data[2 * PAGE + world_dice(&random, data.bytes - 2 * PAGE)] ^= (char)(1 << world_dice(&random, 8));
        write_file(path, &data);
        check("bits", &told);
        for (int kind = 0; kind < PROBLEMS; kind++)
            found += told.problems[kind] > 0;
        buf_free(&data);
    }
    CHECK(found > 10); /* most of the small file is pages that nothing uses */
    buf_free(&whole);
    free(path);
}

/* What the broker has set aside is told, and is no problem. */
static void test_set_aside(void)
{
    const struct change c = {MESSAGES, key_seq(1), key_seq(1), 1, 0};
    struct told told = {.prints = 1};
    struct place place;
    make_small("aside");
    apply("aside", &c);
    struct store *s = fixture_open("aside");
    CHECK_INT(store_first(s, span_of("a"), LANE_BULK, TIMED_NOW, &place), STORE_OK);
    store_set_aside(s, span_of("a"), (struct span){NULL, 0}, &place);
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
    struct check_result r = check("aside", &told);
    check_clean("aside");
    CHECK_U64(told.set_aside, 1);
    CHECK_U64(r.set_aside, 1);
}

int main(void)
{
    test_clean();
    test_places();
    test_values();
    test_ids();
    test_ends();
    test_over();
    test_forgotten_over();
    test_index();
    test_misplaced_page();
    test_missing_database();
    test_bits();
    test_set_aside();
    return 0;
}
